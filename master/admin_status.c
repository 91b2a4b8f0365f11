/*
 * admin_status.c - status and workers. Numbers come from the segments: no child is asked anything. The data is
 * described in tools/proxyctl/format.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/base/clock.h"
#include "conf/base/version.h"
#include "master/admin_cmds.h"
#include "master/master.h"

static const char *
mode_text(enum conf_mode mode)
{
	return mode == MODE_FORWARD ? "forward" : "reverse";
}

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

static const char *
endpoint_state(const struct endpoint *e, uint64_t now_ms)
{
	if (endpoint_drained(e))
		return endpoint_load(e) > 0 ? "draining" : "drained";
	return endpoint_ejected(e, now_ms) ? "ejected" : "up";
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
		json_set_str(o, "state", endpoint_state(e, now));
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

void
admin_status(struct master *m, struct admin_client *c, const struct admin_request *r)
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
	admin_set_confirm(o, m);
	json_set_str(o, "config_file", m->path);
	set_objects(o, g, stats);
	json_set(o, "lists", list_store_json(m));
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

int64_t
admin_rss_kib(pid_t pid)
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
	json_set_int(o, "rss_kib", admin_rss_kib(c->pid));
	return o;
}

void
admin_workers(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct json *list = json_arr();

	(void)r;
	LIST_EACH(&m->children, n)
		json_push(
		    list, worker_json(LIST_ENTRY(n, struct child, node), m->segments.stats.data));
	admin_reply(c, list);
}
