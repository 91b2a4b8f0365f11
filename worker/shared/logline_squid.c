/*
 * logline_squid.c - Squid's native access log, as its "squid" format is defined and analysers read it:
 *
 *	%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt
 *
 * The time is the end of the request, the size is what went to the client with head and framing, and an answer that
 * nobody waited for has status 000. The words are Squid's for the same requests (5.7, compared line by line by
 * tests/flow/ops/test_squid_log.py); those of a cache, TCP_HIT to TCP_REFRESH_UNMODIFIED, come with ours, in
 * result_word.
 */
#include "worker/shared/logline_priv.h"

#define ELAPSED_WIDTH 6
#define HOST_BUDGET 300
#define TYPE_BUDGET 128

/* ------------------------------------------------------------------------------------------- words */

static bool
is_connect(const struct journal_view *v)
{
	return span_eq_str(v->s[JS_METHOD], "CONNECT");
}

/* The request was good and allowed, but no server could be asked. */
static bool
unserved(enum reason why)
{
	return why == R_DNS_FAILED || why == R_DNS_TIMEOUT || why == R_TARGET_NONE ||
	    why == R_TARGET_DRAINED ||
	    why == R_QUEUE_FULL || why == R_QUEUE_TIMEOUT;
}

static bool
denied(enum reason why)
{
	return why == R_DENIED || why == R_ADDRESS_DENIED || why == R_ADDRESS_OWN || why == R_LOOP;
}

static const char *
result_word(const struct journal_view *v)
{
	const struct journal_rec *rec = &v->rec;
	enum reason why = (enum reason)rec->reason;

	if ((rec->flags & JF_LOCAL) == 0 && cache_result_squid(rec->cache) != NULL)
		return rec->cache == CACHE_HIT && rec->status == 304 ?
		    "TCP_IMS_HIT" :
		    cache_result_squid(rec->cache);
	if ((rec->flags & JF_LOCAL) == 0)
		return rec->flags & JF_TUNNEL && rec->status != 0 ? "TCP_TUNNEL" : "TCP_MISS";
	if (denied(why))
		return "TCP_DENIED";
	if (why == R_REDIRECT)
		return "TCP_REDIRECT";
	return !is_connect(v) && (rec->tries > 0 || unserved(why)) ? "TCP_MISS" : "NONE_NONE";
}

/* How the client cut it short; a tunnel has no end of its own. */
static const char *
result_end(const struct journal_rec *rec)
{
	switch ((int)rec->reason) {
	case R_CLIENT_GONE: return "_ABORTED";
	case R_CLIENT_SLOW:
	case R_BODY_TIMEOUT:
	case R_BODY_SLOW: return "_TIMEDOUT";
	}
	return "";
}

/* Forward requests go to the host itself, reverse ones to a server of ours: Squid's cache_peer originserver. */
static const char *
hierarchy_word(const struct journal_view *v)
{
	if (v->s[JS_UPSTREAM].n == 0)
		return "HIER_NONE";
	return v->rec.flags & JF_FORWARD ? "HIER_DIRECT" : "FIRSTUP_PARENT";
}

/* ------------------------------------------------------------------------------------------ fields */

static void
put_when(struct line *l, const struct journal_rec *rec)
{
	uint64_t end = rec->wall_us + (rec->t.total == UINT32_MAX ? 0 : rec->t.total);
	const struct line_stamp *stamp;

	stamp = line_stamp(end);
	line_put(l, stamp->epoch, stamp->nepoch);
	line_3digits(l, (unsigned)(end / 1000 % 1000));
}

static void
put_elapsed(struct line *l, const struct journal_rec *rec)
{
	uint64_t ms = rec->t.total == UINT32_MAX ? 0 : rec->t.total / 1000, limit = 10;

	for (unsigned width = 1; width < ELAPSED_WIDTH; width++, limit *= 10)
		if (ms < limit)
			line_puts(l, " ");
	line_u64(l, ms, 1);
}

/* A whole URL: what came in origin form gets its host in front. */
static void
put_target(struct line *l, const struct journal_view *v)
{
	size_t budget = HOST_BUDGET;

	if (v->s[JS_METHOD].n == 0 || v->s[JS_TARGET].n == 0) {
		line_puts(l,
		    v->rec.reason == R_HEAD_TIMEOUT ? "error:transaction-end-before-headers" :
						      "error:invalid-request");
		return;
	}
	if (v->s[JS_TARGET].p[0] == '/' && v->s[JS_HOST].n > 0) {
		line_puts(l, "http://");
		line_text(l, v->s[JS_HOST], &budget);
	}
	line_string(l, v, JS_TARGET);
}

/* The address without its port. */
static void
put_upstream(struct line *l, struct span upstream)
{
	size_t n = upstream.n, budget = HOST_BUDGET;
	bool bracket = n > 0 && upstream.p[0] == '[';

	while (n > 0 && upstream.p[n - 1] != ':')
		n--;
	upstream.n = n > 0 ? n - 1 : upstream.n;
	if (bracket && upstream.n > 2)
		upstream = span_make(upstream.p + 1, upstream.n - 2);
	if (upstream.n == 0)
		line_puts(l, "-");
	else
		line_text(l, upstream, &budget);
}

/* The media type without its parameters. */
static void
put_type(struct line *l, struct span type)
{
	size_t n = line_type_length(type), budget = TYPE_BUDGET;

	if (n == 0)
		line_puts(l, "-");
	else
		line_text(l, span_make(type.p, n), &budget);
}

void
line_squid(struct line *l, const struct journal_view *v)
{
	const struct journal_rec *rec = &v->rec;
	bool unheard = rec->reason == R_CLIENT_GONE && rec->status == 499;

	put_when(l, rec);
	line_puts(l, " ");
	put_elapsed(l, rec);
	line_puts(l, " ");
	line_client(l, rec);
	line_puts(l, " ");
	line_puts(l, result_word(v));
	line_puts(l, result_end(rec));
	line_puts(l, "/");
	line_3digits(l, unheard ? 0 : rec->status);
	line_puts(l, " ");
	line_u64(l, rec->sent, 1);
	line_puts(l, " ");
	line_or_dash(l, v, JS_METHOD);
	line_puts(l, " ");
	put_target(l, v);
	line_puts(l, " - ");
	line_puts(l, hierarchy_word(v));
	line_puts(l, "/");
	put_upstream(l, v->s[JS_UPSTREAM]);
	line_puts(l, " ");
	put_type(l, v->s[JS_TYPE]);
}
