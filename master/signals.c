/*
 * signals.c - a signalfd: no handler runs anywhere, so nothing is interrupted half-way.
 */
#include "master/signals.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "master/master.h"
#include "master/supervise.h"

static void
reopen(struct master *m)
{
	struct errdetail ed = { 0 };

	if (logs_reopen(&m->logs, &ed) != 0)
		log_write(LOG_ERROR, "log files: %s", ed.text);
	supervise_reopen(m);
	log_write(LOG_INFO, "log files opened anew");
}

static void
on_signal(struct master *m, uint32_t sig)
{
	switch (sig) {
	case SIGCHLD: supervise_reap(m); break;
	case SIGHUP: cycle_reload(m, &(struct reload){ .by = "SIGHUP" }); break;
	case SIGUSR1: reopen(m); break;
	case SIGUSR2: upgrade_begin(m, NULL, NULL, NULL); break;
	case SIGQUIT: stop_begin(m, STOP_GRACEFUL); break;
	case SIGTERM: stop_begin(m, m->stop.mode == STOP_NONE ? STOP_BOUNDED : STOP_FAST); break;
	case SIGINT: stop_begin(m, STOP_FAST); break;
	default: break;
	}
}

static void
on_readable(struct loop_source *s, uint32_t events)
{
	struct master *m = LIST_ENTRY(s, struct master, signals.source);
	struct signalfd_siginfo info;

	(void)events;
	while (read(s->fd, &info, sizeof info) == (ssize_t)sizeof info)
		on_signal(m, info.ssi_signo);
}

int
signals_open(struct master *m, struct errdetail *ed)
{
	static const int watched[] = { SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2,
		SIGCHLD };
	sigset_t set;
	int fd;

	m->signals.source = (struct loop_source){ .fd = -1, .ready = on_readable };
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++)
		sigaddset(&set, watched[i]);
	(void)signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_sys(ed, "sigprocmask");
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_sys(ed, "signalfd");
	if (loop_add(&m->loop, &m->signals.source, fd, EPOLLIN) == 0)
		return 0;
	close(fd);
	return err_sys(ed, "cannot watch signals");
}

void
signals_close(struct master *m)
{
	int fd = m->signals.source.fd;

	loop_remove(&m->loop, &m->signals.source);
	if (fd >= 0)
		close(fd);
}
