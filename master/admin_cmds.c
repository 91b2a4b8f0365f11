/*
 * admin_cmds.c - one function per verb. The data they answer with is described in admin_tbl.h and
 * tools/proxyctl/format.c. Numbers come from the segments: no child is asked anything.
 */
#include "master/admin_cmds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/base/clock.h"
#include "conf/base/version.h"
#include "conf/load.h"
#include "master/admin_request.h"
#include "master/master.h"

typedef void command_f(struct master *, struct admin_client *, const struct admin_request *);

/* -------------------------------------------------------------- helpers */

static const char *
mode_text(enum conf_mode mode)
{
	return mode == MODE_FORWARD ? "forward" : "reverse";
}

static void
set_text(struct json *o, struct str *text)
{
	json_set_str(o, "text", str_span(text).p);
	str_fini(text);
}

static void
refuse_verdict(struct admin_client *c, const struct verdict *v)
{
	struct str text = STR_INIT;

	str_adds(&text, v->error);
	if (v->text[0] != '\0')
		str_printf(&text, "\n%s", v->text);
	admin_refuse(c, str_span(&text).p);
	str_fini(&text);
}

/* ------------------------------------------------------- configurations */

static void
cmd_config_show(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct str text = STR_INIT;
	struct json *o = json_obj();

	(void)r;
	conf_print(m->current->conf, true, &text);
	set_text(o, &text);
	admin_reply(c, o);
}

static void
on_diff(void *owner, const struct verdict *v)
{
	struct json *o;

	if (!v->ok) {
		refuse_verdict(owner, v);
		return;
	}
	o = json_obj();
	json_set_str(o, "text", v->text);
	json_set_int(o, "changes", v->changes);
	admin_reply(owner, o);
}

static void
cmd_config_diff(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	(void)r;
	cycle_diff(m, on_diff, c);
}

static struct json *
reload_data(const struct verdict *v)
{
	struct str text = STR_INIT;
	struct json *o = json_obj();

	json_set_int(o, "generation", v->generation);
	json_set_int(o, "changes", v->changes);
	json_set_int(o, "waited_ms", v->waited_ms);
	str_adds(&text, v->text);
	if (v->changes == 0)
		str_adds(&text, "nothing changed in the configuration\n");
	if (v->waited_ms > 0)
		str_printf(&text, "waited %lld ms for an older generation or reload\n",
		    (long long)v->waited_ms);
	set_text(o, &text);
	return o;
}

static void
on_reload(void *owner, const struct verdict *v)
{
	if (v->ok)
		admin_reply(owner, reload_data(v));
	else
		refuse_verdict(owner, v);
}

static void
on_reload_wait(void *owner, const struct verdict *v)
{
	if (v->ok)
		admin_reply_late(owner, reload_data(v));
	else
		refuse_verdict(owner, v);
}

static void
cmd_reload(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	if (r->wait_s > 0)
		admin_patience(c, r->wait_s);
	cycle_reload(m, r->wait_s > 0 ? on_reload_wait : on_reload, c);
}

/* --------------------------------------------------------------- status */

static void
set_traffic(struct json *o, const struct stats_data *stats, unsigned slot)
{
	struct stats_object object;
	struct hist total = { 0 };

	stats_sum_object(stats, slot, &object);
	json_set_int(o, "requests", (int64_t)object.requests);
	json_set_int(o, "errors", (int64_t)object.errors);
	if (slot >= STATS_HISTS)
		return;
	stats_sum_hist(stats, slot, &total, NULL);
	json_set_real(o, "p50_ms", (double)hist_quantile(&total, 0.5) / 1000);
	json_set_real(o, "p99_ms", (double)hist_quantile(&total, 0.99) / 1000);
}

static struct json *
listener_json(const struct conf_listener *l, const struct stats_data *stats, unsigned slot)
{
	struct json *o = json_obj(), *bind = json_arr();

	for (unsigned i = 0; i < l->bind.n; i++)
		json_push_str(bind, l->bind.v[i]);
	json_set_str(o, "name", l->name);
	json_set_str(o, "mode", mode_text(l->mode));
	json_set(o, "bind", bind);
	set_traffic(o, stats, slot);
	return o;
}

static struct json *
endpoints_json(const struct endpoint_data *d, unsigned service)
{
	const struct endpoint_table *t = endpoint_table(d, service);
	struct json *list = json_arr();
	uint32_t n = atomic_load(&t->count);
	uint64_t now = clock_mono_ms();

	for (uint32_t i = 0; i < n && i < t->room; i++) {
		const struct endpoint *e = endpoint_at(d, t, i);
		struct addr addr;
		char text[ADDR_TEXT];
		struct json *o;

		if (e == NULL || !endpoint_addr(d, t, i, &addr))
			continue;
		o = json_obj();
		json_set_str(o, "address", addr_text(&addr, text));
		json_set_str(o, "state", endpoint_ejected(e, now) ? "ejected" : "up");
		json_set_int(o, "inflight", endpoint_load(e));
		json_set_int(o, "weight", e->weight);
		json_set_bool(o, "backup", e->backup != 0);
		json_push(list, o);
	}
	return list;
}

static struct json *
counters_json(const struct stats_data *stats)
{
	struct json *o = json_obj();

	for (unsigned i = 0; i < C_MAX; i++)
		json_set_int(o, stats_counter_name((enum counter)i),
		    (int64_t)stats_sum(stats, (enum counter)i));
	return o;
}

