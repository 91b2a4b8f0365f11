/*
 * explain_time.h - a moment as a person names it: "Mon 09:00" (the next one, today included), "09:00" (today),
 * "2026-07-27 09:00", all local time.
 */
#pragma once
#include "conf/base/span.h"

int	explain_time(const char *text, int64_t now_s, int64_t *wall_s, struct errdetail *) MUST_CHECK;
#define EXPLAIN_TIME_TEXT 32
void	explain_time_text(int64_t wall_s, char out[EXPLAIN_TIME_TEXT]);	/* "Mon 2026-07-27 09:00:00" */
