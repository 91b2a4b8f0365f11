/* test_keeper.c - what is kept and what begins empty, over deaths of keepers, machines and disks. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cache/keeper.c"
#include "cache/keeper_open.c"
#include "tests/unit/cache/pages.h"
#include "tests/unit/cache/pairs.h"

#define MIB (1024 * 1024)

enum { LANES = 4 };

static char dir[64];
static struct conf_cache conf = { .path = dir, .size = 64 * MIB, .ring = RING_LEAST };
static struct cache_data *cache;
static struct keeper *keeper;
static struct ring_out out[LANES];
static char bytes[3 * MIB];
static int64_t now = 1000000, wall = 5000;

static void
setup(void)
{
	struct cache_shape shape = cache_shape(&conf, LANES);

	snprintf(dir, sizeof dir, "/tmp/proxyd-keeper-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	cache = mmap(NULL, cache_size(&shape), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(cache, MAP_FAILED);
	cache_init(cache, &shape);
	for (unsigned i = 1; i < LANES; i++)
		ring_out_init(&out[i], cache_ring(cache, i), shape.ring_size);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 13 + i / 255);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *w)
{
	(void)st;
	(void)flag;
	(void)w;
	return remove(path);
}

static void
teardown(void)
{
	keeper_free(&keeper);
	ck_assert_int_eq(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	ck_assert_int_eq(munmap(cache, cache_size(&cache->shape)), 0);
}

/* Turns until there is nothing more to do at once. */
static int64_t
work(void)
{
	int64_t due;

	while ((due = keeper_turn(keeper, now)) == 0)
		;
	return due;
}

static void
start(void)
{
	keeper = keeper_new(&conf, cache);
	ck_assert_ptr_nonnull(keeper);
	(void)work();
}

static void
expect_open(uint32_t file)
{
	ck_assert_uint_eq(atomic_load(&cache->state), CACHE_OPEN);
	ck_assert_uint_eq(atomic_load(&cache->file), file);
	ck_assert(cache->secret.k[0] != 0 || cache->secret.k[1] != 0);
}

static struct key
key_number(uint32_t n)
{
	struct key k = { { 0 } };

	memcpy(k.b, &n, sizeof n);
	return k;
}

static uint32_t
begin(unsigned lane, uint32_t n)
{
	struct entry e = { .kind = ENTRY_OBJECT, .status = 200, .life.received = wall };
	struct ring_begin b = { .primary = key_number(n), .key = key_number(n) };
	struct head h = { .key = SPAN("api http://a/b") };
	char room[512];
	size_t len = head_write(room, sizeof room, &h, 200, FIELDS("Content-Type", "text/plain"));

	entry_write(b.entry, &e);
	return ring_begin(&out[lane], &b, span_make(room, len));
}

/* False: the ring had no room. */
static bool
offer(unsigned lane, uint32_t n, size_t size)
{
	uint32_t fill = begin(lane, n);

	if (fill == 0 || !ring_data(&out[lane], fill, span_make(bytes + n % 1000, size)))
		return false;
	ring_end(&out[lane], fill);
	return true;
}

static void
put(unsigned lane, uint32_t n, size_t size)
{
	ck_assert(offer(lane, n, size));
}

/* Whole and right, as a reader of its own sees it. */
static bool
there(uint32_t n, size_t size)
{
	struct key k = key_number(n);
	struct span value, payload;
	struct store *s;
	struct entry e;
	char path[128];
	size_t at = 0;
	int rc;

	ck_assert(cache_path(path, sizeof path, dir, atomic_load(&cache->file)));
	struct store_conf c = { .path = path, .size = (uint64_t)conf.size, .readers = LANES };
	ck_assert_int_eq(store_open_reader(&s, &c, NULL), 0);
	ck_assert_int_eq(store_begin(s), 0);
	rc = store_find(s, &k, &e);
	for (uint32_t i = 1; rc == 0 && at < size; i++, at += payload.n) {
		ck_assert_int_eq(store_value(s, e.id, i, &value), 0);
		ck_assert_int_eq(chunk_read(value, true, &payload), 0);
		ck_assert_mem_eq(payload.p, bytes + n % 1000 + at, payload.n);
	}
	ck_assert(rc == -E_MISSING || (rc == 0 && e.length == size && at == size));
	store_end(s);
	store_close(&s);
	return rc == 0;
}

