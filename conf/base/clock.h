/*
 * clock.h - monotonic time for deadlines, wall time for people. Read once per loop turn, then passed along.
 */
#pragma once
#include <stdint.h>

uint64_t clock_mono_us(void);		/* CLOCK_MONOTONIC, microseconds */
uint64_t clock_wall_us(void);		/* CLOCK_REALTIME, microseconds since 1970 */
uint64_t clock_cpu_us(void);		/* processor time of this thread; a system call */
static inline uint64_t clock_mono_ms(void) { return clock_mono_us() / 1000; }
