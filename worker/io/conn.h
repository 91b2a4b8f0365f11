/*
 * conn.h - one byte stream with its read buffer: a client's, a target's, plain today, TLS behind the same calls.
 *
 * Edge-triggered, registered once. The owner gets events and answers with peek/consume, writev, pause/resume;
 * it never touches the descriptor. A conn starts paused: nothing is read before conn_resume. An idle conn
 * holds no buffer. Events may come from the loop, never from inside a conn_ call, except where noted.
 */
#pragma once
#include <sys/types.h>
#include <sys/uio.h>
#include "conf/base/addr.h"
#include "worker/io/buf.h"
#include "worker/io/loop.h"

struct conn;

enum conn_event {
	CONN_READY,		/* connected (conn_connect) */
	CONN_DATA,		/* unread bytes grew */
	CONN_DRAINED,		/* after a short write: there is room again */
	CONN_EOF,		/* the peer sent FIN; unread bytes may remain. Comes once; when resumed, if paused */
	CONN_TIMEOUT,		/* the deadline passed; it is not set any more */
	CONN_ERROR		/* reset or failed; comes once, nothing else comes after it. conn_errno tells */
};
typedef void conn_event_f(struct conn *, enum conn_event, void *owner);

/* Takes fd, even on failure (NULL: no memory). The descriptor must be non-blocking. */
struct conn *conn_new(struct loop *, int fd, conn_event_f *, void *owner);
/*
 * Starts connecting; NULL with errno on immediate failure. source may be NULL (or len 0). Ends in CONN_READY or
 * CONN_ERROR; when conn_connected is true already on return, CONN_READY will not come.
 */
struct conn *conn_connect(struct loop *, const struct addr *to, const struct addr *source, conn_event_f *, void *owner);
bool	conn_connected(const struct conn *);
/* Closes and NULLs it; legal in callbacks; accepts NULL. No event comes after it. */
void	conn_free(struct conn **);
void	conn_abort(struct conn **);		/* as conn_free, but the peer sees a reset */
void	conn_set_owner(struct conn *, conn_event_f *, void *owner);

struct span conn_peek(const struct conn *);	/* unread bytes, lent until the next conn_ call on it */
char	*conn_bytes(struct conn *);		/* the same bytes, writable (decoding in place) */
void	conn_consume(struct conn *, size_t n);
/*
 * Gives away the read buffer with its first n unread bytes at buf->r; bytes behind them stay with the conn.
 * NULL: no memory.
 */
struct buf *conn_take(struct conn *, size_t n);
/* Lets the read buffer hold up to size unread bytes (copies when it must grow now). */
int	conn_buffer(struct conn *, uint32_t size) MUST_CHECK;
/* As conn_buffer; and where bytes are unread and the kernel may have more, one read more, which is not told. */
int	conn_gather(struct conn *, uint32_t size) MUST_CHECK;
bool	conn_full(const struct conn *);		/* no room: the owner must consume or grow */

/*
 * Bytes the kernel took, never copies. Less than asked (0 included): wait for CONN_DRAINED. -1: the peer is gone;
 * CONN_ERROR or CONN_EOF follows what it sent before.
 */
ssize_t	conn_writev(struct conn *, const struct iovec *, int n);
/* The same; when all was taken, conn_shutdown or conn_free must come in this turn: FIN leaves with the last bytes. */
ssize_t	conn_writev_last(struct conn *, const struct iovec *, int n);
void	conn_shutdown(struct conn *);		/* FIN after what was written; reading goes on */

void	conn_pause(struct conn *);		/* no CONN_DATA until conn_resume */
void	conn_resume(struct conn *);		/* bytes already unread are announced again, from the loop */
/*
 * A paused conn that was never registered: its reset is told too, from LOOP_LATE_MS on. Most connections that carry
 * one request have ended by then.
 */
void	conn_watch(struct conn *);
bool	conn_paused(const struct conn *);
bool	conn_dry(struct conn *);		/* nothing unread here or in the kernel, no FIN; asks it where unsure */
bool	conn_eof(const struct conn *);		/* FIN was received (unread bytes may remain) */
bool	conn_failed(const struct conn *);
int	conn_errno(const struct conn *);

void	conn_deadline(struct conn *, int64_t due_ms);	/* TIMER_NEVER: none. One number; cheap to move later */
void	conn_local(const struct conn *, struct addr *);		/* getsockname */
uint64_t conn_bytes_in(const struct conn *);	/* read from the peer since conn_new */
uint64_t conn_bytes_out(const struct conn *);
struct loop *conn_loop(const struct conn *);
uint64_t conn_id(const struct conn *);		/* unique in this process */

/*
 * Moving bytes without copying (tunnels, big plain bodies). In raw mode the conn does not read: CONN_DATA says that
 * the kernel has bytes, or the end. No bytes may be unread when it is entered. The pipe comes from a pool; `held`
 * bytes are inside it.
 */
void	conn_raw(struct conn *, bool on);
bool	conn_readable(const struct conn *);	/* raw mode: another conn_splice_in may find something */
struct splice { int rd, wr; uint32_t held; };
bool	splice_open(struct splice *);		/* false: no descriptor; copy instead */
void	splice_close(struct splice *);		/* back to the pool only when empty */
void	 splice_drain_pool(void);	/* closes the pipes kept for reuse */
/*
 * Bytes moved; 0: nothing now (CONN_DATA, or CONN_DRAINED of the other side, will come); -1: failed; -2: end of
 * stream.
 */
ssize_t	conn_splice_in(struct conn *, struct splice *, size_t max);
ssize_t	conn_splice_out(struct conn *, struct splice *);