/* How many stores there are on the disk. */
static unsigned
stores(void)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL)
		n += strncmp(e->d_name, "store-", 6) == 0 && strstr(e->d_name, "-lock") == NULL;
	closedir(d);
	return n;
}

static struct statefile
state(void)
{
	struct statefile s;

	ck_assert_int_eq(statefile_read(&s, dir, NULL), 0);
	return s;
}

START_TEST(what_comes_through_the_rings_is_stored_and_counted)
{
	setup();
	start();
	expect_open(1);
	put(1, 1, 5000);
	put(2, 2, 200000);
	ck_assert(keeper_waiting(keeper));
	(void)work();
	ck_assert(!keeper_waiting(keeper));
	ck_assert(there(1, 5000) && there(2, 200000) && !there(3, 1));
	ck_assert_uint_eq(atomic_load(&cache->counts.stored), 2);
	ck_assert_uint_eq(atomic_load(&cache->counts.objects), 2);
	ck_assert_uint_gt(atomic_load(&cache->counts.pages_used), 50);
	ck_assert_uint_eq(atomic_load(&cache->counts.pages_all), 64 * MIB / 4096);
	teardown();
}
END_TEST

START_TEST(a_keeper_that_was_killed_leaves_its_store_to_the_next)
{
	setup();
	start();
	put(1, 1, 5000);
	(void)work();
	put(1, 2, 6000);		/* in the ring when it dies */
	keeper_free(&keeper);
	ck_assert(!state().clean);
	start();
	expect_open(1);
	ck_assert(there(1, 5000) && there(2, 6000));
	teardown();
}
END_TEST

START_TEST(who_sees_the_store_open_sees_what_is_in_it)
{
	setup();
	start();
	put(1, 1, 5000);
	(void)work();
	keeper_free(&keeper);
	atomic_store(&cache->state, CACHE_CLOSED);
	atomic_store(&cache->counts.objects, 0);	/* as in the segment of another master */
	keeper = keeper_new(&conf, cache);
	while (atomic_load(&cache->state) != CACHE_OPEN)
		(void)keeper_turn(keeper, now);
	ck_assert_uint_eq(atomic_load(&cache->counts.objects), 1);
	ck_assert_uint_gt(atomic_load(&cache->counts.pages_used), 0);
	teardown();
}
END_TEST

START_TEST(a_keeper_that_leaves_takes_all_in_and_says_that_it_is_clean)
{
	struct statefile s;

	setup();
	start();
	put(1, 1, 5000);
	keeper_leave(keeper, 5000);
	keeper_free(&keeper);
	s = state();
	ck_assert(s.clean && s.file == 1);
	memset(s.boot, '0', 5);		/* the machine starts anew: it was clean */
	ck_assert_int_eq(statefile_write(&s, dir, NULL), 0);
	start();
	expect_open(1);
	ck_assert(there(1, 5000));
	ck_assert(!state().clean);
	teardown();
}
END_TEST

START_TEST(a_store_that_was_open_when_the_machine_stopped_begins_empty)
{
	struct statefile s;

	setup();
	start();
	put(1, 1, 5000);
	(void)work();
	keeper_free(&keeper);
	s = state();
	memset(s.boot, '0', 5);
	ck_assert_int_eq(statefile_write(&s, dir, NULL), 0);
	start();
	expect_open(2);
	ck_assert(!there(1, 5000));
	ck_assert_uint_eq(stores(), 1);
	put(1, 2, 5000);
	(void)work();
	ck_assert(there(2, 5000));
	teardown();
}
END_TEST

