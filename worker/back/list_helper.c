/*
 * list_helper.c - starting, hearing, and burying the helper.
 *
 *	start -> (said) -> end of its pipe -> buried? -> ended
 *	            time is over: killed --^      `- not yet: asked again in a moment
 *
 * A gentle one is at work under SCHED_IDLE: whoever else wakes on its core takes it at once. Under nice 19, however
 * short its turns, a worker waits for the next tick of the kernel first: 4 ms where that comes 250 times a second.
 */
#include "worker/back/list_helper.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/base/wire.h"

#define CPU_S		120	/* of a helper */
#define BURY_MS		5	/* between looks at one that is about to be dead */
#define TURN_NS		100000	/* on a core; kernels before 6.12 ignore it */

/* Both can only be taken lower: the way back from SCHED_IDLE is barred to whom has no privilege. */
static void
give_way(enum list_weight weight)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof attr, .policy = SCHED_IDLE, .nice = 19 };

	if (weight == LIST_FIRM) {
		attr.policy = SCHED_BATCH;
		attr.runtime = TURN_NS;
	}
	if (syscall(SYS_sched_setattr, 0, &attr, 0) != 0)
		(void)setpriority(PRIO_PROCESS, 0, 19);
}

static _Noreturn void
child_run(const struct list_helper *h, enum list_weight weight, list_job_f *job, int pipe)
{
	struct rlimit cpu = { CPU_S, CPU_S + 1 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	give_way(weight);
	(void)setrlimit(RLIMIT_CPU, &cpu);
	_exit(job(h->owner, pipe));
}

int
list_helper_start(struct list_helper *h, enum list_weight weight, int64_t max_ms, list_job_f *job)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -E_SYS;
	h->told = h->late = false;
	h->pid = fork();
	if (h->pid == 0) {
		(void)close(pair[0]);
		child_run(h, weight, job, pair[1]);
	}
	(void)close(pair[1]);
	if (h->pid > 0 && loop_add(h->loop, &h->pipe, pair[0], EPOLLIN) == 0) {
		(void)timer_set(&h->loop->timers, &h->timer, h->loop->now_ms + max_ms);
		return 0;
	}
	if (h->pid > 0) {
		(void)kill(h->pid, SIGKILL);
		(void)waitpid(h->pid, NULL, 0);
	}
	h->pid = 0;
	(void)close(pair[0]);
	return -E_SYS;
}

/* Its end has come, but it waits for a core to be dead on: so does nobody for it. */
static void
bury(struct list_helper *h)
{
	char why[128];
	int status = 0;

	if (waitpid(h->pid, &status, WNOHANG) == 0 &&
	    timer_set(&h->loop->timers, &h->timer, h->loop->now_ms + BURY_MS))
		return;
	timer_stop(&h->timer);
	h->pid = 0;
	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof why,
		    "the helper that compiles it was killed by signal %d", WTERMSIG(status));
	else
		(void)snprintf(why, sizeof why,
		    "the helper that compiles it ended with status %d", WEXITSTATUS(status));
	h->ended(h->owner, h->told ? NULL : why, h->late);
}

static void
on_pipe(struct loop_source *s, uint32_t events UNUSED)
{
	struct list_helper *h = LIST_ENTRY(s, struct list_helper, pipe);
	char buf[WIRE_MAX];
	size_t len;
	int pipe = s->fd, fd = -1, rc = wire_recv(pipe, buf, sizeof buf, &len, &fd);

	if (rc == -E_AGAIN)
		return;
	if (rc == 0 && !h->told) {
		h->told = true;
		h->said(h->owner, buf, len, fd);
	}
	if (fd >= 0)
		(void)close(fd);
	if (rc == 0)
		return;
	loop_remove(h->loop, s);
	(void)close(pipe);
	bury(h);
}

static void
on_timer(struct timer *t)
{
	struct list_helper *h = LIST_ENTRY(t, struct list_helper, timer);

	if (h->pid == 0)
		return;
	if (h->pipe.fd < 0) {
		bury(h);
		return;
	}
	h->late = true;
	(void)kill(h->pid, SIGKILL);	/* the end of its pipe follows */
}

void
list_helper_init(struct list_helper *h, struct loop *loop, void *owner, list_said_f *said,
    list_ended_f *ended)
{
	*h = (struct list_helper){ .loop = loop, .owner = owner, .said = said, .ended = ended };
	h->pipe = (struct loop_source){ .fd = -1, .ready = on_pipe };
	timer_init(&h->timer, on_timer);
}

void
list_helper_fini(struct list_helper *h)
{
	int pipe = h->pipe.fd;

	timer_fini(&h->loop->timers, &h->timer);
	if (pipe >= 0) {
		loop_remove(h->loop, &h->pipe);
		(void)close(pipe);
	}
	if (h->pid == 0)
		return;
	(void)kill(h->pid, SIGKILL);
	(void)waitpid(h->pid, NULL, 0);
	h->pid = 0;
}
