/*
 * watch.h - a verb again and again: --watch SECONDS.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* "2", "0.5": 100 ms to an hour. */
bool	watch_parse(const char *text, int64_t *ms);

typedef int watch_round_f(void *owner);	/* one round; an exit code */
/*
 * Rounds until Ctrl-C, which ends the program with EXIT_OK. The first round's failure is the result: what cannot
 * be shown once is not waited for. Later ones pass: proxyd may be between two lives.
 */
int	watch_run(int64_t ms, bool terminal, watch_round_f *, void *owner);
