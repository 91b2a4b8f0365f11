/*
 * main.c - proxyd's start, as a list, and its end. Everything between happens in the loop: see signals.c,
 * supervise.c, cycle.c and admin.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/enc.h"
#include "conf/base/log.h"
#include "conf/base/map.h"
#include "conf/base/mem.h"
#include "conf/base/version.h"
#include "master/activation.h"
#include "master/daemon.h"
#include "master/generation.h"
#include "master/master.h"
#include "master/options.h"
#include "master/supervise.h"

#define TICK_MS		250
#define PATIENCE_MS	3000	/* with addresses that a predecessor is about to leave */
#define FILES_MAX	(1u << 20)
#define RESERVE		(1u << 20)	/* bytes, for the master that serves when memory is out */

/* What the start passes from step to step. */
struct start {
	struct master_options	options;
	struct master	*m;
	struct conf_source source;
	struct conf	*conf;		/* taken by the first generation */
	char		path[4096];
};

/* ----------------------------------------------------------------- steps */

static int
step_secrets(struct start *s, struct errdetail *ed)
{
	uint8_t key[16];

	if (enc_random(key, sizeof key) != 0 ||
	    enc_random(&s->m->boot_id, sizeof s->m->boot_id) != 0)
		return err_sys(ed, "no random bytes");
	map_seed(key);
	return 0;
}

/* What an older master hands over, when there is one: this process takes its place. And what a service manager does. */
static int
step_heir(struct start *s, struct errdetail *ed)
{
	int rc;

	upgrade_init(s->m, s->options.program);
	rc = heir_open(s->m, ed);
	return rc == 0 ? activation_take(&s->m->bounds, ed) : rc;
}

/* Absolute, but with its symbolic links: a reload follows where they point then. */
static int
step_path(struct start *s, struct errdetail *ed)
{
	const char *file = s->options.file;
	char cwd[2048] = "";
	int n;

	if (file[0] != '/' && getcwd(cwd, sizeof cwd) == NULL)
		return err_sys(ed, "where am I");
	n = snprintf(s->path, sizeof s->path, "%s%s%s", cwd, cwd[0] == '\0' ? "" : "/", file);
	if (n < 0 || (size_t)n >= sizeof s->path)
		return err_set(ed, -E_RANGE, "%s: name too long", file);
	s->m->path = s->path;
	return 0;
}

static int
step_read(struct start *s, struct errdetail *ed)
{
	return conf_source_read(&s->source, s->path, ed);
}

static int
step_judge(struct start *s, struct errdetail *ed)
{
	struct judgement v;
	int rc = judge_now(&s->source, &v, ed);

	if (rc == 0) {
		fputs(str_span(&v.problems).p, stderr);
		if (v.errors > 0)
			rc = err_set(ed, -E_SYNTAX, "%s: %u error%s", s->path, v.errors,
			    v.errors == 1 ? "" : "s");
	}
	judgement_fini(&v);
	return rc;
}

static int
step_load(struct start *s, struct errdetail *ed)
{
	struct conf_problems problems = { 0 };

	if (!conf_fits(&s->source))
		return err_set(ed, -E_NOMEM, "%s: not enough memory to load it", s->path);
	s->conf = conf_load(&s->source, &problems);
	conf_problems_fini(&problems);
	conf_source_fini(&s->source);
	return s->conf != NULL ? 0 : err_set(ed, -E_SYNTAX, "%s: cannot be loaded", s->path);
}

static int
step_limits(struct start *s, struct errdetail *ed)
{
	rlim_t want = (rlim_t)s->conf->process.connections * 2 + 256;	/* nobody is warned of a default */
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return err_sys(ed, "limit of open files");
	rl.rlim_cur = rl.rlim_max < FILES_MAX ? rl.rlim_max : FILES_MAX;
	if (setrlimit(RLIMIT_NOFILE, &rl) != 0)
		return err_sys(ed, "limit of open files");
	if (rl.rlim_cur < want)
		log_write(LOG_WARN,
		    "process.connections = %lld may need %llu open files, the limit is %llu",
		    (long long)s->conf->process.connections, (unsigned long long)want,
		    (unsigned long long)rl.rlim_cur);
	return 0;
}

