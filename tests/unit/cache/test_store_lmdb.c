/* test_store_lmdb.c - one writer, readers in this and other processes, and what a full or damaged file does. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/cache/place.h"

#define MIB (1024 * 1024)

static struct store *writer, *reader;
static struct store_conf conf = { .path = path, .size = 4 * MIB, .readers = 3 };
static struct errdetail ed;

static void
setup(void)
{
	place_make();
	ck_assert_int_eq(store_open_writer(&writer, &conf, &ed), 0);
	/* LMDB allows one opening a process; a reader of its own is a child's business. */
}

static void
teardown(void)
{
	store_close(&writer);
	place_remove();
}

static struct key
key(unsigned n)
{
	struct key k = { { 0 } };

	for (size_t i = 0; i < 4; i++)
		k.b[i] = (uint8_t)(n >> (24 - 8 * i));
	return k;
}

static void
put_value(uint64_t id, uint32_t n, size_t bytes, char fill)
{
	char *room;

	ck_assert_int_eq(store_room(writer, id, n, bytes, &room), 0);
	memset(room, fill, bytes);
}

static void
put(unsigned n, uint64_t id)
{
	struct key k = key(n);
	struct entry e = { .kind = ENTRY_OBJECT, .status = 200, .id = id };

	ck_assert_int_eq(store_put(writer, &k, &e), 0);
}

static void
commit(void)
{
	ck_assert_int_eq(store_commit(writer), 0);
}

