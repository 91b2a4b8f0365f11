/*
 * balance.c - picking an endpoint in time that does not grow with their number.
 *
 * A cursor per service holds the used slots of its endpoint table, primaries before backups, and is made anew
 * when the table's sequence moved. Two ways to choose within such a tier:
 *
 *	round robin	a heap by virtual time: each endpoint's next turn lies 1/weight behind its last (earliest
 *			deadline first). Equal weights take plain turns, others interleave as smooth weighted
 *			round robin does, for O(log n) a pick. Turns of endpoints passed over count as taken, so
 *			that one coming back from ejection is not flooded with what it missed.
 *	least request	the fewest requests in flight per weight among at most LEAST_SCAN usable endpoints from
 *			a place that moves on with every pick; ties go to the first seen.
 *
 * Preference: healthy primaries, healthy backups, ejected ones, and last whatever this request failed on before.
 * What an operator drains is never chosen.
 */
#include "worker/back/balance.h"

#include <sys/random.h>

#include "conf/base/assert.h"
#include "conf/base/log.h"
#include "conf/base/mem.h"

#define LEAST_SCAN	32
#define TURN_UNIT	(1u << 24)	/* virtual time between the turns of weight 1 */

enum tier { TIER_PRIMARY, TIER_BACKUP, TIER_MAX };

struct slot {
	struct endpoint *endpoint;
	unsigned	 at;		/* in the endpoint table */
	uint64_t	 turn;		/* virtual time of the next turn */
	uint64_t	 order;		/* breaks ties: first queued, first served */
};

struct tier_slots {
	struct slot	**heap;		/* by turn, then order */
	unsigned	 n;
	unsigned	 start;		/* least request: where the next scan begins */
	unsigned	 heaviest;	/* weight of any */
};

struct cursor {
	struct endpoint_table *table;
	struct slot	*slots;		/* room for the whole table */
	struct slot	**heap;		/* the same, shared by both tiers */
	struct tier_slots tier[TIER_MAX];
	uint64_t	 order;
	uint32_t	 seq;
	bool		 loaded;
};

struct balance {
	const struct conf *conf;
	struct endpoint_data *data;
	unsigned	 lane;		/* whose share of the load it counts */
	struct stats_lane *stats;
	struct cursor	*cursors;	/* by service index */
	uint32_t	 salt;		/* workers begin at different endpoints */
};

/* What may be chosen in one pass over a tier. */
struct wish {
	const struct balance *b;
	const struct cursor *cursor;
	int64_t		 now_ms;
	const struct addr *tried;
	unsigned	 ntried;
	bool		 ejected, again;	/* accept ejected ones; accept ones tried before */
};

struct balance *
balance_new(const struct conf *conf, struct endpoint_data *data, unsigned lane,
    struct stats_lane *stats)
{
	struct balance *b = mem_alloc(sizeof *b);

	*b = (struct balance){ .conf = conf, .data = data, .lane = lane, .stats = stats };
	b->cursors = mem_array(conf->nservices + 1, sizeof *b->cursors);
	for (unsigned i = 0; i < conf->nservices; i++) {
		struct cursor *c = &b->cursors[i];

		c->table = endpoint_table(data, i);
		ASSERT(c->table != NULL);
		c->slots = mem_array(c->table->room + 1, sizeof *c->slots);
		c->heap = mem_array(c->table->room + 1, sizeof *c->heap);
	}
	if (getrandom(&b->salt, sizeof b->salt, GRND_NONBLOCK) != sizeof b->salt)
		b->salt = 0;
	return b;
}

void
balance_free(struct balance **bp)
{
	struct balance *b = *bp;

	*bp = NULL;
	if (b == NULL)
		return;
	for (unsigned i = 0; i < b->conf->nservices; i++) {
		mem_free(b->cursors[i].slots);
		mem_free(b->cursors[i].heap);
	}
	mem_free(b->cursors);
	mem_free(b);
}

/* ------------------------------------------------------------------------------------------- turns */

static bool
sooner(const struct slot *a, const struct slot *b)
{
	return a->turn != b->turn ? a->turn < b->turn : a->order < b->order;
}

