/*
 * dial.c - racing the addresses of one name (RFC 8305 section 5).
 *
 *	0 ms		address 1 ...........................	given up after half of the time left
 *	+250 ms		    address 2 ....................	the same, while others wait behind it
 *	a place falls free	  address 3 .............	the last one has until the deadline
 *
 * Halving keeps addresses that swallow packets from using up the time of the ones behind them. The timer is the
 * sooner of the next attempt and the deadline of the whole.
 *
 * A UNIX socket is dialled by its path, the one exception to "a worker opens no path": connect() takes no descriptor,
 * and a path in the file system of sockets does not block. Where TCP would try again by itself, a full queue there is
 * an answer at once; it is asked again until the deadline.
 */
#include "worker/back/dial.h"

#include <errno.h>

#include "conf/base/assert.h"

#define ATTEMPT_DELAY_MS	250	/* RFC 8305 section 8 */
#define ATTEMPT_LEAST_MS	250	/* an attempt is never given less, the deadline aside */
#define QUEUE_FULL_MS		10	/* between two looks at a UNIX socket's full queue */

static void on_conn(struct conn *, enum conn_event, void *);

static void
count(struct dial *d, enum counter c)
{
	if (d->stats != NULL)
		d->stats->counter[c]++;
}

/* Ends it: nothing of *d is used behind the call, its owner may free it. */
static void
finish(struct dial *d, enum reason why)
{
	for (unsigned i = 0; i < ARRAY_LEN(d->tries); i++)
		conn_free(&d->tries[i]);
	timer_fini(&d->loop->timers, &d->next);
	d->busy = false;
	d->done(d, why);
}

static void
win(struct dial *d, unsigned i)
{
	d->conn = d->tries[i];
	d->tries[i] = NULL;
	d->peer = d->tried[i];
	conn_deadline(d->conn, TIMER_NEVER);
	count(d, C_UP_CONNECTS);
	finish(d, R_NONE);
}

static enum reason
reason_of(int error)
{
	switch (error) {
	case ETIMEDOUT:	return R_CONNECT_TIMEOUT;
	case ENOMEM:	return R_NO_MEMORY;
	default:	return R_CONNECT_FAILED;
	}
}

static void
lost(struct dial *d, enum reason why)
{
	d->why = why;
	count(d, C_UP_CONNECT_FAILS);
}

static int
free_place(const struct dial *d)
{
	for (unsigned i = 0; i < ARRAY_LEN(d->tries); i++)
		if (d->tries[i] == NULL)
			return (int)i;
	return -1;
}

static bool
under_way(const struct dial *d)
{
	return d->tries[0] != NULL || d->tries[1] != NULL;
}

static const struct addr *
source_for(const struct dial *d, const struct addr *to)
{
	switch (to->u.sa.sa_family) {
	case AF_INET:	return d->source4;
	case AF_INET6:	return d->source6;
	default:	return NULL;
	}
}

static int64_t
attempt_deadline(const struct dial *d)
{
	int64_t now = d->loop->now_ms, share = (d->deadline - now) / 2;

	if (d->at == d->n)
		return TIMER_NEVER;
	return now + (share > ATTEMPT_LEAST_MS ? share : ATTEMPT_LEAST_MS);
}

/*
 * The next address that may be dialled; NULL when none is left. A refusal is the reason of the whole only when no
 * address was dialled.
 */
static const struct addr *
next_allowed(struct dial *d)
{
	d->full = false;
	while (d->at < d->n) {
		const struct addr *to = &d->list[d->at++];
		enum reason no = d->allow == NULL ? R_NONE : d->allow(d, to);

		if (no == R_NONE)
			return to;
		if (d->why == R_NONE)
			d->why = no;
	}
	return NULL;
}

/* Dials the next address; false when none is left. */
static bool
attempt(struct dial *d, unsigned place)
{
	const struct addr *to;

	while ((to = next_allowed(d)) != NULL) {
		d->tried[place] = d->peer = *to;
		d->tries[place] = conn_connect(d->loop, to, source_for(d, to), on_conn, d);
		if (d->tries[place] != NULL) {
			conn_deadline(d->tries[place], attempt_deadline(d));
			return true;
		}
		if (errno == EAGAIN && to->u.sa.sa_family == AF_UNIX) {
			d->full = true;
			d->at--;
			return false;
		}
		lost(d, reason_of(errno));
	}
	return false;
}

/* Starts what may start now and sets the timer, or ends it. */
static void
advance(struct dial *d)
{
	int place = free_place(d);
	int64_t due = d->deadline;

	if (place >= 0 && attempt(d, (unsigned)place) && conn_connected(d->tries[place])) {
		win(d, (unsigned)place);
		return;
	}
	if (!under_way(d) && !d->full) {
		finish(d, d->why == R_NONE ? R_CONNECT_FAILED : d->why);
		return;
	}
	if (d->at < d->n && free_place(d) >= 0 && d->loop->now_ms + ATTEMPT_DELAY_MS < due)
		due = d->loop->now_ms + ATTEMPT_DELAY_MS;
	if (d->full && d->loop->now_ms + QUEUE_FULL_MS < due)
		due = d->loop->now_ms + QUEUE_FULL_MS;
	if (!timer_set(&d->loop->timers, &d->next, due))
		finish(d, R_NO_MEMORY);
}

static void
on_conn(struct conn *c, enum conn_event ev, void *owner)
{
	struct dial *d = owner;
	unsigned i = d->tries[0] == c ? 0 : 1;

	ASSERT(d->busy && d->tries[i] == c);
	switch (ev) {
	case CONN_READY:
		win(d, i);
		return;
	case CONN_DATA:
	case CONN_DRAINED:
	case CONN_EOF:
		return;
	case CONN_TIMEOUT:
		if (d->at == d->n)
			return;		/* nobody waits for its place */
		lost(d, R_CONNECT_TIMEOUT);
		break;
	case CONN_ERROR:
		lost(d, reason_of(conn_errno(c)));
		break;
	}
	conn_free(&d->tries[i]);
	advance(d);
}

static void
on_next(struct timer *t)
{
	struct dial *d = LIST_ENTRY(t, struct dial, next);

	if (d->loop->now_ms >= d->deadline) {
		lost(d, R_CONNECT_TIMEOUT);
		finish(d, R_CONNECT_TIMEOUT);
		return;
	}
	advance(d);
}

static void
take_list(struct dial *d, const struct addr *list, unsigned n)
{
	d->list = list;
	d->n = n;
	d->at = 0;
	d->why = R_NONE;
}

enum reason
dial_look(struct dial *d, const struct addr *list, unsigned n)
{
	const struct addr *first;

	take_list(d, list, n);
	first = next_allowed(d);
	if (first == NULL)
		return d->why == R_NONE ? R_CONNECT_FAILED : d->why;
	d->peer = *first;
	return R_NONE;
}

void
dial_start(struct dial *d, struct loop *loop, struct stats_lane *stats, const struct addr *list,
    unsigned n, int64_t timeout_ms)
{
	ASSERT(!d->busy);
	d->loop = loop;
	d->stats = stats;
	d->conn = NULL;
	d->peer.len = 0;
	d->tries[0] = d->tries[1] = NULL;
	take_list(d, list, n);
	d->deadline = loop->now_ms + timeout_ms;
	d->busy = true;
	timer_init(&d->next, on_next);
	advance(d);
}

void
dial_cancel(struct dial *d)
{
	if (!d->busy)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(d->tries); i++)
		conn_free(&d->tries[i]);
	timer_fini(&d->loop->timers, &d->next);
	d->busy = false;
}
