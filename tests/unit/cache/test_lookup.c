/* test_lookup.c - a request finds what was stored for it, and nothing that was stored for another. */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "cache/lookup.c"
#include "tests/unit/cache/pairs.h"
#include "tests/unit/cache/place.h"

enum { SLOTS = 8 };

static struct store *store;
static struct store_conf conf = { .path = path, .size = 4 << 20, .readers = 3 };
static struct slot slots[SLOTS];
static const struct sip_key secret = { { 1, 2 } };
static struct lookup_in in;
static struct lookup l;
static const struct vary_rules plain;

/* The transaction stays open: the writer sees what it wrote, as readers do once it is committed. */
static void
setup(void)
{
	struct errdetail ed = { 0 };

	place_make();
	ck_assert_int_eq(store_open_writer(&store, &conf, &ed), 0);
	ck_assert_int_eq(store_transaction(store), 0);
	in = (struct lookup_in){ store, slots, SLOTS, &secret };
}

static void
teardown(void)
{
	store_abort(store);
	store_close(&store);
	place_remove();
}

static void
put(const struct key *key, struct entry e, const char *text, const char *names)
{
	struct head h = { .key = span_str(text), .names = span_str(names) };
	char record[1024], *room;
	size_t n = head_write(record, sizeof record, &h, 200, FIELDS("X-Id", "1"));

	e.status = 200;
	e.slot = (uint32_t)e.id % SLOTS;
	atomic_store(&slots[e.slot].id, e.id);
	ck_assert_int_eq(store_room(store, e.id, 0, n, &room), 0);
	memcpy(room, record, n);
	ck_assert_int_eq(store_put(store, key, &e), 0);
}

static struct key
key(const char *text)
{
	return key_of(&secret, span_str(text));
}

static struct key
variant(const char *text, uint32_t generation, const char *names, const struct fields *request)
{
	struct key primary = key(text), k;

	ck_assert(vary_key(&k, &secret, &primary, generation, span_str(names), request, &plain));
	return k;
}

static int
look(const char *text, const struct fields *request)
{
	return lookup(&in, &l, span_str(text), request, &plain);
}

START_TEST(an_object_is_found_by_its_text_and_its_use_is_counted)
{
	struct head_field f;
	struct key k = key("a"), none = key("b");

	setup();
	put(&k, (struct entry){ .kind = ENTRY_OBJECT, .id = 3 }, "a", "");
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), 0);
	ck_assert_uint_eq(l.entry.id, 3);
	ck_assert(head_field(l.record, 0, &f) && span_eq_str(f.name, "X-Id"));
	ck_assert_uint_eq(atomic_load(&slots[3].heat), 1);
	ck_assert_int_eq(look("b", FIELDS("Accept", "x")), -E_MISSING);
	ck_assert_mem_eq(&l.primary, &none, sizeof none);
	ck_assert_mem_eq(&l.key, &none, sizeof none);
	ck_assert(!l.varies);
	ck_assert_uint_eq(atomic_load(&slots[3].heat), 1);
	teardown();
}
END_TEST

START_TEST(a_slot_that_is_anothers_counts_nothing)
{
	struct key k = key("a");

	setup();
	put(&k, (struct entry){ .kind = ENTRY_OBJECT, .id = 3 }, "a", "");
	atomic_store(&slots[3].id, 11);
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), 0);
	ck_assert_uint_eq(atomic_load(&slots[3].heat), 0);
	in.n_slots = 3;				/* an entry from when there were more */
	atomic_store(&slots[3].id, 3);
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), 0);
	ck_assert_uint_eq(atomic_load(&slots[3].heat), 0);
	teardown();
}
END_TEST

START_TEST(a_key_that_collides_is_a_miss)
{
	struct key k = key("a");

	setup();
	put(&k, (struct entry){ .kind = ENTRY_OBJECT, .id = 3 }, "other", "");
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), -E_MISSING);
	ck_assert_uint_eq(atomic_load(&slots[3].heat), 0);
	teardown();
}
END_TEST

