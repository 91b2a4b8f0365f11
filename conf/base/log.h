/*
 * log.h - the event log of one process (not the access log).
 *
 * One line per call, "time level role[pid]: text", written with one write(2) to a descriptor that the
 * master opened; lines are cut at 4 KiB and control bytes are escaped. errno survives every call. To a socket each line
 * is one message of syslog instead (log_syslog.h). No call waits for a reader who has stopped: such lines are lost,
 * and counted in the next one that is read.
 */
#pragma once
#include "conf/base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void	log_open(int fd, const char *role);	/* copies role; fd is borrowed for the process's life */
void	log_reopen(int fd);			/* switches to another descriptor (log rotation) */
void	log_set_level(enum log_level);
enum log_level log_get_level(void);
const char *log_level_text(enum log_level);
int	log_level_parse(enum log_level *out, const char *name) MUST_CHECK;	/* "error" "warn" "info" "debug" */
void	log_write(enum log_level, const char *fmt, ...) PRINTF(2, 3);
void	log_sys(enum log_level, const char *fmt, ...) PRINTF(2, 3);	/* appends ": strerror(errno)" */

extern enum log_level log_level_now;		/* read by log_on only */
static inline int log_on(enum log_level l) { return l <= log_level_now; }
