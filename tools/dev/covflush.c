/*
 * covflush.c - what `make cov` adds to every program: counts of processes that do not end by exit.
 *
 * gcov writes its counts at exit and before exec. A child that ends by _exit, a program ended by a signal it leaves at
 * its default (proxyctl --follow in a test) and a crash handler would lose theirs. What SIGKILL ends is lost.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __real_raise(int sig);
int __wrap_raise(int sig);

/* The linker's --wrap leads calls of _exit and raise here; calls inside libc go their own way. */
_Noreturn void
__wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}

int
__wrap_raise(int sig)
{
	struct sigaction now;

	if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		__gcov_dump();
	return __real_raise(sig);
}

static void
on_end(int sig)
{
	(void)signal(sig, SIG_DFL);
	(void)__wrap_raise(sig);	/* delivered when this returns */
}

/* Before main, which may set them as it likes. */
__attribute__((constructor)) static void
covflush_install(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGPIPE, SIGTERM };
	struct sigaction now;

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			(void)signal(ends[i], on_end);
}
