/*
 * entry.c - records as bytes. Values of the store stand at odd addresses, so nothing is read but by memcpy.
 *
 * A head record: struct head_fixed, `tags` numbers, `fields` struct field_at, then key, names, entity tag, address and
 * block.
 */
#include "cache/entry.h"

#include "cache/text.h"
#include "conf/base/crc32c.h"
#include "conf/http/status.h"

#define HEAD_MAGIC 0x31646870u		/* "phd1": another layout is another number */

/* ---- the index record ---- */

struct entry_bytes {
	uint8_t		kind, flags;
	uint16_t	status;
	uint32_t	slot;
	uint64_t	id, length;
	uint32_t	received;	/* Unix seconds; until 2106 */
	uint32_t	fresh_for, stale_while_revalidate, stale_if_error, age;
	uint32_t	generation;
	uint32_t	reserved, crc;
};

_Static_assert(sizeof(struct entry_bytes) == ENTRY_SIZE, "no padding");

static uint32_t
checksum(const void *p, size_t n)
{
	return crc32c(0, span_make(p, n));
}

void
entry_write(char out[ENTRY_SIZE], const struct entry *e)
{
	struct entry_bytes b = {
		.kind = (uint8_t)e->kind,
		.flags = (uint8_t)e->life.flags,
		.status = (uint16_t)e->status,
		.slot = e->slot,
		.id = e->id,
		.length = e->length,
		.received = e->life.received < 0 ? 0 : (uint32_t)e->life.received,
		.fresh_for = e->life.fresh_for,
		.stale_while_revalidate = e->life.stale_while_revalidate,
		.stale_if_error = e->life.stale_if_error,
		.age = e->life.age,
		.generation = e->generation,
	};

	b.crc = checksum(&b, offsetof(struct entry_bytes, crc));
	memcpy(out, &b, sizeof b);
}

static bool
plausible(const struct entry_bytes *b)
{
	return b->kind >= ENTRY_OBJECT && b->kind <= ENTRY_PASS && b->fresh_for <= SECONDS_MAX &&
	    b->stale_while_revalidate <= SECONDS_MAX && b->stale_if_error <= SECONDS_MAX &&
	    b->age <= SECONDS_MAX && b->length <= INT64_MAX &&
	    (b->kind != ENTRY_OBJECT || (b->status >= 200 && b->status <= 999));
}

int
entry_read(struct entry *e, struct span s)
{
	struct entry_bytes b;

	if (s.n != sizeof b)
		return -E_CORRUPT;
	memcpy(&b, s.p, sizeof b);
	if (b.crc != checksum(&b, offsetof(struct entry_bytes, crc)) || !plausible(&b))
		return -E_CORRUPT;
	*e = (struct entry){ .kind = (enum entry_kind)b.kind,
		.status = b.status,
		.slot = b.slot,
		.id = b.id,
		.length = b.length,
		.generation = b.generation,
		.life = { .received = b.received,
		    .age = b.age,
		    .fresh_for = b.fresh_for,
		    .stale_while_revalidate = b.stale_while_revalidate,
		    .stale_if_error = b.stale_if_error,
		    .flags = b.flags } };
	return 0;
}

/* ---- the head record ---- */

struct head_fixed {
	uint32_t	magic, crc;	/* of everything behind it */
	int64_t		modified, date;
	uint32_t	key, names, etag, block;	/* lengths */
	uint16_t	tags, fields;
	uint32_t	address;	/* a length as well */
};

struct field_at { uint32_t at, value; uint16_t name, blank; };	/* in the block; value's length behind ": " */

static bool
is_stored(const struct field *f)
{
	if ((f->flags & FIELD_DROP) != 0 || (name_flags((enum hname)f->id) & HN_HOP) != 0)
		return false;
	switch ((int)f->id) {
	case H_AGE: case H_CONTENT_LENGTH: case H_PROXY_AUTHENTICATE: case H_PROXY_AUTHORIZATION:
		return false;
	}
	return !span_ieq_str(f->name, "proxy-authentication-info");
}

static unsigned
count_stored(const struct fields *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n; i++)
		n += is_stored(&f->v[i]);
	return n;
}

