/* test_ban.c - what a ban names, how several are judged, and readers beside a writer. */
#include "tests/unit/unit.h"

#include <pthread.h>

#include "cache/ban.h"

static const uint64_t tags[] = { 7, 9 };
static struct bans bans;

static struct ban
ban(enum ban_kind kind, const char *text, int64_t before)
{
	struct ban b = { .kind = kind, .before = before, .length = (uint16_t)strlen(text) };

	memcpy(b.text, text, b.length);
	return b;
}

static struct head
head(const char *key)
{
	return (struct head){ .key = span_str(key), .tags = { (const char *)tags, sizeof tags } };
}

static enum banned
judged(const char *key, int64_t received)
{
	struct entry e = { .life.received = received };
	struct head h = head(key);

	return bans_judge(&bans, &e, &h);
}

START_TEST(each_kind_names_its_own)
{
	static const struct { enum ban_kind kind; const char *text, *key; bool named; } rows[] = {
		{ BAN_EVERYTHING, "", "s http://a/x", true },
		{ BAN_PREFIX, "http://a/", "s http://a/x", true },
		{ BAN_PREFIX, "http://a/x", "other http://a/x", true },
		{ BAN_PREFIX, "http://a/xy", "s http://a/x", false },
		{ BAN_PREFIX, "http://a/", "s http://ab/", false },
		{ BAN_PREFIX, "s http", "s http://ab/", false },
		{ BAN_SCOPE, "route:r", "route:r http://a/", true },
		{ BAN_SCOPE, "route:r", "route:rr http://a/", false },
		{ BAN_SCOPE, "", " http://a/", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ban b = ban(rows[i].kind, rows[i].text, 10);
		struct head h = head(rows[i].key);
		struct entry e = { .life.received = 10 };

		ck_assert_int_eq(ban_names(&b, h.key, &e, &h), rows[i].named);
		e.life.received = 11;
		ck_assert(!ban_names(&b, h.key, &e, &h));
	}
}
END_TEST

START_TEST(a_tag_is_found_wherever_it_stands)
{
	struct ban b = ban(BAN_TAG, "", 10);
	struct head h = head("s http://a/");
	struct entry e = { .life.received = 1 };

	for (uint64_t tag = 6; tag < 11; tag++) {
		b.tag = tag;
		ck_assert_int_eq(ban_names(&b, h.key, &e, &h), tag == 7 || tag == 9);
	}
}
END_TEST

START_TEST(the_hardest_counts_until_it_is_lifted)
{
	struct ban soft = ban(BAN_PREFIX, "http://a/", 10),
		   hard = ban(BAN_PREFIX, "http://a/b", 10);

	soft.soft = true;
	memset(&bans, 0, sizeof bans);
	ck_assert_int_eq(judged("s http://a/b", 5), BANNED_NOT);
	ck_assert_int_eq(bans_add(&bans, &soft), 0);
	ck_assert_int_eq(judged("s http://a/b", 5), BANNED_SOFT);
	ck_assert_int_eq(bans_add(&bans, &hard), 0);
	ck_assert_int_eq(judged("s http://a/b", 5), BANNED_HARD);
	ck_assert_int_eq(judged("s http://a/", 5), BANNED_SOFT);
	ck_assert_int_eq(judged("s http://a/b", 11), BANNED_NOT);
	bans_lift(&bans, 1);
	ck_assert_int_eq(judged("s http://a/", 5), BANNED_NOT);
	ck_assert_int_eq(judged("s http://a/b", 5), BANNED_HARD);
	bans_lift(&bans, 7);
	ck_assert_int_eq(judged("s http://a/b", 5), BANNED_NOT);
	for (int i = 0; i < BANS_MAX; i++)
		ck_assert_int_eq(bans_add(&bans, &hard), 0);
	ck_assert_int_eq(bans_add(&bans, &hard), -E_LIMIT);
}
END_TEST

static void *
read_on(void *arg)
{
	uintptr_t wrong = 0;

	(void)arg;
	while (atomic_load(&bans.n) < BANS_MAX)
		wrong += judged("s http://always/", 5) == BANNED_NOT;
	return (void *)wrong;
}

/* One ban is always in force, first as the newest, then as the oldest: a reader never finds it missing. */
START_TEST(a_reader_beside_the_writer_never_misses_one_in_force)
{
	struct ban always = ban(BAN_PREFIX, "http://always/", 10), other = ban(BAN_TAG, "", 10);
	pthread_t t;
	void *wrong;

	memset(&bans, 0, sizeof bans);
	ck_assert_int_eq(bans_add(&bans, &always), 0);
	ck_assert_int_eq(pthread_create(&t, NULL, read_on, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		ck_assert_int_eq(bans_add(&bans, &other), 0);
		ck_assert_int_eq(bans_add(&bans, &always), 0);
		bans_lift(&bans, 2);
	}
	while (bans_add(&bans, &other) == 0)
		;
	ck_assert_int_eq(pthread_join(t, &wrong), 0);
	ck_assert_ptr_null(wrong);
}
END_TEST

UNIT_MAIN("cache/ban", each_kind_names_its_own, a_tag_is_found_wherever_it_stands,
    the_hardest_counts_until_it_is_lifted, a_reader_beside_the_writer_never_misses_one_in_force)
