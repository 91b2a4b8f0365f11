/*
 * shim.c - fails the n-th allocation of one chosen process; preloaded, so that libraries are counted as well.
 *
 * Every process of an instance gets a number in the order they were forked or executed, 0 is the first. The file
 * that TORTURE names is shared by all of them and by who steers (lib/control.py has the same layout): it says which
 * process is aimed at and which call fails there, and takes how many were made and how many blocks each process
 * holds. libconfig 1.5 and the first getpwnam of glibc use what malloc returns unseen; the master lets a child parse
 * first and makes sure of the memory, which a failure out of the blue would belie. With SPARING such calls pass, and
 * that is told. Counted are malloc, calloc, realloc, reallocarray, the aligned ones, and anonymous mmap by name.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROCS	256
#define DEPTH	24

enum mode { OFF, NTH, RANDOM, SPARING };	/* SPARING: NTH, but not where nobody looks */

struct control {
	uint32_t mode;
	int32_t	 target;		/* a process's number, -1 all */
	uint64_t at;			/* NTH: the call that fails. RANDOM: of a million calls so many */
	uint64_t count, failed;		/* calls of the target since both were set to 0; those that failed */
	uint64_t base;			/* where the program was mapped when it failed */
	uint64_t stack[DEPTH];
	uint32_t depth, next;		/* of stack; the number of the next process */
	uint32_t spared, pad;
	int32_t	 pid[PROCS];
	int64_t	 live[PROCS];		/* blocks held */
};

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void  __libc_free(void *);

static struct control *ctl;
static uint32_t number;			/* of this process */
static uint32_t noise = 2463534242u;
static pid_t (*real_fork)(void);
static bool busy;

static int
first_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(uint64_t *)arg = info->dlpi_addr;
	return 1;
}

/* Of glibc only dynamic symbols are known, which is what is asked for. */
static bool
on_behalf_of_the_unchecked(void)
{
	Dl_info at;

	for (uint32_t i = 0; i < ctl->depth; i++) {
		if (dladdr((void *)(uintptr_t)ctl->stack[i], &at) == 0)
			continue;
		if (at.dli_fname != NULL && strstr(at.dli_fname, "/libconfig.") != NULL)
			return true;
		if (at.dli_sname != NULL &&
		    (strcmp(at.dli_sname, "getpwnam") == 0 || strcmp(at.dli_sname, "getgrnam") == 0))
			return true;
	}
	return false;
}

static void
note_stack(void)
{
	void *at[DEPTH];
	int n;

	busy = true;
	n = backtrace(at, DEPTH);
	(void)dl_iterate_phdr(first_object, &ctl->base);
	for (int i = 0; i < n; i++)
		ctl->stack[i] = (uint64_t)(uintptr_t)at[i];
	ctl->depth = (uint32_t)n;
	busy = false;
}

/* xorshift: the same failures with the same calls. */
static bool
drawn(uint64_t of_a_million)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise % 1000000 < of_a_million;
}

static bool
fails(void)
{
	uint64_t nth;

	if (ctl == NULL || busy || ctl->mode == OFF ||
	    (ctl->target >= 0 && (uint32_t)ctl->target != number))
		return false;
	nth = __atomic_add_fetch(&ctl->count, 1, __ATOMIC_RELAXED);
	if (ctl->mode == RANDOM ? !drawn(ctl->at) : nth != ctl->at)
		return false;
	if (ctl->mode != RANDOM)
		note_stack();
	if (ctl->mode == SPARING && on_behalf_of_the_unchecked()) {
		ctl->spared = 1;
		return false;
	}
	__atomic_add_fetch(&ctl->failed, 1, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return true;
}

static void *
held(void *p)
{
	if (p != NULL && ctl != NULL)
		ctl->live[number]++;
	return p;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : held(__libc_malloc(n));
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : held(__libc_calloc(n, size));
}

void
free(void *p)
{
	if (p != NULL && ctl != NULL)
		ctl->live[number]--;
	__libc_free(p);
}

void *
realloc(void *p, size_t n)
{
	if (p != NULL && n == 0) {
		free(p);
		return NULL;
	}
	if (fails())
		return NULL;
	return p == NULL ? held(__libc_malloc(n)) : __libc_realloc(p, n);
}

void *
reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

void *
memalign(size_t align, size_t n)
{
	return fails() ? NULL : held(__libc_memalign(align, n));
}

void *
aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

int
posix_memalign(void **out, size_t align, size_t n)
{
	int before = errno;
	void *p = memalign(align, n);

	errno = before;
	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}

void *
mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	if ((flags & MAP_ANONYMOUS) != 0 && fails())
		return MAP_FAILED;
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, from);
}

void *
mmap64(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	return mmap(at, n, prot, flags, fd, from);
}

static void
enter(uint32_t as)
{
	number = as < PROCS ? as : PROCS - 1;
	ctl->pid[number] = getpid();
}

pid_t
fork(void)
{
	uint32_t as = ctl == NULL ? 0 : __atomic_fetch_add(&ctl->next, 1, __ATOMIC_RELAXED);
	int64_t live = ctl == NULL ? 0 : ctl->live[number];
	pid_t pid = real_fork();

	if (pid == 0 && ctl != NULL) {
		enter(as);
		ctl->live[number] = live;
	}
	return pid;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("TORTURE");
	void *warm[4];
	int fd;

	*(void **)&real_fork = dlsym(RTLD_NEXT, "fork");
	(void)backtrace(warm, 4);	/* loads what unwinds, once */
	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		return;
	ctl = (struct control *)syscall(
	    SYS_mmap, NULL, sizeof *ctl, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (ctl == MAP_FAILED)
		abort();
	enter(__atomic_fetch_add(&ctl->next, 1, __ATOMIC_RELAXED));
}
