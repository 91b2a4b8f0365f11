/*
 * h1_parse.h - HTTP/1 heads: find their end, parse them, decide the framing (RFC 9112). No I/O, no allocation.
 *
 * The one framing decision of the program: whoever needs to know where a body ends asks the result of these
 * functions. Requests and responses go through the same strict field parser (SECURITY.md 1).
 */
#pragma once
#include "conf/http/field.h"
#include "conf/http/method.h"
#include "conf/http/reason.h"
#include "conf/http/uri.h"

struct h1_limits {
	uint32_t	max_head;	/* bytes of the whole head */
	uint32_t	max_field;	/* bytes of one field line; the name at most 256 */
	uint32_t	max_target;	/* bytes of the request target */
	uint16_t	max_fields;
	bool		relaxed;	/* a bare LF ends a head line too */
};

/*
 * Finds the end of a head that arrives in pieces. `at` is how far it looked; start with zeroes, keep it
 * between calls while the same head grows (the buffer may move). What is wrong with a line's shape (its end, its
 * length, a control byte, a fold, a first line without version) is known as soon as its byte is, whatever the
 * cuts between reads; the rest is judged by h1_parse_*. Written in h1_scan.c.
 */
struct h1_scan {
	uint32_t	at, line, skip;		/* line: start of the current line; skip: leading empty lines */
	bool		started;		/* the first line is complete */
};
/*
 * R_NONE and *len: the head is buf[scan->skip, *len), last CRLF included; *len 0: incomplete. Up to 2 empty
 * lines before a request are skipped.
 */
enum reason h1_scan_request(struct h1_scan *, struct span buf, const struct h1_limits *, size_t *len);
enum reason h1_scan_response(struct h1_scan *, struct span buf, const struct h1_limits *, size_t *len);
/*
 * Same for a trailer section, whose first line may be the empty one; *len includes the final CRLF. Reasons are
 * R_TRAILER_BAD and, for limits, R_HEAD_LARGE, R_FIELD_LARGE.
 */
enum reason h1_scan_trailer(struct h1_scan *, struct span buf, const struct h1_limits *, size_t *len);

enum h1_body { H1_NONE, H1_LENGTH, H1_CHUNKED, H1_CLOSE };	/* H1_CLOSE: a response until its end */

struct h1_request {
	struct span	method_text, target;
	enum method	method;
	uint8_t		minor;		/* HTTP/1.minor, 0 or 1 (higher minors count as 1) */
	struct target	uri;
	struct authority host;		/* of the target if it has one, else of Host; host.p NULL: none (1.0) */
	struct span	host_raw;	/* the same, as received, with port */
	struct fields	fields;
	enum h1_body	body;
	uint64_t	length;		/* of H1_LENGTH */
	bool		keep_alive;	/* what the client's version and Connection ask for */
	bool		expect;		/* Expect: 100-continue from an HTTP/1.1 client */
	bool		te_trailers;	/* TE: trailers */
	bool		upgrade;	/* Connection names Upgrade and an Upgrade field is there */
};

/* At most so many fields has this head, the shortest being "a:" and LF: a small head gets a small array. */
static inline uint16_t
h1_fields_most(struct span head, const struct h1_limits *lim)
{
	return head.n / 3 < lim->max_fields ? (uint16_t)(head.n / 3) : lim->max_fields;
}

/*
 * head: what h1_scan_request found. r->fields.v and .size are set by the caller before. Marks FIELD_DROP on
 * hop-by-hop fields and on those Connection nominates; nothing else is dropped here. Spans are lent from head.
 */
enum reason h1_parse_request(struct h1_request *r, struct span head, const struct h1_limits *);

struct h1_response {
	int		status;		/* 100-999 */
	uint8_t		minor;
	struct span	phrase;
	struct fields	fields;
	enum h1_body	body;		/* after HEAD, 1xx, 204, 304 and 2xx to CONNECT: H1_NONE */
	uint64_t	length;
	bool		has_length;	/* a Content-Length was there (it describes what a HEAD did not send) */
	bool		keep_alive;
	bool		upgrade;	/* as in the request; only looked at for 101 */
};

/*
 * method: of the request it answers. Reasons are the R_RESPONSE_* ones. Nominating a protected field is ignored.
 * A Content-Length where none may be (1xx, 204, 2xx to CONNECT) is marked FIELD_DROP and not reported.
 */
enum reason h1_parse_response(struct h1_response *r, struct span head, enum method method, const struct h1_limits *);

/*
 * section: what h1_scan_trailer found. R_TRAILER_BAD for forbidden names too (HN_NO_TRAILER), R_FIELDS_MANY and
 * R_FIELD_LARGE for limits; fields as above.
 */
enum reason h1_parse_trailer(struct fields *, struct span section, const struct h1_limits *);
