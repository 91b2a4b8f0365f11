/*
 * pool.c - connections that wait for their next request.
 *
 *	hosts: address -> host --- idle (newest first) ---> kept --> kept
 *	owner -- kept (newest first, of any address) ---> kept
 *	pool.all: every kept connection, oldest first
 *
 * A kept connection reads: whatever comes from the target, a byte or the end, was not asked for and closes it.
 * Hosts that ran empty stay until the next sweep, so that one connection used again and again costs no allocation.
 */
#include "worker/back/pool.h"

#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/map.h"
#include "conf/base/mem.h"

#define SWEEP_MS	1000
#define KEPT_MAX	4096	/* of all targets: clients choose the targets in forward mode, descriptors are finite */
#define KEY_MAX		(sizeof(sa_family_t) + sizeof((struct sockaddr_un *)0)->sun_path)

struct host {
	struct list	idle;
	size_t		key_len;
	char		key[KEY_MAX];
};

struct kept {
	struct list_node in_idle, in_all;
	struct pool	*pool;
	struct list	*idle;		/* of its host, or of its owner */
	_Atomic uint32_t *count;
	struct conn	*conn;
	int64_t		 due;
	struct addr	 peer;		/* of an owner's; filled for those alone */
};

struct pool {
	struct loop	*loop;
	struct stats_lane *stats;
	struct map	 hosts;
	struct host	*last;		/* found by the last look-up: most requests go where one just went; or NULL */
	struct list	 all;
	struct timer	 sweep;
};

static struct slab host_slab = SLAB_INIT("pool host", struct host, 256);
static struct slab kept_slab = SLAB_INIT("kept conn", struct kept, 1024);

/* What makes two addresses the same target; no padding, so that it can be hashed. */
static struct span
key_of(const struct addr *a, char key[KEY_MAX])
{
	size_t n = sizeof a->u.sa.sa_family;

	memcpy(key, &a->u.sa.sa_family, n);
	if (a->u.sa.sa_family == AF_INET) {
		memcpy(key + n, &a->u.in4.sin_port, 2);
		memcpy(key + n + 2, &a->u.in4.sin_addr, 4);
		return span_make(key, n + 6);
	}
	if (a->u.sa.sa_family == AF_INET6) {
		memcpy(key + n, &a->u.in6.sin6_port, 2);
		memcpy(key + n + 2, &a->u.in6.sin6_addr, 16);
		memcpy(key + n + 18, &a->u.in6.sin6_scope_id, 4);
		return span_make(key, n + 22);
	}
	memcpy(key + n, a->u.un.sun_path, sizeof a->u.un.sun_path);
	if (a->u.un.sun_path[0] == '\0')	/* an abstract name is as long as its address says */
		return span_make(key, a->len);
	return span_make(key, n + strnlen(a->u.un.sun_path, sizeof a->u.un.sun_path));
}

_Static_assert(offsetof(struct sockaddr_un, sun_path) == sizeof(sa_family_t), "a->len counts both");

static void
count_idle(struct kept *k, int by)
{
	if (k->pool->stats != NULL)
		k->pool->stats->counter[C_UP_IDLE] += (uint64_t)(int64_t)by;
	if (k->count != NULL)
		atomic_store_explicit(k->count,
		    atomic_load_explicit(k->count, memory_order_relaxed) + (uint32_t)by,
		    memory_order_relaxed);
}

/* The one way out of the pool: both lists and the gauge at once. The conn is the caller's. */
static struct conn *
kept_leave(struct kept *k)
{
	struct conn *c = k->conn;

	list_remove(k->idle, &k->in_idle);
	list_remove(&k->pool->all, &k->in_all);
	count_idle(k, -1);
	slab_put(&kept_slab, k);
	return c;
}

static void
kept_close(struct kept *k)
{
	struct conn *c = kept_leave(k);

	conn_free(&c);
}

static void
on_idle(struct conn *c UNUSED, enum conn_event ev UNUSED, void *owner)
{
	kept_close(owner);
}

/* Only deadlines differ between connections of one target, so a sweep looks at each of them. */
static void
on_sweep(struct timer *t)
{
	struct pool *p = LIST_ENTRY(t, struct pool, sweep);
	struct span key;
	void *value;

	LIST_EACH_SAFE(&p->all, n) {
		struct kept *k = LIST_ENTRY(n, struct kept, in_all);

		if (k->due <= p->loop->now_ms)
			kept_close(k);
	}
	for (uint32_t pos = 0; map_next(&p->hosts, &pos, &key, &value);) {
		struct host *h = value;

		if (!list_empty(&h->idle))
			continue;
		if (p->last == h)
			p->last = NULL;
		map_del(&p->hosts, key);
		slab_put(&host_slab, h);
	}
	if (p->hosts.used > 0)
		(void)timer_set(&p->loop->timers, &p->sweep, p->loop->now_ms + SWEEP_MS);
}

struct pool *
pool_new(struct loop *loop, struct stats_lane *stats, struct errdetail *ed)
{
	struct pool *p = calloc(1, sizeof *p);

	if (p == NULL) {
		err_set(ed, -E_NOMEM, "the pool of kept connections");
		return NULL;
	}
	p->loop = loop;
	p->stats = stats;
	list_init(&p->all);
	timer_init(&p->sweep, on_sweep);
	return p;
}

