/*
 * notify.h - what the service manager is told: one datagram to $NOTIFY_SOCKET, as sd_notify(3) describes it.
 *
 * Without that variable every call does nothing. A manager that does not listen is never waited for.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include "conf/base/err.h"

struct master;

struct notify {
	int		fd;		/* -1: nobody asked for it */
	struct sockaddr_un to;
	socklen_t	len;
	int64_t		every_ms, beat_ms;	/* WATCHDOG=1: how often, 0: never; when last */
	bool		held;		/* another master speaks for the service */
	bool		reloading;
};

void	notify_open(struct notify *);		/* reads the environment */
void	notify_close(struct notify *);
void	notify_serving(struct master *);	/* READY=1 and what serves; also behind a reload, good or bad */
void	notify_reloading(struct notify *);
void	notify_stopping(struct notify *);
void	notify_upgraded(struct notify *, pid_t heir);	/* MAINPID: the last word of this master */
void	notify_tick(struct notify *, int64_t now_ms);	/* a sign of life when it is due */