/* Runs f in a child that may read; what it returned. */
static int
in_reader(int (*f)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		status = store_open_reader(&reader, &conf, &ed) != 0 || store_begin(reader) != 0 ?
		    99 :
		    f();
		store_close(&reader);
		_exit(status);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
find_seven(void)
{
	struct key k = key(7);
	struct entry e;
	struct span v[4];
	int rc = store_find(reader, &k, &e);

	if (rc != 0)
		return -rc;
	return e.id == 3 && store_values(reader, 3, 1, v, 4) == 2 && v[0].n == CHUNK_SIZE &&
		v[1].n == 5 && v[1].p[4] == 'b' && store_value(reader, 3, 0, &v[2]) == 0 &&
		v[2].p[0] == 'h' ?
	    50 :
	    51;
}

START_TEST(another_process_finds_what_was_committed_and_nothing_before)
{
	setup();
	ck_assert_int_eq(in_reader(find_seven), E_MISSING);
	ck_assert_int_eq(store_transaction(writer), 0);
	put(7, 3);
	put_value(3, 0, 9, 'h');
	put_value(3, 1, CHUNK_SIZE, 'a');
	put_value(3, 2, 5, 'b');
	put_value(4, 0, 9, 'x');
	ck_assert_int_eq(in_reader(find_seven), E_MISSING);
	commit();
	ck_assert_int_eq(in_reader(find_seven), 50);
	ck_assert_int_eq(store_transaction(writer), 0);
	ck_assert_int_eq(store_drop(writer, &(struct key){ { 0, 0, 0, 7 } }), 0);
	ck_assert_int_eq(store_drop(writer, &(struct key){ { 0, 0, 0, 7 } }), -E_MISSING);
	store_abort(writer);
	ck_assert_int_eq(in_reader(find_seven), 50);
	teardown();
}
END_TEST

START_TEST(values_of_one_id_are_found_and_dropped_apart_from_others)
{
	struct span v[8];

	setup();
	ck_assert_int_eq(store_transaction(writer), 0);
	for (uint32_t n = 0; n < 5; n++)
		put_value(1, n, 10, 'a'), put_value(2, n, 10, 'b');
	ck_assert_int_eq(store_drop_values(writer, 1, 3), 3);
	ck_assert_int_eq(store_value(writer, 1, 2, &v[0]), -E_MISSING);
	ck_assert_int_eq(store_value(writer, 1, 3, &v[0]), 0);
	ck_assert_int_eq(store_drop_values(writer, 1, 100), 2);
	ck_assert_int_eq(store_drop_values(writer, 1, 100), 0);
	ck_assert_int_eq(store_drop_values(writer, 2, 100), 5);
	ck_assert_int_eq(store_drop_values(writer, 2, 100), 0);
	commit();
	teardown();
}
END_TEST

static int
gap_in_values(void)
{
	struct span v[8];

	return store_values(reader, 9, 1, v, 8) == 2 && store_values(reader, 9, 1, v, 1) == 1 &&
	    store_values(reader, 9, 3, v, 8) == 0 && store_values(reader, 9, 4, v, 8) == 1 &&
	    store_values(reader, 8, 1, v, 8) == 0 ? 0 : 1;
}

START_TEST(a_run_of_values_ends_at_a_gap)
{
	setup();
	ck_assert_int_eq(store_transaction(writer), 0);
	put_value(9, 1, 10, 'a'), put_value(9, 2, 10, 'a'), put_value(9, 4, 10, 'a'),
	    put_value(10, 5, 10, 'a');
	commit();
	ck_assert_int_eq(in_reader(gap_in_values), 0);
	teardown();
}
END_TEST

START_TEST(a_walk_sees_every_entry_once_over_transactions)
{
	struct store_walk w = { .begun = false };
	struct entry e;
	unsigned n = 0;
	int rc;

	setup();
	ck_assert_int_eq(store_transaction(writer), 0);
	for (unsigned i = 0; i < 1000; i++)
		put(i * 3, i);
	commit();
	ck_assert_int_eq(store_transaction(writer), 0);
	while ((rc = store_walk(writer, &w, &e)) > 0) {
		ck_assert_uint_eq(e.id, n++);
		if (n % 100 == 0) {
			commit();
			ck_assert_int_eq(store_transaction(writer), 0);
		}
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(n, 1000);
	store_abort(writer);
	w = (struct store_walk){ .begun = true };
	memset(w.key.b, 0xff, sizeof w.key.b);
	ck_assert_int_eq(store_walk(writer, &w, &e), 0);
	teardown();
}
END_TEST

/* Chunks until the map is full; how many there were. */
static unsigned
fill_up(uint64_t id)
{
	unsigned n = 0;
	char *room;
	int rc;

	for (;; n++) {
		ck_assert_int_eq(store_transaction(writer), 0);
		rc = store_room(writer, id, n, CHUNK_SIZE, &room);
		if (rc == 0)
			rc = store_commit(writer);
		if (rc != 0)
			break;
	}
	ck_assert_int_eq(rc, -E_LIMIT);
	store_abort(writer);
	return n;
}

START_TEST(a_full_map_says_so_and_goes_on_after_room_is_made)
{
	uint64_t used, all;
	unsigned n;

	setup();
	n = fill_up(1);
	ck_assert_uint_gt(n, 4 * MIB / CHUNK_SIZE * 9 / 10);
	ck_assert_int_eq(store_transaction(writer), 0);
	ck_assert_int_eq(store_pages(writer, &used, &all), 0);
	ck_assert_uint_eq(all, 4 * MIB / 4096);
	ck_assert(used <= all && used > all * 9 / 10);
	store_abort(writer);
	/* What one transaction frees, the next but one may use. */
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(store_transaction(writer), 0);
		ck_assert_int_eq(store_drop_values(writer, 1, 20), 20);
		commit();
	}
	ck_assert_uint_ge(fill_up(2), 40);
	teardown();
}
END_TEST

static int
hang(void)
{
	pause();
	return 0;
}

START_TEST(a_dead_reader_is_forgotten_when_asked)
{
	pid_t pid;
	char byte;
	int ready[2];

	setup();
	ck_assert_int_eq(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		if (store_open_reader(&reader, &conf, &ed) == 0 && store_begin(reader) == 0 &&
		    write(ready[1], "x", 1) == 1)
			hang();
		_exit(1);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	ck_assert_int_eq(store_forget_dead(writer), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(store_forget_dead(writer), 1);
	teardown();
}
END_TEST

static int
is_begun_twice(void)
{
	int rc = store_begin(reader);

	store_end(reader);
	store_end(reader);
	rc += store_begin(reader);
	store_close(&reader);
	store_close(&reader);
	return rc;
}

START_TEST(beginning_and_ending_are_idempotent)
{
	setup();
	ck_assert_int_eq(in_reader(is_begun_twice), 0);
	teardown();
}
END_TEST

START_TEST(a_file_that_is_no_store_is_refused)
{
	FILE *f;

	setup();
	store_close(&writer);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 16384; i++)
		fputc('x', f);
	fclose(f);
	ed = (struct errdetail){ 0 };
	ck_assert_int_eq(store_open_writer(&writer, &conf, &ed), -E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(ed.text, path));
	ck_assert_ptr_null(writer);
	teardown();
}
END_TEST

START_TEST(no_room_on_the_disk_is_told_at_the_start)
{
	struct store_conf huge = { .path = path, .size = UINT64_C(1) << 46, .readers = 3 };

	setup();
	store_close(&writer);
	ed = (struct errdetail){ 0 };
	ck_assert_int_ne(store_open_writer(&writer, &huge, &ed), 0);
	ck_assert_ptr_null(writer);
	ck_assert_uint_gt(strlen(ed.text), strlen(path));
	teardown();
}
END_TEST

UNIT_MAIN("cache/store_lmdb", another_process_finds_what_was_committed_and_nothing_before,
    values_of_one_id_are_found_and_dropped_apart_from_others, a_run_of_values_ends_at_a_gap,
    a_walk_sees_every_entry_once_over_transactions,
    a_full_map_says_so_and_goes_on_after_room_is_made, a_dead_reader_is_forgotten_when_asked,
    beginning_and_ending_are_idempotent, a_file_that_is_no_store_is_refused,
    no_room_on_the_disk_is_told_at_the_start)