START_TEST(without_a_state_no_store_is_believed)
{
	char path[128];

	setup();
	start();
	put(1, 1, 5000);
	(void)work();
	keeper_free(&keeper);
	snprintf(path, sizeof path, "%s/state", dir);
	ck_assert_int_eq(unlink(path), 0);
	start();
	expect_open(2);
	ck_assert(!there(1, 5000));
	ck_assert_uint_eq(stores(), 1);
	teardown();
}
END_TEST

START_TEST(damage_that_anybody_finds_ends_in_an_empty_store)
{
	setup();
	start();
	put(1, 1, 5000);
	(void)work();
	atomic_store(&cache->state, CACHE_BROKEN);
	(void)work();			/* perhaps it has to wait for a moment */
	now += ANEW_MS;
	(void)work();
	expect_open(2);
	ck_assert(!there(1, 5000));
	put(1, 2, 5000);
	(void)work();
	ck_assert(there(2, 5000));
	keeper_free(&keeper);
	atomic_store(&cache->state, CACHE_BROKEN);	/* by the master, while there is no keeper */
	start();
	expect_open(3);
	ck_assert_uint_eq(stores(), 1);
	teardown();
}
END_TEST

START_TEST(a_file_of_nonsense_begins_empty)
{
	char path[128];
	FILE *f;

	setup();
	start();
	put(1, 1, 5000);
	(void)work();
	keeper_free(&keeper);
	ck_assert(cache_path(path, sizeof path, dir, 1));
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, 100000, f), 100000);
	fclose(f);
	start();
	now += ANEW_MS;
	(void)work();
	expect_open(2);
	teardown();
}
END_TEST

START_TEST(the_second_keeper_waits_for_the_first)
{
	struct keeper *second;

	setup();
	start();
	second = keeper_new(&conf, cache);
	ck_assert_int_eq(keeper_turn(second, now), LOCK_MS);
	put(1, 1, 5000);
	(void)work();
	ck_assert_int_eq(keeper_turn(second, now), LOCK_MS);
	keeper_leave(keeper, 5000);
	keeper_free(&keeper);
	keeper = second;
	put(1, 2, 5000);
	(void)work();
	expect_open(1);
	ck_assert(there(1, 5000) && there(2, 5000));
	teardown();
}
END_TEST

START_TEST(a_directory_that_is_gone_closes_the_cache_until_it_is_back)
{
	setup();
	ck_assert_int_eq(rmdir(dir), 0);
	keeper = keeper_new(&conf, cache);
	ck_assert_int_eq(work(), RETRY_MS);
	ck_assert_uint_eq(atomic_load(&cache->state), CACHE_CLOSED);
	put(1, 1, 5000);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	now += RETRY_MS;
	(void)work();
	expect_open(1);
	ck_assert(there(1, 5000));
	teardown();
}
END_TEST

/* What a worker left open ends when it is dead, also when its successor fills the same ring already. */
START_TEST(fills_of_the_dead_end_and_those_of_their_successors_do_not)
{
	uint32_t dead, next;
	uint64_t end;

	setup();
	start();
	dead = begin(1, 1);
	ck_assert(ring_data(&out[1], dead, span_make(bytes, 50000)));
	(void)work();
	ck_assert_uint_eq(keeper->intake.n_fills, 1);
	ck_assert(ring_data(&out[1], dead, span_make(bytes, 1000)));
	end = keeper_ring_end(keeper, 1);
	next = ++out[1].serial;		/* as another producer, whose EPOCH got lost, would */
	ck_assert_uint_eq(begin(1, 2), next + 1);
	next++;
	ck_assert(ring_data(&out[1], next, span_make(bytes + 2, 5000)));
	keeper_producer_gone(keeper, 1, end);
	(void)work();
	ck_assert_uint_eq(keeper->intake.n_fills, 1);
	ck_assert_uint_eq(atomic_load(&cache->counts.aborted), 1);
	ring_end(&out[1], next);
	(void)work();
	ck_assert(!there(1, 51000) && there(2, 5000));
	keeper_producer_gone(keeper, 1, keeper_ring_end(keeper, 1));
	ck_assert(!keeper_waiting(keeper));	/* there is nothing to end */
	teardown();
}
END_TEST

