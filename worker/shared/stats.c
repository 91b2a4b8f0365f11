/*
 * stats.c - the arithmetic on statistics lanes: slots by name, sums over lanes, the fold of a dead lane.
 *
 * A lane's plain words have one writer, its process; everybody else reads them with relaxed loads and sees each
 * word whole, though not all words of one instant. Only slots that have a name are ever read: reading a page
 * that nobody wrote would still give it memory.
 *
 *   slot  0 .. STATS_HISTS-1             listeners and services, with histograms
 *         STATS_HISTS .. STATS_OBJECTS-2 routes, rules, and what found no room below
 *         STATS_OBJECTS-1                "others"
 */
#include "worker/shared/stats.h"

#include <stdio.h>

#define OTHERS (STATS_OBJECTS - 1)
#define LOAD(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define ADD(p, n) ((void)__atomic_fetch_add((p), (n), __ATOMIC_RELAXED))

static const struct {
	const char *name;
	bool gauge;
} counters[C_MAX] = {
#define COUNTER(id, name, gauge, help) [id] = { name, gauge },
#include "worker/shared/stats_tbl.h"
#undef COUNTER
};

const char *
stats_counter_name(enum counter c)
{
	return (unsigned)c < C_MAX ? counters[c].name : "unknown";
}

bool
stats_counter_gauge(enum counter c)
{
	return (unsigned)c < C_MAX && counters[c].gauge;
}

/* ------------------------------------------------------------------------------------ histograms */

/* Below 8 a bucket is one microsecond; above, the three bits behind the leading one choose it. */
static unsigned
bucket_of(uint64_t us)
{
	unsigned e, i;

	if (us < 8)
		return (unsigned)us;
	e = 63 - (unsigned)__builtin_clzll(us);
	i = (e - 2) * 8 + (unsigned)((us >> (e - 3)) & 7);
	return i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static uint64_t
bucket_edge(unsigned i)
{
	unsigned shift;

	if (i < 8)
		return i;
	shift = i / 8 - 1;
	return ((uint64_t)(8 + i % 8 + 1) << shift) - 1;
}

void
hist_add(struct hist *h, uint64_t us)
{
	h->count++;
	h->sum_us += us;
	h->bucket[bucket_of(us)]++;
}

void
hist_merge(struct hist *into, const struct hist *from)
{
	into->count += LOAD(&from->count);
	into->sum_us += LOAD(&from->sum_us);
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->bucket[i] += LOAD(&from->bucket[i]);
}

uint64_t
hist_quantile(const struct hist *h, double q)
{
	uint64_t total = 0, seen = 0, rank;

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		total += h->bucket[i];
	if (total == 0)
		return 0;
	q = q < 0 ? 0 : q > 1 ? 1 : q;
	rank = (uint64_t)(q * (double)total);
	if ((double)rank < q * (double)total || rank == 0)
		rank++;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= rank)
			return bucket_edge(i);
	}
	return bucket_edge(HIST_BUCKETS - 1);
}

/* ----------------------------------------------------------------------------------------- slots */

/* A name too long for its place ends in a hash, so that two long names do not become one. */
static void
name_cut(char out[static sizeof((struct stats_name *)0)->name], const char *name)
{
	const size_t room = sizeof((struct stats_name *)0)->name;
	size_t n = strlen(name);

	if (n < room)
		memcpy(out, name, n + 1);
	else
		snprintf(
		    out, room, "%.*s~%08x", (int)room - 10, name, span_hash(span_str(name), 0));
}

/* The slot of the name in [first, end), taken when free; OTHERS when the range is full. */
static unsigned
slot_probe(
    struct stats_data *d, unsigned first, unsigned end, enum stats_kind kind, const char *name)
{
	unsigned n = end - first, at = span_hash(span_str(name), (uint32_t)kind) % n;

	for (unsigned i = 0; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
		struct stats_name *s = &d->name[first + at];

		if (s->kind == STATS_FREE) {
			memcpy(s->name, name, strlen(name) + 1);
			__atomic_store_n(&s->kind, (uint32_t)kind, __ATOMIC_RELEASE);
			return first + at;
		}
		if (s->kind == (uint32_t)kind && strncmp(s->name, name, sizeof s->name) == 0)
			return first + at;
	}
	return OTHERS;
}

unsigned
stats_slot(struct stats_data *d, enum stats_kind kind, const char *name)
{
	char cut[sizeof d->name[0].name];
	unsigned slot = OTHERS;

	name_cut(cut, name);
	if (kind == STATS_LISTENER || kind == STATS_SERVICE)
		slot = slot_probe(d, 0, STATS_HISTS, kind, cut);
	if (slot == OTHERS)
		slot = slot_probe(d, STATS_HISTS, OTHERS, kind, cut);
	return slot;
}

void
stats_note_since(struct stats_data *d, unsigned slot, int64_t wall_s)
{
	if (slot < STATS_OBJECTS && d->name[slot].since_s == 0)
		d->name[slot].since_s = (uint32_t)wall_s;
}

static bool
slot_used(const struct stats_data *d, unsigned slot)
{
	return slot == OTHERS ||
	    __atomic_load_n(&d->name[slot].kind, __ATOMIC_ACQUIRE) != STATS_FREE;
}

/* ----------------------------------------------------------------------------------------- lanes */

