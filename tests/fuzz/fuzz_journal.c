/*
 * fuzz_journal.c - a ring full of anything, read as the logger and as an observer do.
 *
 * The input is the positions and then the ring's bytes, repeated to its end. Whatever a reader finds becomes
 * one line without a control byte in every format; both readers come to an end.
 */
#include <stdlib.h>
#include "worker/shared/logline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern unsigned fuzz_budget;
unsigned fuzz_budget = 16 << 10;	/* a line of the log, whatever the record; the input is repeated anyway */

static void
line_judge(const struct journal_view *v)
{
	for (unsigned format = 0; format <= LOGLINE_JSON; format++) {
		struct str out = STR_INIT;

		logline_write(&out, (enum logline_format)format, v);
		if (out.len == 0 || out.len > 4096 || out.data[out.len - 1] != '\n')
			abort();
		for (size_t i = 0; i + 1 < out.len; i++)
			if ((unsigned char)out.data[i] < 0x20 || (unsigned char)out.data[i] >= 0x7f)
				abort();
		str_fini(&out);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct journal_ring ring;
	struct {
		uint64_t head, tail, cursor;
	} at;
	uint64_t lost = 0;
	char buf[JOURNAL_RECORD];
	struct journal_view v;
	unsigned records = 0;

	if (size <= sizeof at)
		return 0;
	memcpy(&at, data, sizeof at);
	data += sizeof at;
	size -= sizeof at;
	for (size_t i = 0; i < 65536; i += size)
		memcpy(ring.data + i, data, size < 65536 - i ? size : 65536 - i);
	ring.head = at.head;
	ring.tail = at.tail;
	for (unsigned i = 0; i < JOURNAL_SECTORS; i++)
		ring.mark[i] = (uint32_t)at.cursor + i * 8;
	for (; records < JOURNAL_RING / 8 && journal_observe(&ring, &at.cursor, buf, &v, &lost);
	     records++)
		line_judge(&v);
	for (; records < JOURNAL_RING / 4 && journal_next(&ring, buf, &v); records++)
		line_judge(&v);
	if (records == JOURNAL_RING / 4)
		abort();
	return 0;
}
