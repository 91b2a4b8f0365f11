/*
 * logs.h - the descriptors of the event log and the access log, opened by the master for everybody.
 */
#pragma once
#include "conf/base/err.h"
#include "conf/conf.h"

struct logs {
	int	event, access;		/* -1: not open; access -1 also when off */
	char	*event_path, *access_path;	/* NULL: a standard descriptor */
};

void	logs_init(struct logs *);
void	logs_fini(struct logs *);
/* Takes descriptors of another master (path NULL: none); logs_open keeps what the configuration still names. */
int	logs_take(struct logs *, int event, const char *event_path, int access, const char *access_path,
	    struct errdetail *) MUST_CHECK;
/*
 * Opens what the configuration names and closes what was open before; on failure nothing changes. The file of a path
 * that was open stays the same file: a rotation has its signal.
 */
int	logs_open(struct logs *, const struct conf *, struct errdetail *) MUST_CHECK;
/* Opens the same paths anew, after a rotation renamed the files; keeps the old descriptors where it fails. */
int	logs_reopen(struct logs *, struct errdetail *) MUST_CHECK;
/* The event log's level as configured, log_get_level() when that names none. */
void	logs_level(const struct conf *);
