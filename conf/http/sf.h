/*
 * sf.h - structured fields, as far as fields we interpret need them: dictionaries of items (RFC 8941 3.2, 4.2.2).
 *
 * Strict: the first byte that does not belong makes the field an error, and RFC 8941 4.2 has the receiver ignore the
 * whole field then. Parameters and inner lists are checked and passed over.
 */
#pragma once
#include "conf/http/field.h"

enum sf_type { SF_BOOLEAN, SF_INTEGER, SF_DECIMAL, SF_STRING, SF_TOKEN, SF_BYTES, SF_LIST };

struct sf_item {
	enum sf_type	type;
	int64_t		integer;	/* SF_INTEGER, SF_BOOLEAN */
	struct span	text;		/* as written, without quotes or colons; escapes of a string are left in it */
};

/* Over every line of one name, as if joined by commas. A key may come again: the last one counts. */
struct sf_dict { const struct fields *f; struct span rest; uint16_t at, id; };
struct sf_dict sf_dict_init(const struct fields *, enum hname);
/* 1: *key and *item are set; 0: the end; -E_SYNTAX. */
int	sf_dict_next(struct sf_dict *, struct span *key, struct sf_item *) MUST_CHECK;
