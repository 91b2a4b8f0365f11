/*
 * h1_sink.h - writes one HTTP/1 message to a conn: the head's pieces, then the body under its framing. Used for
 * responses to clients and for requests to targets alike.
 *
 * The head and the first payload leave in one writev. Nothing is copied: what the kernel does not take stays
 * where it is, and the sink remembers how far it came.
 */
#pragma once
#include "worker/http/chunked.h"
#include "worker/http/h1_write.h"
#include "worker/io/conn.h"
#include "worker/req/body.h"

enum h1_framing { FRAMING_NONE, FRAMING_RAW, FRAMING_CHUNKED };	/* RAW: Content-Length or until close */

enum sink_result {
	SINK_BODY,		/* waits for the source: run again when body->ready */
	SINK_CONN,		/* waits for room: run again on CONN_DRAINED */
	SINK_DONE,		/* the message is out */
	SINK_CUT,		/* the source failed and everything it gave is out: body->why */
	SINK_FAILED		/* the conn failed; CONN_ERROR follows */
};

struct h1_sink {
	struct conn	*conn;
	struct body	*body;
	struct iovec	*head;		/* pieces not yet out; the array is the arena's and is advanced in place */
	unsigned	nhead;
	enum h1_framing	framing;
	bool		trailers;	/* the receiver takes trailers */
	bool		closes;		/* set by the owner: the conn ends behind this message, at once */
	bool		ended;		/* the end of the message is part of what is being written */
	struct arena	*arena;
	char		pre[CHUNKED_HEAD];	/* chunk head being written */
	uint8_t		pre_len, pre_off;
	uint64_t	frame;		/* payload of the current chunk not yet out */
	struct span	post;		/* behind the payload: CRLF, last chunk, trailers */
	struct splice	pipe;		/* rd -1: not open */
};

#define H1_SINK_NONE	{ .pipe = { .rd = -1, .wr = -1 } }	/* before h1_sink_init */

void	h1_sink_init(struct h1_sink *, struct conn *, struct body *, const struct h1_out *head, enum h1_framing,
	    bool trailers, struct arena *);
enum sink_result h1_sink_run(struct h1_sink *);
void	h1_sink_fini(struct h1_sink *);		/* gives the pipe back; idempotent */
bool	h1_sink_head_out(const struct h1_sink *);	/* the whole head was taken */
