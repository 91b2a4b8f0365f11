/*
 * spawn.c - fork, and what a child does before its role's entry function runs.
 *
 * The order in the child matters: signals first (the master's handlers mean nothing here), then descriptors,
 * then limits, then rights, and only then a byte of anything else. A child that cannot give up its rights
 * does not run.
 */
#include "master/spawn.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/log.h"
#include "conf/base/mem.h"
#include "master/daemon.h"
#include "master/master.h"
#include "master/roles.h"
#include "master/supervise.h"

#define ORPHAN_SECONDS	34	/* a child whose master died ends within this, hung or not */
#define KEEP_MAX	5	/* descriptors kept beside the listeners */
#define CHILD_RESERVE	(256u << 10)	/* bytes: verbs are answered by a process that serves connections */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0	/* the leak check at exit traces the process: it needs dumpable and a thread */
#endif

/* The control link's end of file makes a healthy child leave gracefully; this is for one that hangs. */
static void
on_orphaned(int sig)
{
	(void)sig;
	(void)alarm(ORPHAN_SECONDS);
}

static void
reset_signals(void)
{
	/* sent to a whole group by terminals and service managers: the master alone acts on them */
	static const int ignored[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGPIPE };
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)sigaction(ignored[i], &sa, NULL);
	sa.sa_handler = on_orphaned;
	sa.sa_flags = SA_RESTART;
	(void)sigaction(SIGUSR2, &sa, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes every descriptor that is not in keep (sorted here). */
static void
close_others(int *keep, size_t n)
{
	unsigned from = 0;

	qsort(keep, n, sizeof *keep, by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned)keep[i] > from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0u, 0);
}

static bool
has_cache(const struct generation *g)
{
	return g->conf->cache.path != NULL;
}

static int
keep_descriptors(const struct master *m, const struct generation *g, enum role role, int link)
{
	const struct role_row *row = role_row(role);
	const struct segment_cache *cache = &m->segments.cache;
	size_t n = 0, room = KEEP_MAX + g->nlistens + cache->lanes;
	int *keep = calloc(room, sizeof *keep);

	if (keep == NULL)
		return -1;
	keep[n++] = STDOUT_FILENO;
	keep[n++] = STDERR_FILENO;
	keep[n++] = link;
	keep[n++] = m->logs.event;
	keep[n++] = row->access_log ? m->logs.access : -1;
	for (unsigned i = 0; row->listens && i < g->nlistens; i++)
		keep[n++] = g->listens[i].fd;
	for (unsigned i = 0; row->cache && has_cache(g) && i < cache->lanes; i++)
		keep[n++] = cache->event[i];
	close_others(keep, n);
	free(keep);
	daemon_detach(m->foreground || (row->access_log && m->logs.access == STDOUT_FILENO),
	    m->foreground || m->logs.event == STDERR_FILENO);
	return 0;
}

static void
set_limit(int resource, rlim_t value)
{
	struct rlimit rl = { value, value };

	(void)setrlimit(resource, &rl);
}

static int
give_up_rights(const struct identity *id)
{
	if (!id->drop)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(id->gid, id->gid, id->gid) != 0 ||
	    setresuid(id->uid, id->uid, id->uid) != 0)
		return -1;
	return setuid(0) == -1 ? 0 : -1; /* must not be possible any more */
}

/* After the change of user, which clears both the death signal and the dumpable flag. */
static int
harden(const struct master *m, const struct role_row *row)
{
	umask(077);
	set_limit(RLIMIT_CORE, 0);
	if (!row->forks && !SANITIZED)
		set_limit(RLIMIT_NPROC, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	if (prctl(PR_SET_DUMPABLE, SANITIZED, 0, 0, 0) != 0)
		return -1;
	if (prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0) != 0)
		return -1;
	return getppid() == m->pid ? 0 : -1; /* it died while we were on the way */
}