static void
put_status_line(struct text *t, int status)
{
	const char digits[] = { (char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
		(char)('0' + status % 10), ' ' };

	text_put(t, SPAN("HTTP/1.1 "));
	text_put(t, span_make(digits, sizeof digits));
	text_put(t, span_str(status_text(status)));
	text_put(t, SPAN("\r\n"));
}

/* Field lines behind what t holds of the block, which starts at `block`; a row of the table for each. */
static void
put_fields(struct text *t, size_t block, char *table, const struct fields *response)
{
	for (unsigned i = 0; i < response->n; i++) {
		const struct field *f = &response->v[i];
		struct field_at row = { (uint32_t)(t->n - block), (uint32_t)f->value.n,
			(uint16_t)f->name.n, 0 };

		if (!is_stored(f))
			continue;
		memcpy(table, &row, sizeof row);
		table += sizeof row;
		text_put(t, f->name);
		text_put(t, SPAN(": "));
		text_put(t, f->value);
		text_put(t, SPAN("\r\n"));
	}
}

size_t
head_write(char *out, size_t size, const struct head *h, int status, const struct fields *response)
{
	struct text t = { .p = out, .size = size < HEAD_MAX ? size : HEAD_MAX };
	struct head_fixed fixed = { .magic = HEAD_MAGIC,
		.modified = h->validators.modified,
		.date = h->validators.date,
		.key = (uint32_t)h->key.n,
		.names = (uint32_t)h->names.n,
		.etag = (uint32_t)h->validators.etag.n,
		.address = (uint32_t)h->address.n,
		.tags = (uint16_t)(h->tags.n / TAG_SIZE),
		.fields = (uint16_t)count_stored(response) };
	size_t rows = fixed.fields * sizeof(struct field_at), block;
	char *table;

	if (fixed.fields > HEAD_FIELDS_MAX || text_room(&t, sizeof fixed) == NULL)
		return 0;
	text_put(&t, h->tags);
	if ((table = text_room(&t, rows)) == NULL)
		return 0;
	text_put(&t, h->key);
	text_put(&t, h->names);
	text_put(&t, h->validators.etag);
	text_put(&t, h->address);
	block = t.n;
	put_status_line(&t, status);
	put_fields(&t, block, table, response);
	if (t.full)
		return 0;
	fixed.block = (uint32_t)(t.n - block);
	memcpy(out, &fixed, sizeof fixed);
	fixed.crc = checksum(out + offsetof(struct head_fixed, modified),
	    t.n - offsetof(struct head_fixed, modified));
	memcpy(out, &fixed, sizeof fixed);
	return t.n;
}

/* Cuts n bytes off the left; false when there are fewer. */
static bool
cut(struct span *rest, size_t n, struct span *part)
{
	if (n > rest->n)
		return false;
	*part = span_make(rest->p, n);
	*rest = span_make(rest->p + n, rest->n - n);
	return true;
}

static bool
rows_fit(struct span rows, size_t block)
{
	struct field_at row;

	for (; rows.n > 0; rows = span_make(rows.p + sizeof row, rows.n - sizeof row)) {
		memcpy(&row, rows.p, sizeof row);
		if ((uint64_t)row.at + row.name + 2 + row.value + 2 > block)
			return false;
	}
	return true;
}

static int
open_head(struct head_fixed *fixed, struct span s)
{
	size_t from = offsetof(struct head_fixed, modified);

	if (s.n < sizeof *fixed || s.n > HEAD_MAX)
		return -E_CORRUPT;
	memcpy(fixed, s.p, sizeof *fixed);
	if (fixed->magic != HEAD_MAGIC || fixed->crc != checksum(s.p + from, s.n - from) ||
	    fixed->tags > TAGS_MAX || fixed->fields > HEAD_FIELDS_MAX)
		return -E_CORRUPT;
	return 0;
}

int
head_read(struct head *h, struct span s)
{
	struct head_fixed fixed;
	struct span rest, rows, etag;

	if (open_head(&fixed, s) != 0)
		return -E_CORRUPT;
	rest = span_make(s.p + sizeof fixed, s.n - sizeof fixed);
	if (!cut(&rest, (size_t)fixed.tags * TAG_SIZE, &h->tags) ||
	    !cut(&rest, fixed.fields * sizeof(struct field_at), &rows) ||
	    !cut(&rest, fixed.key, &h->key) || !cut(&rest, fixed.names, &h->names) ||
	    !cut(&rest, fixed.etag, &etag) || !cut(&rest, fixed.address, &h->address) ||
	    !cut(&rest, fixed.block, &h->block) || rest.n != 0 ||
	    !rows_fit(rows, fixed.block))
		return -E_CORRUPT;
	h->n_fields = fixed.fields;
	h->validators = (struct validators){ .etag = etag.n > 0 ? etag : SPAN_NONE,
		.modified = fixed.modified,
		.date = fixed.date };
	return 0;
}

bool
head_field(struct span s, unsigned n, struct head_field *out)
{
	struct head_fixed fixed;
	struct field_at row;
	const char *line;
	size_t table;

	memcpy(&fixed, s.p, sizeof fixed);
	if (n >= fixed.fields)
		return false;
	table = sizeof fixed + fixed.tags * TAG_SIZE;
	memcpy(&row, s.p + table + n * sizeof row, sizeof row);
	line = s.p + s.n - fixed.block + row.at;
	out->name = span_make(line, row.name);
	out->value = span_make(line + row.name + 2, row.value);
	return true;
}

/* ---- body chunks ---- */

void
chunk_seal(char *chunk, size_t n)
{
	uint32_t crc = checksum(chunk, n);

	memcpy(chunk + n, &crc, sizeof crc);
}

int
chunk_read(struct span chunk, bool verify, struct span *payload)
{
	uint32_t crc;

	if (chunk.n < sizeof crc || chunk.n > CHUNK_SIZE)
		return -E_CORRUPT;
	*payload = span_make(chunk.p, chunk.n - sizeof crc);
	memcpy(&crc, payload->p + payload->n, sizeof crc);
	return verify && crc != checksum(payload->p, payload->n) ? -E_CORRUPT : 0;
}
