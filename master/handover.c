/*
 * handover.c - the hand-over document, written and read.
 *
 *   {"format": 1, "version": "...", "pid": 1, "boot_id": "hex", "started_ms": 1, "generation": 1,
 *    "link": 5, "err": 6, "admin": {"path": "...", "fd": 7},
 *    "segments": [{"name": "stats", "fd": 8}], "cache_events": [{"fd": 9}],
 *    "logs": {"event": {"path": "...", "fd": 9}},
 *    "drained": ["SERVICE/TARGET"],
 *    "listeners": [{"address": "...", "dual": false, "given": false, "slots": [{"fd": 10}]}]}
 */
#include "master/handover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/base/json.h"

#define FD_LEAST	(STDERR_FILENO + 1)
#define FD_MOST		(1 << 20)
#define BOUNDS_MAX	4096
#define SLOTS_MAX	4096

static const char *const segment_names[HAND_SEGMENTS] = {
	[HAND_STATS] = "stats",
	[HAND_JOURNAL] = "journal",
	[HAND_REPORT] = "report",
	[HAND_ENDPOINTS] = "endpoints",
	[HAND_CACHE] = "cache",
};

static const char *const log_names[HAND_LOGS] = {
	[HAND_EVENT_LOG] = "event",
	[HAND_ACCESS_LOG] = "access",
};

/* ---------------------------------------------------------------- writing */

static struct json *
fds_json(const int *fd, unsigned n)
{
	struct json *list = json_arr();

	for (unsigned i = 0; i < n; i++) {
		struct json *o = json_obj();

		json_set_int(o, "fd", fd[i]);
		json_push(list, o);
	}
	return list;
}

static struct json *
bound_json(const struct handover_bound *b)
{
	struct json *o = json_obj();
	char text[ADDR_TEXT];

	json_set_str(o, "address", addr_text(&b->addr, text));
	json_set_bool(o, "dual", b->dual);
	json_set_bool(o, "given", b->given);
	json_set(o, "slots", fds_json(b->fd, b->nfds));
	return o;
}

static struct json *
drained_json(struct span rest)
{
	struct json *list = json_arr();
	struct span line;

	while (span_split(&rest, '\n', &line)) {
		struct str name = STR_INIT;

		str_add(&name, line);
		if (line.n > 0)
			json_push_str(list, str_span(&name).p);
		str_fini(&name);
	}
	return list;
}

static struct json *
file_json(const char *path, int fd)
{
	struct json *o = json_obj();

	json_set_str(o, "path", path);
	json_set_int(o, "fd", fd);
	return o;
}

static struct json *
logs_json(const struct handover *h)
{
	struct json *o = json_obj();

	for (unsigned i = 0; i < HAND_LOGS; i++)
		if (h->log[i].path != NULL)
			json_set(o, log_names[i], file_json(h->log[i].path, h->log[i].fd));
	return o;
}

static void
set_lists(struct json *o, const struct handover *h)
{
	struct json *segments = json_arr(), *listeners = json_arr();

	for (unsigned i = 0; i < HAND_SEGMENTS; i++) {
		struct json *s;

		if (h->segment[i] < 0)
			continue;
		s = json_obj();
		json_set_str(s, "name", segment_names[i]);
		json_set_int(s, "fd", h->segment[i]);
		json_push(segments, s);
	}
	for (unsigned i = 0; i < h->nbounds; i++)
		json_push(listeners, bound_json(&h->bounds[i]));
	json_set(o, "drained", drained_json(str_span(&h->drained)));
	json_set(o, "segments", segments);
	if (h->nevents > 0)
		json_set(o, "cache_events", fds_json(h->events, h->nevents));
	json_set(o, "listeners", listeners);
}

void
handover_write(const struct handover *h, struct str *out)
{
	struct json *o = json_obj();
	char boot[17];

	(void)snprintf(boot, sizeof boot, "%016" PRIx64, h->boot_id);
	json_set_int(o, "format", HANDOVER_FORMAT);
	json_set_str(o, "version", h->version);
	json_set_int(o, "pid", h->pid);
	json_set_str(o, "boot_id", boot);
	json_set_int(o, "started_ms", (int64_t)h->started_ms);
	json_set_int(o, "generation", h->generation);
	json_set_int(o, "link", h->link);
	json_set_int(o, "err", h->err);
	if (h->admin >= 0)
		json_set(o, "admin", file_json(h->admin_path, h->admin));
	json_set(o, "logs", logs_json(h));
	set_lists(o, h);
	json_dump(o, false, out);
	json_free(&o);
}

/* ---------------------------------------------------------------- reading */

