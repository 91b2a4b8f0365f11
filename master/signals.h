/*
 * signals.h - signals as events of the master's loop.
 *
 *   TERM  stop: requests end, at most process.drain; a second TERM: now      HUP   reload
 *   QUIT  stop: requests and tunnels end by their own limits                 USR1  open the log files anew
 *   INT   stop now                                                           CHLD  a child ended or stopped
 */
#pragma once
#include "conf/base/err.h"
#include "worker/io/loop.h"

struct master;
struct signals { struct loop_source source; };

int	signals_open(struct master *, struct errdetail *) MUST_CHECK;	/* blocks them and watches the descriptor */
void	signals_close(struct master *);
