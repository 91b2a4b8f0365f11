/* pages.h - every page of a store that nobody writes: in a tree, free, or lost. */
#pragma once
#include <lmdb.h>
#include <string.h>

/* Of one table: its pages, and one for the root of each table that it names. */
static inline size_t
pages_of(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat st;

	ck_assert_int_eq(mdb_stat(txn, dbi, &st), 0);
	return st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
}

/* Lists of free pages: a count, then so many numbers. */
static inline size_t
pages_free(MDB_txn *txn)
{
	MDB_val k, v;
	MDB_cursor *c;
	size_t sum = 0, n;

	ck_assert_int_eq(mdb_cursor_open(txn, 0, &c), 0);
	while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
		memcpy(&n, v.mv_data, sizeof n);
		sum += n;
	}
	mdb_cursor_close(c);
	return sum;
}

/* *used: what the store's own tables have, as store_pages must say. Returns the pages that nobody has. */
static inline size_t
pages_lost(const char *path, size_t size, size_t *used)
{
	static const char *const names[] = { "conf", "idx", "obj" };
	size_t all, main_pages, free_pages;
	MDB_envinfo info;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi main_dbi, dbi;

	ck_assert_int_eq(mdb_env_create(&env), 0);
	ck_assert_int_eq(mdb_env_set_mapsize(env, size), 0);
	ck_assert_int_eq(mdb_env_set_maxdbs(env, 8), 0);
	ck_assert_int_eq(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	ck_assert_int_eq(mdb_env_info(env, &info), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, NULL, 0, &main_dbi), 0);
	*used = 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		ck_assert_int_eq(mdb_dbi_open(txn, names[i], 0, &dbi), 0);
		*used += pages_of(txn, dbi);
	}
	main_pages = pages_of(txn, main_dbi) + pages_of(txn, 0);
	free_pages = pages_free(txn);
	all = info.me_last_pgno + 1;
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return all - 2 - main_pages - free_pages - *used;	/* two are the file's heads */
}
