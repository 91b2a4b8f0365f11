/*
 * daemon.c - fork, a session of its own, and the pipe the first process waits at.
 */
#include "master/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static _Noreturn void
wait_ready(int fd)
{
	char byte;
	ssize_t n;

	while ((n = read(fd, &byte, 1)) < 0 && errno == EINTR)
		;
	_exit(n == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int
daemon_start(int *ready_fd, struct errdetail *ed)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) != 0)
		return err_sys(ed, "pipe");
	pid = fork();
	if (pid > 0) {
		close(p[1]);
		wait_ready(p[0]);
	}
	close(p[0]);
	if (pid < 0) {
		close(p[1]);
		return err_sys(ed, "fork");
	}
	(void)setsid();
	*ready_fd = p[1];
	return 0;
}

void
daemon_detach(bool keep_stdout, bool keep_stderr)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)dup2(fd, STDIN_FILENO);
	if (!keep_stdout)
		(void)dup2(fd, STDOUT_FILENO);
	if (!keep_stderr)
		(void)dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}
