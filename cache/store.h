/*
 * store.h - where entries and values are: one file, mapped by every process, written by one.
 *
 * A process opens the store once, after fork. A reader sees one state of it from store_begin to store_end, and never
 * holds that across a turn of its loop: an open state keeps every page that was freed since. What store_find and
 * store_value give are bytes of the map, valid until store_end, and read with doubt (entry.h).
 *
 * The writer changes the store in transactions. Nothing of one is visible, to anybody, before store_commit; a process
 * that dies in one leaves the store as it was. The file is safe against the death of processes, not against that of
 * the machine.
 *
 * Errors besides those named: -E_CORRUPT (the file does not add up: stop using it), -E_IO, -E_NOMEM, -E_SYS.
 */
#pragma once
#include "cache/entry.h"

struct store;

struct store_conf {
	const char	*path;
	uint64_t	 size;		/* bytes of the map, the same in every process; the file never grows beyond */
	unsigned	 readers;	/* processes that may read at once, both generations of a reload counted */
};

/* The writer makes the file and its tables and has the disk set the room aside. -E_VERSION: made by another layout. */
int	store_open_writer(struct store **, const struct store_conf *, struct errdetail *) MUST_CHECK;
int	store_open_reader(struct store **, const struct store_conf *, struct errdetail *) MUST_CHECK;
void	store_close(struct store **);

/* ---- reading ---- */

int	store_begin(struct store *) MUST_CHECK;		/* idempotent; -E_AGAIN: no reader's place is free */
void	store_end(struct store *);
int	store_find(struct store *, const struct key *, struct entry *) MUST_CHECK;		/* -E_MISSING */
int	store_value(struct store *, uint64_t id, uint32_t n, struct span *) MUST_CHECK;	/* -E_MISSING */
/* Up to max values of id from number n on, without gaps: how many (0: none) or an error. One search for all. */
int	store_values(struct store *, uint64_t id, uint32_t n, struct span *, int max) MUST_CHECK;

/* ---- writing ---- */

int	store_transaction(struct store *) MUST_CHECK;
int	store_sync(struct store *) MUST_CHECK;		/* all that was committed is on the disk */
/* -E_LIMIT: the map is full; -E_IO: the disk is. The transaction is gone in either case, nothing of it was done. */
int	store_commit(struct store *) MUST_CHECK;
void	store_abort(struct store *);
int	store_put(struct store *, const struct key *, const struct entry *) MUST_CHECK;
int	store_drop(struct store *, const struct key *) MUST_CHECK;				/* -E_MISSING */
/* Room for a value of n bytes, to be filled before the next call. */
int	store_room(struct store *, uint64_t id, uint32_t n, size_t bytes, char **) MUST_CHECK;
/* Deletes at most max values of an id; how many there were. */
int	store_drop_values(struct store *, uint64_t id, int max) MUST_CHECK;

/* The lowest id above `after` that has values; -E_MISSING: none has. */
int	store_next_id(struct store *, uint64_t after, uint64_t *id) MUST_CHECK;

/* Pages of the map that hold something, and all of it; in a transaction, with what it changed. */
int	store_pages(struct store *, uint64_t *used, uint64_t *all) MUST_CHECK;
/* Forgets readers whose process is dead, which keep pages otherwise; how many there were. */
int	store_forget_dead(struct store *) MUST_CHECK;
/* Every entry once, in the order of keys, also over several transactions. Start with a struct of zeroes. */
struct store_walk { struct key key; bool begun; };	/* of the entry found last */
/* 1: *e is set; 0: the end; -E_CORRUPT: this entry is, the walk goes on. */
int	store_walk(struct store *, struct store_walk *, struct entry *) MUST_CHECK;