static void
purge_all(int64_t at)
{
	atomic_store(&cache->purged_all, at);
	atomic_fetch_add(&cache->purges, 1);
}

START_TEST(what_was_purged_goes_when_there_is_time_and_does_not_come_back)
{
	uint32_t late;

	setup();
	start();
	for (uint32_t n = 0; n < 3000; n++) {
		put(1, n, 100);
		(void)work();
	}
	put(1, 5000, 2 * MIB / 10);
	late = begin(2, 5001);
	(void)work();
	ck_assert_uint_eq(atomic_load(&cache->counts.objects), 3001);
	purge_all(wall);
	ring_end(&out[2], late);	/* an answer from before it */
	ck_assert_int_eq(keeper_turn(keeper, now), 0);
	ck_assert_uint_eq(atomic_load(&cache->purges_kept), 1);
	ck_assert_uint_ge(atomic_load(&cache->counts.objects), 2000);	/* bounded steps */
	wall++;
	put(1, 1, 700);
	(void)work();
	ck_assert_uint_eq(atomic_load(&cache->counts.objects), 1);
	ck_assert(there(1, 700) && !there(2, 100) && !there(5000, 2 * MIB / 10) && !there(5001, 0));
	ck_assert_uint_lt(atomic_load(&cache->counts.pages_used), 30);
	teardown();
}
END_TEST

START_TEST(a_purge_outlives_all_processes)
{
	struct cache_shape shape;

	setup();
	start();
	put(1, 1, 100);
	(void)work();
	purge_all(wall);
	(void)keeper_turn(keeper, now);
	keeper_free(&keeper);
	shape = cache->shape;
	memset(cache, 0, cache_size(&shape));	/* and so is the segment */
	cache_init(cache, &shape);
	start();
	ck_assert_int_eq(atomic_load(&cache->purged_all), wall);
	ck_assert(!there(1, 100));
	keeper_free(&keeper);
	purge_all(wall + 7);			/* while there is no keeper */
	start();
	ck_assert_int_eq(state().purged_all, wall + 7);
	teardown();
}
END_TEST

/* What the keeper says of pages is what a walk over the file finds, and none is lost. */
static void
expect_accounts(void)
{
	uint64_t told = atomic_load(&cache->counts.pages_used);
	char path[128];
	size_t used;

	ck_assert(cache_path(path, sizeof path, dir, atomic_load(&cache->file)));
	keeper_leave(keeper, 5000);
	keeper_free(&keeper);
	ck_assert_uint_eq(pages_lost(path, (size_t)conf.size, &used), 0);
	ck_assert_uint_eq(told, used);
}

/* A bit of a value, as a disk may lose it; n 0 is the head. */
static void
spoil(uint32_t object, uint32_t n)
{
	struct key k = key_number(object);
	char path[128], copy[CHUNK_SIZE], *room;
	struct span v;
	struct entry e;

	ck_assert(cache_path(path, sizeof path, dir, atomic_load(&cache->file)));
	struct store_conf c = { .path = path, .size = (uint64_t)conf.size, .readers = LANES };
	struct store *s;

	ck_assert_int_eq(store_open_writer(&s, &c, NULL), 0);
	ck_assert_int_eq(store_transaction(s), 0);
	ck_assert_int_eq(store_find(s, &k, &e), 0);
	ck_assert_int_eq(store_value(s, e.id, n, &v), 0);
	ck_assert_uint_le(v.n, sizeof copy);
	memcpy(copy, v.p, v.n);
	copy[v.n / 2] ^= 4;
	ck_assert_int_eq(store_room(s, e.id, n, v.n, &room), 0);
	memcpy(room, copy, v.n);
	ck_assert_int_eq(store_commit(s), 0);
	store_close(&s);
}