static int
get_fd(const struct json *o, const char *key, int *fd, struct errdetail *ed)
{
	int64_t n = json_int(json_get(o, key), -1);

	if (n < FD_LEAST || n > FD_MOST)
		return err_set(ed, -E_PROTO, "hand-over: '%s' is no descriptor", key);
	*fd = (int)n;
	return 0;
}

static int
get_number(const struct json *o, const char *key, int64_t max, int64_t *out, struct errdetail *ed)
{
	*out = json_int(json_get(o, key), -1);
	if (*out < 0 || *out > max)
		return err_set(ed, -E_PROTO, "hand-over: '%s' is missing or out of range", key);
	return 0;
}

static int
get_text(const struct json *o, const char *key, char *out, size_t size, struct errdetail *ed)
{
	const char *text = json_str(json_get(o, key), NULL);

	if (text == NULL || strlen(text) >= size)
		return err_set(ed, -E_PROTO, "hand-over: '%s' is missing or too long", key);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int
read_plain(struct handover *h, const struct json *o, struct errdetail *ed)
{
	int64_t pid = 0, started = 0, generation = 0;
	char boot[17] = "", *end;
	int rc;

	rc = get_text(o, "version", h->version, sizeof h->version, ed);
	if (rc == 0)
		rc = get_number(o, "pid", INT32_MAX, &pid, ed);
	if (rc == 0 && pid == 0)
		rc = err_set(ed, -E_PROTO, "hand-over: 'pid' is no process");
	if (rc == 0)
		rc = get_number(o, "started_ms", INT64_MAX, &started, ed);
	if (rc == 0)
		rc = get_number(o, "generation", INT32_MAX, &generation, ed);
	if (rc == 0)
		rc = get_text(o, "boot_id", boot, sizeof boot, ed);
	if (rc != 0)
		return rc;
	h->pid = (pid_t)pid;
	h->started_ms = (uint64_t)started;
	h->generation = (unsigned)generation;
	h->boot_id = strtoull(boot, &end, 16);
	if (*end != '\0' || end == boot)
		return err_set(ed, -E_PROTO, "hand-over: 'boot_id' is no number");
	rc = get_fd(o, "link", &h->link, ed);
	return rc == 0 ? get_fd(o, "err", &h->err, ed) : rc;
}

static int
read_admin(struct handover *h, const struct json *admin, struct errdetail *ed)
{
	int rc;

	if (admin == NULL)
		return 0;
	rc = get_text(admin, "path", h->admin_path, sizeof h->admin_path, ed);
	return rc == 0 ? get_fd(admin, "fd", &h->admin, ed) : rc;
}

static int
read_logs(struct handover *h, const struct json *logs, struct errdetail *ed)
{
	for (unsigned i = 0; i < HAND_LOGS; i++) {
		const struct json *o = json_get(logs, log_names[i]);
		const char *path = json_str(json_get(o, "path"), NULL);

		if (o == NULL)
			continue;
		if (path == NULL)
			return err_set(ed, -E_PROTO, "hand-over: a log without a path");
		h->log[i].path = strdup(path);
		if (h->log[i].path == NULL)
			return err_set(ed, -E_NOMEM, "hand-over: no memory for paths");
		if (get_fd(o, "fd", &h->log[i].fd, ed) != 0)
			return -E_PROTO;
	}
	return 0;
}

/* A segment of a name that is not known here belongs to another version: it is not taken. */
static int
read_segments(struct handover *h, const struct json *list, struct errdetail *ed)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *s = json_at(list, i);
		const char *name = json_str(json_get(s, "name"), "");

		for (unsigned k = 0; k < HAND_SEGMENTS; k++)
			if (strcmp(name, segment_names[k]) == 0 &&
			    get_fd(s, "fd", &h->segment[k], ed) != 0)
				return -E_PROTO;
	}
	return 0;
}

/* A list of n descriptors; both are set also when it fails on the way. */
static int
read_fds(int **fd, unsigned *count, const struct json *list, struct errdetail *ed)
{
	size_t n = json_len(list);

	*fd = calloc(n, sizeof **fd);
	if (*fd == NULL)
		return err_set(ed, -E_NOMEM, "hand-over: no memory for descriptors");
	for (*count = 0; *count < n; ++*count)
		if (get_fd(json_at(list, *count), "fd", &(*fd)[*count], ed) != 0)
			return -E_PROTO;
	return 0;
}

static int
read_events(struct handover *h, const struct json *list, struct errdetail *ed)
{
	if (json_len(list) == 0)
		return 0;
	if (json_len(list) > SLOTS_MAX)
		return err_set(ed, -E_LIMIT, "hand-over: %zu events are too many", json_len(list));
	return read_fds(&h->events, &h->nevents, list, ed);
}

