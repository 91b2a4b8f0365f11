/*
 * conn_priv.h - the fields of a conn, for the files of this room that implement it (conn.c, conn_event.c, splice.c).
 */
#pragma once
#include "worker/io/conn.h"

/* What differs between plain and TLS: how bytes are read and written. errno as read(2) and writev(2). */
struct conn_ops {
	ssize_t	(*read)(struct conn *, char *, size_t);
	ssize_t	(*writev)(struct conn *, const struct iovec *, int, int flags);	/* MSG_MORE or 0 */
};

#define CONN_MAGIC 0x636f6e6eu

struct conn {
	uint32_t	 magic;
	uint32_t	 buffer;	/* size of the next read buffer */
	struct loop	*loop;
	struct loop_source source;
	const struct conn_ops *ops;
	conn_event_f	*event;
	void		*owner;
	struct buf	*in;		/* NULL while nothing is unread */
	struct timer	 timer;
	union {
		struct loop_late watch;		/* conn_watch: enters epoll when it is still not there */
		struct loop_garbage garbage;	/* closed: nothing is watched any more */
	};
	struct loop_task task;		/* continues reading, announces, reports a failed write */
	uint64_t	 bytes_in, bytes_out, id;
	int		 error;		/* errno once failed */
	int		 write_error;	/* errno of a write that failed while there may be bytes to read */
	bool		 registered, connecting, connected;
	bool		 paused, closed, failed, reported;
	bool		 readable;	/* the kernel may have bytes (or the end) for us */
	bool		 hup;		/* FIN is known to be queued: a short read does not mean dry */
	bool		 eof, eof_told;
	bool		 want_drain;	/* the last write was short */
	bool		 announce;	/* unread bytes to be told again */
	bool		 raw;		/* the owner reads by splice; CONN_DATA means readable */
};

void	conn_fail(struct conn *, int error);	/* CONN_ERROR follows from the loop */
void	conn_write_failed(struct conn *, int error);	/* CONN_ERROR or CONN_EOF behind what is read */
/* A read found nothing, or the end: true: so it is. false: a write had failed, and now the conn has. */
bool	conn_dried(struct conn *, bool end);
bool	conn_register(struct conn *);		/* enters epoll when not yet there; false: failed */

/* conn_event.c, called by the loop. */
void	conn_on_ready(struct loop_source *, uint32_t events);
void	conn_on_task(struct loop_task *);
void	conn_on_deadline(struct timer *);
void	conn_on_watch(struct loop_late *);
