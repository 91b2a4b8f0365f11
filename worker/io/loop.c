/*
 * The loop of every process. Descriptors are registered once, edge-triggered; what they point to is freed only
 * at the end of a turn, so an event already fetched from the kernel never names freed memory.
 *
 * Tasks posted while tasks run wait for the next turn, which then does not sleep: a stream that always has more
 * to read cannot starve the others.
 */
#include "worker/io/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "conf/base/assert.h"
#include "conf/base/clock.h"

#define LOOP_EVENTS	1024		/* fetched per turn: as good as all there are, so that the lag is known */
#define LOOP_MAX_WAIT	1000		/* ms; the clock of idle processes and their heartbeat stay fresh */

static void
read_clock(struct loop *l)
{
	l->now_us = clock_mono_us();
	l->now_ms = (int64_t)(l->now_us / 1000);
	l->wall_us = clock_wall_us();
	l->wall_s = (int64_t)(l->wall_us / 1000000);
}

int
loop_init(struct loop *l, struct errdetail *ed)
{
	*l = (struct loop){ .epoll = -1 };
	list_init(&l->tasks);
	list_init(&l->late);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return err_sys(ed, "epoll_create1");
	read_clock(l);
	l->emptied_us = l->now_us;
	return 0;
}

static void
collect(struct loop *l)
{
	while (l->garbage != NULL) {
		struct loop_garbage *g = l->garbage;

		l->garbage = g->next;
		g->free_f(g);
	}
}

void
loop_fini(struct loop *l)
{
	collect(l);
	timers_fini(&l->timers);
	if (l->epoll >= 0)
		close(l->epoll);
	l->epoll = -1;
}

int
loop_add(struct loop *l, struct loop_source *s, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		return -E_SYS;
	s->fd = fd;
	return 0;
}

int
loop_mod(struct loop *l, struct loop_source *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(l->epoll, EPOLL_CTL_MOD, s->fd, &ev) == 0 ? 0 : -E_SYS;
}

void
loop_remove(struct loop *l, struct loop_source *s)
{
	if (s->fd >= 0)
		(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	s->fd = -1;
}

void
loop_post(struct loop *l, struct loop_task *t)
{
	if (!list_linked(&t->node))
		list_push(&l->tasks, &t->node);
}

void
loop_unpost(struct loop *l, struct loop_task *t)
{
	if (list_linked(&t->node))
		list_remove(&l->tasks, &t->node);
}

void
loop_later(struct loop *l, struct loop_late *x)
{
	if (list_linked(&x->node))
		return;
	x->due = l->now_ms + LOOP_LATE_MS;
	list_push(&l->late, &x->node);
}

void
loop_never(struct loop *l, struct loop_late *x)
{
	if (list_linked(&x->node))
		list_remove(&l->late, &x->node);
}

void
loop_defer_free(struct loop *l, struct loop_garbage *g, void (*free_f)(struct loop_garbage *))
{
	*g = (struct loop_garbage){ .next = l->garbage, .free_f = free_f };
	l->garbage = g;
}

void
loop_hook_add(struct loop *l, struct loop_hook *h)
{
	h->next = l->hooks;
	l->hooks = h;
}

/* How long the kernel may sleep: not at all with tasks waiting, else until the next deadline. */
static int
wait_ms(const struct loop *l, int64_t now_ms, int max_wait)
{
	const struct list_node *late = list_first(&l->late);
	int64_t next = timers_next(&l->timers), left;

	if (late != NULL && LIST_ENTRY(late, const struct loop_late, node)->due < next)
		next = LIST_ENTRY(late, const struct loop_late, node)->due;
	if (!list_empty(&l->tasks))
		return 0;
	if (next == TIMER_NEVER)
		return max_wait;
	left = next - now_ms;
	if (left <= 0)
		return 0;
	return left < max_wait ? (int)left : max_wait;
}

/*
 * An event that came right behind the wait that emptied the kernel's list has waited since then. The time slept here
 * is nobody's wait, so the clock is read before it; with deadlines pending it is read there anyhow.
 */
static int
wait_events(struct loop *l, struct epoll_event *ev, int max_wait)
{
	uint64_t before_us = clock_mono_us();
	int ms = wait_ms(l, (int64_t)(before_us / 1000), max_wait), n;

	if (ms != 0 && l->asleep != NULL)
		atomic_store_explicit(l->asleep, 1, memory_order_relaxed);
	n = epoll_wait(l->epoll, ev, LOOP_EVENTS, ms);
	ASSERT(n >= 0 || errno == EINTR);
	read_clock(l);
	l->lag_us = before_us - l->emptied_us;
	if (n < LOOP_EVENTS && !l->behind)
		l->emptied_us = l->now_us;
	l->behind = false;
	if (l->beat_ms != NULL)
		atomic_store_explicit(l->beat_ms, (uint64_t)l->now_ms, memory_order_relaxed);
	if (ms != 0 && l->asleep != NULL)
		atomic_store_explicit(l->asleep, 0, memory_order_release);
	return n < 0 ? 0 : n;
}

static void
run_tasks(struct loop *l)
{
	for (uint32_t left = l->tasks.count; left > 0; left--) {
		struct list_node *n = list_shift(&l->tasks);
		struct loop_task *t;

		if (n == NULL)
			break;
		t = LIST_ENTRY(n, struct loop_task, node);
		t->run(t);
	}
}

/* In the order they were asked for, which is that of their due times. */
static void
run_late(struct loop *l)
{
	struct list_node *n;

	while ((n = list_first(&l->late)) != NULL) {
		struct loop_late *x = LIST_ENTRY(n, struct loop_late, node);

		if (x->due > l->now_ms)
			break;
		list_remove(&l->late, n);
		x->run(x);
	}
}

void
loop_turn(struct loop *l, int max_wait)
{
	struct epoll_event ev[LOOP_EVENTS] UNFILLED;
	int n = wait_events(l, ev, max_wait);

	l->turns++;
	for (int i = 0; i < n; i++) {
		struct loop_source *s = ev[i].data.ptr;

		if (s->fd >= 0)
			s->ready(s, ev[i].events);
	}
	run_tasks(l);
	timers_run(&l->timers, l->now_ms);
	run_late(l);
	collect(l);
	for (struct loop_hook *h = l->hooks; h != NULL; h = h->next)
		h->turn_end(h);
}

void
loop_run(struct loop *l)
{
	while (!l->stop)
		loop_turn(l, LOOP_MAX_WAIT);
}
