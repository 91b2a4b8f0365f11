/*
 * logline.h - one journal record as one line of text, for the logger's files and for proxyctl log.
 *
 * Lines are at most 4 KiB and never contain a raw control byte, quote or backslash from a peer (SECURITY row 75).
 */
#pragma once
#include "conf/base/str.h"
#include "worker/shared/journal.h"

/*
 * combined: NCSA combined exactly (client - - [time] "request" status bytes "referer" "agent").
 * json: one object: time, client, method, host, target, status, upstream_status, bytes_in, bytes_out, times in
 * milliseconds (dns_ms, connect_ms, first_byte_ms, total_ms), route or rule, listener, upstream, reason, tries,
 * reused, request_id, referer, agent, pid, generation. reason is "upstream" for a status the target gave itself.
 */
enum logline_format { LOGLINE_COMBINED, LOGLINE_JSON };
int	logline_format_parse(enum logline_format *, const char *name) MUST_CHECK;
/* Appends the line, "\n" included, to out. Values of query parameters that look like secrets
 * (token, key, password …) are replaced by "***". Not for threads. */
void	logline_write(struct str *out, enum logline_format, const struct journal_view *);
