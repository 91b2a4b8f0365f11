/*
 * fuzz_entry.c - any bytes as records of the store: refused, or read without a byte outside them. What an index record
 * says is, written, read as the same; the fields of a head stand in its block; a sealed chunk gives its payload.
 *
 * The first number and the checksum of a head, and the checksum of an index record, are put right in a second try.
 */
#include <stdlib.h>

#include "cache/entry.h"
#include "conf/base/assert.h"
#include "conf/base/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 2 * CHUNK_SIZE;

#define HEAD_MAGIC 0x31646870u	/* entry.c's */

static char *
copy_of(const uint8_t *data, size_t size)
{
	char *p = malloc(size + 1);

	ASSERT(p != NULL);
	if (size > 0)
		memcpy(p, data, size);
	return p;
}

static bool
within(struct span part, struct span whole)
{
	return part.n == 0 ||
	    (part.p >= whole.p && part.n <= (size_t)(whole.p + whole.n - part.p));
}

static void
read_head(struct span record)
{
	struct head h;
	struct head_field f;
	unsigned n = 0;

	if (head_read(&h, record) != 0)
		return;
	ASSERT(h.tags.n <= TAGS_MAX * TAG_SIZE && h.tags.n % TAG_SIZE == 0);
	ASSERT(within(h.key, record) && within(h.names, record) && within(h.block, record));
	ASSERT(h.validators.etag.p == NULL || within(h.validators.etag, record));
	while (head_field(record, n, &f)) {
		ASSERT(within(f.name, h.block) && within(f.value, h.block));
		n++;
	}
	ASSERT(n <= HEAD_FIELDS_MAX);
}

static void
read_entry(struct span record)
{
	char bytes[ENTRY_SIZE], twice[ENTRY_SIZE];
	struct entry e, again;

	if (entry_read(&e, record) != 0)
		return;
	entry_write(bytes, &e);
	ASSERT(entry_read(&again, span_make(bytes, sizeof bytes)) == 0);
	entry_write(twice, &again);
	ASSERT(memcmp(bytes, twice, sizeof bytes) == 0);
	ASSERT(again.id == e.id && again.length == e.length && again.kind == e.kind);
}

static void
put_number(char *at, uint32_t v)
{
	memcpy(at, &v, sizeof v);
}

static void
with_checksums(char *p, size_t size)
{
	if (size >= 8) {
		put_number(p, HEAD_MAGIC);
		put_number(p + 4, crc32c(0, span_make(p + 8, size - 8)));
		read_head(span_make(p, size));
	}
	if (size == ENTRY_SIZE) {
		put_number(p + ENTRY_SIZE - 4, crc32c(0, span_make(p, ENTRY_SIZE - 4)));
		read_entry(span_make(p, size));
	}
}

static void
check_chunk(const uint8_t *data, size_t size)
{
	size_t n = size < CHUNK_PAYLOAD ? size : CHUNK_PAYLOAD;
	char *chunk = malloc(n + 4);
	struct span payload;

	ASSERT(chunk != NULL);
	if (n > 0)
		memcpy(chunk, data, n);
	chunk_seal(chunk, n);
	ASSERT(chunk_read(span_make(chunk, n + 4), true, &payload) == 0);
	ASSERT(payload.n == n && (n == 0 || memcmp(payload.p, data, n) == 0));
	chunk[n] ^= 1;
	ASSERT(chunk_read(span_make(chunk, n + 4), true, &payload) != 0);
	free(chunk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = copy_of(data, size);
	struct span payload;

	read_head(span_make(p, size));
	read_entry(span_make(p, size));
	if (chunk_read(span_make(p, size), true, &payload) == 0)
		ASSERT(within(payload, span_make(p, size)));
	with_checksums(p, size);
	free(p);
	check_chunk(data, size);
	return 0;
}
