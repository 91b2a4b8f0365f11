/*
 * assert.c - what happens when an assertion fails.
 *
 * A hard failure is logged, handed to the crash hook and ends in abort, so that the core shows the
 * place. A soft failure is counted always and logged once per place: a peer that can provoke one
 * must not be able to fill the log with it.
 */
#include "conf/base/assert.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/log.h"

#define PLACES 256 /* soft assertions that are logged; later ones are only counted */

static struct {
	const char *file;
	int line;
} places[PLACES];
static unsigned places_used;
static uint64_t soft_count;
static void (*fail_hook)(const char *what);

void
assert_on_fail(void (*hook)(const char *what))
{
	fail_hook = hook;
}

void
assert_fail(const char *expr, const char *file, int line, const char *func)
{
	static bool failing;
	char what[512];

	if (failing)
		abort();
	failing = true;
	(void)snprintf(
	    what, sizeof what, "assertion failed: %s, %s:%d, %s", expr, file, line, func);
	log_write(LOG_ERROR, "%s", what);
	if (fail_hook != NULL)
		fail_hook(what);
	abort();
}

/* True the first time a place is seen, while there is room to remember it. */
static bool
place_is_new(const char *file, int line)
{
	for (unsigned i = 0; i < places_used; i++)
		if (places[i].line == line && strcmp(places[i].file, file) == 0)
			return false;
	if (places_used == PLACES)
		return false;
	places[places_used].file = file;
	places[places_used].line = line;
	places_used++;
	return true;
}

int
assert_soft(const char *expr, const char *file, int line)
{
	soft_count++;
	if (place_is_new(file, line))
		log_write(LOG_ERROR, "soft assertion failed: %s, %s:%d (reported once)", expr, file,
		    line);
	return 1;
}

uint64_t
assert_soft_count(void)
{
	return soft_count;
}
