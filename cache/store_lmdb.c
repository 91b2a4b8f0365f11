/*
 * store_lmdb.c - the store in LMDB.
 *
 * Two tables: `idx`, key to entry, and `obj`, id and number to value. Ids only grow, so `obj` is written at its right
 * edge, and a value of CHUNK_SIZE takes four pages exactly: bigger ones need longer runs of free pages, and a store
 * full of those is full long before its pages are used.
 *
 * Readers keep one transaction handle and renew it, which takes no lock; beginning one anew takes the reader table's.
 * No WRITEMAP: a full disk would kill the writer by SIGBUS. No sync: the boot id says whether the file can be trusted.
 */
#include "cache/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/base/assert.h"
#include "conf/base/log.h"

#define NUMBER_BITS	24		/* of a value within its id */
#define TABLES_MAX	8
#define FLAGS		(MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD)
#define LAYOUT		"proxyd 2"

struct store {
	MDB_env		*env;
	MDB_dbi		 conf, idx, obj;
	MDB_txn		*txn;		/* reader: kept, renewed and reset; writer: the transaction */
	MDB_cursor	*values;	/* of obj. Reader: renewed with txn; writer: ends with it */
	size_t		 top;		/* writer: no value has a higher number; 0: not looked yet */
	uint64_t	 pages;		/* of the map */
	bool		 writer, begun;
};

static int
error_of(int rc)
{
	switch (rc) {
	case 0: return 0;
	case MDB_NOTFOUND: return -E_MISSING;
	case MDB_MAP_FULL: case MDB_TXN_FULL: return -E_LIMIT;
	case MDB_READERS_FULL: return -E_AGAIN;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_PANIC:
	case MDB_INVALID:
	case MDB_BAD_TXN: return -E_CORRUPT;
	case MDB_VERSION_MISMATCH: return -E_VERSION;
	case ENOMEM: return -E_NOMEM;
	case EIO: case ENOSPC: case EDQUOT: return -E_IO;
	}
	return -E_SYS;
}

static MDB_val
val(const void *p, size_t n)
{
	return (MDB_val){ .mv_data = (void *)(uintptr_t)p, .mv_size = n };
}

static size_t
value_number(uint64_t id, uint32_t n)
{
	return id << NUMBER_BITS | n;
}

/* ---- opening ---- */

static int
open_tables(struct store *s)
{
	unsigned create = s->writer ? MDB_CREATE : 0;
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, s->writer ? 0 : MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	if ((rc = mdb_dbi_open(txn, "conf", create, &s->conf)) != 0 ||
	    (rc = mdb_dbi_open(txn, "idx", create, &s->idx)) != 0 ||
	    (rc = mdb_dbi_open(txn, "obj", create | MDB_INTEGERKEY, &s->obj)) != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static int
check_layout(struct store *s)
{
	MDB_val key = val("layout", 6), found, ours = val(LAYOUT, sizeof LAYOUT - 1);
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, s->writer ? 0 : MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_get(txn, s->conf, &key, &found);
	if (rc == MDB_NOTFOUND && s->writer)
		rc = mdb_put(txn, s->conf, &key, &ours, 0);
	else if (rc == 0 && !span_eq(span_make(found.mv_data, found.mv_size), SPAN(LAYOUT)))
		rc = MDB_VERSION_MISMATCH;
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* So that a disk that others fill never fails a commit. A file system that cannot promise it is not held against it. */
static int
set_room_aside(struct store *s, const struct store_conf *c)
{
	int fd, rc = mdb_env_get_fd(s->env, &fd);

	if (rc != 0)
		return rc;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)c->size) == 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return errno;
	log_write(LOG_WARN,
	    "the file system of %s cannot set %llu bytes aside: a full disk will stop storing",
	    c->path, (unsigned long long)c->size);
	return 0;
}

static int
open_env(struct store *s, const struct store_conf *c)
{
	MDB_stat st;
	int rc;

	if ((rc = mdb_env_create(&s->env)) != 0 ||
	    (rc = mdb_env_set_mapsize(s->env, c->size)) != 0 ||
	    (rc = mdb_env_set_maxdbs(s->env, TABLES_MAX)) != 0 ||
	    (rc = mdb_env_set_maxreaders(s->env, c->readers)) != 0 ||
	    (rc = mdb_env_open(
		 s->env, c->path, FLAGS | (s->writer ? 0 : MDB_RDONLY), S_IRUSR | S_IWUSR)) != 0 ||
	    (rc = open_tables(s)) != 0 || (rc = check_layout(s)) != 0 ||
	    (rc = mdb_env_stat(s->env, &st)) != 0)
		return rc;
	s->pages = c->size / st.ms_psize;
	return s->writer ? set_room_aside(s, c) : 0;
}

static int
open_as(struct store **out, const struct store_conf *c, bool writer, struct errdetail *ed)
{
	struct store *s = calloc(1, sizeof *s);
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(ed, -E_NOMEM, "cache %s: out of memory", c->path);
	s->writer = writer;
	rc = open_env(s, c);
	if (rc != 0) {
		store_close(&s);
		return err_set(ed, error_of(rc), "cache %s: %s", c->path, mdb_strerror(rc));
	}
	*out = s;
	return 0;
}

int
store_open_writer(struct store **out, const struct store_conf *c, struct errdetail *ed)
{
	return open_as(out, c, true, ed);
}

int
store_open_reader(struct store **out, const struct store_conf *c, struct errdetail *ed)
{
	return open_as(out, c, false, ed);
}

void
store_close(struct store **sp)
{
	struct store *s = *sp;

	if (s == NULL)
		return;
	*sp = NULL;
	if (s->values != NULL)
		mdb_cursor_close(s->values);
	if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	if (s->env != NULL)
		mdb_env_close(s->env);
	free(s);
}

/* ---- reading ---- */

static int
first_begin(struct store *s)
{
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->txn);

	if (rc != 0)
		s->txn = NULL;
	return rc;
}

