/*
 * h1_source.h - the payload of an HTTP/1 message that arrives on a conn, as a body source. Used for requests from
 * clients and for responses from targets alike.
 *
 * The owner of the conn passes CONN_DATA and CONN_EOF on; the source decodes in place, keeps the conn paused
 * while its buffer is full, and tells the sink through body->ready.
 */
#pragma once
#include "conf/base/arena.h"
#include "worker/http/chunked.h"
#include "worker/http/h1_parse.h"
#include "worker/io/conn.h"
#include "worker/req/body.h"

struct h1_source {
	struct body	body;
	struct conn	*conn;
	struct arena	*arena;		/* for trailers */
	const struct h1_limits *limits;	/* of the trailer section */
	enum h1_body	kind;
	bool		response;
	bool		in_trailer;
	bool		raw;		/* the sink takes bytes by splice; the conn is in raw mode */
	bool		over;		/* nothing more comes; what is at hand is still looked at */
	enum reason	over_why;	/* R_NONE: the peer's FIN */
	uint64_t	left;		/* H1_LENGTH: bytes not yet at hand */
	uint64_t	limit;		/* most payload allowed; R_BODY_LARGE above */
	uint64_t	received;	/* payload so far */
	int64_t		wait_since;	/* loop ms since when the sink has waited for payload; 0: it does not */
	int64_t		waited;		/* ms it waited before that */
	size_t		at_hand, behind;	/* payload first among the conn's unread bytes, framing behind it */
	struct chunked	chunked;
	struct h1_scan	scan;
	struct fields	trailers;
};

/* What is to come is so much that it will go by splice, if anything does: it is better not read. */
bool	h1_source_bulk(enum h1_body, uint64_t to_come);
/* Bytes already unread on the conn count. kind must not be H1_NONE. */
void	h1_source_init(struct h1_source *, struct conn *, enum h1_body kind, uint64_t length, bool response,
	    struct arena *, const struct h1_limits *, uint64_t limit);
void	h1_source_data(struct h1_source *);	/* more unread bytes on the conn */
uint64_t h1_source_least(const struct h1_source *);	/* payload so far, with what is announced of a chunk */
void	h1_source_eof(struct h1_source *);	/* the conn's peer sent FIN */
/* Timeout, reset. A message that is complete in the conn's buffer still ends well. */
void	h1_source_fail(struct h1_source *, enum reason);
