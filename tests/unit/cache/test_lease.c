/*
 * test_lease.c - one fetch for all, everybody told how it ended, and nothing left of who died.
 *
 * The last two tests let lanes claim a few keys as fast as they can, with a keeper that ends every other fill: first as
 * threads, for ThreadSanitizer, then as processes that are killed at random. LEASE_KILLS=300 is the long form, which
 * also holds that nobody waits for 500 ms; in the short one a machine that gives no processor is no fault.
 */
#include "tests/unit/unit.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/lease.c"
#include "conf/base/clock.h"

static struct lease_table *table;
static struct lease_lanes woken;
static struct lease_progress progress;

static void
setup(void)
{
	table = mmap(
	    NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(table, MAP_FAILED);
	woken = (struct lease_lanes){ { 0 } };
}

static void
teardown(void)
{
	ck_assert_uint_eq(lease_count(table), 0);
	for (size_t i = 0; i < LEASE_BUCKETS; i++)
		ck_assert_uint_eq(table->locks[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(table->places); i++)
		ck_assert(!awaited(&table->places[i]));
	ck_assert_int_eq(munmap(table, sizeof *table), 0);
}

static struct key
key(uint8_t bucket, uint8_t n)
{
	return (struct key){ { bucket, [15] = n } };
}

static enum lease_claim
claim(uint8_t n, unsigned lane, struct lease *lease)
{
	struct key k = key(1, n);

	return lease_claim(table, &k, lane, lease);
}

START_TEST(one_fetches_and_all_others_hear_how_it_ended)
{
	static const unsigned lanes[] = { 2, 63, 64, LEASE_LANES - 1 };
	struct lease mine, others[ARRAY_LEN(lanes)];

	setup();
	ck_assert_int_eq(claim(1, 1, &mine), LEASE_MINE);
	for (size_t i = 0; i < ARRAY_LEN(lanes); i++)
		ck_assert_int_eq(claim(1, lanes[i], &others[i]), LEASE_WAIT);
	ck_assert_int_eq(lease_look(table, &others[0], &progress), LEASE_OPEN);
	ck_assert(lease_end(table, &mine, LEASE_UNSHAREABLE, &woken));
	for (size_t i = 0; i < ARRAY_LEN(lanes); i++) {
		ck_assert(lease_lane_in(&woken, lanes[i]));
		ck_assert_int_eq(lease_look(table, &others[i], &progress), LEASE_UNSHAREABLE);
		ck_assert_uint_eq(lease_count(table), 1);
		lease_leave(table, &others[i], lanes[i]);
	}
	ck_assert(!lease_lane_in(&woken, 1) && !lease_lane_in(&woken, 3));
	ck_assert(!lease_end(table, &mine, LEASE_STORED, &woken));
	teardown();
}
END_TEST

START_TEST(a_lease_that_nobody_waits_for_leaves_nothing)
{
	struct lease mine;

	setup();
	ck_assert_int_eq(claim(1, 1, &mine), LEASE_MINE);
	ck_assert(lease_end(table, &mine, LEASE_STORED, &woken));
	ck_assert(woken.bits[0] == 0 && woken.bits[1] == 0);
	teardown();
}
END_TEST

START_TEST(a_place_used_again_is_not_mistaken_for_what_it_was)
{
	struct lease old, waits, new;

	setup();
	ck_assert_int_eq(claim(1, 1, &old), LEASE_MINE);
	ck_assert_int_eq(claim(1, 2, &waits), LEASE_WAIT);
	lease_leave(table, &waits, 2);			/* it had no patience */
	ck_assert(lease_end(table, &old, LEASE_STORED, &woken));
	ck_assert_int_eq(claim(2, 3, &new), LEASE_MINE);
	ck_assert_uint_eq(new.place, old.place);
	ck_assert(!lease_end(table, &old, LEASE_FAILED, &woken));
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_FAILED);
	lease_leave(table, &waits, 2);
	lease_fill(table, &old, 7);
	ck_assert_int_eq(lease_look(table, &new, &progress), LEASE_OPEN);
	ck_assert(lease_end(table, &new, LEASE_STORED, &woken));
	teardown();
}
END_TEST

START_TEST(who_comes_after_the_end_has_a_lease_of_his_own)
{
	struct lease first, waits, second;

	setup();
	ck_assert_int_eq(claim(1, 1, &first), LEASE_MINE);
	ck_assert_int_eq(claim(1, 2, &waits), LEASE_WAIT);
	ck_assert(lease_end(table, &first, LEASE_FAILED, &woken));
	ck_assert_int_eq(claim(1, 3, &second), LEASE_MINE);
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_FAILED);
	lease_leave(table, &waits, 2);
	ck_assert_int_eq(claim(1, 2, &waits), LEASE_WAIT);
	ck_assert(lease_end(table, &second, LEASE_STORED, &woken));
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_STORED);
	lease_leave(table, &waits, 2);
	teardown();
}
END_TEST

