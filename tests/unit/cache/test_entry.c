/* test_entry.c - records come back as written, and no damaged byte is believed. */
#include "tests/unit/unit.h"
#include "cache/entry.h"

static struct field room[300];
static struct fields set;
static char record[HEAD_MAX];

static const struct entry object = { .kind = ENTRY_OBJECT,
	.status = 200,
	.slot = 7,
	.id = UINT64_C(1) << 40,
	.length = 123456789012,
	.generation = 3,
	.life = { .received = 1800000000,
	    .age = 5,
	    .fresh_for = 60,
	    .stale_while_revalidate = 10,
	    .stale_if_error = SECONDS_MAX,
	    .flags = CF_VALIDATOR | CF_MUST_REVALIDATE } };

static void
add(const char *name, const char *value)
{
	ck_assert_ptr_nonnull(fields_add(&set, span_str(name), span_str(value), SPAN_NONE));
}

static void
begin(void)
{
	set = (struct fields){ .v = room, .size = 300 };
}

START_TEST(an_index_record_comes_back)
{
	char bytes[ENTRY_SIZE];
	struct entry e;

	entry_write(bytes, &object);
	ck_assert_int_eq(entry_read(&e, span_make(bytes, sizeof bytes)), 0);
	ck_assert_int_eq(e.kind, ENTRY_OBJECT);
	ck_assert_int_eq(e.status, 200);
	ck_assert_uint_eq(e.slot, 7);
	ck_assert_uint_eq(e.id, UINT64_C(1) << 40);
	ck_assert_uint_eq(e.length, 123456789012);
	ck_assert_uint_eq(e.generation, 3);
	ck_assert_int_eq(e.life.received, 1800000000);
	ck_assert_uint_eq(e.life.age, 5);
	ck_assert_uint_eq(e.life.fresh_for, 60);
	ck_assert_uint_eq(e.life.stale_while_revalidate, 10);
	ck_assert_uint_eq(e.life.stale_if_error, SECONDS_MAX);
	ck_assert_uint_eq(e.life.flags, CF_VALIDATOR | CF_MUST_REVALIDATE);
}
END_TEST

START_TEST(no_flipped_bit_of_an_index_record_is_believed)
{
	char bytes[ENTRY_SIZE];
	struct entry e;

	entry_write(bytes, &object);
	for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert_int_eq(entry_read(&e, span_make(bytes, sizeof bytes)), -E_CORRUPT);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	ck_assert_int_eq(entry_read(&e, span_make(bytes, sizeof bytes - 1)), -E_CORRUPT);
	ck_assert_int_eq(entry_read(&e, SPAN("")), -E_CORRUPT);
}
END_TEST

START_TEST(what_is_well_formed_may_still_be_nonsense)
{
	struct entry bad[5];
	char bytes[ENTRY_SIZE];
	struct entry e;

	for (size_t i = 0; i < 5; i++)
		bad[i] = object;
	bad[0].kind = (enum entry_kind)4;
	bad[1].status = 199;
	bad[2].life.fresh_for = SECONDS_MAX + 1;
	bad[3].life.age = SECONDS_NONE;
	bad[4].length = UINT64_MAX;
	for (size_t i = 0; i < 5; i++) {
		entry_write(bytes, &bad[i]);
		ck_assert_int_eq(entry_read(&e, span_make(bytes, sizeof bytes)), -E_CORRUPT);
	}
}
END_TEST

static const uint64_t tags[] = { 1, UINT64_MAX };

static size_t
write_head(void)
{
	static const struct head h = { .key = { "s http://h/", 11 },
		.names = { "accept,foo", 10 },
		.tags = { (const char *)tags, sizeof tags },
		.validators = { { "\"e\"", 3 }, 784111777, 784111778 },
		.address = { "192.0.2.1", 9 } };

	begin();
	add("Content-Type", "text/plain");
	add("Age", "5");
	add("Connection", "x");
	add("Transfer-Encoding", "chunked");
	add("Content-Length", "3");
	add("Proxy-Authenticate", "Basic");
	add("Proxy-Authentication-Info", "x");
	add("X-Dropped", "x");
	room[7].flags = FIELD_DROP;
	add("ETag", "\"e\"");
	add("X-Empty", "");
	return head_write(record, sizeof record, &h, 404, &set);
}

