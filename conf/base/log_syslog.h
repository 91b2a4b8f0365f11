/*
 * log_syslog.h - the event log's way to a syslog daemon: for log.c, and for who opens the socket.
 *
 * The descriptor of the log is then a datagram socket, shared by all processes and never waited for. It is connected:
 * one of them that finds its daemon gone connects it anew, for all. The form is that of master/syslog.h: RFC 3164's as
 * the C library sends it to a socket on this machine, RFC 5424's to a host. Facility "daemon", tag "proxyd".
 */
#pragma once
#include "conf/base/addr.h"
#include "conf/base/log.h"

/* Where lines go from now on; copied, inherited by children. NULL: the descriptor is a file. */
void	log_syslog_to(const struct addr *);
/* A descriptor that came from the master: a connected socket names its daemon itself. */
void	log_syslog_of(int fd);
bool	log_syslog_on(void);
/* One message. What cannot be sent now is lost, and said to be with the next that can. */
void	log_syslog_send(int fd, enum log_level, const char *role, const char *text, size_t n);