static int
step_logs(struct start *s, struct errdetail *ed)
{
	const struct handover_log *have = s->m->heir.given.log;
	int rc = logs_take(&s->m->logs, have[HAND_EVENT_LOG].fd, have[HAND_EVENT_LOG].path,
	    have[HAND_ACCESS_LOG].fd, have[HAND_ACCESS_LOG].path, ed);

	if (rc == 0)
		rc = logs_open(&s->m->logs, s->conf, ed);
	if (rc != 0)
		return rc;
	log_open(s->m->logs.event, "master");
	logs_level(s->conf);
	return 0;
}

static int
step_background(struct start *s, struct errdetail *ed)
{
	bool heir = heir_started(&s->m->heir);
	int rc = s->m->foreground || heir ? 0 : daemon_start(&s->m->ready_fd, ed);

	s->m->pid = getpid();
	if (!heir)
		s->m->started_ms = clock_mono_ms();
	return rc;
}

static void
on_tick(struct timer *t)
{
	struct master *m = LIST_ENTRY(t, struct master, tick);

	supervise_tick(m);
	list_store_tick(m);
	purge_wait_look(m);
	bounds_tick(&m->bounds, m->loop.now_ms);
	notify_tick(&m->notify, m->loop.now_ms);
	stop_step(m);
	(void)mem_reserve(RESERVE);
	(void)timer_set(&m->loop.timers, t, m->loop.now_ms + TICK_MS);
}

static int
step_loop(struct start *s, struct errdetail *ed)
{
	struct master *m = s->m;
	int rc = loop_init(&m->loop, ed);

	if (rc != 0)
		return rc;
	cycle_init(m);
	confirm_init(m);
	timer_init(&m->tick, on_tick);
	if (!timer_set(&m->loop.timers, &m->tick, m->loop.now_ms + TICK_MS) ||
	    !mem_reserve(RESERVE))
		return err_set(ed, -E_NOMEM, "no memory for timers and a reserve");
	notify_open(&m->notify);
	m->notify.held = heir_started(&m->heir);
	rc = heir_watch(m, ed);
	return rc == 0 ? signals_open(m, ed) : rc;
}

static int
step_segments(struct start *s, struct errdetail *ed)
{
	struct master *m = s->m;
	int rc;

	if (!heir_started(&m->heir))
		return segments_open(&m->segments, conf_workers(s->conf), ed);
	rc = segments_take_over(&m->segments, m->heir.given.segment, conf_workers(s->conf), ed);
	if (rc == 0 && m->segments.journal_taken)
		m->heir.took |= HAND_TOOK_JOURNAL;
	if (rc == 0 && heir_cache(m, &s->conf->cache))
		m->heir.took |= HAND_TOOK_CACHE;
	return rc;
}

static int
step_admin(struct start *s, struct errdetail *ed)
{
	return admin_open(s->m, s->conf, ed);
}

static int
step_serve(struct start *s, struct errdetail *ed)
{
	struct conf *conf = s->conf;
	bool out = conf->telemetry.access_log.path != NULL &&
	    strcmp(conf->telemetry.access_log.path, "stdout") == 0;
	int rc;

	s->conf = NULL;
	heir_stderr(&s->m->heir);
	s->m->bounds.patience_ms = heir_started(&s->m->heir) ? 0 : PATIENCE_MS;
	rc = cycle_first(s->m, conf, ed);
	s->m->bounds.patience_ms = 0;
	bounds_prune(&s->m->bounds);
	if (rc == 0 && !s->m->foreground && !heir_started(&s->m->heir))
		daemon_detach(out, s->m->logs.event == STDERR_FILENO);
	return rc;
}