START_TEST(without_room_without_the_lock_and_beyond_the_lanes_there_is_no_lease)
{
	struct lease leases[LEASE_WAYS], none;

	setup();
	for (uint8_t i = 0; i < LEASE_WAYS; i++)
		ck_assert_int_eq(claim(i, 1, &leases[i]), LEASE_MINE);
	ck_assert_int_eq(claim(LEASE_WAYS, 1, &none), LEASE_NONE);
	ck_assert_int_eq(claim(0, LEASE_LANES, &none), LEASE_NONE);
	for (uint8_t i = 0; i < LEASE_WAYS; i++)
		ck_assert(lease_end(table, &leases[i], LEASE_STORED, &woken));
	table->locks[1] = 9 + 1;
	ck_assert_int_eq(claim(1, 1, &none), LEASE_NONE);
	lease_forget_lane(table, 8, &woken);
	ck_assert_int_eq(claim(1, 1, &none), LEASE_NONE);
	lease_forget_lane(table, 9, &woken);
	ck_assert_int_eq(claim(1, 1, &none), LEASE_MINE);
	ck_assert(lease_end(table, &none, LEASE_STORED, &woken));
	teardown();
}
END_TEST

START_TEST(the_keeper_tells_of_a_fill_what_its_lane_and_number_say)
{
	const struct lease_progress some = { 99, 3 };
	struct lease mine, waits;
	struct key k = key(1, 1);

	setup();
	ck_assert_int_eq(claim(1, 5, &mine), LEASE_MINE);
	ck_assert_int_eq(claim(1, 6, &waits), LEASE_WAIT);
	ck_assert(!lease_fill_progress(table, &k, 5, 7, &some, &woken));
	lease_fill(table, &mine, 7);
	ck_assert(!lease_fill_progress(table, &k, 4, 7, &some, &woken));
	ck_assert(!lease_fill_progress(table, &k, 5, 8, &some, &woken));
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_OPEN);
	ck_assert(progress.id == 0 && !lease_lane_in(&woken, 6));
	ck_assert(lease_fill_progress(table, &k, 5, 7, &some, &woken));
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_OPEN);
	ck_assert(progress.id == 99 && progress.chunks == 3 && lease_lane_in(&woken, 6));
	ck_assert(!lease_fill_end(table, &k, 5, 8, LEASE_STORED, &woken));
	ck_assert(lease_fill_end(table, &k, 5, 7, LEASE_STORED, &woken));
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_STORED);
	lease_leave(table, &waits, 6);
	/* the place again: nothing of the last fill counts */
	ck_assert_int_eq(claim(1, 5, &mine), LEASE_MINE);
	ck_assert(!lease_fill_progress(table, &k, 5, 7, &some, &woken));
	ck_assert_int_eq(lease_look(table, &mine, &progress), LEASE_OPEN);
	ck_assert_uint_eq(progress.id, 0);
	ck_assert(lease_end(table, &mine, LEASE_STORED, &woken));
	teardown();
}
END_TEST

START_TEST(what_a_dead_keeper_had_begun_has_failed)
{
	struct lease filling, fetching;

	setup();
	ck_assert_int_eq(claim(1, 5, &filling), LEASE_MINE);
	lease_fill(table, &filling, 1);
	ck_assert_int_eq(claim(2, 5, &fetching), LEASE_MINE);
	ck_assert_int_eq(claim(1, 6, &filling), LEASE_WAIT);
	lease_forget_fills(table, &woken);
	ck_assert(lease_lane_in(&woken, 6));
	ck_assert_int_eq(lease_look(table, &filling, &progress), LEASE_FAILED);
	ck_assert_int_eq(lease_look(table, &fetching, &progress), LEASE_OPEN);
	lease_leave(table, &filling, 6);
	ck_assert(lease_end(table, &fetching, LEASE_STORED, &woken));
	teardown();
}
END_TEST