static void
sift_down(struct tier_slots *t, unsigned i)
{
	struct slot *s = t->heap[i];

	for (;;) {
		unsigned kid = 2 * i + 1;

		if (kid >= t->n)
			break;
		if (kid + 1 < t->n && sooner(t->heap[kid + 1], t->heap[kid]))
			kid++;
		if (!sooner(t->heap[kid], s))
			break;
		t->heap[i] = t->heap[kid];
		i = kid;
	}
	t->heap[i] = s;
}

/* The endpoint whose turn it is; its next turn is queued. */
static struct slot *
take_turn(struct cursor *c, struct tier_slots *t)
{
	struct slot *s = t->heap[0];

	s->turn += TURN_UNIT / s->endpoint->weight;
	s->order = c->order++;
	sift_down(t, 0);
	return s;
}

/* First turns lie half a period ahead, which spreads the light ones between those of the heavy ones. */
static void
tier_start(struct cursor *c, struct tier_slots *t, uint32_t salt)
{
	t->start = t->n == 0 ? 0 : salt % t->n;
	for (unsigned i = 0; i < t->n; i++) {
		struct slot *s = t->heap[(t->start + i) % t->n];

		s->turn = TURN_UNIT / s->endpoint->weight / 2;
		s->order = c->order++;
	}
	for (unsigned i = t->n / 2; i-- > 0;)
		sift_down(t, i);
}

static void
tier_load(const struct balance *b, struct cursor *c, unsigned *used, enum tier tier)
{
	struct tier_slots *t = &c->tier[tier];
	unsigned count = atomic_load_explicit(&c->table->count, memory_order_acquire);

	*t = (struct tier_slots){ .heap = c->heap + *used };
	for (unsigned i = 0; i < count && i < c->table->room; i++) {
		struct endpoint *e = endpoint_at(b->data, c->table, i);

		if (e == NULL || !endpoint_used(e) || e->weight == 0)
			continue;
		if ((e->backup ? TIER_BACKUP : TIER_PRIMARY) != tier)
			continue;
		c->slots[*used] = (struct slot){ .endpoint = e, .at = i };
		t->heaviest = e->weight > t->heaviest ? e->weight : t->heaviest;
		t->heap[t->n++] = &c->slots[(*used)++];
	}
	tier_start(c, t, b->salt);
}

/* An agent that died while it wrote leaves an odd sequence; what it left is served like any other. */
static void
cursor_refresh(const struct balance *b, struct cursor *c)
{
	uint32_t seq = atomic_load_explicit(&c->table->seq, memory_order_acquire);
	unsigned used = 0;

	if (c->loaded && c->seq == seq)
		return;
	c->seq = seq;
	c->loaded = true;
	c->order = 0;
	tier_load(b, c, &used, TIER_PRIMARY);
	tier_load(b, c, &used, TIER_BACKUP);
}

/* ----------------------------------------------------------------------------------------- choosing */

static bool
among(const struct addr *a, const struct addr *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_eq(a, &list[i]))
			return true;
	return false;
}

static bool
fits(const struct wish *w, const struct slot *s, struct addr *addr)
{
	if (endpoint_drained(s->endpoint))
		return false;
	if (!w->ejected && endpoint_ejected(s->endpoint, (uint64_t)w->now_ms))
		return false;
	if (!endpoint_addr(w->b->data, w->cursor->table, s->at, addr))
		return false;
	return w->again || !among(addr, w->tried, w->ntried);
}

static struct slot *
choose_in_turn(const struct wish *w, struct cursor *c, struct tier_slots *t, struct addr *addr)
{
	for (unsigned i = 0; i < t->n; i++) {
		struct slot *s = take_turn(c, t);

		if (fits(w, s, addr))
			return s;
	}
	return NULL;
}

static bool
lighter(const struct slot *a, const struct slot *b)
{
	uint64_t load_a = endpoint_load(a->endpoint), load_b = endpoint_load(b->endpoint);

	return (load_a + 1) * b->endpoint->weight < (load_b + 1) * a->endpoint->weight;
}