size_t
stats_size(unsigned lanes)
{
	return sizeof(struct stats_data) + lanes * sizeof(struct stats_lane);
}

struct stats_lane *
stats_lane_take(struct stats_data *d, uint32_t role, uint32_t slot, uint32_t generation)
{
	for (unsigned i = 1; i < d->lanes; i++) {
		struct stats_lane *l = &d->lane[i];

		uint32_t is_free = LANE_FREE;

		if (!atomic_compare_exchange_strong(&l->state, &is_free, LANE_STARTING))
			continue;
		atomic_store(&l->pid, 0);
		atomic_store(&l->role, role);
		atomic_store(&l->slot, slot);
		atomic_store(&l->generation, generation);
		atomic_store(&l->beat_ms, 0);
		atomic_store(&l->asleep, 0);
		atomic_store(&l->started_ms, 0);
		atomic_store(&l->owner, 0);
		return l;
	}
	return NULL;
}

static void
object_merge(struct stats_object *into, const struct stats_object *from)
{
	into->requests += LOAD(&from->requests);
	into->errors += LOAD(&from->errors);
	into->bytes_in += LOAD(&from->bytes_in);
	into->bytes_out += LOAD(&from->bytes_out);
}

/* During an upgrade two masters fold into the past at a time. */
static void
object_fold(struct stats_object *into, const struct stats_object *from)
{
	ADD(&into->requests, from->requests);
	ADD(&into->errors, from->errors);
	ADD(&into->bytes_in, from->bytes_in);
	ADD(&into->bytes_out, from->bytes_out);
}

static void
hist_fold(struct hist *into, const struct hist *from)
{
	ADD(&into->count, from->count);
	ADD(&into->sum_us, from->sum_us);
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (from->bucket[i] != 0)
			ADD(&into->bucket[i], from->bucket[i]);
}

static void
slot_fold(struct stats_lane *past, struct stats_lane *l, unsigned slot)
{
	object_fold(&past->object[slot], &l->object[slot]);
	memset(&l->object[slot], 0, sizeof l->object[slot]);
	if (slot >= STATS_HISTS)
		return;
	hist_fold(&past->hist_total[slot], &l->hist_total[slot]);
	hist_fold(&past->hist_first[slot], &l->hist_first[slot]);
	memset(&l->hist_total[slot], 0, sizeof l->hist_total[slot]);
	memset(&l->hist_first[slot], 0, sizeof l->hist_first[slot]);
}

void
stats_lane_fold(struct stats_data *d, struct stats_lane *l)
{
	struct stats_lane *past = &d->lane[0];

	if (l == past)
		return;
	atomic_store(&l->state, LANE_GONE);
	for (unsigned c = 0; c < C_MAX; c++)
		if (!counters[c].gauge)
			ADD(&past->counter[c], l->counter[c]);
	for (unsigned r = 0; r < R_MAX; r++)
		ADD(&past->reason[r], l->reason[r]);
	memset(l->counter, 0, sizeof l->counter);
	memset(l->reason, 0, sizeof l->reason);
	for (unsigned s = 0; s < STATS_OBJECTS; s++)
		if (slot_used(d, s))
			slot_fold(past, l, s);
	atomic_store(&l->pid, 0);
	atomic_store(&l->owner, 0);
	atomic_store(&l->state, LANE_FREE);
}

bool
stats_lane_claim(struct stats_data *d, unsigned lane)
{
	uint32_t is_free = LANE_FREE;

	return atomic_compare_exchange_strong(&d->lane[lane].state, &is_free, LANE_GONE);
}

void
stats_lane_unclaim(struct stats_data *d, unsigned lane)
{
	atomic_store(&d->lane[lane].state, LANE_FREE);
}

/* ------------------------------------------------------------------------------------------ sums */

/* A gauge of a process that is gone says nothing any more. */
uint64_t
stats_sum(const struct stats_data *d, enum counter c)
{
	bool gauge = stats_counter_gauge(c);
	uint64_t sum = 0;

	for (unsigned i = 0; i < d->lanes && (unsigned)c < C_MAX; i++) {
		const struct stats_lane *l = &d->lane[i];
		uint32_t state = atomic_load(&l->state);

		if (!gauge || (i > 0 && state != LANE_FREE && state != LANE_GONE))
			sum += LOAD(&l->counter[c]);
	}
	return sum;
}

static bool
lane_counts(const struct stats_data *d, unsigned i)
{
	return i == 0 || atomic_load(&d->lane[i].state) != LANE_FREE;
}

void
stats_sum_object(const struct stats_data *d, unsigned slot, struct stats_object *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < d->lanes && slot < STATS_OBJECTS; i++)
		if (lane_counts(d, i))
			object_merge(out, &d->lane[i].object[slot]);
}

void
stats_sum_hist(const struct stats_data *d, unsigned slot, struct hist *total, struct hist *first)
{
	if (total != NULL)
		memset(total, 0, sizeof *total);
	if (first != NULL)
		memset(first, 0, sizeof *first);
	for (unsigned i = 0; i < d->lanes && slot < STATS_HISTS; i++) {
		if (!lane_counts(d, i))
			continue;
		if (total != NULL)
			hist_merge(total, &d->lane[i].hist_total[slot]);
		if (first != NULL)
			hist_merge(first, &d->lane[i].hist_first[slot]);
	}
}
