/*
 * body.h - a message body on its way: a source that holds payload in its read buffer, a sink that writes it.
 *
 * Pull with credit: the sink peeks, writes what its side takes and consumes exactly that; the source reads more
 * only when its buffer has room again. One buffer per direction, no copy. Both ends are version-neutral.
 */
#pragma once
#include <sys/uio.h>
#include "conf/base/span.h"
#include "conf/http/field.h"
#include "conf/http/reason.h"

enum body_state {
	BODY_OPEN,		/* more will come */
	BODY_END,		/* everything was received; what peek shows is the rest */
	BODY_FAILED		/* the source broke (`why`); what peek shows may be delivered, the message is cut */
};

enum { BODY_PIECES = 8 };

struct body;
struct conn;
struct body_ops {
	struct span (*peek)(struct body *);		/* payload at hand, lent until consume */
	void	(*consume)(struct body *, size_t n);	/* may make the source read on; never calls ready */
	void	(*want)(struct body *);			/* the sink has nothing left to do: read on */
	/*
	 * For bulk that nobody looks at (NULL: never). splice: the conn to take bytes from and at most how many,
	 * or NULL; only asked when peek is empty. spliced: that many were taken, or the conn ended (n 0).
	 */
	struct conn *(*splice)(struct body *, uint64_t *max);
	void	(*spliced)(struct body *, size_t n);
	/*
	 * What is at hand where it lies in more than one place (NULL: what peek shows is all): *n pieces, at most
	 * BODY_PIECES, the first one is peek's; lent as peek's is.
	 */
	const struct iovec *(*pieces)(struct body *, int *n);
};

#define BODY_UNKNOWN UINT64_MAX
struct body {
	const struct body_ops *ops;	/* NULL: no body */
	enum body_state	state;
	enum reason	why;
	uint64_t	length;		/* as announced, or BODY_UNKNOWN */
	uint64_t	moved;		/* payload bytes consumed */
	bool		stalled;	/* the sink cannot take more now: silence is not the source's fault */
	struct fields	*trailers;	/* once BODY_END; NULL: none */
	void		(*ready)(struct body *);	/* to the sink: more payload, the end, or failure */
	void		*sink;		/* the sink's own */
};

static inline struct span body_peek(struct body *b) { return b->ops == NULL ? SPAN_NONE : b->ops->peek(b); }
static inline void body_consume(struct body *b, size_t n) { b->moved += n; b->ops->consume(b, n); }
static inline void body_want(struct body *b) { if (b->ops != NULL && b->state == BODY_OPEN) b->ops->want(b); }
/* Everything was received and passed on (or there was nothing). */
static inline bool
body_done(struct body *b)
{
	return b->ops == NULL || (b->state == BODY_END && b->ops->peek(b).n == 0);
}

/* A body that lies in memory: local answers. */
struct memory_source { struct body body; struct span rest; };
void	memory_source_init(struct memory_source *, struct span bytes);	/* lent until consumed */