void
pool_free(struct pool **pp)
{
	struct pool *p = *pp;
	struct span key;
	void *host;

	*pp = NULL;
	if (p == NULL)
		return;
	pool_clear(p);
	for (uint32_t pos = 0; map_next(&p->hosts, &pos, &key, &host);)
		slab_put(&host_slab, host);
	map_fini(&p->hosts);
	timer_fini(&p->loop->timers, &p->sweep);
	free(p);
}

void
pool_owner_init(struct pool_owner *o)
{
	list_init(&o->kept);
}

void
pool_owner_fini(struct pool_owner *o)
{
	struct list_node *n;

	while ((n = list_first(&o->kept)) != NULL)
		kept_close(LIST_ENTRY(n, struct kept, in_idle));
}

static struct host *
host_find(struct pool *p, struct span key)
{
	struct host *h = p->last;

	if (h != NULL && span_eq(key, span_make(h->key, h->key_len)))
		return h;
	h = map_get(&p->hosts, key);
	if (h != NULL)
		p->last = h;
	return h;
}

static struct host *
host_get(struct pool *p, const struct addr *peer)
{
	char key[KEY_MAX] UNFILLED;
	struct span k = key_of(peer, key);
	struct host *h = host_find(p, k);

	if (h != NULL)
		return h;
	h = slab_try_get(&host_slab);
	if (h == NULL)
		return NULL;
	list_init(&h->idle);
	h->key_len = k.n;
	memcpy(h->key, k.p, k.n);
	if (map_put(&p->hosts, span_make(h->key, h->key_len), h) != 0) {
		slab_put(&host_slab, h);
		return NULL;
	}
	return h;
}

/* Nobody may have heard from it since its last exchange. */
static bool
silent(const struct conn *c)
{
	return conn_connected(c) && !conn_eof(c) && !conn_failed(c) && conn_peek(c).n == 0;
}

static bool
sweep_runs(struct pool *p)
{
	if (p->sweep.due != TIMER_NEVER)
		return true;
	return timer_set(&p->loop->timers, &p->sweep, p->loop->now_ms + SWEEP_MS);
}

static struct list *
idle_list(struct pool *p, const struct addr *peer, struct pool_owner *owner)
{
	struct host *h;

	if (owner != NULL)
		return &owner->kept;
	h = host_get(p, peer);
	return h == NULL ? NULL : &h->idle;
}

void
pool_put(struct pool *p, struct conn **cp, const struct pool_terms *t)
{
	struct list *idle;
	struct kept *k = NULL;

	if (t->max_idle == 0 || !silent(*cp) || !sweep_runs(p) ||
	    (idle = idle_list(p, t->peer, t->owner)) == NULL ||
	    (k = slab_try_get(&kept_slab)) == NULL) {
		conn_free(cp);
		return;
	}
	while (idle->count >= t->max_idle)
		kept_close(LIST_ENTRY(list_last(idle), struct kept, in_idle));
	if (p->all.count >= KEPT_MAX)
		kept_close(LIST_ENTRY(list_first(&p->all), struct kept, in_all));
	memset(k, 0, offsetof(struct kept, peer));
	k->pool = p;
	k->idle = idle;
	k->count = t->count;
	k->conn = *cp;
	k->due = p->loop->now_ms + t->idle_ms;
	if (t->owner != NULL)
		k->peer = *t->peer;
	*cp = NULL;
	list_push_front(idle, &k->in_idle);
	list_push(&p->all, &k->in_all);
	count_idle(k, 1);
	conn_set_owner(k->conn, on_idle, k);
	conn_deadline(k->conn, TIMER_NEVER);
	conn_resume(k->conn);
}

static bool
usable(const struct kept *k)
{
	return silent(k->conn) && k->due > k->pool->loop->now_ms;
}

unsigned
pool_look(const struct pool *p, const struct addr *peer)
{
	char key[KEY_MAX];
	const struct host *h = map_get(&p->hosts, key_of(peer, key));
	unsigned found = 0;

	if (h == NULL)
		return 0;
	LIST_EACH(&h->idle, n)
		found += usable(LIST_ENTRY(n, struct kept, in_idle));
	return found;
}

/* Takes it out; NULL when it was not good any more. */
static struct conn *
kept_use(struct kept *k)
{
	bool good = usable(k);
	struct conn *c = kept_leave(k);

	if (!good)
		conn_free(&c);
	return c;
}

/* A client speaks to few targets: their list is walked. */
static struct conn *
owner_get(struct pool_owner *owner, const struct addr *peer)
{
	struct conn *c = NULL;

	LIST_EACH_SAFE(&owner->kept, n) {
		struct kept *k = LIST_ENTRY(n, struct kept, in_idle);

		if (c == NULL && addr_eq(&k->peer, peer))
			c = kept_use(k);
	}
	return c;
}

struct conn *
pool_get(struct pool *p, const struct addr *peer, struct pool_owner *owner)
{
	char key[KEY_MAX] UNFILLED;
	struct list_node *n;
	struct conn *c = NULL;
	struct host *h;

	if (owner != NULL)
		return owner_get(owner, peer);
	h = host_find(p, key_of(peer, key));
	while (h != NULL && c == NULL && (n = list_first(&h->idle)) != NULL)
		c = kept_use(LIST_ENTRY(n, struct kept, in_idle));
	return c;
}

void
pool_clear(struct pool *p)
{
	struct list_node *n;

	while ((n = list_first(&p->all)) != NULL)
		kept_close(LIST_ENTRY(n, struct kept, in_all));
}
