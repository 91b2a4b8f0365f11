/*
 * upgrade_exec.c - what the new process gets: the document, the descriptors it names, an environment.
 *
 * Every descriptor of a master closes on execution. Those that are handed over are made to stay in the child only,
 * so that no judge or worker forked in between has them in a form that could leak.
 */
#include "master/upgrade_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/base/log.h"
#include "conf/base/version.h"
#include "master/drain.h"
#include "master/handover.h"
#include "master/master.h"

#define PATH_SIZE 4096

/* ------------------------------------------------------------- finding it */

static bool
join(char out[PATH_SIZE], const char *folder, size_t n, const char *name)
{
	int len = snprintf(out, PATH_SIZE, "%.*s/%s", (int)n, folder, name);

	return len > 0 && len < PATH_SIZE;
}

static bool
search(char out[PATH_SIZE], const char *path, const char *name)
{
	struct span rest = span_str(path), folder;

	while (span_split(&rest, ':', &folder))
		if (folder.n > 0 && folder.p[0] == '/' && join(out, folder.p, folder.n, name) &&
		    access(out, X_OK) == 0)
			return true;
	return false;
}

void
upgrade_find(char out[PATH_SIZE], const char *argv0)
{
	const char *path = getenv("PATH");
	char cwd[PATH_SIZE / 2];

	out[0] = '\0';
	if (argv0 == NULL || strlen(argv0) >= PATH_SIZE)
		return;
	if (argv0[0] == '/')
		memcpy(out, argv0, strlen(argv0) + 1);
	else if (strchr(argv0, '/') != NULL && getcwd(cwd, sizeof cwd) != NULL &&
	    join(out, cwd, strlen(cwd), argv0))
		return;
	else if (path == NULL || !search(out, path, argv0))
		out[0] = '\0';
}

/* ------------------------------------------------------------ describing it */

/* The listeners of the serving plan; those that retire end with this master. */
static unsigned
list_bounds(const struct master *m, struct handover_bound *list)
{
	unsigned n = 0;

	LIST_EACH(&m->bounds.all, node) {
		const struct bound *b = LIST_ENTRY(node, struct bound, node);

		if (b->retire_ms == 0 && b->nlive > 0)
			list[n++] = (struct handover_bound){ .addr = b->addr, .dual = b->dual,
				.given = b->given, .fd = b->fd, .nfds = b->nlive };
	}
	return n;
}

static void
describe(const struct master *m, struct handover *h, struct handover_bound *bounds)
{
	*h = (struct handover){
		.version = PROXYD_VERSION,
		.pid = m->pid,
		.boot_id = m->boot_id,
		.started_ms = m->started_ms,
		.generation = m->cycle.numbers,
		.admin = m->admin.fd,
		.segment = {
			[HAND_STATS] = m->segments.stats.fd,
			[HAND_JOURNAL] = m->segments.journal.fd,
			[HAND_REPORT] = m->segments.report.fd,
			[HAND_ENDPOINTS] = m->current->endpoints.fd,
			[HAND_CACHE] = m->segments.cache.shm.fd,
		},
		.events = m->segments.cache.event,
		.nevents = m->segments.cache.lanes,
		.log = {
			[HAND_EVENT_LOG] = { m->logs.event_path, m->logs.event },
			[HAND_ACCESS_LOG] = { m->logs.access_path, m->logs.access },
		},
		.bounds = bounds,
		.nbounds = list_bounds(m, bounds),
	};
	snprintf(h->admin_path, sizeof h->admin_path, "%s", m->admin.path);
}

