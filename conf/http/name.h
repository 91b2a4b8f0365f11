/*
 * name.h - the header field names this program treats specially, as small numbers with flags.
 */
#pragma once
#include "conf/base/span.h"

enum hname {
	H_OTHER,
#define NAME(id, text, flags) id,
#include "conf/http/name_tbl.h"
#undef NAME
	H_MAX			/* at most 127: struct fields keeps a bitmap of 128 */
};

enum {
	HN_HOP		= 1 << 0,	/* hop-by-hop: never forwarded as received (RFC 9110 7.6.1) */
	HN_SINGLE	= 1 << 1,	/* a second one is an error (SECURITY rows 2, 23, 27) */
	HN_PROTECTED	= 1 << 2,	/* Connection may not nominate it (row 19) */
	HN_IDENTITY	= 1 << 3,	/* dropped when the peer is not trusted (row 26) */
	HN_SECRET	= 1 << 4,	/* value never logged */
	HN_NO_TRAILER	= 1 << 5,	/* forbidden in a trailer section (RFC 9110 6.5.1) */
};

enum hname name_find(struct span name);		/* without case; H_OTHER when unknown */
const char *name_text(enum hname);		/* lower case; "" for H_OTHER */
unsigned name_flags(enum hname);
