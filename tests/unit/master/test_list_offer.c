/*
 * Images on their way to workers: a full link, a closed one, an answer that is too old.
 */
#include "master/list_offer.c"

#include <fcntl.h>

#include "tests/unit/master/list_bench.h"

START_TEST(an_image_is_taken_when_every_worker_says_so)
{
	struct list_entry *e;
	uint32_t index;

	bench_open();
	bench_fill();
	e = bench_entry("ads");
	index = bench_index("ads");
	ck_assert(!list_entry_taken(&m, e));
	bench_taken(0, index, e->serial);
	ck_assert(!list_entry_taken(&m, e));
	bench_taken(1, index, e->serial + 1);	/* of another image */
	bench_taken(1, 1000, e->serial);
	ck_assert(!list_entry_taken(&m, e));
	bench_taken(1, index, e->serial);
	ck_assert(list_entry_taken(&m, e));
	bench_close();
}
END_TEST

/* Whoever lets go last pays for the pages: not a worker. */
START_TEST(the_old_image_is_kept_until_the_last_worker_has_left_it)
{
	struct list_entry *e;
	int old;

	bench_open();
	bench_fill();
	bench_take_all();
	e = bench_entry("ads");
	ck_assert_int_eq(e->old, -1);
	bench_file(ads_path, "two.example\n");
	list_entry_compile(e, &children[BENCH_AGENT]);
	ck_assert(bench_compile());
	old = e->old;
	ck_assert_int_ge(fcntl(old, F_GETFD), 0);
	bench_taken(0, bench_index("ads"), e->serial);
	ck_assert_int_ge(fcntl(old, F_GETFD), 0);
	bench_taken(1, bench_index("ads"), e->serial);
	ck_assert_int_eq(e->old, -1);
	ck_assert_int_eq(fcntl(old, F_GETFD), -1);
	bench_close();
}
END_TEST

START_TEST(a_full_link_gets_the_image_at_a_later_tick)
{
	const uint32_t filler = 0;
	uint16_t type;
	struct wire w;
	int fd;

	bench_open();
	while (child_send(&children[0], LINK_LIST_TAKEN, &filler, -1) == 0)
		;
	bench_fill();
	ck_assert_uint_eq(children[0].lists_unsent, 3);
	ck_assert_uint_eq(children[1].lists_due, 3);	/* the other one does not wait for it */
	list_store_tick(&m);
	ck_assert_uint_eq(children[0].lists_unsent, 3);
	while (bench_hear(0, &w, &type, &fd))
		ck_assert_int_eq(fd, -1);
	list_store_tick(&m);
	ck_assert_uint_eq(children[0].lists_unsent, 0);
	ck_assert_uint_eq(children[0].lists_due, 3);
	bench_close();
}
END_TEST

START_TEST(a_worker_whose_link_is_gone_is_not_waited_for)
{
	struct list_entry *e;

	bench_open();
	close(children[0].link.fd);
	children[0].link.fd = -1;
	bench_fill();
	e = bench_entry("ads");
	ck_assert_uint_eq(children[0].lists_unsent | children[0].lists_due, 0);
	ck_assert(!list_entry_taken(&m, e));
	bench_taken(1, bench_index("ads"), e->serial);
	ck_assert(list_entry_taken(&m, e));
	bench_close();
}
END_TEST

UNIT_MAIN("master/list_offer", an_image_is_taken_when_every_worker_says_so,
    the_old_image_is_kept_until_the_last_worker_has_left_it,
    a_full_link_gets_the_image_at_a_later_tick, a_worker_whose_link_is_gone_is_not_waited_for)
