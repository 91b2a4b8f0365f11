/*
 * policy.c - when to restart, whom to kill, how long a reload waits.
 *
 * Nothing here knows a process, a descriptor or a clock, so that the tests can play years in microseconds.
 */
#include "master/policy.h"

#include <signal.h>

/* Killed from outside: says nothing about the program. Before it was ready it still counts. */
static bool
death_is_early(const struct death *d)
{
	if (d->ready_ms == 0)
		return true;
	if (d->signal == SIGKILL || d->signal == SIGTERM)
		return false;
	return d->now_ms - d->ready_ms < POLICY_EARLY_MS;
}

int64_t
backoff_died(struct backoff *b, const struct death *d)
{
	int64_t delay = POLICY_DELAY_MIN_MS;

	if (!death_is_early(d)) {
		b->early = 0;
		return 0;
	}
	b->early++;
	if (b->early <= POLICY_EARLY_FREE)
		return 0;
	for (unsigned i = POLICY_EARLY_FREE + 1; i < b->early && delay < POLICY_DELAY_MAX_MS; i++)
		delay *= 2;
	return delay < POLICY_DELAY_MAX_MS ? delay : POLICY_DELAY_MAX_MS;
}

/*
 * A stopped process cannot handle SIGABRT: it is killed outright. It may have been stopped while asleep, so
 * the heartbeat says nothing about it.
 */
enum watch_verdict
watch_judge(const struct watch *w)
{
	int64_t silence = w->disk ? POLICY_SILENCE_DISK_MS : POLICY_SILENCE_MS;
	bool hung;

	if (w->stopped_ms != 0)
		return w->now_ms - w->stopped_ms > POLICY_SILENCE_MS ? WATCH_KILL : WATCH_FINE;
	if (w->aborted_ms != 0)
		return w->now_ms - w->aborted_ms >= POLICY_ABORT_MS ? WATCH_KILL : WATCH_FINE;
	if (w->ready_ms == 0)
		hung = w->now_ms - w->started_ms > POLICY_STARTUP_MS;
	else
		hung = w->beat_ms != 0 && !w->asleep && w->now_ms - w->beat_ms > silence;
	return hung ? WATCH_ABORT : WATCH_FINE;
}

/*
 * Draining ends by itself except for tunnels, which live to their own limits: after process.drain the older
 * generation holds nothing but them and no longer takes requests.
 */
int64_t
gate_wait(const struct gate *g)
{
	int64_t left;

	if (!g->draining)
		return 0;
	left = g->since_ms + g->patience_ms - g->now_ms;
	return left > 0 ? left : 0;
}
