/*
 * What the history keeps, and what it lets go first.
 */
#include "master/history.c"
#include "tests/unit/conf/load_text.h"
#include "tests/unit/unit.h"

static struct history h;

static struct conf *
conf_of(size_t bytes)
{
	struct conf *c = load_good("mode = \"forward\";\n");

	(void)arena_alloc(c->arena, bytes);
	return c;
}

static void
add(unsigned number, struct conf *c, unsigned keep)
{
	struct past row = { .number = number, .conf = c };

	history_add(&h, &row, keep);
}

/* Adds rows from to to, each with a configuration of that size, held by the history alone. */
static void
add_rows(unsigned from, unsigned to, size_t bytes_each, unsigned keep)
{
	for (; from <= to; from++) {
		struct conf *c = conf_of(bytes_each);

		add(from, c, keep);
		conf_free(&c);
	}
}

static void
setup(void)
{
	h = (struct history){ 0 };
}

START_TEST(the_oldest_of_ten_rows_goes)
{
	setup();
	add_rows(1, 12, 10, 0);
	ck_assert_uint_eq(h.n, HISTORY_MAX);
	ck_assert_ptr_null(history_find(&h, 2));
	ck_assert_uint_eq(h.row[0].number, 3);
	ck_assert_uint_eq(h.row[9].number, 12);
	history_fini(&h);
}
END_TEST

START_TEST(the_row_to_return_to_stays)
{
	setup();
	add_rows(1, 25, 10, 1);
	ck_assert_uint_eq(h.row[0].number, 1);
	ck_assert_uint_eq(h.row[1].number, 17);
	ck_assert_ptr_nonnull(history_find(&h, 1)->conf);
	history_fini(&h);
}
END_TEST

START_TEST(what_exceeds_the_memory_is_dropped_oldest_first)
{
	const size_t each = 100000;

	setup();
	add_rows(1, 5, each, 0);
	history_fit(&h, bytes(&h), 0);
	ck_assert_ptr_nonnull(h.row[0].conf);
	history_fit(&h, bytes(&h) - 1, 0);
	ck_assert_ptr_null(h.row[0].conf);
	ck_assert_ptr_nonnull(h.row[1].conf);
	history_fit(&h, 0, 3);
	ck_assert_ptr_null(h.row[1].conf);
	ck_assert_ptr_nonnull(h.row[2].conf);	/* kept */
	ck_assert_ptr_null(h.row[3].conf);
	ck_assert_ptr_nonnull(h.row[4].conf);	/* serves */
	ck_assert_uint_eq(h.n, 5);
	history_fini(&h);
}
END_TEST

START_TEST(a_configuration_taken_again_counts_once_and_outlives_its_first_row)
{
	struct conf *c = conf_of(1000);
	size_t once;

	setup();
	add(1, c, 0);
	once = bytes(&h);
	add(2, c, 0);
	ck_assert_uint_eq(bytes(&h), once);
	ck_assert_uint_eq(c->refs, 3);
	conf_free(&c);
	history_fit(&h, 0, 0);
	ck_assert_ptr_null(h.row[0].conf);
	ck_assert_uint_eq(h.row[1].conf->refs, 1);
	history_fini(&h);
}
END_TEST

UNIT_MAIN("master/history", the_oldest_of_ten_rows_goes, the_row_to_return_to_stays,
    what_exceeds_the_memory_is_dropped_oldest_first,
    a_configuration_taken_again_counts_once_and_outlives_its_first_row)
