/* test_stored.c - an object's bytes as a body: windows, turns, pins, copies, damage. A child is the writer. */
#include "tests/unit/unit.h"

#include <sys/wait.h>

#include "tests/unit/cache/place.h"

#undef fail				/* a macro of check.h */
#include "worker/cache/stored.c"

enum { SLOTS = 4, ID = 7, CHUNKS = 40, LENGTH = (CHUNKS - 1) * CHUNK_PAYLOAD + 100 };

static char object[LENGTH];
static struct store_conf conf = { .path = path, .size = 4 << 20, .readers = 3 };
static struct slot slots[SLOTS];
static struct cache_data data;
static struct pins pins;
static struct ctx x;
static struct cache c;
static struct stored s;
static struct entry entry;
static struct stored_part part;

/* damaged: the number of a chunk, or -1. */
static void
write_object(int damaged)
{
	struct store *w;
	char *room;

	ck_assert_int_eq(store_open_writer(&w, &conf, NULL), 0);
	ck_assert_int_eq(store_transaction(w), 0);
	for (int i = 0; i < CHUNKS; i++) {
		size_t at = (size_t)i * CHUNK_PAYLOAD;
		size_t n = LENGTH - at < CHUNK_PAYLOAD ? LENGTH - at : CHUNK_PAYLOAD;

		ck_assert_int_eq(store_room(w, ID, (uint32_t)i + 1, n + 4, &room), 0);
		memcpy(room, object + at, n);
		chunk_seal(room, n);
		if (i == damaged)
			room[n / 2] ^= 1;
	}
	ck_assert_int_eq(store_commit(w), 0);
	store_close(&w);
}

static void
setup(int damaged)
{
	pid_t pid;
	int status;

	for (size_t i = 0; i < LENGTH; i++)
		object[i] = (char)(i * 31 + i / 251);
	place_make();
	pid = fork();
	if (pid == 0) {
		write_object(damaged);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	memset(slots, 0, sizeof slots);
	memset(&pins, 0, sizeof pins);
	memset(&data, 0, sizeof data);
	data.state = CACHE_OPEN;
	slots[1].id = ID;
	entry = (struct entry){ .kind = ENTRY_OBJECT, .id = ID, .slot = 1, .length = LENGTH };
	ck_assert_int_eq(loop_init(&x.loop, NULL), 0);
	c = (struct cache){ .x = &x, .data = &data, .pins = &pins,
		.in = { .slots = slots, .n_slots = SLOTS } };
	ck_assert_int_eq(store_open_reader(&c.in.store, &conf, NULL), 0);
	list_init(&c.sending);
}

static void
teardown(void)
{
	stored_fini(&s);
	ck_assert(list_empty(&c.sending));
	ck_assert_uint_eq(c.copied, 0);
	for (unsigned i = 0; i < PINS; i++)
		ck_assert_uint_eq(pins.id[i], 0);
	store_close(&c.in.store);
	loop_fini(&x.loop);
	place_remove();
}

static bool
begin(uint64_t at, uint64_t n)
{
	part = (struct stored_part){ .at = at, .n = n };
	return stored_init(&s, &c, &entry, &part, 1);
}

/* What the hook of cache.c does. */
static void
end_turn(void)
{
	LIST_EACH_SAFE(&c.sending, n)
		stored_let_go(LIST_ENTRY(n, struct stored, node));
	store_end(c.in.store);
	x.loop.turns++;
}

/* Takes up to most bytes, and sees that they are those of the object at `at`. */
static size_t
take_bytes(uint64_t at, size_t most)
{
	const struct iovec *v;
	size_t sum = 0, part_n;
	int n;

	v = s.body.ops->pieces(&s.body, &n);
	ck_assert_int_le(n, BODY_PIECES);
	for (int i = 0; i < n && sum < most; i++) {
		part_n = v[i].iov_len < most - sum ? v[i].iov_len : most - sum;
		ck_assert_mem_eq(v[i].iov_base, object + at + sum, part_n);
		sum += part_n;
	}
	if (sum > 0)
		body_consume(&s.body, sum);
	return sum;
}

START_TEST(every_byte_comes_in_whatever_steps_and_turns)
{
	static const size_t steps[] = { 1, 1000, CHUNK_PAYLOAD, 100000, SIZE_MAX };

	setup(-1);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		uint64_t from = i * 777, at = from;

		ck_assert(begin(from, LENGTH - from - 5));
		ck_assert_uint_eq(s.body.length, LENGTH - from - 5);
		for (unsigned n = 0; !body_done(&s.body); n++) {
			size_t got = take_bytes(at, i == 0 && at > 100 ? SIZE_MAX : steps[i]);

			at += got;
			if (got == 0 || n % 3 == 2)
				end_turn();
		}
		ck_assert_uint_eq(at, LENGTH - 5);
		stored_fini(&s);
		end_turn();
	}
	ck_assert_uint_eq(slots[1].checked, CHUNKS);
	teardown();
}
END_TEST

START_TEST(a_turn_has_its_share_and_no_more)
{
	uint64_t at = 0, got;

	setup(-1);
	ck_assert(begin(0, LENGTH));
	while ((got = take_bytes(at, SIZE_MAX)) > 0)
		at += got;
	ck_assert_uint_eq(at, (uint64_t)STORED_TURN * CHUNK_PAYLOAD);
	ck_assert_int_eq(s.body.state, BODY_OPEN);
	end_turn();
	ck_assert_uint_gt(take_bytes(at, SIZE_MAX), 0);
	teardown();
}
END_TEST

