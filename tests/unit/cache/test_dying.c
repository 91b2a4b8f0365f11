/* test_dying.c - what is pinned stays readable under any eviction, and what is not pinned any more goes. */
#include "tests/unit/unit.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/dying.c"
#include "cache/stock.h"
#include "conf/conf.h"
#include "tests/unit/cache/place.h"

#define MIB (1024 * 1024)

enum { LANES = 3, OBJECTS = 12000, CHUNKS = 6, ALIVE = 2000 };

static struct conf_cache cached = {
	.path = "/", .size = 64 * MIB, .objects = 5000, .ring = RING_LEAST
};
static struct store_conf conf = { .path = path, .size = 64 * MIB, .readers = LANES };
static struct cache_data *cache;
static _Atomic uint32_t *last;		/* number stored last, by the other process */
static struct store *store;
static struct stock stock;

static void
setup(void)
{
	struct cache_shape shape = cache_shape(&cached, LANES);
	size_t size = cache_size(&shape) + sizeof *last;

	place_make();
	cache = mmap(
	    NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(cache, MAP_FAILED);
	cache_init(cache, &shape);
	last = (_Atomic uint32_t *)((char *)cache + cache_size(&shape));
	atomic_store(&cache_ring(cache, 1)->tail, 8);	/* a process has the lane */
}

static void
open_stock(void)
{
	ck_assert_int_eq(store_open_writer(&store, &conf, NULL), 0);
	ck_assert_int_eq(stock_open_shared(&stock, store, cache), 0);
}

static void
close_stock(void)
{
	stock_close(&stock);
	store_close(&store);
}

static void
teardown(void)
{
	close_stock();
	place_remove();
	ck_assert_int_eq(munmap(cache, cache_size(&cache->shape) + sizeof *last), 0);
}

static void
fill(char *room, size_t n, uint64_t id, uint32_t chunk)
{
	for (size_t i = 0; i + 16 <= n; i += 16) {
		memcpy(room + i, &id, sizeof id);
		memcpy(room + i + 8, &chunk, sizeof chunk);
		memcpy(room + i + 12, &i, 4);
	}
}

static bool
right(struct span v, uint64_t id, uint32_t chunk)
{
	static char want[CHUNK_SIZE];

	fill(want, sizeof want, id, chunk);
	return v.n == sizeof want && memcmp(v.p, want, sizeof want) == 0;
}

static int
put_values(struct entry *e)
{
	char *room;
	int rc = stock_tidy(&stock) < 0 ? -E_IO : stock_make_room(&stock, stock_pages(e->length));

	e->id = stock_new_id(&stock);
	for (uint32_t i = 0; i <= CHUNKS && rc == 0; i++) {
		rc = store_room(store, e->id, i, CHUNK_SIZE, &room);
		if (rc == 0)
			fill(room, CHUNK_SIZE, e->id, i);
	}
	return rc;
}

/* False: a reader that was kept from running holds all free pages. */
static bool
try_put(uint32_t n)
{
	struct entry e = { .kind = ENTRY_OBJECT, .status = 200, .length = CHUNKS * CHUNK_PAYLOAD };
	struct key k = key_number(n);
	int rc;

	ck_assert_int_eq(store_transaction(store), 0);
	rc = put_values(&e);
	if (rc == 0)
		rc = stock_put(&stock, &k, &e);
	if (rc == 0)
		rc = store_commit(store);
	if (rc == 0)
		return true;
	ck_assert_int_eq(rc, -E_LIMIT);
	store_abort(store);
	ck_assert_int_eq(stock_open_again(&stock), 0);
	return false;
}

static void
put(uint32_t n)
{
	while (!try_put(n))
		usleep(1000);
}

static unsigned
values_without_entry(void)
{
	struct store_walk w = { .begun = false };
	unsigned entries = 0, ids = 0;
	uint64_t id = 0;
	struct entry e;

	ck_assert_int_eq(store_transaction(store), 0);
	while (store_walk(store, &w, &e) == 1)
		entries++;
	while (store_next_id(store, id, &id) == 0)
		ids++;
	store_abort(store);
	ck_assert_uint_ge(ids, entries);
	return ids - entries;
}

static void
tidy(void)
{
	ck_assert_int_eq(store_transaction(store), 0);
	while (stock_tidy(&stock) > 0)
		;
	ck_assert_int_eq(store_commit(store), 0);
}

static void
drop(uint32_t n)
{
	struct key k = key_number(n);

	ck_assert_int_eq(store_transaction(store), 0);
	ck_assert_int_eq(stock_drop(&stock, &k), 0);
	ck_assert_int_eq(store_commit(store), 0);
}

START_TEST(a_pinned_object_stays_until_it_is_let_go_also_over_a_death_of_the_keeper)
{
	struct pins *pins;
	struct entry e;

	setup();
	open_stock();
	pins = cache_pins(cache, 1);
	put(1);
	put(2);
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	atomic_store(&pins->id[PINS - 1], e.id);
	ck_assert_uint_eq(atomic_load(&cache_slots(cache)[e.slot].id), e.id);
	drop(1);
	drop(2);
	ck_assert_uint_ne(atomic_load(&cache_slots(cache)[e.slot].id), e.id);
	tidy();
	ck_assert_uint_eq(values_without_entry(), 1);
	close_stock();
	open_stock();
	tidy();
	ck_assert_uint_eq(values_without_entry(), 1);
	atomic_store(&pins->id[PINS - 1], 0);
	tidy();
	ck_assert_uint_eq(values_without_entry(), 1);	/* nobody has looked again */
	dying_look_again(&stock.dying);
	ck_assert(dying_ready(&stock.dying));
	tidy();
	ck_assert_uint_eq(values_without_entry(), 0);
	ck_assert_uint_eq(stock.dying.n, 0);
	teardown();
}
END_TEST

START_TEST(what_is_pinned_keeps_its_order_and_the_rest_goes)
{
	struct pins *pins;
	struct entry e;

	setup();
	open_stock();
	pins = cache_pins(cache, 1);
	for (uint32_t n = 1; n <= 400; n++) {
		put(n);
		ck_assert_int_eq(find_in(store, n, &e), 0);
		if (n % 3 == 0)
			atomic_store(&pins->id[n], e.id);
	}
	for (uint32_t n = 400; n >= 1; n--)
		drop(n);
	tidy();
	ck_assert_uint_eq(stock.dying.n, 133);
	ck_assert_uint_eq(stock.dying.n_held, 133);
	ck_assert_uint_eq(values_without_entry(), 133);
	cache_unpin(cache, 1);
	dying_look_again(&stock.dying);
	tidy();
	ck_assert_uint_eq(values_without_entry(), 0);
	teardown();
}
END_TEST

/* As a worker does it: pinned, then the slot is looked at; then its transaction ends, and another one reads on. */
static void
read_on(struct store *s, struct pins *pins, uint32_t n, unsigned *held, unsigned *late)
{
	struct key k = key_number(n);
	struct span v;
	struct entry e;
	bool mine;

	ck_assert_int_eq(store_begin(s), 0);
	if (store_find(s, &k, &e) != 0) {
		store_end(s);
		return;
	}
	ck_assert_int_eq(store_value(s, e.id, 0, &v), 0);
	ck_assert(right(v, e.id, 0));
	atomic_store(&pins->id[n % PINS], e.id);
	mine = atomic_load(&cache_slots(cache)[e.slot].id) == e.id;
	for (uint32_t i = 1; i <= CHUNKS && mine; i++) {
		store_end(s);
		if (n % 4 == 0)
			usleep(50);
		ck_assert_int_eq(store_begin(s), 0);
		ck_assert_msg(store_value(s, e.id, i, &v) == 0, "object %u lost value %u", n, i);
		ck_assert(right(v, e.id, i));
	}
	atomic_store(&pins->id[n % PINS], 0);
	*(mine ? held : late) += 1;
	store_end(s);
}

/* Another process stores and evicts as fast as it can. */
START_TEST(no_pinned_value_is_lost_under_eviction)
{
	unsigned held = 0, late = 0;
	struct store *reader;
	uint32_t x = 1, now = 0;
	int status = 0;
	pid_t pid;

	setup();
	open_stock();
	for (uint32_t n = 0; n < ALIVE; n++)
		put(n);
	close_stock();
	atomic_store(last, ALIVE - 1);
	pid = fork();
	if (pid == 0) {
		open_stock();
		for (uint32_t n = ALIVE; n < OBJECTS; n++) {
			put(n);
			atomic_store(last, n);
			if (n % 64 == 0)
				dying_look_again(&stock.dying);
		}
		_exit(stock.evicted > OBJECTS / 2 ? 0 : 1);
	}
	ck_assert_int_eq(store_open_reader(&reader, &conf, NULL), 0);
	while ((now = atomic_load(last)) < OBJECTS - 1 && waitpid(pid, &status, WNOHANG) == 0) {
		x = x * 1664525 + 1013904223;
		read_on(reader, cache_pins(cache, 1), now - (x >> 8) % 700, &held, &late);
	}
	store_close(&reader);
	if (now == OBJECTS - 1)
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_gt(held, 100);
	open_stock();
	tidy();
	ck_assert_uint_eq(values_without_entry(), 0);
	teardown();
}
END_TEST

/* What left with the keeper has no trace in the store: a worker that still has its id must not find another there. */
START_TEST(an_id_is_never_used_again_by_the_next_keeper)
{
	struct key k = key_number(1);
	struct entry e;
	uint64_t id;
	int rc;

	setup();
	open_stock();
	put(1);
	ck_assert_int_eq(find_in(store, 1, &e), 0);
	id = e.id;
	ck_assert_int_eq(store_transaction(store), 0);
	ck_assert_int_eq(stock_drop(&stock, &k), 0);
	while ((rc = stock_tidy(&stock)) > 0)
		;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(store_commit(store), 0);
	close_stock();
	open_stock();
	put(2);
	ck_assert_int_eq(find_in(store, 2, &e), 0);
	ck_assert_uint_gt(e.id, id);
	close_stock();
	atomic_store(&cache->next_id, UINT64_MAX);	/* nonsense is not believed */
	open_stock();
	put(3);
	ck_assert_int_eq(find_in(store, 3, &e), 0);
	ck_assert_uint_lt(e.id, 1000);
	teardown();
}
END_TEST

UNIT_MAIN("cache/dying", an_id_is_never_used_again_by_the_next_keeper,
    a_pinned_object_stays_until_it_is_let_go_also_over_a_death_of_the_keeper,
    what_is_pinned_keeps_its_order_and_the_rest_goes, no_pinned_value_is_lost_under_eviction)