static int
renew_cursor(struct store *s)
{
	return s->values == NULL ? mdb_cursor_open(s->txn, s->obj, &s->values) :
				   mdb_cursor_renew(s->txn, s->values);
}

int
store_begin(struct store *s)
{
	int rc;

	ASSERT(!s->writer);
	if (s->begun)
		return 0;
	if ((rc = s->txn == NULL ? first_begin(s) : mdb_txn_renew(s->txn)) != 0)
		return error_of(rc);
	if ((rc = renew_cursor(s)) != 0) {
		mdb_txn_reset(s->txn);
		return error_of(rc);
	}
	s->begun = true;
	return 0;
}

void
store_end(struct store *s)
{
	if (!s->begun)
		return;
	mdb_txn_reset(s->txn);
	s->begun = false;
}

int
store_find(struct store *s, const struct key *key, struct entry *e)
{
	MDB_val k = val(key->b, sizeof key->b), v;
	int rc = mdb_get(s->txn, s->idx, &k, &v);

	return rc != 0 ? error_of(rc) : entry_read(e, span_make(v.mv_data, v.mv_size));
}

int
store_value(struct store *s, uint64_t id, uint32_t n, struct span *out)
{
	size_t number = value_number(id, n);
	MDB_val k = val(&number, sizeof number), v;
	int rc = mdb_get(s->txn, s->obj, &k, &v);

	if (rc == 0)
		*out = span_make(v.mv_data, v.mv_size);
	return error_of(rc);
}

static bool
is_number(const MDB_val *k, size_t number)
{
	return k->mv_size == sizeof number && memcmp(k->mv_data, &number, sizeof number) == 0;
}

int
store_values(struct store *s, uint64_t id, uint32_t n, struct span *out, int max)
{
	size_t number = value_number(id, n);
	MDB_val k = val(&number, sizeof number), v;
	int count = 0, rc = 0;

	while (count < max &&
	    (rc = mdb_cursor_get(s->values, &k, &v, count == 0 ? MDB_SET : MDB_NEXT)) == 0 &&
	    is_number(&k, number + (unsigned)count))
		out[count++] = span_make(v.mv_data, v.mv_size);
	return rc == 0 || rc == MDB_NOTFOUND ? count : error_of(rc);
}

/* ---- writing ---- */

int
store_transaction(struct store *s)
{
	int rc;

	ASSERT(s->writer && s->txn == NULL);
	if ((rc = mdb_txn_begin(s->env, NULL, 0, &s->txn)) != 0) {
		s->txn = NULL;
		return error_of(rc);
	}
	s->top = 0;
	rc = mdb_cursor_open(s->txn, s->obj, &s->values);
	if (rc != 0) {
		s->values = NULL;
		store_abort(s);
	}
	return error_of(rc);
}

/* Before its transaction does: it may not be touched after. */
static void
end_cursor(struct store *s)
{
	if (s->values != NULL)
		mdb_cursor_close(s->values);
	s->values = NULL;
}

int
store_commit(struct store *s)
{
	MDB_txn *txn = s->txn;

	end_cursor(s);
	s->txn = NULL;
	return error_of(mdb_txn_commit(txn));
}

void
store_abort(struct store *s)
{
	end_cursor(s);
	if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	s->txn = NULL;
}

int
store_sync(struct store *s)
{
	return error_of(mdb_env_sync(s->env, 1));
}