START_TEST(each_request_finds_its_own_variant)
{
	struct key k = key("a"), x, y;

	setup();
	x = variant("a", 7, "accept", FIELDS("Accept", "x"));
	y = variant("a", 7, "accept", FIELDS("Accept", "y"));
	put(&k, (struct entry){ .kind = ENTRY_VARY, .id = 1, .generation = 7 }, "a", "accept");
	put(&x, (struct entry){ .kind = ENTRY_OBJECT, .id = 2, .generation = 7 }, "a", "accept");
	put(&y, (struct entry){ .kind = ENTRY_OBJECT, .id = 3, .generation = 7 }, "a", "accept");
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), 0);
	ck_assert_uint_eq(l.entry.id, 2);
	ck_assert_int_eq(look("a", FIELDS("Accept", "y")), 0);
	ck_assert_uint_eq(l.entry.id, 3);
	ck_assert(l.varies && l.generation == 7 && span_eq_str(l.names, "accept"));
	ck_assert_uint_eq(atomic_load(&slots[1].heat), 2);
	ck_assert_uint_eq(atomic_load(&slots[2].heat), 1);
	ck_assert_int_eq(look("a", FIELDS("Accept", "z")), -E_MISSING);
	x = variant("a", 7, "accept", FIELDS("Accept", "z"));
	ck_assert_mem_eq(&l.key, &x, sizeof x);		/* where its answer is to be stored */
	ck_assert_mem_eq(&l.primary, &k, sizeof k);
	teardown();
}
END_TEST

START_TEST(a_variant_of_another_url_generation_or_kind_is_a_miss)
{
	static const struct {
		enum entry_kind kind;
		uint32_t generation;
		const char *text, *names;
	} rows[] = {
		{ ENTRY_OBJECT, 7, "b", "accept" },
		{ ENTRY_OBJECT, 6, "a", "accept" },
		{ ENTRY_OBJECT, 7, "a", "cookie" },
		{ ENTRY_VARY, 7, "a", "accept" },
		{ ENTRY_PASS, 7, "a", "accept" },
	};
	struct key k = key("a"), x;

	setup();
	x = variant("a", 7, "accept", FIELDS("Accept", "x"));
	put(&k, (struct entry){ .kind = ENTRY_VARY, .id = 1, .generation = 7 }, "a", "accept");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put(&x,
		    (struct entry){
			.kind = rows[i].kind, .id = 2, .generation = rows[i].generation },
		    rows[i].text, rows[i].names);
		ck_assert_int_eq(look("a", FIELDS("Accept", "x")), -E_MISSING);
	}
	ck_assert_uint_eq(atomic_load(&slots[2].heat), 0);
	teardown();
}
END_TEST

START_TEST(a_url_whose_entry_is_a_variants_or_none_is_a_miss)
{
	struct key k = key("a");

	setup();
	put(&k, (struct entry){ .kind = ENTRY_OBJECT, .id = 2 }, "a", "accept");
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), -E_MISSING);
	put(&k, (struct entry){ .kind = ENTRY_PASS, .id = 2 }, "a", "");
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), -E_MISSING);
	teardown();
}
END_TEST

START_TEST(a_head_that_is_damaged_or_gone_is_a_miss)
{
	struct key k = key("a");
	char *room;

	setup();
	put(&k, (struct entry){ .kind = ENTRY_OBJECT, .id = 2 }, "a", "");
	ck_assert_int_eq(store_room(store, 2, 0, 100, &room), 0);
	memset(room, 'x', 100);
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), -E_CORRUPT);
	ck_assert_int_eq(store_drop_values(store, 2, 10), 1);
	ck_assert_int_eq(look("a", FIELDS("Accept", "x")), -E_MISSING);
	ck_assert_uint_eq(atomic_load(&slots[2].heat), 0);
	teardown();
}
END_TEST

UNIT_MAIN("cache/lookup", an_object_is_found_by_its_text_and_its_use_is_counted,
    a_slot_that_is_anothers_counts_nothing, a_key_that_collides_is_a_miss,
    each_request_finds_its_own_variant, a_variant_of_another_url_generation_or_kind_is_a_miss,
    a_url_whose_entry_is_a_variants_or_none_is_a_miss, a_head_that_is_damaged_or_gone_is_a_miss)
