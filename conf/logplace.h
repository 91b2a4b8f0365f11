/*
 * logplace.h - where a log goes, as a configuration names it.
 *
 *	off  stdout  stderr  /path/of/a/file  syslog  syslog:/path/of/a/socket  syslog://192.0.2.1:514
 */
#pragma once
#include "conf/base/addr.h"

enum logplace_kind { LOGPLACE_OFF, LOGPLACE_STDOUT, LOGPLACE_STDERR, LOGPLACE_FILE, LOGPLACE_SYSLOG };

struct logplace {
	enum logplace_kind kind;
	struct addr	syslog;		/* a socket's path, or IP and port (UDP) */
};

/* What is no other word is a file. "syslog" is /dev/log; a host is an address, because a log waits for no resolver. */
int	logplace_parse(struct logplace *, const char *text, struct errdetail *) MUST_CHECK;
/* Numbers of RFC 5424 6.2.1 by name, for a table of choices and back. NULL-terminated. */
extern const char *const logplace_facilities[];
unsigned logplace_facility(const char *name);	/* one of them */