int
store_put(struct store *s, const struct key *key, const struct entry *e)
{
	char bytes[ENTRY_SIZE];
	MDB_val k = val(key->b, sizeof key->b), v = val(bytes, sizeof bytes);

	entry_write(bytes, e);
	return error_of(mdb_put(s->txn, s->idx, &k, &v, 0));
}

int
store_drop(struct store *s, const struct key *key)
{
	MDB_val k = val(key->b, sizeof key->b);

	return error_of(mdb_del(s->txn, s->idx, &k, NULL));
}

/* Most values are the newest of all: those need no search, and leave no page half empty. */
static unsigned
at_right_edge(struct store *s, size_t number)
{
	MDB_val k, v;

	if (s->top == 0 && mdb_cursor_get(s->values, &k, &v, MDB_LAST) == 0 &&
	    k.mv_size == sizeof s->top)
		memcpy(&s->top, k.mv_data, sizeof s->top);
	if (number <= s->top)
		return 0;
	s->top = number;
	return MDB_APPEND;
}

int
store_room(struct store *s, uint64_t id, uint32_t n, size_t bytes, char **out)
{
	size_t number = value_number(id, n);
	MDB_val k = val(&number, sizeof number), v = { .mv_size = bytes };
	int rc = mdb_cursor_put(s->values, &k, &v, MDB_RESERVE | at_right_edge(s, number));

	*out = rc == 0 ? v.mv_data : NULL;
	return error_of(rc);
}

static int
drop_run(MDB_cursor *c, uint64_t id, int max)
{
	size_t number = value_number(id, 0), at;
	MDB_val k = val(&number, sizeof number), v;
	int count = 0, rc = 0;

	while (count < max &&
	    (rc = mdb_cursor_get(c, &k, &v, count == 0 ? MDB_SET_RANGE : MDB_GET_CURRENT)) == 0) {
		memcpy(&at, k.mv_data, sizeof at);
		if (at >> NUMBER_BITS != id)
			break;
		if ((rc = mdb_cursor_del(c, 0)) != 0)
			break;
		count++;
	}
	/* Behind the table's last value a cursor is nowhere: EINVAL. */
	return rc == 0 || rc == MDB_NOTFOUND || (rc == EINVAL && count > 0) ? count : error_of(rc);
}

int
store_drop_values(struct store *s, uint64_t id, int max)
{
	return drop_run(s->values, id, max);
}

int
store_next_id(struct store *s, uint64_t after, uint64_t *id)
{
	size_t number = value_number(after + 1, 0);
	MDB_val k = val(&number, sizeof number), v;
	int rc = mdb_cursor_get(s->values, &k, &v, MDB_SET_RANGE);

	if (rc == 0) {
		memcpy(&number, k.mv_data, sizeof number);
		*id = number >> NUMBER_BITS;
	}
	return error_of(rc);
}

int
store_pages(struct store *s, uint64_t *used, uint64_t *all)
{
	const MDB_dbi tables[] = { s->conf, s->idx, s->obj };
	MDB_stat st;
	int rc;

	*used = 0;
	*all = s->pages;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if ((rc = mdb_stat(s->txn, tables[i], &st)) != 0)
			return error_of(rc);
		*used += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
	}
	return 0;
}

int
store_forget_dead(struct store *s)
{
	int dead = 0, rc = mdb_reader_check(s->env, &dead);

	return rc != 0 ? error_of(rc) : dead;
}

/* The key behind this one; false when there is none. */
static bool
next_key(struct key *k)
{
	for (size_t i = sizeof k->b; i-- > 0;)
		if (++k->b[i] != 0)
			return true;
	return false;
}

static int
seek(struct store *s, MDB_val *k, MDB_val *v)
{
	MDB_cursor *c;
	int rc = mdb_cursor_open(s->txn, s->idx, &c);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(c, k, v, MDB_SET_RANGE);
	mdb_cursor_close(c);
	return rc;
}

int
store_walk(struct store *s, struct store_walk *w, struct entry *e)
{
	MDB_val k = val(w->key.b, sizeof w->key.b), v;
	int rc;

	if (w->begun && !next_key(&w->key))
		return 0;
	rc = seek(s, &k, &v);
	if (rc != 0)
		return rc == MDB_NOTFOUND ? 0 : error_of(rc);
	w->begun = true;
	w->key = (struct key){ { 0 } };
	memcpy(w->key.b, k.mv_data, k.mv_size < sizeof w->key.b ? k.mv_size : sizeof w->key.b);
	if (k.mv_size != sizeof w->key.b)
		return -E_CORRUPT;
	rc = entry_read(e, span_make(v.mv_data, v.mv_size));
	return rc == 0 ? 1 : rc;
}
