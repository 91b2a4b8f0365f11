/*
 * kept.h - a body source that remembers what was taken from another one, so that a small request body can be
 * sent again on another connection (SECURITY.md 2, retry rule).
 */
#pragma once
#include "worker/io/buf.h"
#include "worker/req/body.h"

#define KEPT_MAX BUF_LARGE		/* longest body kept */

struct kept {
	struct body	body;
	struct body	*from;
	struct buf	*copy;		/* everything taken so far */
	uint32_t	at;		/* how much of it the present sink has */
};

/* from's length must be known and at most KEPT_MAX. false: no memory, nothing changed. */
bool	kept_init(struct kept *, struct body *from);
void	kept_rewind(struct kept *);	/* the next sink starts from the beginning */
void	kept_fini(struct kept *);	/* idempotent; also on a zeroed struct */