/* None is lighter than an idle one of the greatest weight, so that few of many are looked at. */
static bool
is_lightest(const struct tier_slots *t, const struct slot *s)
{
	return s->endpoint->weight == t->heaviest && endpoint_load(s->endpoint) == 0;
}

static struct slot *
choose_least(const struct wish *w, struct tier_slots *t, struct addr *addr)
{
	struct slot *best = NULL;
	struct addr a;
	unsigned seen = 0, start = t->start;

	t->start = t->n == 0 ? 0 : (start + 1) % t->n;
	for (unsigned i = 0; i < t->n && seen < LEAST_SCAN; i++) {
		struct slot *s = t->heap[(start + i) % t->n];

		if (!fits(w, s, &a))
			continue;
		seen++;
		if (best == NULL || lighter(s, best)) {
			best = s;
			*addr = a;
			if (is_lightest(t, s))
				break;
		}
	}
	return best;
}

static struct slot *
choose(const struct wish *w, const struct conf_service *service, struct cursor *c, enum tier tier,
    struct addr *addr)
{
	switch (service->balance) {
	case BALANCE_ROUND_ROBIN:
		return choose_in_turn(w, c, &c->tier[tier], addr);
	case BALANCE_LEAST_REQUEST:
		return choose_least(w, &c->tier[tier], addr);
	}
	NEVER("unknown way to balance");
}

/* By preference: healthy ones before ejected ones, and those that failed this request last; tiers in order. */
static struct slot *
prefer(const struct balance *b, struct cursor *c, const struct conf_service *service,
    int64_t now_ms, const struct addr *tried, unsigned ntried, struct addr *addr)
{
	struct wish w = { .b = b, .cursor = c, .now_ms = now_ms, .tried = tried, .ntried = ntried };
	struct slot *s = NULL;

	for (unsigned pass = 0; pass < 4 && s == NULL; pass++) {
		if (ntried == 0 && pass >= 2)
			break;
		w.again = pass >= 2;
		w.ejected = pass % 2 == 1;
		for (unsigned tier = 0; tier < TIER_MAX && s == NULL; tier++)
			s = choose(&w, service, c, tier, addr);
	}
	return s;
}

bool
balance_pick(struct balance *b, const struct conf_service *service, int64_t now_ms,
    const struct addr *tried, unsigned ntried, struct pick *pick)
{
	struct cursor *c = &b->cursors[service->index];
	struct slot *s;

	*pick = (struct pick){ .service = service };
	cursor_refresh(b, c);
	s = prefer(b, c, service, now_ms, tried, ntried, &pick->addr);
	if (s == NULL)
		return false;
	pick->endpoint = s->endpoint;
	endpoint_take(b->data, s->endpoint, b->lane);
	return true;
}

/* A cursor of its own with the same turns: what is chosen by it moves nobody on. */
static void
cursor_copy(struct cursor *to, const struct cursor *from)
{
	unsigned room = from->table->room + 1;

	*to = *from;
	to->slots = mem_array(room, sizeof *to->slots);
	to->heap = mem_array(room, sizeof *to->heap);
	memcpy(to->slots, from->slots, room * sizeof *to->slots);
	for (unsigned tier = 0, at = 0; tier < TIER_MAX; tier++) {
		struct tier_slots *t = &to->tier[tier];

		t->heap = to->heap + at;
		for (unsigned i = 0; i < t->n; i++, at++)
			t->heap[i] = to->slots + (from->tier[tier].heap[i] - from->slots);
	}
}

bool
balance_look(
    const struct balance *b, const struct conf_service *service, int64_t now_ms, struct pick *pick)
{
	struct cursor c;
	bool found;

	*pick = (struct pick){ .service = service };
	cursor_copy(&c, &b->cursors[service->index]);
	cursor_refresh(b, &c);
	found = prefer(b, &c, service, now_ms, NULL, 0, &pick->addr) != NULL;
	mem_free(c.slots);
	mem_free(c.heap);
	return found;
}

/* ----------------------------------------------------------------------------------------- outcomes */

