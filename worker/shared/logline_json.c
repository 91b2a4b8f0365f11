/*
 * logline_json.c - a record as one JSON object: the fields of conf/logfield_tbl.h in their order.
 */
#include "worker/shared/logline_priv.h"
#include "worker/shared/logvalue.h"

static void
put_number(struct line *l, int64_t milli)
{
	line_u64(l, (uint64_t)milli / 1000, 1);
}

static void
put_ms(struct line *l, int64_t us)
{
	line_u64(l, (uint64_t)us / 1000, 1);
	line_puts(l, ".");
	line_u64(l, (uint64_t)us % 1000, 3);
}

static void
put_time(struct line *l, uint64_t wall_us)
{
	line_puts(l, "\"");
	line_puts(l, line_stamp(wall_us)->iso);
	line_puts(l, ".");
	line_u64(l, wall_us / 1000 % 1000, 3);
	line_puts(l, "Z\"");
}

/* Strings of the record have budgets and hide secrets; others are our own words. */
static void
put_quoted(struct line *l, const struct journal_view *v, enum logfield f, struct span text)
{
	enum journal_string s = logvalue_string(f);

	line_puts(l, "\"");
	if (s == JS_MAX)
		line_put(l, text.p, text.n);
	else
		line_string(l, v, s);
	line_puts(l, "\"");
}

static void
put_value(struct line *l, const struct journal_view *v, enum logfield f)
{
	struct expr_value value;

	logvalue_get(v, f, &value);
	if (!value.known && f != LF_CLIENT) {
		line_puts(l, "null");
		return;
	}
	switch (logfields.v[f].type) {
	case EXPR_TEXT:
	case EXPR_NAME: put_quoted(l, v, f, value.text); return;
	case EXPR_NUMBER:
	case EXPR_SIZE: put_number(l, value.milli); return;
	case EXPR_MSEC: put_ms(l, value.milli); return;
	case EXPR_TIME: put_time(l, v->rec.wall_us); return;
	case EXPR_BOOL: line_puts(l, value.milli != 0 ? "true" : "false"); return;
	case EXPR_ADDR:
		line_puts(l, "\"");
		line_client(l, &v->rec);
		line_puts(l, "\"");
		return;
	}
}

void
line_json(struct line *l, const struct journal_view *v)
{
	bool forward = (v->rec.flags & JF_FORWARD) != 0;

	line_puts(l, "{");
	for (unsigned f = 0; f < LF_MAX; f++) {
		if (forward ? f == LF_ROUTE : f == LF_RULE || f == LF_LIST)
			continue;
		line_puts(l, f == 0 ? "\"" : ",\"");
		line_puts(l, logfields.v[f].name);
		line_puts(l, "\":");
		put_value(l, v, (enum logfield)f);
	}
	line_puts(l, "}");
}