START_TEST(a_head_comes_back_without_what_is_the_connections)
{
	struct span s = span_make(record, write_head());
	struct head_field f;
	struct head h;

	ck_assert_uint_gt(s.n, 0);
	ck_assert_int_eq(head_read(&h, s), 0);
	ck_assert(span_eq_str(h.key, "s http://h/") && span_eq_str(h.names, "accept,foo"));
	ck_assert_uint_eq(h.tags.n, 2 * TAG_SIZE);
	ck_assert(memcmp(h.tags.p, tags, sizeof tags) == 0);
	ck_assert(span_eq_str(h.validators.etag, "\"e\"") && span_eq_str(h.address, "192.0.2.1"));
	ck_assert_int_eq(h.validators.modified, 784111777);
	ck_assert_int_eq(h.validators.date, 784111778);
	ck_assert(span_eq_str(h.block,
	    "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nETag: \"e\"\r\nX-Empty: \r\n"));
	ck_assert(head_field(s, 0, &f) && span_eq_str(f.name, "Content-Type") &&
	    span_eq_str(f.value, "text/plain"));
	ck_assert(head_field(s, 2, &f) && span_eq_str(f.name, "X-Empty") && f.value.n == 0);
	ck_assert(!head_field(s, 3, &f));
}
END_TEST

START_TEST(no_flipped_bit_or_cut_of_a_head_is_believed)
{
	size_t n = write_head();
	struct head h;

	for (size_t bit = 0; bit < n * 8; bit++) {
		record[bit / 8] ^= (char)(1 << bit % 8);
		ck_assert_int_eq(head_read(&h, span_make(record, n)), -E_CORRUPT);
		record[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t len = 0; len < n; len++)
		ck_assert_int_eq(head_read(&h, span_make(record, len)), -E_CORRUPT);
	ck_assert_int_eq(head_read(&h, span_make(record, n)), 0);
}
END_TEST

START_TEST(a_head_that_does_not_fit_is_not_written)
{
	static char name[8] = "X-A", long_value[HEAD_MAX];
	static const struct head h = { .key = { "k", 1 } };
	size_t n = write_head();

	for (size_t size = 0; size < n; size++)
		ck_assert_uint_eq(head_write(record, size,
				      &(struct head){ .key = SPAN("s http://h/"),
					  .names = SPAN("accept,foo"),
					  .tags = { record, 2 * TAG_SIZE },
					  .validators = { SPAN("\"e\""), 1, 2 },
					  .address = SPAN("192.0.2.1") },
				      404, &set),
		    0);
	begin();
	for (int i = 0; i < HEAD_FIELDS_MAX; i++)
		add(name, "1");
	ck_assert_uint_gt(head_write(record, sizeof record, &h, 200, &set), 0);
	add(name, "1");
	ck_assert_uint_eq(head_write(record, sizeof record, &h, 200, &set), 0);
	begin();
	memset(long_value, 'x', sizeof long_value - 1);
	add(name, long_value);
	ck_assert_uint_eq(head_write(record, sizeof record, &h, 200, &set), 0);
}
END_TEST

START_TEST(a_chunk_is_verified_when_asked)
{
	static char chunk[CHUNK_SIZE + 1];
	struct span payload;

	memset(chunk, 'x', CHUNK_PAYLOAD);
	chunk_seal(chunk, CHUNK_PAYLOAD);
	ck_assert_int_eq(chunk_read(span_make(chunk, CHUNK_SIZE), true, &payload), 0);
	ck_assert_uint_eq(payload.n, CHUNK_PAYLOAD);
	chunk[100] ^= 1;
	ck_assert_int_eq(chunk_read(span_make(chunk, CHUNK_SIZE), true, &payload), -E_CORRUPT);
	ck_assert_int_eq(chunk_read(span_make(chunk, CHUNK_SIZE), false, &payload), 0);
	ck_assert_int_eq(chunk_read(span_make(chunk, 3), false, &payload), -E_CORRUPT);
	ck_assert_int_eq(chunk_read(span_make(chunk, CHUNK_SIZE + 1), false, &payload), -E_CORRUPT);
	chunk_seal(chunk, 0);
	ck_assert_int_eq(chunk_read(span_make(chunk, 4), true, &payload), 0);
	ck_assert_uint_eq(payload.n, 0);
}
END_TEST

UNIT_MAIN("cache/entry", an_index_record_comes_back, no_flipped_bit_of_an_index_record_is_believed,
    what_is_well_formed_may_still_be_nonsense, a_head_comes_back_without_what_is_the_connections,
    no_flipped_bit_or_cut_of_a_head_is_believed, a_head_that_does_not_fit_is_not_written,
    a_chunk_is_verified_when_asked)
