/*
 * fuzz_llhttp.h - a second opinion on HTTP/1: what this program accepts, llhttp (Node's parser, strict mode, the source
 * in Debian's node-llhttp) must accept and understand the same: start line, fields, where the body ends and what is in
 * it, trailers, persistence. A message that two readers end at different bytes is a request smuggled. What this
 * program refuses and llhttp takes is no finding: it is stricter by intent.
 *
 * Proxy-Connection, which llhttp reads as Connection and RFC 9112 C.2.2 calls a mistake, decides nothing here: where it
 * stands, persistence is not compared.
 *
 * A message becomes text on either side, and the texts are compared. Deliberate differences, ironed out before the
 * question is asked:
 *
 *	any token is a method		RFC 9110 9.1	llhttp knows a list; others are asked about as GET
 *	HTTP/1.2 and up are 1.1		RFC 9110 2.5	llhttp knows 1.0 and 1.1
 *	1xx, 204, 304: no body		RFC 9112 6.3	llhttp leaves that to its user, like HEAD and CONNECT
 *	blanks behind a value		RFC 9110 5.5	llhttp reports them
 *	a tab beside a length, coding	RFC 9110 5.6.3	llhttp skips blanks there, and no tab
 *	chunk extensions, any number	RFC 9112 7.1.1	llhttp wants a size behind the second; they go no further anyway
 */
#pragma once
#include <llhttp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "worker/http/chunked.h"
#include "worker/http/h1_parse.h"

#define ORACLE_INPUT	8192
#define ORACLE_FIELDS	64

static const struct h1_limits oracle_limits = {
	.max_head = ORACLE_INPUT, .max_field = 4096, .max_target = 4096, .max_fields = ORACLE_FIELDS,
};

struct oracle_text {
	size_t	n;
	char	data[4 * ORACLE_INPUT];
};

enum oracle_state { ORACLE_REFUSED, ORACLE_MORE, ORACLE_CLOSE, ORACLE_DONE };	/* CLOSE: ends with the connection */

struct oracle_message {
	enum oracle_state	state;
	size_t			head_end, end;	/* offsets in the input; of ORACLE_DONE */
	bool			keep_alive;	/* of ours: false too where it is not to be compared */
	struct oracle_text	start, fields, body, trailer;
};

static inline void
oracle_put(struct oracle_text *t, const char *p, size_t n)
{
	if (n > sizeof t->data - t->n)
		abort();
	if (n > 0)
		memcpy(t->data + t->n, p, n);
	t->n += n;
}

static inline void
oracle_put_fields(struct oracle_text *t, const struct fields *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		oracle_put(t, f->v[i].name.p, f->v[i].name.n);
		oracle_put(t, ":", 1);
		oracle_put(t, f->v[i].value.p, f->v[i].value.n);
		oracle_put(t, "\n", 1);
	}
}

static inline void
oracle_clear(struct oracle_message *m)
{
	m->state = ORACLE_REFUSED;
	m->head_end = m->end = 0;
	m->keep_alive = false;
	m->start.n = m->fields.n = m->body.n = m->trailer.n = 0;
}

/* copy: of the message that f's lines are in and that begins at p. */
static inline void
oracle_iron_tabs(char *copy, const char *p, const struct fields *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		const struct field *x = &f->v[i];

		if (x->id != H_CONTENT_LENGTH && x->id != H_TRANSFER_ENCODING)
			continue;
		for (const char *c = x->line.p; c < x->line.p + x->line.n; c++)
			if (*c == '\t')
				copy[c - p] = ' ';
	}
}

/* Turns what stands behind the ';' of chunk lines into one name; p: a body that chunked_decode takes, or its begin. */
static inline void
oracle_iron_extensions(char *p, size_t n)
{
	while (n > 0) {
		char *cr = memchr(p, '\r', n);
		size_t line = cr == NULL ? n : (size_t)(cr - p), size = strtoul(p, NULL, 16);
		char *ext = memchr(p, ';', line);

		if (ext != NULL)
			memset(ext + 1, 'x', (size_t)(p + line - ext) - 1);
		if (size == 0 || n - line < size + 4)
			return;
		p += line + size + 4;
		n -= line + size + 4;
	}
}