START_TEST(a_dead_lane_holds_nothing_and_waits_for_nothing)
{
	struct lease dead, waits, other;

	setup();
	ck_assert_int_eq(claim(1, 5, &dead), LEASE_MINE);
	ck_assert_int_eq(claim(1, 6, &waits), LEASE_WAIT);
	ck_assert_int_eq(claim(2, 7, &other), LEASE_MINE);
	ck_assert_int_eq(claim(2, 5, &dead), LEASE_WAIT);
	ck_assert(lease_end(table, &other, LEASE_STORED, &woken));
	lease_forget_lane(table, 5, &woken);
	ck_assert(lease_lane_in(&woken, 6));
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_FAILED);
	lease_leave(table, &waits, 6);
	teardown();
}
END_TEST

START_TEST(who_died_between_ending_a_lease_and_telling_is_told_for)
{
	struct lease mine, waits;
	struct word w;

	setup();
	ck_assert_int_eq(claim(1, 5, &mine), LEASE_MINE);
	ck_assert_int_eq(claim(1, 6, &waits), LEASE_WAIT);
	w = word_of(&table->places[mine.place]);
	w.phase = ENDED;
	w.state = LEASE_STORED;
	table->places[mine.place].word = pack(w);
	lease_forget_lane(table, 0, &woken);
	ck_assert(lease_lane_in(&woken, 6));
	ck_assert_int_eq(lease_look(table, &waits, &progress), LEASE_STORED);
	lease_leave(table, &waits, 6);
	teardown();
}
END_TEST

/* What may happen between the steps of a claim. */
START_TEST(who_claims_as_a_lease_begins_or_ends_knows_it_and_leaves_no_trace)
{
	const struct key k = key(1, 1);
	struct lease mine;
	struct lease_place *p;
	struct word open;

	setup();
	ck_assert_int_eq(claim(1, 5, &mine), LEASE_MINE);
	ck_assert_ptr_null(enter(table, &k, 6, &open));		/* it was not there before the lock was got */
	p = place_of(table, &mine, &open);
	ck_assert(lease_end(table, &mine, LEASE_STORED, &woken));
	ck_assert(!join(p, open, 6));
	ck_assert_int_eq(claim(2, 7, &mine), LEASE_MINE);
	ck_assert(!join(p, open, 6));
	ck_assert(lease_end(table, &mine, LEASE_STORED, &woken));
	ck_assert(woken.bits[0] == 0);
	teardown();
}
END_TEST

/* ---- many at once ---- */

enum { LANES = 5, KEYS = 4, KEEPER = 0, PATIENCE_MS = 20000 };

/* What a ring would carry: the fill that a lane has begun last, for the keeper. */
struct post { _Atomic uint32_t fill, read; _Atomic uint8_t n; };

static struct shared {
	struct lease_table table;
	struct post	 posts[LANES];
	_Atomic int	 stop;
	_Atomic uint64_t fetches, joins, longest_us, wrong, lost;
} * shared;

static int events[LANES];

static void
tell(const struct lease_lanes *lanes)
{
	const uint64_t one = 1;

	for (unsigned lane = 0; lane < LANES; lane++)
		if (lease_lane_in(lanes, lane))
			(void)!write(events[lane], &one, sizeof one);
}

