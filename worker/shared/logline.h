/*
 * logline.h - one journal record as one line of text, for the logger's files and for proxyctl log.
 *
 * Lines are at most 4 KiB and never contain a raw control byte, quote or backslash from a peer (SECURITY row 75).
 */
#pragma once
#include "conf/base/str.h"
#include "worker/shared/journal.h"

/*
 * combined, common: NCSA's, exactly (client - - [time] "request" status bytes, and "referer" "agent").
 * squid: Squid's native line (logline_squid.c).
 * json: one object, the fields of conf/logfield_tbl.h; times are milliseconds.
 */
enum logline_format { LOGLINE_COMBINED, LOGLINE_COMMON, LOGLINE_SQUID, LOGLINE_JSON };
#define LOGLINE_NAMES "combined, common, squid or json"
int	logline_format_parse(enum logline_format *, const char *name) MUST_CHECK;
/* Appends the line, "\n" included, to out. Values of query parameters that look like secrets
 * (token, key, password …) are replaced by "***". Not for threads. */
void	logline_write(struct str *out, enum logline_format, const struct journal_view *);