START_TEST(a_verification_removes_what_is_damaged_and_nothing_else)
{
	setup();
	start();
	for (uint32_t n = 1; n <= 500; n++) {
		put(1, n, 1000 + n * 50);
		(void)work();
	}
	keeper_free(&keeper);
	spoil(7, 0);
	spoil(8, 1);
	spoil(400, 2);
	start();
	ck_assert_uint_eq(atomic_load(&cache->counts.objects), 500);
	atomic_fetch_add(&cache->verify_wanted, 1);
	ck_assert_int_eq(keeper_turn(keeper, now), 0);
	ck_assert_uint_eq(atomic_load(&cache->verify_done), 0);	/* bounded steps */
	ck_assert_uint_eq(atomic_load(&cache->verify_looked), 200);
	(void)work();
	ck_assert_uint_eq(atomic_load(&cache->verify_done), 1);
	ck_assert_uint_eq(atomic_load(&cache->verify_looked), 500);
	ck_assert_uint_eq(atomic_load(&cache->verify_bad), 3);
	ck_assert_uint_eq(atomic_load(&cache->counts.objects), 497);
	ck_assert(!there(7, 1350) && !there(8, 1400) && !there(400, 21000));
	ck_assert(there(9, 1450) && there(401, 21050) && there(1, 1050) && there(500, 26000));
	ck_assert(keeper_turn(keeper, now) > 0);
	atomic_fetch_add(&cache->verify_wanted, 1);
	(void)work();
	ck_assert_uint_eq(atomic_load(&cache->verify_bad), 0);
	expect_accounts();
	teardown();
}
END_TEST

/* The lease of a key that lane 1 fetches, and lane 2 waits for. */
static struct lease
leased(uint32_t n, uint32_t fill)
{
	struct key k = key_number(n);
	struct lease mine, other;

	ck_assert_int_eq(lease_claim(cache_leases(cache), &k, 1, &mine), LEASE_MINE);
	lease_fill(cache_leases(cache), &mine, fill);
	ck_assert_int_eq(lease_claim(cache_leases(cache), &k, 2, &other), LEASE_WAIT);
	return other;
}

static bool
woken(unsigned lane)
{
	struct lease_lanes lanes = { 0 };

	keeper_told(keeper, &lanes);
	return lease_lane_in(&lanes, lane);
}

static enum lease_state
look(struct lease l, struct lease_progress *p)
{
	return lease_look(cache_leases(cache), &l, p);
}

START_TEST(who_waits_for_a_fill_hears_how_far_it_is_and_how_it_ends)
{
	struct lease_progress p;
	struct lease stored, aborted, long_one;
	uint32_t fill;

	setup();
	start();
	fill = begin(1, 1);
	stored = leased(1, fill);
	ck_assert(ring_data(&out[1], fill, span_make(bytes + 1, 3 * CHUNK_PAYLOAD + 5)));
	(void)work();
	ck_assert(woken(2));
	ck_assert_int_eq(look(stored, &p), LEASE_OPEN);
	ck_assert_uint_eq(p.chunks, 3);
	ck_assert_uint_ne(p.id, 0);
	ck_assert(!there(1, 3 * CHUNK_PAYLOAD + 5));
	(void)keeper_turn(keeper, now);
	ck_assert(!woken(2));
	ring_end(&out[1], fill);
	(void)work();
	ck_assert(woken(2));
	ck_assert_int_eq(look(stored, &p), LEASE_STORED);
	ck_assert(there(1, 3 * CHUNK_PAYLOAD + 5));
	fill = begin(1, 2);
	aborted = leased(2, fill);
	ring_abort(&out[1], fill);
	(void)work();
	ck_assert(woken(2));
	ck_assert_int_eq(look(aborted, &p), LEASE_FAILED);
	fill = begin(1, 3);
	long_one = leased(3, fill);
	for (unsigned i = 0; i < 60; i++) {
		(void)ring_data(&out[1], fill, span_make(bytes, 60000));
		(void)work();
	}
	ck_assert(woken(2));
	ck_assert_int_eq(look(long_one, &p), LEASE_UNSHAREABLE);
	teardown();
}
END_TEST