static void
set_objects(struct json *o, const struct generation *g, const struct stats_data *stats)
{
	const struct conf *conf = g->conf;
	struct json *listeners = json_arr(), *services = json_arr();

	for (unsigned i = 0; i < conf->nlisteners; i++)
		json_push(listeners, listener_json(&conf->listeners[i], stats, g->slots[i]));
	for (unsigned i = 0; i < conf->nservices; i++) {
		struct json *s = json_obj();

		json_set_str(s, "name", conf->services[i].name);
		set_traffic(s, stats, g->slots[conf->nlisteners + i]);
		json_set(s, "endpoints", endpoints_json(g->endpoints.data, i));
		json_push(services, s);
	}
	json_set(o, "listeners", listeners);
	json_set(o, "services", services);
}

static void
cmd_status(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	const struct generation *g = m->current;
	const struct stats_data *stats = m->segments.stats.data;
	struct json *o = json_obj();

	(void)r;
	json_set_str(o, "name", g->conf->name);
	json_set_str(o, "version", PROXYD_VERSION);
	json_set_str(o, "mode", mode_text(g->conf->mode));
	json_set_int(o, "pid", m->pid);
	json_set_int(o, "uptime_s", (int64_t)(clock_mono_ms() - m->started_ms) / 1000);
	json_set_int(o, "generation", g->number);
	json_set_int(o, "generations_alive", m->generations.count);
	json_set_str(o, "last_reload", m->cycle.last);
	json_set_str(o, "config_file", m->path);
	set_objects(o, g, stats);
	json_set(o, "counters", counters_json(stats));
	admin_reply(c, o);
}

/* -------------------------------------------------------------- workers */

static const char *
state_text(const struct child *c)
{
	if (c->stopped_ms != 0)
		return "stopped";
	switch (c->state) {
	case CHILD_STARTING: return "starting";
	case CHILD_READY: return "ready";
	case CHILD_DRAINING: return "draining";
	case CHILD_STOPPING: return "stopping";
	}
	NEVER("a child without a state");
}

/* Resident memory; 0 when the kernel does not say. */
static int64_t
rss_kib(pid_t pid)
{
	char path[64], buf[128] = "";
	unsigned long pages = 0;
	ssize_t n = -1;
	char *at;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, buf, sizeof buf - 1);
		close(fd);
	}
	at = n > 0 ? strchr(buf, ' ') : NULL;
	if (at != NULL)
		pages = strtoul(at, NULL, 10);
	return (int64_t)pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct json *
worker_json(const struct child *c, const struct stats_data *stats)
{
	const struct stats_lane *lane = &stats->lane[c->lane];
	struct json *o = json_obj();

	json_set_str(o, "role", role_name(c->seat->role));
	json_set_int(o, "slot", c->seat->slot);
	json_set_int(o, "lane", c->lane);
	json_set_int(o, "pid", c->pid);
	json_set_int(o, "generation", atomic_load(&lane->generation));
	json_set_str(o, "state", state_text(c));
	json_set_int(o, "connections", (int64_t)lane->counter[C_CONNS_OPEN]);
	json_set_int(o, "requests", (int64_t)lane->counter[C_REQUESTS]);
	json_set_int(o, "age_s", ((int64_t)clock_mono_ms() - c->started_ms) / 1000);
	json_set_int(o, "rss_kib", rss_kib(c->pid));
	return o;
}

static void
cmd_workers(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct json *list = json_arr();

	(void)r;
	LIST_EACH(&m->children, n)
		json_push(
		    list, worker_json(LIST_ENTRY(n, struct child, node), m->segments.stats.data));
	admin_reply(c, list);
}

/* --------------------------------------------------------------- others */

static void
cmd_stop(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	admin_reply(c, json_obj());
	stop_later(m, r->fast ? STOP_FAST : STOP_BOUNDED);
}

/* A descriptor that cannot be mapped for writing: the one we hold can. */
static void
cmd_log(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	char path[64];
	struct json *o;
	int fd;

	(void)r;
	snprintf(path, sizeof path, "/proc/self/fd/%d", m->segments.journal.fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		admin_refuse(c, "the journal cannot be opened for reading");
		return;
	}
	o = json_obj();
	json_set_int(o, "lanes", m->segments.lanes);
	admin_reply_fd(c, o, fd);
}

static void
cmd_version(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct json *o = json_obj();

	(void)m;
	(void)r;
	json_set_str(o, "version", PROXYD_VERSION);
	admin_reply(c, o);
}

void
admin_run(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	static command_f *const run[CMD_MAX] = {
		[CMD_CONFIG_SHOW] = cmd_config_show,
		[CMD_CONFIG_DIFF] = cmd_config_diff,
		[CMD_STATUS] = cmd_status,
		[CMD_RELOAD] = cmd_reload,
		[CMD_STOP] = cmd_stop,
		[CMD_WORKERS] = cmd_workers,
		[CMD_LOG] = cmd_log,
		[CMD_VERSION] = cmd_version,
	};

	if ((unsigned)r->cmd >= CMD_MAX || run[r->cmd] == NULL)
		admin_refuse(c, "this command is not for a running proxyd");
	else if (m->current == NULL)
		admin_refuse(c, m->stop.mode == STOP_NONE ? "still starting" : "stopping");
	else
		run[r->cmd](m, c, r);
}