static int
read_bound(struct handover_bound *b, const struct json *o, struct errdetail *ed)
{
	const struct json *slots = json_get(o, "slots");
	size_t n = json_len(slots);

	if (addr_parse(&b->addr, json_str(json_get(o, "address"), ""), ed) != 0)
		return -E_PROTO;
	if (n == 0 || n > SLOTS_MAX)
		return err_set(ed, -E_PROTO, "hand-over: a listener of %zu sockets", n);
	b->dual = json_bool(json_get(o, "dual"), false);
	b->given = json_bool(json_get(o, "given"), false);
	return read_fds(&b->fd, &b->nfds, slots, ed);
}

static int
read_bounds(struct handover *h, const struct json *list, struct errdetail *ed)
{
	size_t n = json_len(list);
	int rc = 0;

	if (n > BOUNDS_MAX)
		return err_set(ed, -E_LIMIT, "hand-over: %zu listeners are too many", n);
	h->bounds = calloc(n + 1, sizeof *h->bounds);
	if (h->bounds == NULL)
		return err_set(ed, -E_NOMEM, "hand-over: no memory for listeners");
	while (h->nbounds < n && rc == 0) {
		rc = read_bound(&h->bounds[h->nbounds], json_at(list, h->nbounds), ed);
		h->nbounds++;
	}
	return rc;
}

/* Names of targets: one that means nothing here is skipped by who looks it up. */
static void
read_drained(struct handover *h, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++)
		str_printf(&h->drained, "%s\n", json_str(json_at(list, i), ""));
}

static int
read_all(struct handover *h, const struct json *o, struct errdetail *ed)
{
	int64_t format = json_int(json_get(o, "format"), 0);
	int rc;

	if (format != HANDOVER_FORMAT)
		return err_set(ed, -E_VERSION,
		    "hand-over: format %" PRId64 ", this program knows %d: stop the old one and start "
		    "this one instead",
		    format, HANDOVER_FORMAT);
	rc = read_plain(h, o, ed);
	if (rc == 0)
		rc = read_admin(h, json_get(o, "admin"), ed);
	if (rc == 0)
		rc = read_logs(h, json_get(o, "logs"), ed);
	if (rc == 0)
		rc = read_segments(h, json_get(o, "segments"), ed);
	if (rc == 0)
		rc = read_events(h, json_get(o, "cache_events"), ed);
	if (rc == 0)
		rc = read_bounds(h, json_get(o, "listeners"), ed);
	if (rc == 0)
		read_drained(h, json_get(o, "drained"));
	return rc;
}

int
handover_parse(struct handover *h, struct span text, struct errdetail *ed)
{
	struct json *o;
	int rc;

	*h = (struct handover){ .link = -1, .err = -1, .admin = -1 };
	for (unsigned i = 0; i < HAND_SEGMENTS; i++)
		h->segment[i] = -1;
	for (unsigned i = 0; i < HAND_LOGS; i++)
		h->log[i].fd = -1;
	if (text.n > HANDOVER_MAX)
		return err_set(ed, -E_LIMIT, "hand-over: longer than %u bytes", HANDOVER_MAX);
	o = json_parse(text, ed);
	if (o == NULL)
		return err_set(ed, -E_PROTO, "hand-over: no JSON");
	rc = read_all(h, o, ed);
	json_free(&o);
	if (rc != 0)
		handover_fini(h);
	return rc;
}

void
handover_fini(struct handover *h)
{
	for (unsigned i = 0; i < h->nbounds; i++)
		free(h->bounds[i].fd);
	free(h->bounds);
	h->bounds = NULL;
	h->nbounds = 0;
	for (unsigned i = 0; i < HAND_LOGS; i++) {
		free(h->log[i].path);
		h->log[i].path = NULL;
	}
	free(h->events);
	h->events = NULL;
	h->nevents = 0;
	str_fini(&h->drained);
}

int
handover_each_fd(const struct handover *h, int (*f)(void *arg, int fd), void *arg)
{
	int rc = f(arg, h->link);

	if (rc == 0)
		rc = f(arg, h->err);
	if (rc == 0 && h->admin >= 0)
		rc = f(arg, h->admin);
	for (unsigned i = 0; i < HAND_SEGMENTS && rc == 0; i++)
		if (h->segment[i] >= 0)
			rc = f(arg, h->segment[i]);
	for (unsigned i = 0; i < h->nevents && rc == 0; i++)
		rc = f(arg, h->events[i]);
	for (unsigned i = 0; i < HAND_LOGS && rc == 0; i++)
		if (h->log[i].path != NULL)
			rc = f(arg, h->log[i].fd);
	for (unsigned i = 0; i < h->nbounds; i++)
		for (unsigned k = 0; k < h->bounds[i].nfds && rc == 0; k++)
			rc = f(arg, h->bounds[i].fd[k]);
	return rc;
}
