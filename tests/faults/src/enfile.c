/*
 * enfile.c - a machine whose table of files is full, for the programs that are started with this library preloaded:
 * what makes a new file fails by ENFILE while the first byte of the page ENFILE_PAGE is not zero. The page is mapped
 * before the program runs, so that nothing is opened where nothing may be.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const volatile char *page;

__attribute__((constructor)) static void
page_map(void)
{
	const char *path = getenv("ENFILE_PAGE");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		page = NULL;
	close(fd);
}

static int
full(void)
{
	if (page == NULL || *page == 0)
		return 0;
	errno = ENFILE;
	return 1;
}

#define REAL(name, ...)						\
	do {							\
		static __typeof__(&name) real;			\
		if (full())					\
			return -1;				\
		if (real == NULL)				\
			real = dlsym(RTLD_NEXT, #name);		\
		return real(__VA_ARGS__);			\
	} while (0)

int
accept4(int fd, __SOCKADDR_ARG a, socklen_t *restrict len, int flags)
{
	REAL(accept4, fd, a, len, flags);
}

int
socket(int domain, int type, int protocol)
{
	REAL(socket, domain, type, protocol);
}

int
pipe2(int fd[2], int flags)
{
	REAL(pipe2, fd, flags);
}

/* Only the reserve of worker/front/accept.c is opened while serving. */
int
open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	REAL(open, path, flags, mode);
}
