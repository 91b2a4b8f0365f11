/*
 * watch.c - the screen is cleared on a terminal only, so that a file or a pipe gets one answer behind the other.
 *
 * Between two rounds nothing is half written: output.c flushes whole pieces. So the signal may end the program
 * where it stands.
 */
#include "tools/proxyctl/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tools/proxyctl/commands.h"

#define LEAST_MS 100
#define MOST_MS (3600 * 1000)

bool
watch_parse(const char *text, int64_t *ms)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !(s * 1000 >= LEAST_MS && s * 1000 <= MOST_MS))
		return false;
	*ms = (int64_t)(s * 1000);
	return true;
}

static void
on_interrupt(int sig)
{
	(void)sig;
	_exit(EXIT_OK);
}

static void
pause_ms(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

int
watch_run(int64_t ms, bool terminal, watch_round_f *round, void *owner)
{
	bool first = true;
	int rc;

	(void)signal(SIGINT, on_interrupt);
	(void)signal(SIGTERM, on_interrupt);
	for (;; first = false) {
		if (terminal)
			(void)fputs("\033[H\033[2J", stdout);
		rc = round(owner);
		if (rc == EXIT_USAGE || (first && rc != EXIT_OK) || ferror(stdout) != 0)
			return rc == EXIT_OK ? EXIT_FAILED : rc;
		pause_ms(ms);
	}
}
