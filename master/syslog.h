/*
 * syslog.h - the access log's way to syslog: what stands in front of a line, and how lines leave.
 *
 * A socket on this machine gets the form that its readers expect, RFC 3164's without a host name (as the C library
 * sends it; journald reads no other); a host on the network gets RFC 5424's, whose time has a year and a zone.
 */
#pragma once
#include "conf/base/str.h"
#include "conf/conf.h"
#include "conf/logplace.h"

struct syslog {
	bool		on;
	struct logplace	place;
	unsigned	priority;	/* facility and severity */
	const char	*tag;		/* of the configuration */
	char		host[65];
};

/* From a checked configuration; on: the access log goes to syslog. */
void	syslog_init(struct syslog *, const struct conf_access_log *);
/* Master: a datagram socket that never blocks. */
int	syslog_open(const struct logplace *, int *fd, struct errdetail *) MUST_CHECK;
bool	syslog_is_socket(int fd);	/* made by syslog_open */
/* Appends what stands in front of the line of a request that ended then and was served by that process. */
void	syslog_head(const struct syslog *, struct str *out, uint64_t wall_us, uint32_t pid);
/*
 * One message per line of p. How many bytes, whole lines, are dealt with; *refused counts the lines among them that
 * were not taken. 0: the receiver has no room now.
 */
size_t	syslog_send(const struct syslog *, int fd, const char *p, size_t n, uint64_t *refused);
