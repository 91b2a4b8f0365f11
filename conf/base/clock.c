/*
 * clock.c - the clocks of the program, all in microseconds.
 *
 * No call can fail on Linux with these clock ids; the first two are answered by the vDSO without a
 * system call.
 */
#include "conf/base/clock.h"

#include <time.h>

#include "conf/base/assert.h"

static uint64_t
read_us(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);

	ASSERT(rc == 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

uint64_t
clock_cpu_us(void)
{
	return read_us(CLOCK_THREAD_CPUTIME_ID);
}
