/*
 * top.h - the verb top: who or what the traffic is, now.
 */
#pragma once
#include "tools/proxyctl/call.h"
#include "tools/proxyctl/topkeys.h"

call_f	top_run;

/* One report, for format_top.c. */
struct top_report {
	const char	*by;
	double		window_s;
	uint64_t	records, lost;		/* in the window; lost: missed by this observer, an estimate */
	const struct json *status;		/* the answer to `status` */
	const struct topkey *const *rows;
	unsigned	nrows;
	const struct topkey *others, *total;
	uint64_t	nothers;		/* keys in others, at least */
};
void	format_top(const struct top_report *, bool colour, struct str *out);
struct json *format_top_json(const struct top_report *);
