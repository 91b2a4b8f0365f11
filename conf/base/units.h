/*
 * units.h - durations, sizes and percentages as people write them in a configuration.
 */
#pragma once
#include "conf/base/span.h"

/* "250ms" "10s" "5m" "1h" "1d"; the unit is required, "0" allowed. */
int	units_msec(int64_t *ms, const char *text, struct errdetail *) MUST_CHECK;
/* "512" "64k" "64KiB" "2m" "2MiB" "1GiB", all powers of 1024. */
int	units_size(int64_t *bytes, const char *text, struct errdetail *) MUST_CHECK;
/* "20%" gives 0.2, "0.5%" 0.005; 0..100%. */
int	units_percent(double *fraction, const char *text, struct errdetail *) MUST_CHECK;
const char *units_msec_text(int64_t ms, char buf[32]);		/* shortest exact: 10000 -> "10s" */
const char *units_size_text(int64_t bytes, char buf[32]);	/* 2097152 -> "2MiB" */
