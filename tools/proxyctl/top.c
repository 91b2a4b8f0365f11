/*
 * top.c - top [--by FIELD] [-q EXPR] [--sort …] [-n N] [--once]: requests per key over a window, again and again.
 *
 * The first report is about what the rings still hold, back to a minute and no further than every ring reaches, so
 * that there is something to see at once; each later one about the time since the one before. Records are taken out
 * every few milliseconds in between: a busy worker's ring holds less than a second.
 */
#include "tools/proxyctl/top.h"

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/map.h"
#include "tools/proxyctl/observer.h"
#include "tools/proxyctl/output.h"
#include "tools/proxyctl/watch.h"
#include "worker/shared/logvalue.h"

#define HISTORY_US (60u * 1000000) /* the first report looks back */
#define WINDOW_MIN_US 1000000	   /* less says little */
#define INTERVAL_MS 2000	   /* between screens */
#define POLL_MS 20
#define TURN_RECORDS 65536 /* before the clock is looked at again */
#define ROWS_DEFAULT 20
#define ROWS_AROUND 7 /* lines of a screen that are no rows */

struct top {
	struct call *call;
	struct observer observer;
	bool open;
	struct topkeys *keys;
	struct expr *query;
	enum logfield by; /* LF_MAX: by the mode */
	enum topkeys_sort sort;
	uint64_t rows;
	int64_t interval_ms; /* 0: one report */
	uint64_t from_us;    /* where the window begins */
	uint64_t since_us;   /* what ended before is not counted; a worker's clock is a turn behind */
	uint64_t records, lost;
};

/* ---------------------------------------------------------------------------------------- options */

static bool
sort_parse(enum topkeys_sort *out, const char *name)
{
	static const char *const names[] = { [SORT_RPS] = "rps",
		[SORT_BYTES] = "bytes",
		[SORT_P99] = "p99",
		[SORT_ERRORS] = "errors" };

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*out = (enum topkeys_sort)i;
			return true;
		}
	return false;
}

/* What there are few of, or what has a name. */
static bool
by_parse(enum logfield *out, const char *name)
{
	*out = logfield_find(span_str(name));
	return *out != LF_MAX &&
	    (logfields.v[*out].type == EXPR_TEXT || logfields.v[*out].type == EXPR_NAME ||
		logfields.v[*out].type == EXPR_ADDR || logfields.v[*out].type == EXPR_NUMBER);
}

static uint64_t
screen_rows(const struct call *c)
{
	struct winsize size;

	if (c->o->json || !c->o->tty || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 ||
	    size.ws_row <= ROWS_AROUND)
		return ROWS_DEFAULT;
	return size.ws_row - ROWS_AROUND;
}

static int
options(struct top *t, struct call *c)
{
	const char *by = call_value(c, "--by"), *sort = call_value(c, "--sort"),
		   *query = call_value(c, "-q"), *n = call_value(c, "-n");
	bool once = call_flag(c, "--once");

	t->rows = screen_rows(c);
	t->interval_ms = c->o->tty && !c->o->json && !once ? INTERVAL_MS : 0;
	if (c->o->watch != NULL && !once && !watch_parse(c->o->watch, &t->interval_ms))
		return call_usage(c, "--watch takes seconds, 0.1 to 3600");
	if (by != NULL && !by_parse(&t->by, by))
		return call_usage(c,
		    "--by takes a field of the log with a name or few values: route, rule, host, "
		    "client, target, upstream, listener, method, status, reason, agent");
	if (sort != NULL && !sort_parse(&t->sort, sort))
		return call_usage(c, "--sort is rps, bytes, p99 or errors");
	if (n != NULL && !call_number(n, TOPKEYS_MAX, &t->rows))
		return call_usage(c, "-n takes a number of rows up to 2048");
	if (query != NULL && (t->query = expr_parse(span_str(query), &logfields, &c->ed)) == NULL)
		return call_usage(c, c->ed.text);
	return c->argc > 0 ? call_usage(c, "unexpected argument") : EXIT_OK;
}

/* ------------------------------------------------------------------------------------------ keys */

/* A target without its query: that is where the secrets and the numbers are. */
static struct span
path_of(struct span target)
{
	ptrdiff_t query = span_find(target, '?');

	return query < 0 ? target : span_make(target.p, (size_t)query);
}