/* ---- this program ---- */

/* The trailer section behind a chunked body that ended at `at`. */
static inline void
oracle_our_trailer(struct oracle_message *m, struct span raw, size_t at)
{
	static struct field v[ORACLE_FIELDS];
	struct fields f = { .v = v, .size = ORACLE_FIELDS };
	struct h1_scan s = { 0 };
	struct span rest = span_make(raw.p + at, raw.n - at);
	size_t len;

	m->state = ORACLE_REFUSED;	/* not complete: not judged yet */
	if (h1_scan_trailer(&s, rest, &oracle_limits, &len) == R_NONE && len != 0 &&
	    h1_parse_trailer(&f, span_make(rest.p, len), &oracle_limits) == R_NONE) {
		oracle_put_fields(&m->trailer, &f);
		m->end = at + len;
		m->state = ORACLE_DONE;
	}
}

static inline void
oracle_our_chunks(struct oracle_message *m, struct span raw)
{
	struct chunked c = { .lax = true };
	size_t n = raw.n - m->head_end, start, len, used;
	char *buf = malloc(n + 1);
	enum chunked_result rc;

	if (n > 0)
		memcpy(buf, raw.p + m->head_end, n);
	rc = chunked_decode(&c, buf, n, &start, &len, &used);
	oracle_put(&m->body, buf + start, len);
	free(buf);
	m->state = rc == CHUNKED_MORE ? ORACLE_MORE : ORACLE_REFUSED;
	if (rc == CHUNKED_LAST)
		oracle_our_trailer(m, raw, m->head_end + used);
}

static inline void
oracle_our_body(struct oracle_message *m, struct span raw, enum h1_body body, uint64_t length)
{
	size_t n = raw.n - m->head_end;

	if (body == H1_CHUNKED) {
		oracle_our_chunks(m, raw);
		return;
	}
	if (body != H1_CLOSE && n > (body == H1_NONE ? 0 : length))
		n = body == H1_NONE ? 0 : (size_t)length;
	oracle_put(&m->body, raw.p + m->head_end, n);
	m->end = m->head_end + n;
	m->state = body == H1_CLOSE ? ORACLE_CLOSE :
	    body == H1_LENGTH && n < length ? ORACLE_MORE : ORACLE_DONE;
}

/* ---- llhttp ---- */

struct oracle_call {
	struct oracle_message *m;
	const char	*base;
	bool		(*bodyless)(const llhttp_t *);	/* of responses: as the request and the status say */
	bool		in_trailer;
	struct oracle_text value;
};

static inline struct oracle_text *
oracle_section(const llhttp_t *p)
{
	const struct oracle_call *c = p->data;

	return c->in_trailer ? &c->m->trailer : &c->m->fields;
}

static inline int
oracle_on_start(llhttp_t *p, const char *at, size_t n)
{
	oracle_put(&((struct oracle_call *)p->data)->m->start, at, n);
	return 0;
}

static inline int
oracle_on_name(llhttp_t *p, const char *at, size_t n)
{
	oracle_put(oracle_section(p), at, n);
	return 0;
}

static inline int
oracle_on_value(llhttp_t *p, const char *at, size_t n)
{
	oracle_put(&((struct oracle_call *)p->data)->value, at, n);
	return 0;
}

static inline int
oracle_on_value_end(llhttp_t *p)
{
	struct oracle_call *c = p->data;
	struct span value = span_trim(span_make(c->value.data, c->value.n));

	oracle_put(oracle_section(p), ":", 1);
	oracle_put(oracle_section(p), value.p, value.n);
	oracle_put(oracle_section(p), "\n", 1);
	c->value.n = 0;
	return 0;
}

static inline int
oracle_on_head(llhttp_t *p)
{
	struct oracle_call *c = p->data;

	c->in_trailer = true;
	c->m->state = ORACLE_MORE;
	c->m->keep_alive = llhttp_should_keep_alive(p);
	return c->bodyless != NULL && c->bodyless(p) ? 1 : 0;
}