static unsigned
count_used(
    const struct balance *b, const struct endpoint_table *t, int64_t now_ms, unsigned *ejected)
{
	unsigned n = 0, count = atomic_load_explicit(&t->count, memory_order_acquire);

	*ejected = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct endpoint *e = endpoint_at(b->data, t, i);

		if (e == NULL || !endpoint_used(e) || endpoint_drained(e))
			continue;
		n++;
		*ejected += endpoint_ejected(e, (uint64_t)now_ms);
	}
	return n;
}

static int64_t
ejection_ms(const struct conf_outlier *o, uint32_t before)
{
	int64_t ms = o->base_ms;

	for (uint32_t i = 0; i < before && ms < o->max_ms; i++)
		ms *= 2;
	return ms < o->max_ms ? ms : o->max_ms;
}

/* An endpoint that stayed in service for max_ms since its last ejection starts again with the shortest one. */
static void
eject(struct balance *b, struct pick *p, int64_t now_ms)
{
	const struct conf_outlier *o = &p->service->outlier;
	struct endpoint *e = p->endpoint;
	uint64_t until = atomic_load(&e->ejected_until_ms);
	uint32_t before = atomic_load(&e->ejections);
	struct endpoint_share *share;
	unsigned ejected, n = count_used(b, b->cursors[p->service->index].table, now_ms, &ejected);
	char text[ADDR_TEXT];

	if (until > (uint64_t)now_ms || (double)(ejected + 1) > o->max_ejected * (double)n)
		return;
	if (until + (uint64_t)o->max_ms <= (uint64_t)now_ms)
		before = 0;
	if (!atomic_compare_exchange_strong(&e->ejected_until_ms, &until,
		(uint64_t)(now_ms + ejection_ms(o, before))))
		return;
	atomic_store(&e->ejections, before + 1);
	atomic_store(&e->failures, 0);
	if (b->stats != NULL)
		b->stats->counter[C_EJECTIONS]++;
	if ((share = endpoint_share(b->data, e, b->lane)) != NULL)
		endpoint_add(&share->ejections);
	log_write(LOG_WARN, "service %s: target %s ejected for %lld ms after %lld failures",
	    p->service->name, addr_text(&p->addr, text), (long long)ejection_ms(o, before),
	    (long long)o->failures);
}

/* Failures count in a row and within one window; a success in between starts over. */
static void
failed(struct balance *b, struct pick *p, int64_t now_ms)
{
	const struct conf_outlier *o = &p->service->outlier;
	struct endpoint *e = p->endpoint;
	struct endpoint_share *share = endpoint_share(b->data, e, b->lane);
	uint32_t n;

	if (share != NULL)
		endpoint_add(&share->failures);
	if (o->failures == 0)
		return;
	if (atomic_load(&e->failures) == 0 ||
	    atomic_load(&e->window_ms) + (uint64_t)o->window_ms <= (uint64_t)now_ms) {
		atomic_store(&e->window_ms, (uint64_t)now_ms);
		atomic_store(&e->failures, 0);
	}
	n = atomic_fetch_add(&e->failures, 1) + 1;
	if (n >= (uint64_t)o->failures)
		eject(b, p, now_ms);
}

_Atomic uint32_t *
balance_idle(const struct balance *b, const struct pick *p)
{
	struct endpoint_share *share =
	    p->endpoint == NULL ? NULL : endpoint_share(b->data, p->endpoint, b->lane);

	return share == NULL ? NULL : &share->idle;
}

void
balance_done(struct balance *b, struct pick *p, int64_t now_ms, enum pick_outcome outcome)
{
	struct endpoint *e = p->endpoint;

	ASSERT(e != NULL);
	endpoint_give(b->data, e, b->lane);
	switch (outcome) {
	case PICK_OK:
		if (atomic_load_explicit(&e->failures, memory_order_relaxed) != 0)
			atomic_store_explicit(&e->failures, 0, memory_order_relaxed);
		break;
	case PICK_FAILED:
		failed(b, p, now_ms);
		break;
	case PICK_UNUSED:
		break;
	}
	*p = (struct pick){ 0 };
}