START_TEST(fills_that_a_keeper_took_along_have_failed)
{
	struct lease_progress p;
	struct lease killed, broken;
	uint32_t fill;

	setup();
	start();
	fill = begin(1, 1);
	killed = leased(1, fill);
	(void)work();
	keeper_free(&keeper);
	start();
	ck_assert(woken(2));
	ck_assert_int_eq(look(killed, &p), LEASE_FAILED);
	fill = begin(1, 2);
	broken = leased(2, fill);
	(void)work();
	atomic_store(&cache->state, CACHE_BROKEN);
	(void)keeper_turn(keeper, now);
	ck_assert(woken(2));
	ck_assert_int_eq(look(broken, &p), LEASE_FAILED);
	teardown();
}
END_TEST

START_TEST(it_does_not_sleep_over_what_is_in_a_ring)
{
	setup();
	start();
	ck_assert(keeper_sleeps(keeper));
	put(1, 1, 100);
	ck_assert(cache_wake(cache));
	keeper_wakes(keeper);
	ck_assert(!keeper_sleeps(keeper));
	ck_assert(!cache_wake(cache));
	teardown();
}
END_TEST

enum { ROUNDS = 40, EACH = 10 };

static size_t
size_of(uint32_t n)
{
	return 1000 + n % 37 * 1700;
}

/* Killed at any moment of its work by another process, it shows what was offered whole and right, or not at all. */
START_TEST(killed_again_and_again_it_never_shows_a_wrong_byte)
{
	unsigned seen = 0;

	setup();
	for (uint32_t round = 0; round < ROUNDS; round++) {
		pid_t pid = fork();

		if (pid == 0) {
			start();
			for (;;)
				(void)work();
		}
		for (uint32_t n = round * EACH; n < (round + 1) * EACH; n++)
			(void)offer(1 + n % 3, n, size_of(n));
		usleep(200 * (round % 20));
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		for (unsigned i = 1; i < LANES; i++)
			ring_out_init(&out[i], cache_ring(cache, i), RING_LEAST);
	}
	start();
	put(1, ROUNDS * EACH, 5000);
	(void)work();
	ck_assert(there(ROUNDS * EACH, 5000));
	for (uint32_t n = 0; n < ROUNDS * EACH; n++)
		seen += there(n, size_of(n));
	ck_assert_uint_gt(seen, 0);
	ck_assert_uint_eq(atomic_load(&cache->file), 1);
	expect_accounts();
	teardown();
}
END_TEST

UNIT_MAIN("cache/keeper", what_comes_through_the_rings_is_stored_and_counted,
    a_keeper_that_was_killed_leaves_its_store_to_the_next,
    who_sees_the_store_open_sees_what_is_in_it,
    a_keeper_that_leaves_takes_all_in_and_says_that_it_is_clean,
    a_store_that_was_open_when_the_machine_stopped_begins_empty,
    without_a_state_no_store_is_believed, damage_that_anybody_finds_ends_in_an_empty_store,
    a_file_of_nonsense_begins_empty, the_second_keeper_waits_for_the_first,
    a_directory_that_is_gone_closes_the_cache_until_it_is_back,
    fills_of_the_dead_end_and_those_of_their_successors_do_not,
    what_was_purged_goes_when_there_is_time_and_does_not_come_back, a_purge_outlives_all_processes,
    who_waits_for_a_fill_hears_how_far_it_is_and_how_it_ends,
    fills_that_a_keeper_took_along_have_failed,
    a_verification_removes_what_is_damaged_and_nothing_else,
    it_does_not_sleep_over_what_is_in_a_ring, killed_again_and_again_it_never_shows_a_wrong_byte)
