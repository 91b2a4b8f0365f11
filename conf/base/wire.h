/*
 * wire.h - typed messages between our own processes over SOCK_SEQPACKET: encode and decode with a sticky
 * error, checked once at the end. Little-endian; strings and blobs carry a u16 length.
 */
#pragma once
#include "conf/base/span.h"

#define WIRE_MAX 8192			/* bytes of one message, type included */

struct wire {
	char	*buf;			/* lent by the caller */
	size_t	 size, at;		/* room (writing) or message length (reading); cursor */
	int	 error;			/* 0 or the first -E_X; everything after it is a no-op */
	bool	 reading;
};

void	wire_write_init(struct wire *, char *buf, size_t size, uint16_t type);
void	wire_put_u32(struct wire *, uint32_t);
void	wire_put_u64(struct wire *, uint64_t);
void	wire_put_span(struct wire *, struct span);
/* Reads the type; -E_TRUNCATED when shorter than a type. */
int	wire_read_init(struct wire *, char *buf, size_t len, uint16_t *type) MUST_CHECK;
uint32_t wire_get_u32(struct wire *);	/* 0 after an error */
uint64_t wire_get_u64(struct wire *);
struct span wire_get_span(struct wire *);	/* lent from buf */
/* The sticky error, or -E_PROTO when bytes are left over (reading). */
int	wire_done(const struct wire *) MUST_CHECK;
/* sendmsg/recvmsg of one message with at most one descriptor (fd -1: none). Non-blocking sockets: -E_AGAIN. */
int	wire_send(int sock, const struct wire *, int fd) MUST_CHECK;
int	wire_recv(int sock, char *buf, size_t size, size_t *len, int *fd) MUST_CHECK;	/* -E_CLOSED at EOF */
