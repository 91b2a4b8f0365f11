/* ban.c - a handful of bans behind a sequence lock: readers look again when they were changed meanwhile. */
#include "cache/ban.h"

#define LOOKS 4

/* "scope scheme://host/path": both parts. */
static bool
part_key(struct span key, struct span *scope, struct span *url)
{
	ptrdiff_t blank = span_find(key, ' ');

	if (blank < 0)
		return false;
	*scope = span_make(key.p, (size_t)blank);
	*url = span_make(key.p + blank + 1, key.n - (size_t)blank - 1);
	return true;
}

bool
ban_names(const struct ban *b, struct span key, const struct entry *e, const struct head *h)
{
	struct span scope, url,
	    text = span_make(b->text, b->length < BAN_TEXT ? b->length : BAN_TEXT);

	if (e->life.received > b->before || !part_key(key, &scope, &url))
		return false;
	switch (b->kind) {
	case BAN_EVERYTHING: return true;
	case BAN_PREFIX: return url.n >= text.n && memcmp(url.p, text.p, text.n) == 0;
	case BAN_SCOPE: return span_eq(scope, text);
	case BAN_TAG: return head_has_tag(h, b->tag);
	}
	return false;
}

static enum banned
judge(const struct bans *all, const struct entry *e, const struct head *h)
{
	uint32_t n = atomic_load_explicit(&all->n, memory_order_relaxed);
	enum banned worst = BANNED_NOT;

	for (uint32_t i = 0; i < n && i < BANS_MAX; i++) {
		if (!ban_names(&all->v[i], h->key, e, h))
			continue;
		if (!all->v[i].soft)
			return BANNED_HARD;
		worst = BANNED_SOFT;
	}
	return worst;
}

enum banned
bans_judge(const struct bans *all, const struct entry *e, const struct head *h)
{
	if (atomic_load_explicit(&all->n, memory_order_acquire) == 0 &&
	    (atomic_load_explicit(&all->version, memory_order_relaxed) & 1) == 0)
		return BANNED_NOT;
	for (int i = 0; i < LOOKS; i++) {
		uint32_t before = atomic_load_explicit(&all->version, memory_order_acquire);
		enum banned b = judge(all, e, h);

		atomic_thread_fence(memory_order_acquire);
		if ((before & 1) == 0 &&
		    atomic_load_explicit(&all->version, memory_order_relaxed) == before)
			return b;
	}
	return BANNED_HARD;
}

static void
change(struct bans *all)
{
	atomic_store_explicit(
	    &all->version, atomic_load(&all->version) + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

int
bans_add(struct bans *all, const struct ban *b)
{
	uint32_t n = atomic_load(&all->n);

	if (n >= BANS_MAX)
		return -E_LIMIT;
	change(all);
	all->v[n] = *b;
	atomic_store_explicit(&all->n, n + 1, memory_order_release);
	change(all);
	return 0;
}

void
bans_lift(struct bans *all, unsigned n)
{
	uint32_t have = atomic_load(&all->n);

	if (n > have)
		n = have;
	change(all);
	memmove(all->v, all->v + n, (have - n) * sizeof all->v[0]);
	atomic_store_explicit(&all->n, have - n, memory_order_release);
	change(all);
}