static inline int
oracle_on_body(llhttp_t *p, const char *at, size_t n)
{
	oracle_put(&((struct oracle_call *)p->data)->m->body, at, n);
	return 0;
}

static inline int
oracle_on_message(llhttp_t *p)
{
	struct oracle_call *c = p->data;

	c->m->state = ORACLE_DONE;
	c->m->keep_alive = llhttp_should_keep_alive(p);
	return HPE_PAUSED;
}

static inline void
oracle_ask_once(struct oracle_message *m, struct span raw, llhttp_type_t type, bool (*bodyless)(const llhttp_t *))
{
	static struct oracle_call c;
	llhttp_settings_t on;
	llhttp_errno_t rc;
	llhttp_t p;

	oracle_clear(m);
	c.m = m;
	c.bodyless = bodyless;
	c.in_trailer = false;
	c.value.n = 0;
	llhttp_settings_init(&on);
	on.on_url = oracle_on_start;
	on.on_status = oracle_on_start;
	on.on_header_field = oracle_on_name;
	on.on_header_value = oracle_on_value;
	on.on_header_value_complete = oracle_on_value_end;
	on.on_headers_complete = oracle_on_head;
	on.on_body = oracle_on_body;
	on.on_message_complete = oracle_on_message;
	llhttp_init(&p, type, &on);
	p.data = &c;
	rc = llhttp_execute(&p, raw.p, raw.n);
	if (m->state == ORACLE_DONE) {
		m->end = rc == HPE_OK ? raw.n : (size_t)(llhttp_get_error_pos(&p) - raw.p);
	} else if (rc != HPE_OK) {
		m->state = ORACLE_REFUSED;
		oracle_put(&m->trailer, llhttp_get_error_reason(&p), strlen(llhttp_get_error_reason(&p)));
	} else if (m->state == ORACLE_MORE && p.finish != HTTP_FINISH_UNSAFE) {
		m->state = ORACLE_CLOSE;
	}
}

/* What llhttp says of text, whose body begins at `body`. */
static inline void
oracle_ask(struct oracle_message *m, char *text, size_t n, size_t body, llhttp_type_t type,
    bool (*bodyless)(const llhttp_t *))
{
	oracle_ask_once(m, span_make(text, n), type, bodyless);
	if (m->state != ORACLE_REFUSED || body > n || memchr(text + body, ';', n - body) == NULL)
		return;
	oracle_iron_extensions(text + body, n - body);
	oracle_ask_once(m, span_make(text, n), type, bodyless);
}

/* ---- the comparison ---- */

static inline bool
oracle_same(const struct oracle_text *a, const struct oracle_text *b)
{
	return a->n == b->n && memcmp(a->data, b->data, a->n) == 0;
}

static inline void
oracle_show(const char *who, const struct oracle_message *m)
{
	fprintf(stderr,
	    "%s: state %d end %zu keep-alive %d\n  start %.*s\n  fields %.*s\n  body %zu: %.*s\n  trailer %.*s\n",
	    who, (int)m->state, m->end, m->keep_alive, (int)m->start.n, m->start.data, (int)m->fields.n,
	    m->fields.data, m->body.n, (int)m->body.n, m->body.data, (int)m->trailer.n, m->trailer.data);
}

static inline void
oracle_compare(const struct oracle_message *ours, const struct oracle_message *theirs)
{
	bool done = ours->state == ORACLE_DONE;

	if (ours->state == theirs->state && oracle_same(&ours->start, &theirs->start) &&
	    oracle_same(&ours->fields, &theirs->fields) && oracle_same(&ours->body, &theirs->body) &&
	    (!done || (ours->end == theirs->end && oracle_same(&ours->trailer, &theirs->trailer))) &&
	    (!ours->keep_alive || theirs->keep_alive))
		return;
	oracle_show("proxyd", ours);
	oracle_show("llhttp", theirs);
	abort();
}