START_TEST(what_outlasts_the_turn_is_pinned_until_it_is_sent)
{
	uint64_t at;

	setup(-1);
	ck_assert(begin(0, LENGTH));
	at = take_bytes(0, 5000);
	ck_assert_int_lt(s.pin, 0);
	end_turn();
	ck_assert_int_ge(s.pin, 0);
	ck_assert_uint_eq(pins.id[s.pin], ID);
	ck_assert_ptr_null(s.copy);
	slots[1].dead = 1;			/* too late to hurt */
	while (!body_done(&s.body)) {
		size_t got = take_bytes(at, SIZE_MAX);

		at += got;
		if (got == 0)
			end_turn();
	}
	ck_assert_uint_eq(at, LENGTH);
	ck_assert(list_empty(&c.sending));
	teardown();
}
END_TEST

START_TEST(what_cannot_be_pinned_is_copied)
{
	setup(-1);
	ck_assert(begin(100, LENGTH - 100));
	ck_assert_uint_eq(take_bytes(100, 5000), 5000);
	slots[1].dead = 1;
	end_turn();
	ck_assert_ptr_nonnull(s.copy);
	ck_assert_uint_eq(c.copied, LENGTH - 5100);
	ck_assert_uint_eq(take_bytes(5100, SIZE_MAX), LENGTH - 5100);
	ck_assert(body_done(&s.body));
	teardown();
}
END_TEST

START_TEST(copies_have_a_limit_and_beyond_it_the_answer_is_cut)
{
	setup(-1);
	ck_assert(begin(0, LENGTH));
	slots[1].id = ID + 1;
	c.copied = COPIED_MAX - 10;
	end_turn();
	ck_assert_int_eq(s.body.state, BODY_FAILED);
	ck_assert_uint_eq(take_bytes(0, SIZE_MAX), 0);
	c.copied = 0;
	teardown();
}
END_TEST

START_TEST(texts_stand_between_stretches_of_the_object)
{
	static const char expected[] = "<a>", last[] = "</end>";
	struct stored_part parts[] = { { SPAN("<a>"), 10, 20 },
		{ SPAN("<a>"), CHUNK_PAYLOAD - 5, 10 }, { SPAN("</end>"), 0, 0 } };
	char out[64];
	size_t n = 0;

	setup(-1);
	ck_assert(stored_init(&s, &c, &entry, parts, ARRAY_LEN(parts)));
	ck_assert_uint_eq(s.body.length, 3 + 20 + 3 + 10 + 6);
	while (!body_done(&s.body)) {
		struct span one = body_peek(&s.body);
		size_t k = one.n < 7 ? one.n : 7;

		memcpy(out + n, one.p, k);
		body_consume(&s.body, k);
		n += k;
		if (n == 14 || n == 28)
			end_turn();
	}
	ck_assert_uint_eq(n, 42);
	ck_assert_mem_eq(out, expected, 3);
	ck_assert_mem_eq(out + 3, object + 10, 20);
	ck_assert_mem_eq(out + 23, expected, 3);
	ck_assert_mem_eq(out + 26, object + CHUNK_PAYLOAD - 5, 10);
	ck_assert_mem_eq(out + 36, last, 6);
	teardown();
}
END_TEST

START_TEST(damage_at_the_front_begins_nothing)
{
	setup(2);
	ck_assert(!begin(0, LENGTH));
	ck_assert_int_eq(data.state, CACHE_BROKEN);
	s.cache = NULL;
	teardown();
}
END_TEST

START_TEST(damage_further_on_cuts_the_answer_before_the_wrong_byte)
{
	uint64_t at = 0, got;

	setup(9);
	ck_assert(begin(0, LENGTH));
	while ((got = take_bytes(at, SIZE_MAX)) > 0)
		at += got;
	ck_assert_int_eq(s.body.state, BODY_FAILED);
	ck_assert_int_eq(s.body.why, R_CACHE_DAMAGED);
	ck_assert_uint_le(at, 9 * CHUNK_PAYLOAD);
	ck_assert_int_eq(data.state, CACHE_BROKEN);
	teardown();
}
END_TEST

START_TEST(an_entry_of_no_slot_or_without_bytes_begins_nothing)
{
	setup(-1);
	entry.slot = SLOTS;
	ck_assert(!begin(0, 10));
	entry.slot = 1;
	entry.id = ID + 1;
	ck_assert(!begin(0, 10));
	s.cache = NULL;
	teardown();
}
END_TEST

UNIT_MAIN("worker/cache/stored", every_byte_comes_in_whatever_steps_and_turns,
    a_turn_has_its_share_and_no_more, what_outlasts_the_turn_is_pinned_until_it_is_sent,
    what_cannot_be_pinned_is_copied, copies_have_a_limit_and_beyond_it_the_answer_is_cut,
    texts_stand_between_stretches_of_the_object, damage_at_the_front_begins_nothing,
    damage_further_on_cuts_the_answer_before_the_wrong_byte,
    an_entry_of_no_slot_or_without_bytes_begins_nothing)
