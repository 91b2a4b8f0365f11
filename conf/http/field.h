/*
 * field.h - the fields of one message head or trailer: spans into a buffer that somebody else keeps.
 *
 * The codec fills `line` with the whole received line (CRLF included), so that neighbouring unchanged lines
 * leave as one piece. Fields made here have line.p == NULL and are written from name and value.
 */
#pragma once
#include "conf/http/name.h"

enum { FIELD_DROP = 1 << 0 };		/* not forwarded; still visible to lookups by the receiver's own code */

struct field {
	struct span	name, value;	/* value without surrounding blanks */
	struct span	line;
	uint16_t	id;		/* enum hname */
	uint16_t	flags;		/* FIELD_* */
};

struct fields {
	struct field	*v;		/* lent; capacity is the owner's business */
	uint16_t	n, size;
	uint64_t	have[2];	/* bit id set: at least one field of that id */
};

static inline bool fields_has(const struct fields *f, enum hname id) { return (f->have[id >> 6] >> (id & 63)) & 1; }
const struct field *fields_find(const struct fields *, enum hname);	/* the first, NULL when absent */
struct span fields_value(const struct fields *, enum hname);		/* of the first; p == NULL when absent */
unsigned fields_count(const struct fields *, enum hname);
/* Appends; returns the new field, or NULL when full. */
struct field *fields_add(struct fields *, struct span name, struct span value, struct span line);
void	fields_drop(struct fields *, enum hname);			/* marks every one FIELD_DROP */

/*
 * RFC 9110 5.6.1 lists, over all lines of one name: quoted strings respected, empty members skipped.
 *	struct list_iter it = list_iter_init(f, H_CONNECTION); while (list_iter_next(&it, &member)) ...
 */
struct list_iter { const struct fields *f; struct span rest; uint16_t at; uint16_t id; };
struct list_iter list_iter_init(const struct fields *, enum hname);
bool	list_iter_next(struct list_iter *, struct span *member);
bool	fields_list_has(const struct fields *, enum hname, const char *token);	/* without case; parameters ignored */

/* RFC 9110 5.6.2, 5.5: grammar by table. */
bool	http_is_token(struct span);			/* at least one tchar, nothing else */
bool	http_is_value(struct span);			/* VCHAR, obs-text, SP, HTAB only */
extern const uint8_t http_char[256];			/* HC_* bits */
enum { HC_TOKEN = 1, HC_VALUE = 2, HC_HEX = 4, HC_UNRESERVED = 8, HC_PATH = 16, HC_QUERY = 32, HC_HOST = 64 };