static uint32_t
roll(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void
pause_ms(unsigned ms)
{
	(void)poll(NULL, 0, (int)ms);
}

/* True: the event was written. */
static bool
hear(unsigned lane, int ms)
{
	struct pollfd p = { .fd = events[lane], .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, ms) == 1 && read(events[lane], &n, sizeof n) == sizeof n;
}

/* An object's id says which key's it is, so that one who is told of another's sees it. */
static uint64_t
id_of(uint32_t fill, uint8_t n)
{
	return (uint64_t)fill << 8 | n;
}

/* The holder polls, which a worker would not: its event is for those of its requests that wait. */
static void
hand_over(unsigned lane, const struct lease *lease, uint8_t n)
{
	struct post *post = &shared->posts[lane];
	uint32_t fill = atomic_load(&post->fill) + 1;
	struct lease_progress p;

	lease_fill(&shared->table, lease, fill);
	atomic_store(&post->n, n);
	atomic_store(&post->fill, fill);
	while (!atomic_load(&shared->stop) && lease_look(&shared->table, lease, &p) == LEASE_OPEN)
		pause_ms(1);
}

static void
fetch(unsigned lane, const struct lease *lease, uint8_t n, uint32_t *seed)
{
	struct lease_lanes wake = { { 0 } };

	atomic_fetch_add(&shared->fetches, 1);
	pause_ms(roll(seed) % 3);
	if (roll(seed) % 2 == 0)
		hand_over(lane, lease, n);
	if (lease_end(&shared->table, lease, LEASE_STORED + roll(seed) % 3, &wake))
		tell(&wake);
}

/* Every change of state is heard: looking again only when told is enough. */
static void
wait_for_end(unsigned lane, const struct lease *lease, uint8_t n)
{
	uint64_t began = clock_mono_us(), took, longest;
	struct lease_progress p, last = { 0, 0 };

	atomic_fetch_add(&shared->joins, 1);
	while (lease_look(&shared->table, lease, &p) == LEASE_OPEN) {
		if (p.id != 0 &&
		    ((p.id & 0xff) != n || p.chunks < last.chunks ||
			(last.id != 0 && last.id != p.id)))
			atomic_fetch_add(&shared->wrong, 1);
		last = p;
		if (hear(lane, PATIENCE_MS))
			continue;
		atomic_fetch_add(&shared->lost, 1);
		break;
	}
	took = clock_mono_us() - began;
	longest = atomic_load(&shared->longest_us);
	while (took > longest && !atomic_compare_exchange_weak(&shared->longest_us, &longest, took))
		;
	lease_leave(&shared->table, lease, lane);
}

static void
work(unsigned lane, uint32_t seed)
{
	while (!atomic_load(&shared->stop)) {
		uint8_t n = (uint8_t)(roll(&seed) % KEYS);
		struct key k = key((uint8_t)(n / 3), n);
		struct lease lease;

		switch (lease_claim(&shared->table, &k, lane, &lease)) {
		case LEASE_MINE: fetch(lane, &lease, n, &seed); break;
		case LEASE_WAIT: wait_for_end(lane, &lease, n); break;
		case LEASE_NONE: pause_ms(1); break;
		}
	}
}

static void
keep(unsigned lane, struct post *post)
{
	uint32_t fill = atomic_load(&post->fill);
	uint8_t n = atomic_load(&post->n);
	struct key k = key((uint8_t)(n / 3), n);
	struct lease_lanes wake = { { 0 } };

	if (atomic_load(&post->read) == fill)
		return;
	atomic_store(&post->read, fill);
	for (uint32_t chunks = 1; chunks <= 3; chunks++) {
		struct lease_progress p = { id_of(fill, n), chunks };

		wake = (struct lease_lanes){ { 0 } };
		if (lease_fill_progress(&shared->table, &k, lane, fill, &p, &wake))
			tell(&wake);
	}
	wake = (struct lease_lanes){ { 0 } };
	if (lease_fill_end(&shared->table, &k, lane, fill, LEASE_STORED, &wake))
		tell(&wake);
}

/* It ends after the others, who wait for it. */
static void
work_as_keeper(void)
{
	struct lease_lanes wake = { { 0 } };

	lease_forget_fills(&shared->table, &wake);
	tell(&wake);
	while (!atomic_load(&shared->stop)) {
		for (unsigned lane = 1; lane < LANES; lane++)
			keep(lane, &shared->posts[lane]);
		pause_ms(1);
	}
}

static void
many_setup(void)
{
	shared = mmap(
	    NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	for (unsigned lane = 0; lane < LANES; lane++)
		ck_assert_int_ge(events[lane] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 0);
}

/* Who stopped in the middle is as good as dead. */
static void
many_teardown(const char *how, unsigned kills, uint64_t most_us)
{
	struct lease_lanes wake = { { 0 } };

	for (unsigned lane = 0; lane < LANES; lane++)
		lease_forget_lane(&shared->table, lane, &wake);
	printf("%s: %u kills, %lu fetches, %lu joins, longest wait %lu us\n", how, kills,
	    (unsigned long)shared->fetches, (unsigned long)shared->joins,
	    (unsigned long)shared->longest_us);
	ck_assert(shared->fetches > 0 && shared->joins > 0);
	ck_assert_uint_eq(shared->wrong, 0);
	ck_assert_uint_eq(shared->lost, 0);
	ck_assert(most_us == 0 || shared->longest_us < most_us);
	table = &shared->table;
	ck_assert_uint_eq(lease_count(table), 0);
	for (size_t i = 0; i < LEASE_BUCKETS; i++)
		ck_assert_uint_eq(table->locks[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(table->places); i++)
		ck_assert(!awaited(&table->places[i]));
	for (unsigned lane = 0; lane < LANES; lane++)
		ck_assert_int_eq(close(events[lane]), 0);
	ck_assert_int_eq(munmap(shared, sizeof *shared), 0);
}

static void *
on_thread(void *lane)
{
	if ((uintptr_t)lane == KEEPER)
		work_as_keeper();
	else
		work((unsigned)(uintptr_t)lane, (uint32_t)(uintptr_t)lane);
	return NULL;
}

/* Those who wait are told by nobody once all have stopped: a word to each. */
static void
stop_after(uint64_t joins)
{
	struct lease_lanes all = { { UINT64_MAX, UINT64_MAX } };

	for (unsigned ms = 0; ms < 30000 && atomic_load(&shared->joins) < joins; ms++)
		pause_ms(1);
	atomic_store(&shared->stop, 1);
	tell(&all);
}

START_TEST(threads_share_each_fetch)
{
	pthread_t threads[LANES];
	many_setup();
	for (uintptr_t lane = 0; lane < LANES; lane++)
		ck_assert_int_eq(pthread_create(&threads[lane], NULL, on_thread, (void *)lane), 0);
	stop_after(300);
	for (unsigned lane = 0; lane < LANES; lane++)
		ck_assert_int_eq(pthread_join(threads[lane], NULL), 0);
	many_teardown("threads", 0, 0);
}
END_TEST

static pid_t
start(unsigned lane, uint32_t seed)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	ck_assert_int_eq(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	if (lane == KEEPER)
		work_as_keeper();
	else
		work(lane, seed);
	_exit(0);
}

/* The master's part; how long it took, in microseconds. */
static uint64_t
bury(unsigned lane, pid_t pid)
{
	struct lease_lanes wake = { { 0 } };
	uint64_t began;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	began = clock_mono_us();
	lease_forget_lane(&shared->table, lane, &wake);
	tell(&wake);
	return clock_mono_us() - began;
}

START_TEST(killed_processes_hold_nobody_up)
{
	const char *text = getenv("LEASE_KILLS");
	unsigned kills = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 40;
	uint32_t seed = 1;
	uint64_t longest = 0;
	pid_t pids[LANES];

	many_setup();
	for (unsigned lane = 0; lane < LANES; lane++)
		pids[lane] = start(lane, lane);
	for (unsigned i = 0; i < kills; i++) {
		unsigned lane = roll(&seed) % LANES;
		uint64_t took;

		pause_ms(roll(&seed) % 20);
		took = bury(lane, pids[lane]);
		longest = took > longest ? took : longest;
		pids[lane] = start(lane, roll(&seed));
	}
	stop_after(100);
	for (unsigned lane = 0; lane < LANES; lane++)
		ck_assert_int_eq(waitpid(pids[lane], NULL, 0), pids[lane]);
	printf("longest burial %lu us\n", (unsigned long)longest);
	many_teardown("processes", kills, text != NULL ? 500000 : 0);
}
END_TEST

UNIT_MAIN("cache/lease", one_fetches_and_all_others_hear_how_it_ended,
    a_lease_that_nobody_waits_for_leaves_nothing,
    a_place_used_again_is_not_mistaken_for_what_it_was,
    who_comes_after_the_end_has_a_lease_of_his_own,
    without_room_without_the_lock_and_beyond_the_lanes_there_is_no_lease,
    the_keeper_tells_of_a_fill_what_its_lane_and_number_say,
    what_a_dead_keeper_had_begun_has_failed, a_dead_lane_holds_nothing_and_waits_for_nothing,
    who_claims_as_a_lease_begins_or_ends_knows_it_and_leaves_no_trace,
    who_died_between_ending_a_lease_and_telling_is_told_for,
    threads_share_each_fetch,
    killed_processes_hold_nobody_up)
