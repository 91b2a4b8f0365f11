/*
 * journal.h - the request log as binary records: one ring per lane, one writer, one consuming reader.
 *
 * The worker appends and publishes with one release store; the logger owns `tail`. A record that does not fit
 * is dropped and counted, the worker never waits. Observers (proxyctl log) read with a cursor of their own over
 * a read-only mapping and may be overrun: journal_observe tells.
 */
#pragma once
#include <stdatomic.h>
#include "conf/base/addr.h"
#include "conf/base/shm.h"
#include "conf/http/reason.h"

#define JOURNAL_RING	(1u << 20)	/* bytes per lane, a power of two */
#define JOURNAL_SECTORS	8u		/* parts of a ring */
#define JOURNAL_RECORD	8192		/* longest record */
#define JOURNAL_URI	2048		/* longest target kept */
#define JOURNAL_TEXT	512		/* longest of the other strings kept */

enum cache_result {
#define RESULT(id, token, squid) id,
#include "worker/shared/cache_tbl.h"
#undef RESULT
	CACHE_RESULTS
};
const char *cache_result_token(unsigned);	/* "-" for what is none */
const char *cache_result_squid(unsigned);	/* NULL: Squid has no word for it */

/* Times in microseconds from the start of the request; UINT32_MAX: did not happen. */
struct journal_times { uint32_t dns, connect, first_byte, total; };

enum journal_flag {
	JF_REUSED	= 1 << 0,	/* upstream connection was kept from an earlier request */
	JF_RETRIED	= 1 << 1,
	JF_TUNNEL	= 1 << 2,
	JF_LOCAL	= 1 << 3,	/* answered here, no upstream byte relayed */
	JF_ABORTED	= 1 << 4,	/* the answer was cut */
	JF_FORWARD	= 1 << 5,	/* forward mode */
};

enum journal_string {
	JS_METHOD, JS_TARGET, JS_HOST, JS_UPSTREAM, JS_ROUTE, JS_LISTENER, JS_REFERER, JS_AGENT, JS_TYPE, JS_REQUEST_ID,
	JS_LIST,		/* "name:line" of the list's entry behind the rule */
	JS_MAX
};

struct journal_rec {			/* as stored: this struct, then the strings back to back */
	uint32_t	size;		/* of the whole record, a multiple of 8; 0: filler up to the ring's end */
	uint16_t	status;		/* sent to the client; 0: none */
	uint16_t	upstream_status;	/* received; 0: none */
	uint64_t	wall_us;	/* when the request's head was complete */
	uint64_t	bytes_in, bytes_out;	/* body bytes from and to the client (tunnels: payload) */
	uint64_t	sent;		/* bytes of the answer that left: head, framing, body */
	struct journal_times t;
	uint32_t	pid, generation;
	uint16_t	reason;		/* enum reason */
	uint16_t	flags;		/* JF_* */
	uint16_t	client_port, minor;	/* HTTP/1.minor of the request */
	uint8_t		client_family, tries, cache, pad;	/* cache: enum cache_result */
	uint8_t		client_ip[16];
	uint16_t	len[JS_MAX];	/* of the strings; JS_ROUTE holds the route's name or the rule's id */
};

struct journal_ring {
	_Atomic uint64_t head;		/* bytes ever written; worker */
	/* Low bits of where the first record of each sector starts: observers begin there. */
	_Atomic uint32_t mark[JOURNAL_SECTORS];
	uint8_t		pad1[56 - 4 * JOURNAL_SECTORS];
	_Atomic uint64_t tail;		/* bytes ever consumed; logger */
	uint8_t		pad2[56];
	_Atomic uint64_t dropped;	/* records; worker, and the logger when it finds damage */
	uint8_t		pad3[56];
	uint8_t		data[JOURNAL_RING];
};
struct journal_data { uint32_t lanes; uint32_t pad[15]; struct journal_ring ring[]; };

#define JOURNAL_VERSION 4
size_t	journal_size(unsigned lanes);
/* Master, before a lane is used again: what the logger has not read yet stays, a damaged head is put right. */
void	journal_reset(struct journal_ring *);

/* Worker. Fills in rec->size and rec->len[] (strings cut to the limits above); a span's n 0:
 * absent; false: dropped. */
bool	journal_write(struct journal_ring *, struct journal_rec *rec, const struct span strings[JS_MAX]);

/* Reader's copy of one record; strings point into buf. */
struct journal_view { struct journal_rec rec; struct span s[JS_MAX]; };
/* Logger: copies the next record out and moves tail; false: empty. Damaged contents empty the ring
 * and count as dropped. */
bool	journal_next(struct journal_ring *, char buf[JOURNAL_RECORD], struct journal_view *);
/* Observer with its own *cursor: 0 begins at the oldest record still there, the ring's head at the
 * next one written. *lost counts bytes it was overrun by. */
bool	journal_observe(const struct journal_ring *, uint64_t *cursor, char buf[JOURNAL_RECORD],
	    struct journal_view *, uint64_t *lost);
