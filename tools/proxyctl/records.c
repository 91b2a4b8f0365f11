/*
 * records.c - log [-q EXPR] [--follow] [--format FORMAT] [-n N]: the records that EXPR is true of, as lines.
 */
#include "tools/proxyctl/records.h"

#include <poll.h>
#include <stdio.h>

#include "conf/base/mem.h"
#include "tools/proxyctl/observer.h"
#include "worker/shared/logline.h"
#include "worker/shared/logvalue.h"

#define LINES_DEFAULT 20
#define LINES_MAX 100000
#define POLL_MS 100
#define PIECE 65536 /* printed at once */

struct records {
	struct observer observer;
	struct expr *query; /* NULL: all of them */
	enum logline_format format;
	bool follow;
	uint64_t told;	  /* records that were said to be lost */
	struct str *last; /* ring of the n newest lines */
	uint64_t n, at;
};

static int
options(struct call *c, struct records *r)
{
	const char *query = call_value(c, "-q"), *format = call_value(c, "--format"),
		   *n = call_value(c, "-n");

	r->format = c->o->json ? LOGLINE_JSON : LOGLINE_COMBINED;
	r->n = LINES_DEFAULT;
	r->follow = call_flag(c, "--follow") || call_flag(c, "-f");
	if (format != NULL && logline_format_parse(&r->format, format) != 0)
		return call_usage(c, "--format is " LOGLINE_NAMES);
	if (n != NULL && !call_number(n, LINES_MAX, &r->n))
		return call_usage(c, "-n takes a number of records up to 100000");
	if (query != NULL && (r->query = expr_parse(span_str(query), &logfields, &c->ed)) == NULL)
		return call_usage(c, c->ed.text);
	return c->argc > 0 ? call_usage(c, "unexpected argument") : EXIT_OK;
}

/* The next record that is asked for. */
static const struct journal_view *
next(struct records *r)
{
	const struct journal_view *v;

	do
		v = observer_next(&r->observer);
	while (v != NULL && r->query != NULL && !expr_true(r->query, logvalue_get, v));
	return v;
}

/* Everything still in the rings; the last n lines are printed. */
static void
print_last(struct records *r)
{
	const struct journal_view *v;

	while ((v = next(r)) != NULL)
		if (r->n > 0) {
			struct str *line = &r->last[r->at++ % r->n];

			str_clear(line);
			logline_write(line, r->format, v);
		}
	r->told = observer_lost(&r->observer);
	for (uint64_t i = r->at > r->n ? r->at - r->n : 0; i < r->at; i++)
		(void)fwrite(r->last[i % r->n].data, 1, r->last[i % r->n].len, stdout);
	(void)fflush(stdout);
}

static bool
print_new(struct records *r, struct str *out)
{
	const struct journal_view *v;
	uint64_t lost;

	str_clear(out);
	while (out->len < PIECE && (v = next(r)) != NULL)
		logline_write(out, r->format, v);
	lost = observer_lost(&r->observer);
	if (lost > r->told)
		(void)fprintf(stderr, "proxyctl: too slow, about %llu records lost\n",
		    (unsigned long long)(lost - r->told));
	r->told = lost > r->told ? lost : r->told;
	return fwrite(str_span(out).p, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
}

/* Until the server is gone or nobody reads any more. */
static int
print_live(struct records *r, struct errdetail *ed)
{
	struct str out = STR_INIT;
	bool alive = true;
	int rc = 0;

	while (rc == 0 && alive) {
		alive = observer_alive(&r->observer);
		do
			if (!print_new(r, &out))
				rc = err_sys(ed, "standard output");
		while (rc == 0 && out.len > 0);
		if (rc == 0 && alive)
			(void)poll(NULL, 0, POLL_MS);
	}
	str_fini(&out);
	return rc;
}

static int
print(struct records *r, struct call *c)
{
	int rc = 0;

	r->last = mem_array(r->n > 0 ? r->n : 1, sizeof *r->last);
	print_last(r);
	if (r->follow)
		rc = print_live(r, &c->ed);
	for (uint64_t i = 0; i < r->n; i++)
		str_fini(&r->last[i]);
	mem_free(r->last);
	return rc == 0 ? EXIT_OK : call_failed(c);
}

int
records_run(struct call *c)
{
	struct records r = { 0 };
	int rc = options(c, &r);

	if (rc == EXIT_OK)
		rc = observer_open(&r.observer, c);
	if (rc == EXIT_OK) {
		rc = print(&r, c);
		observer_close(&r.observer);
	}
	expr_free(&r.query);
	return rc;
}