static const struct {
	int (*run)(struct start *, struct errdetail *);
	bool judging; /* also what -t and -T do */
} steps[] = {
	{ step_secrets, true },
	{ step_path, true },
	{ step_read, true },
	{ step_judge, true },
	{ step_load, true },
	{ step_limits, false },
	{ step_heir, false },
	{ step_logs, false },
	{ step_background, false },
	{ step_loop, false },
	{ step_segments, false },
	{ step_admin, false },
	{ step_serve, false },
};

static int
start_run(struct start *s)
{
	struct errdetail ed = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (!steps[i].judging && s->options.action != ACTION_RUN)
			break;
		if (steps[i].run(s, &ed) == 0)
			continue;
		fprintf(stderr, "proxyd: %s\n", ed.text);
		if (s->m->logs.event != STDERR_FILENO)
			log_write(LOG_ERROR, "cannot start: %s", ed.text);
		heir_failed(s->m, ed.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

/* --------------------------------------------------------------- the end */

static void
master_init(struct master *m, bool foreground)
{
	*m = (struct master){ .foreground = foreground, .ready_fd = -1, .pid = getpid() };
	m->loop.epoll = -1;
	m->signals.source.fd = -1;
	m->admin.source.fd = -1;
	m->notify.fd = -1;
	segments_init(&m->segments);
	bounds_init(&m->bounds);
	heir_init(&m->heir);
	upgrade_init(m, NULL);
	logs_init(&m->logs);
	list_init(&m->generations);
	list_init(&m->children);
	list_store_init(m);
	ask_init(m);
}

static void
children_forget(struct master *m)
{
	LIST_EACH_SAFE(&m->children, n) {
		struct child *c = LIST_ENTRY(n, struct child, node);

		if (c->link.fd >= 0)
			close(c->link.fd); /* for those that remain after a failed start: they leave */
		list_remove(&m->children, n);
		free(c);
	}
}

static void
master_fini(struct master *m)
{
	admin_close(m);
	ask_fini(m);
	list_store_fini(m);
	children_forget(m);
	LIST_EACH_SAFE(&m->generations, n) {
		struct generation *g = LIST_ENTRY(n, struct generation, node);

		generation_free(m, &g);
	}
	timer_fini(&m->loop.timers, &m->logger.respawn);
	timer_fini(&m->loop.timers, &m->keeper.respawn);
	timer_fini(&m->loop.timers, &m->tick);
	confirm_fini(m);
	history_fini(&m->history);
	cycle_fini(m);
	signals_close(m);
	upgrade_fini(m);
	heir_close(m);
	notify_close(&m->notify);
	(void)mem_reserve(0);
	bounds_fini(&m->bounds);
	segments_close(&m->segments);
	loop_fini(&m->loop);
	logs_fini(&m->logs);
}

static int
print_result(struct start *s)
{
	struct str text = STR_INIT;

	if (s->options.action == ACTION_PRINT) {
		conf_print(s->conf, true, &text);
		fputs(str_span(&text).p, stdout);
		str_fini(&text);
	} else {
		printf("%s: ok\n", s->path);
	}
	return EXIT_SUCCESS;
}

static int
proxyd_run(struct start *s)
{
	struct master *m = s->m;
	int rc = start_run(s);

	if (rc == EXIT_SUCCESS && s->options.action != ACTION_RUN)
		rc = print_result(s);
	else if (rc == EXIT_SUCCESS) {
		loop_run(&m->loop);
		log_write(LOG_INFO, "stopped");
		rc = m->exit_status;
	}
	conf_source_fini(&s->source);
	if (s->conf != NULL)
		conf_free(&s->conf);
	master_fini(m);
	return rc;
}

int
main(int argc, char **argv)
{
	static struct master master;
	static struct start start;
	int rc = options_parse(&start.options, argc, argv);

	if (rc != 0)
		return rc;
	if (start.options.action == ACTION_HELP) {
		options_help();
		return EXIT_SUCCESS;
	}
	if (start.options.action == ACTION_VERSION) {
		printf("proxyd %s\n", PROXYD_VERSION);
		return EXIT_SUCCESS;
	}
	start.m = &master;
	master_init(&master, start.options.foreground);
	return proxyd_run(&start);
}