static void
fill_env(struct env *env, const struct master *m, const struct seat *s, unsigned lane, int link)
{
	const struct generation *g = s->gen;
	const struct conf *c = g->conf;

	*env = (struct env){
		.conf = c,
		.role = s->role,
		.slot = s->slot,
		.workers = g->nworkers,
		.held = m->heir.held,
		.generation = g->number,
		.lane = lane,
		.stats = m->segments.stats.data,
		.journal = m->segments.journal.data,
		.endpoints = g->endpoints.data,
		.report = m->segments.report.data,
		.listens = role_row(s->role)->listens ? g->listens : NULL,
		.nlistens = role_row(s->role)->listens ? g->nlistens : 0,
		.link = link,
		.access_log = role_row(s->role)->access_log ? m->logs.access : -1,
		.boot_id = m->boot_id,
	};
	if (role_row(s->role)->cache && has_cache(g)) {
		env->cache = segment_cache_data(&m->segments.cache);
		env->cache_events = m->segments.cache.event;
	}
	env->my = &env->stats->lane[lane];
	env->listener_slot = g->slots;
	env->service_slot = env->listener_slot + c->nlisteners;
	env->route_slot = env->service_slot + c->nservices;
	env->rule_slot = env->route_slot + c->nroutes;
}

static _Noreturn void
child_run(const struct master *m, const struct seat *s, struct child *c, int link)
{
	const struct role_row *row = role_row(s->role);
	unsigned lane = c->lane;
	struct env env;

	free(c); /* the master's note of this process */
	(void)mem_reserve(CHILD_RESERVE);
	reset_signals();
	if (keep_descriptors(m, s->gen, s->role, link) != 0 ||
	    give_up_rights(&s->gen->identity) != 0 || harden(m, row) != 0) {
		log_sys(LOG_ERROR, "%s: cannot become a child process", role_name(s->role));
		_exit(EXIT_FAILURE);
	}
	log_open(m->logs.event, role_name(s->role));
	if (s->gen != m->current)	/* else as the master: an operator may have set another level */
		logs_level(s->gen->conf);
	fill_env(&env, m, s, lane, link);
	report_set_area(&env.report->area[lane]);
	report_install(NULL); /* a role may add what it knows */
	exit(row->main(&env));
}

static int
link_pair(int pair[2], struct errdetail *ed)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return err_sys(ed, "socketpair");
	return 0;
}

static int
child_fork(struct master *m, struct seat *s, struct child *c, struct errdetail *ed)
{
	int pair[2], rc;

	rc = link_pair(pair, ed);
	if (rc != 0)
		return rc;
	c->pid = fork();
	if (c->pid == 0)
		child_run(m, s, c, pair[1]);
	if (c->pid < 0)
		rc = err_sys(ed, "fork");
	close(pair[1]);
	if (rc == 0 && loop_add(&m->loop, &c->link, pair[0], EPOLLIN) != 0)
		log_sys(
		    LOG_ERROR, "%s[%d]: cannot watch its control link", role_name(s->role), c->pid);
	if (rc != 0 || c->link.fd < 0)
		close(pair[0]);
	return rc;
}

int
spawn_child(struct master *m, struct seat *s, struct errdetail *ed)
{
	struct child *c = calloc(1, sizeof *c);
	struct stats_lane *lane;
	int rc;

	if (c == NULL)
		return err_set(ed, -E_NOMEM, "no memory for a child");
	lane = segments_take(&m->segments, s->role, s->slot, s->gen->number, &c->lane);
	if (lane == NULL) {
		free(c);
		return err_set(
		    ed, -E_LIMIT, "no lane free: too many processes of older generations");
	}
	c->master = m;
	c->seat = s;
	c->started_ms = (int64_t)clock_mono_ms();
	c->link = (struct loop_source){ .fd = -1, .ready = supervise_link };
	rc = child_fork(m, s, c, ed);
	if (rc != 0) {
		segments_give(&m->segments, c->lane);
		free(c);
		return rc;
	}
	atomic_store(&lane->owner, (uint32_t)m->pid);
	atomic_store(&lane->pid, (uint32_t)c->pid);
	atomic_store(&lane->started_ms, clock_wall_us() / 1000);
	s->child = c;
	list_push(&m->children, &c->node);
	list_store_greet(c);
	return 0;
}
