/*
 * fuzz_wire.c - any bytes as a message: the reader stays inside, and what it read writes back the same.
 *
 * Input: one byte n (low four bits), n bytes that choose the fields, then the message.
 */
#include <stdlib.h>
#include "conf/base/assert.h"
#include "conf/base/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 16 << 10;	/* one message */

/* Reads one field of the kind from r and writes it to w. */
static void
copy_field(struct wire *r, struct wire *w, uint8_t kind)
{
	uint32_t v32;
	uint64_t v64;
	struct span s;

	switch (kind % 3) {
	case 0:
		v32 = wire_get_u32(r);
		if (r->error == 0)
			wire_put_u32(w, v32);
		break;
	case 1:
		v64 = wire_get_u64(r);
		if (r->error == 0)
			wire_put_u64(w, v64);
		break;
	default:
		s = wire_get_span(r);
		if (r->error == 0)
			wire_put_span(w, s);
	}
}

static void
check_message(const uint8_t *kinds, size_t n, char *msg, size_t len)
{
	char copy[WIRE_MAX];
	struct wire r, w;
	uint16_t type;

	if (wire_read_init(&r, msg, len, &type) != 0)
		return;
	wire_write_init(&w, copy, sizeof copy, type);
	for (size_t i = 0; i < n; i++)
		copy_field(&r, &w, kinds[i]);
	ASSERT(r.at <= len);
	if (wire_done(&r) == 0) {
		ASSERT(wire_done(&w) == 0 && w.at == len);
		ASSERT(memcmp(copy, msg, len) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size == 0 ? 0 : data[0] & 15;
	char *msg;

	if (size <= 1 + n || size - 1 - n > WIRE_MAX)
		return 0;
	size -= 1 + n;
	msg = malloc(size);	/* exact, so that the sanitizer sees one byte too many */
	if (msg == NULL)
		return 0;
	memcpy(msg, data + 1 + n, size);
	check_message(data + 1, n, msg, size);
	free(msg);
	return 0;
}