static struct span
lower(struct span s, char buf[static TOPKEYS_KEY])
{
	size_t n = s.n < TOPKEYS_KEY ? s.n : TOPKEYS_KEY;

	for (size_t i = 0; i < n; i++)
		buf[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
	return span_make(buf, n);
}

static struct span
key_of(const struct top *t, const struct journal_view *v, char buf[static ADDR_TEXT])
{
	struct expr_value value;

	logvalue_get(v, t->by, &value);
	if (!value.known)
		return SPAN_NONE;
	switch (logfields.v[t->by].type) {
	case EXPR_NAME: return lower(value.text, buf);
	case EXPR_ADDR: return span_str(addr_ip_text(&value.addr, buf));
	case EXPR_TEXT: return t->by == LF_TARGET ? path_of(value.text) : value.text;
	case EXPR_NUMBER:
	case EXPR_SIZE:
	case EXPR_MSEC:
	case EXPR_TIME:
	case EXPR_BOOL:
		(void)snprintf(buf, ADDR_TEXT, "%lld", (long long)value.milli / 1000);
		return span_str(buf);
	}
	return SPAN_NONE;
}

static void
take(struct top *t, const struct journal_view *v)
{
	uint64_t took = v->rec.t.total == UINT32_MAX ? 0 : v->rec.t.total;
	char buf[ADDR_TEXT];

	if (v->rec.wall_us + took < t->since_us)
		return;
	t->records++;
	if (t->query == NULL || expr_true(t->query, logvalue_get, v))
		topkeys_add(t->keys, key_of(t, v, buf), &v->rec);
}

/* ---------------------------------------------------------------------------------------- reports */

/* What is there now, and what comes until then; when that was. */
static uint64_t
gather(struct top *t, uint64_t until_us)
{
	for (;;) {
		const struct journal_view *v = NULL;
		uint64_t now;

		for (unsigned i = 0; i < TURN_RECORDS && (v = observer_next(&t->observer)) != NULL;
		     i++)
			take(t, v);
		now = clock_wall_us();
		if (now >= until_us || !observer_alive(&t->observer))
			return now;
		if (v == NULL)
			(void)poll(NULL, 0, POLL_MS);
	}
}

static int
report(struct top *t, const struct json *status, uint64_t now)
{
	uint64_t lost = observer_lost(&t->observer);
	struct top_report r = { .by = logfields.v[t->by].name,
		.window_s = now > t->from_us ? (double)(now - t->from_us) / 1e6 : 0,
		.records = t->records,
		.lost = lost > t->lost ? lost - t->lost : 0,
		.status = status,
		.total = topkeys_total(t->keys) };
	struct str out = STR_INIT;
	struct json *o;
	int rc;

	r.nrows = topkeys_list(t->keys, t->sort, (unsigned)t->rows, &r.rows, &r.others, &r.nothers);
	t->lost = lost > t->lost ? lost : t->lost;
	if (t->call->o->json) {
		o = format_top_json(&r);
		rc = output_json(o);
		json_free(&o);
		return rc;
	}
	format_top(&r, t->call->o->tty, &out);
	if (t->interval_ms > 0 && !t->call->o->tty)
		str_addc(&out, '\n');
	rc = output_str(&out);
	str_fini(&out);
	return rc;
}

/* The first window reaches back as far as every ring does, the server ran, and a minute at most. */
static int
begin(struct top *t, const struct json *status)
{
	uint64_t now, up, complete, before = t->from_us;
	int rc = observer_open(&t->observer, t->call);

	if (rc != EXIT_OK)
		return rc;
	t->open = true;
	t->lost = 0;
	complete = observer_complete_since(&t->observer);
	now = clock_wall_us();
	up = ((uint64_t)json_int(json_get(status, "uptime_s"), 0) + 1) * 1000000;
	t->from_us = now - (up < HISTORY_US ? up : HISTORY_US);
	if (complete > t->from_us)
		t->from_us = complete < now ? complete : now;
	if (before > t->from_us)
		t->from_us = before; /* seen already */
	t->since_us = t->from_us;
	if (t->by == LF_MAX)
		t->by = strcmp(json_str(json_get(status, "mode"), ""), "forward") == 0 ? LF_HOST :
											 LF_ROUTE;
	return EXIT_OK;
}

static int
ask_status(const struct top *t, struct call *ask)
{
	*ask = (struct call){ .o = t->call->o, .id = CMD_STATUS, .answer.fd = -1 };
	call_word(ask, "status");
	return call_ask(ask, CALL_PATIENCE_MS);
}

static void
end(struct top *t)
{
	if (t->open)
		observer_close(&t->observer);
	t->open = false;
}

/* One report; when the server is gone the next one looks for another. */
static int
on_round(void *owner)
{
	struct top *t = owner;
	struct call ask;
	uint64_t now = 0, until = t->from_us + (uint64_t)t->interval_ms * 1000;
	int rc;

	if (t->open)
		now = gather(t, until);
	else if (t->from_us != 0)
		(void)poll(NULL, 0, (int)t->interval_ms);
	rc = ask_status(t, &ask);
	if (rc == EXIT_OK && !t->open) {
		rc = begin(t, ask.answer.data);
		if (rc == EXIT_OK)
			now = gather(t, t->from_us + WINDOW_MIN_US);
	}
	if (rc == EXIT_OK) {
		rc = report(t, ask.answer.data, now);
		topkeys_clear(t->keys);
		t->records = 0;
		t->from_us = now;
		t->since_us = 0;
	}
	if (rc != EXIT_OK || !observer_alive(&t->observer))
		end(t);
	client_fini(&ask.answer);
	return rc;
}

int
top_run(struct call *c)
{
	struct top t = { .call = c, .by = LF_MAX };
	uint8_t seed[16];
	int rc = options(&t, c);

	if (rc == EXIT_OK) {
		if (getrandom(seed, sizeof seed, 0) == (ssize_t)sizeof seed)
			map_seed(seed); /* peers choose the keys */
		t.keys = topkeys_new();
		output_one_line(c->o->json && t.interval_ms > 0);
		rc = t.interval_ms == 0 ? on_round(&t) :
					  watch_run(0, c->o->tty && !c->o->json, on_round, &t);
	}
	end(&t);
	topkeys_free(&t.keys);
	expr_free(&t.query);
	return rc;
}