static int
document(const struct handover *h, struct errdetail *ed)
{
	int fd = memfd_create("handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct str text = STR_INIT;
	ssize_t n = -1;

	if (fd < 0)
		return err_sys(ed, "memfd_create");
	handover_write(h, &text);
	if (text.len <= HANDOVER_MAX)
		n = write(fd, text.data, text.len);
	if (n != (ssize_t)text.len || lseek(fd, 0, SEEK_SET) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
		(void)close(fd);
		fd = err_set(ed, -E_LIMIT, "the hand-over cannot be written");
	}
	str_fini(&text);
	return fd;
}

/* ------------------------------------------------------------- starting it */

static void
reset_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
keep_fd(void *arg, int fd)
{
	(void)arg;
	return fcntl(fd, F_SETFD, 0);
}

static int
set_number(const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof text, "%d", value);
	return setenv(name, text, 1);
}

/* Its standard error is ours to read until it is about to serve; the real one stands in the hand-over. */
static _Noreturn void
child_run(const struct master *m, const char *binary, const struct handover *h, int doc, int err)
{
	char *argv[] = { (char *)(uintptr_t)binary, (char *)"-c", (char *)(uintptr_t)m->path,
		m->foreground ? (char *)"-f" : NULL, NULL };

	reset_signals();
	(void)close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	if (dup2(err, STDERR_FILENO) >= 0 && handover_each_fd(h, keep_fd, NULL) == 0 &&
	    keep_fd(NULL, doc) == 0 && set_number(HANDOVER_ENV, doc) == 0 &&
	    (getenv("WATCHDOG_PID") == NULL || set_number("WATCHDOG_PID", getpid()) == 0))
		(void)execv(binary, argv);
	dprintf(STDERR_FILENO, "%s: cannot be executed: %s\n", binary, strerror(errno));
	_exit(127);
}

/* The parent's and the child's end of everything; -1: not there. */
struct ends { int link[2], err[2], real, doc; };

static void
close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static int
ends_open(struct ends *e, struct errdetail *ed)
{
	*e = (struct ends){ { -1, -1 }, { -1, -1 }, -1, -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, e->link) != 0)
		return err_sys(ed, "socketpair");
	if (pipe2(e->err, O_CLOEXEC) != 0)
		return err_sys(ed, "pipe");
	(void)fcntl(e->err[0], F_SETFL, O_NONBLOCK);
	e->real = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	return e->real >= 0 ? 0 : err_sys(ed, "standard error");
}

static void
ends_close(struct ends *e, bool ours)
{
	close_fd(e->link[1]);
	close_fd(e->err[1]);
	close_fd(e->real);
	close_fd(e->doc);
	if (!ours)
		return;
	close_fd(e->link[0]);
	close_fd(e->err[0]);
}

static int
start(struct master *m, const char *binary, struct handover *h, struct ends *e,
    struct errdetail *ed)
{
	struct upgrade *u = &m->upgrade;

	h->link = e->link[1];
	h->err = e->real;
	e->doc = document(h, ed);
	if (e->doc < 0)
		return -E_SYS;
	if (loop_add(&m->loop, &u->link, e->link[0], EPOLLIN) != 0 ||
	    loop_add(&m->loop, &u->err, e->err[0], EPOLLIN) != 0)
		return err_sys(ed, "the new process cannot be watched");
	u->pid = fork();
	if (u->pid == 0)
		child_run(m, binary, h, e->doc, e->err[1]);
	if (u->pid > 0)
		return 0;
	u->pid = 0;
	return err_sys(ed, "fork");
}

int
upgrade_exec(struct master *m, const char *binary, struct errdetail *ed)
{
	struct handover_bound *bounds = calloc(m->bounds.all.count + 1, sizeof *bounds);
	struct handover h;
	struct ends e;
	int rc;

	if (bounds == NULL)
		return err_set(ed, -E_NOMEM, "no memory for the hand-over");
	describe(m, &h, bounds);
	drain_list(m->current, &h.drained);
	rc = ends_open(&e, ed);
	if (rc == 0)
		rc = start(m, binary, &h, &e, ed);
	if (rc != 0) {
		loop_remove(&m->loop, &m->upgrade.link);
		loop_remove(&m->loop, &m->upgrade.err);
	}
	ends_close(&e, rc != 0);
	str_fini(&h.drained);
	free(bounds);
	return rc;
}
