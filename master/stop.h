/*
 * stop.h - the end of the master: workers first, then agents, then the logger with what they left to write.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct master;

enum stop_mode {
	STOP_NONE,
	STOP_GRACEFUL,		/* requests and tunnels end by their own limits */
	STOP_BOUNDED,		/* as graceful, but fast after process.drain */
	STOP_FAST,		/* connections are cut */
};
struct stop {
	enum stop_mode	mode, wish;	/* in force; asked for by stop_later */
	int64_t		deadline_ms;	/* 0: none */
};

void	stop_begin(struct master *, enum stop_mode);	/* a later call may only make it faster */
void	stop_later(struct master *, enum stop_mode);	/* on the next tick: an answer is to leave first */
void	stop_step(struct master *);	/* after a child is gone and on every tick: the next to leave */
