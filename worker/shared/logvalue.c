/*
 * logvalue.c - one field of a record as a typed value: for JSON lines and for expressions alike.
 */
#include "worker/shared/logvalue.h"

static const uint8_t strings[LF_MAX] = {
	/* one more than the string's number; 0: none */
	[LF_METHOD] = JS_METHOD + 1,
	[LF_HOST] = JS_HOST + 1,
	[LF_TARGET] = JS_TARGET + 1,
	[LF_ROUTE] = JS_ROUTE + 1,
	[LF_RULE] = JS_ROUTE + 1,
	[LF_LIST] = JS_LIST + 1,
	[LF_LISTENER] = JS_LISTENER + 1,
	[LF_UPSTREAM] = JS_UPSTREAM + 1,
	[LF_REQUEST_ID] = JS_REQUEST_ID + 1,
	[LF_REFERER] = JS_REFERER + 1,
	[LF_AGENT] = JS_AGENT + 1,
};

enum journal_string
logvalue_string(enum logfield f)
{
	return strings[f] == 0 ? JS_MAX : (enum journal_string)(strings[f] - 1);
}

static void
set_number(struct expr_value *out, uint64_t n)
{
	out->known = true;
	out->milli = n > INT64_MAX / 1000 ? INT64_MAX : (int64_t)n * 1000;
}

/* Microseconds are thousandths of a millisecond. */
static void
set_us(struct expr_value *out, uint32_t us)
{
	out->known = us != UINT32_MAX;
	out->milli = us;
}

static void
set_text(struct expr_value *out, struct span text)
{
	out->known = text.n > 0;
	out->text = text;
}

static void
set_client(struct expr_value *out, const struct journal_rec *rec)
{
	struct addr *a = &out->addr;

	out->known = true;
	if (rec->client_family == AF_INET) {
		a->len = sizeof a->u.in4;
		a->u.in4 = (struct sockaddr_in){ .sin_family = AF_INET };
		memcpy(&a->u.in4.sin_addr, rec->client_ip, 4);
	} else if (rec->client_family == AF_INET6) {
		a->len = sizeof a->u.in6;
		a->u.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		memcpy(&a->u.in6.sin6_addr, rec->client_ip, 16);
	} else {
		out->known = false;
	}
}

/* Every status but 2xx has a cause: a reason token, or the target that said so. */
static struct span
reason_of(const struct journal_rec *rec)
{
	bool relayed = rec->reason == R_NONE && rec->upstream_status != 0 &&
	    (rec->upstream_status < 200 || rec->upstream_status > 299);

	return relayed ? SPAN("upstream") : span_str(reason_token((enum reason)rec->reason));
}

void
logvalue_get(const void *view, unsigned field, struct expr_value *out)
{
	const struct journal_view *v = view;
	const struct journal_rec *rec = &v->rec;
	bool forward = (rec->flags & JF_FORWARD) != 0;

	out->known = false;
	switch ((enum logfield)field) {
	case LF_TIME:
		out->known = true;
		out->milli = (int64_t)(rec->wall_us / 1000);
		return;
	case LF_CLIENT: set_client(out, rec); return;
	case LF_STATUS: set_number(out, rec->status); return;
	case LF_UPSTREAM_STATUS: set_number(out, rec->upstream_status); return;
	case LF_BYTES_IN: set_number(out, rec->bytes_in); return;
	case LF_BYTES_OUT: set_number(out, rec->bytes_out); return;
	case LF_SENT: set_number(out, rec->sent); return;
	case LF_DNS_MS: set_us(out, rec->t.dns); return;
	case LF_CONNECT_MS: set_us(out, rec->t.connect); return;
	case LF_FIRST_BYTE_MS: set_us(out, rec->t.first_byte); return;
	case LF_TOTAL_MS: set_us(out, rec->t.total); return;
	case LF_REASON: set_text(out, reason_of(rec)); return;
	case LF_CACHE: set_text(out, span_str(cache_result_token(rec->cache))); return;
	case LF_TRIES: set_number(out, rec->tries); return;
	case LF_REUSED: set_number(out, (rec->flags & JF_REUSED) != 0); return;
	case LF_PID: set_number(out, rec->pid); return;
	case LF_GENERATION: set_number(out, rec->generation); return;
	case LF_METHOD:
	case LF_HOST:
	case LF_TARGET:
	case LF_LIST:
	case LF_LISTENER:
	case LF_UPSTREAM:
	case LF_REQUEST_ID:
	case LF_REFERER:
	case LF_AGENT: set_text(out, v->s[logvalue_string((enum logfield)field)]); return;
	case LF_ROUTE: set_text(out, forward ? SPAN_NONE : v->s[JS_ROUTE]); return;
	case LF_RULE: set_text(out, forward ? v->s[JS_ROUTE] : SPAN_NONE); return;
	case LF_MAX: return;
	}
}
