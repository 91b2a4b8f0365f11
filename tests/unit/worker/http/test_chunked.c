/* test_chunked.c - what the decoder takes and refuses, independent of the cuts, and what the encoder writes. */
#include <stdio.h>
#include "tests/unit/unit.h"
#include "worker/http/chunked.h"

/* One decoding with a cut every `step` bytes after the first `cut`; the payload is collected in out. */
struct run {
	enum chunked_result	result;
	enum reason		why;
	size_t			used, n;
	char			out[8192];
};

static void
run_decode(struct run *r, struct span raw, size_t cut, size_t step)
{
	struct chunked c = { 0 };
	size_t at = 0, end = cut;

	*r = (struct run){ .result = CHUNKED_MORE };
	while (r->result == CHUNKED_MORE && at < raw.n) {
		size_t n = (end < raw.n ? end : raw.n) - at, start, len, used;
		char *buf = malloc(n + 1);

		memcpy(buf, raw.p + at, n);
		r->result = chunked_decode(&c, buf, n, &start, &len, &used);
		ck_assert_uint_le(used, n);
		ck_assert_uint_le(start + len, n);
		ck_assert(r->result != CHUNKED_MORE || used == n);
		memcpy(r->out + r->n, buf + start, len);
		r->n += len;
		r->used += used;
		free(buf);
		at = end;
		end += step;
	}
	r->why = c.why;
	ck_assert_uint_eq(c.payload, r->n);
}

static const struct {
	const char *name;
	struct span raw;
	int result;
	enum reason why;
	const char *out;
} rows[] = {
#define GOOD(name, raw, out) { name, { raw, sizeof(raw) - 1 }, CHUNKED_LAST, R_NONE, out },
#define BAD(name, raw, why, out) { name, { raw, sizeof(raw) - 1 }, CHUNKED_ERROR, why, out },
#define PART(name, raw, out) { name, { raw, sizeof(raw) - 1 }, CHUNKED_MORE, R_NONE, out },
	GOOD("nothing", "0\r\n", "") GOOD("one chunk", "5\r\nhello\r\n0\r\n", "hello") GOOD(
	    "two chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n",
	    "hello world") GOOD("a small chunk before a large one",
	    "1\r\na\r\n10\r\n0123456789abcdef\r\n0\r\n",
	    "a0123456789abcdef") GOOD("a large chunk before small ones",
	    "10\r\n0123456789abcdef\r\n1\r\nx\r\n1\r\ny\r\n0\r\n",
	    "0123456789abcdefxy") GOOD("capital hex", "A\r\n0123456789\r\n0\r\n", "0123456789")
	    GOOD("lower-case hex", "a\r\n0123456789\r\n0\r\n", "0123456789") GOOD(
		"leading zeros", "0005\r\nhello\r\n000\r\n", "hello") GOOD("16 digits",
		"0000000000000005\r\nhello\r\n0\r\n", "hello") GOOD("CRLF in the payload",
		"4\r\n\r\n\r\n\r\n0\r\n", "\r\n\r\n") GOOD("chunk framing in the payload",
		"5\r\n0\r\n\r\n\r\n0\r\n", "0\r\n\r\n") GOOD("row6 extension",
		"1;a=b\r\nZ\r\n0\r\n", "Z") GOOD("row6 extension without value",
		"1;a\r\nZ\r\n0;b\r\n", "Z") GOOD("row6 two extensions", "1;a=b;c=d\r\nZ\r\n0\r\n",
		"Z") GOOD("row6 quoted extension", "1;a=\"b c;\\\"\t\xff\"\r\nZ\r\n0\r\n",
		"Z") GOOD("row6 empty quoted extension", "1;a=\"\";b\r\nZ\r\n0\r\n",
		"Z") GOOD("bytes behind are left", "0\r\nX: 1\r\n\r\n", "") BAD("row4 17 digits",
		"10000000000000001\r\n", R_CHUNK_SIZE, "") BAD("row4 17 digits, small number",
		"00000000000000005\r\nhello\r\n", R_CHUNK_SIZE,
		"") BAD("row4 2^63", "8000000000000000\r\n", R_CHUNK_SIZE, "") BAD("row4 2^64-1",
		"ffffffffffffffff\r\n", R_CHUNK_SIZE, "") BAD("row4 -1", "-1\r\nZ\r\n",
		R_CHUNK_SIZE, "") BAD("row4 +1", "+1\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 0x1",
		"0x1\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 1_0", "1_0\r\nZ\r\n", R_CHUNK_SIZE,
		"") BAD("row4 blank behind", "1 \r\nZ\r\n", R_CHUNK_SIZE,
		"") BAD("row4 blank before", " 1\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 tab behind",
		"1\t\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 empty size", "\r\nZ\r\n", R_CHUNK_SIZE,
		"") BAD("row4 extension without size", ";a=b\r\nZ\r\n", R_CHUNK_SIZE,
		"") BAD("row4 no hex", "g\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 hex and more",
		"1g\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 NUL", "1\0\r\nZ\r\n", R_CHUNK_SIZE,
		"") BAD("row4 high byte", "1\xb2\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 comma",
		"1,1\r\nZ\r\n", R_CHUNK_SIZE, "") BAD("row4 bad size behind a good chunk",
		"5\r\nhello\r\nx\r\n", R_CHUNK_SIZE, "hello") BAD("row5 LF ends the size",
		"1\nZ\r\n0\r\n", R_CHUNK_END, "") BAD("1.2 chunk line bare LF", "5\nhello\r\n0\r\n",
		R_CHUNK_END, "") BAD("1.2 LF after chunk data", "1\r\nZ\n0\r\n", R_CHUNK_END,
		"Z") BAD("row5 nothing after chunk data", "1\r\nZ0\r\n", R_CHUNK_END, "Z")
		BAD("row5 CR alone after chunk data", "1\r\nZ\r0\r\n", R_CHUNK_END, "Z") BAD(
		    "row5 longer data than said", "1\r\nZZ\r\n", R_CHUNK_END, "Z") BAD("row5 CR CR",
		    "2\r\r;a\r\nZZ\r\n", R_CHUNK_END,
		    "") BAD("row5 CR alone ends the size", "1\rZ\r\n", R_CHUNK_END,
		    "") BAD("row5 last chunk ends in LF", "0\n\n", R_CHUNK_END, "")
		    BAD("row6 ext then LF", "1;\nZ\r\n", R_CHUNK_EXT, "") BAD("1.2 ext then LF",
			"1;a\nZ\r\n0\r\n", R_CHUNK_EXT, "") BAD("row6 empty ext", "1;\r\nZ\r\n",
			R_CHUNK_EXT, "") BAD("row6 CRLF in a quoted ext", "1;a=\"\r\n\"\r\nZ\r\n",
			R_CHUNK_EXT, "") BAD("row6 CR in an ext", "1;a\rb\r\nZ\r\n", R_CHUNK_END,
			"") BAD("row6 LF in a quoted ext", "1;a=\"\n\"\r\nZ\r\n", R_CHUNK_EXT,
			"") BAD("row6 escaped LF in a quoted ext", "1;a=\"\\\n\"\r\nZ\r\n",
			R_CHUNK_EXT, "") BAD("row6 NUL in an ext", "1;a\0\r\nZ\r\n", R_CHUNK_EXT,
			"") BAD("row6 ext without name", "1;=b\r\nZ\r\n", R_CHUNK_EXT,
			"") BAD("row6 ext without value", "1;a=\r\nZ\r\n", R_CHUNK_EXT, "")
			BAD("row6 two equals", "1;a=b=c\r\nZ\r\n", R_CHUNK_EXT, "") BAD(
			    "row6 bytes behind the quotes", "1;a=\"b\"c\r\nZ\r\n", R_CHUNK_EXT, "")
			    BAD("row6 blank in an ext", "1; a=b\r\nZ\r\n", R_CHUNK_EXT, "")
				PART("size alone", "5", "") PART("CR of the size", "5\r", "")
				    PART("part of the payload", "5\r\nhel", "hel")
					PART("payload without its end", "5\r\nhello", "hello") PART(
					    "all but the last chunk", "5\r\nhello\r\n", "hello")
					    PART("last chunk without LF", "0\r", "")
#undef GOOD
#undef BAD
#undef PART
};

static void
check_run(size_t i, const struct run *r, size_t cut)
{
	ck_assert_msg((int)r->result == rows[i].result, "%s, cut %zu: result %d", rows[i].name, cut,
	    r->result);
	ck_assert_msg(
	    r->why == rows[i].why, "%s, cut %zu: %s", rows[i].name, cut, reason_token(r->why));
	ck_assert_msg(span_eq_str(span_make(r->out, r->n), rows[i].out), "%s, cut %zu: payload",
	    rows[i].name, cut);
}

START_TEST(every_chunked_body_gets_its_verdict_at_every_cut)
{
	static struct run whole, cut;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run_decode(&whole, rows[i].raw, rows[i].raw.n, 1);
		check_run(i, &whole, rows[i].raw.n);
		run_decode(&cut, rows[i].raw, 1, 1);
		check_run(i, &cut, 1);
		for (size_t k = 1; k < rows[i].raw.n; k++) {
			run_decode(&cut, rows[i].raw, k, rows[i].raw.n);
			check_run(i, &cut, k);
			ck_assert_uint_eq(cut.used, whole.used);
		}
	}
}
END_TEST

START_TEST(the_trailer_section_starts_behind_the_last_chunk)
{
	struct run r;

	run_decode(&r, SPAN("1\r\nZ\r\n0\r\nX: 1\r\n\r\n"), 100, 1);
	ck_assert_int_eq(r.result, CHUNKED_LAST);
	ck_assert_uint_eq(r.used, strlen("1\r\nZ\r\n0\r\n"));
}
END_TEST

START_TEST(one_large_chunk_is_not_moved)
{
	char buf[] = "10\r\n0123456789abcdef\r\n1\r\nx\r\n";
	struct chunked c = { 0 };
	size_t start, len, used;

	ck_assert_int_eq(
	    chunked_decode(&c, buf, sizeof buf - 1, &start, &len, &used), CHUNKED_MORE);
	ck_assert_uint_eq(start, 4);
	ck_assert_uint_eq(len, 17);
}
END_TEST

/* Feeds a chunk line with n bytes of extension, as often as asked; the first result that is not MORE. */
static enum reason
feed_extensions(size_t n, int times)
{
	struct chunked c = { 0 };
	size_t start, len, used;

	for (int i = 0; i < times; i++) {
		char line[1024] = "1;";

		memset(line + 2, 'a', n - 1);
		memcpy(line + 1 + n, "\r\nZ\r\n", 5);
		if (chunked_decode(&c, line, n + 6, &start, &len, &used) != CHUNKED_MORE)
			return c.why;
	}
	return R_NONE;
}

START_TEST(row6_extensions_have_a_limit_each_and_in_all)
{
	ck_assert_int_eq(feed_extensions(256, 1), R_NONE);
	ck_assert_int_eq(feed_extensions(257, 1), R_CHUNK_EXT);
	ck_assert_int_eq(feed_extensions(256, 16), R_NONE);
	ck_assert_int_eq(feed_extensions(256, 17), R_CHUNK_EXT);
}
END_TEST

START_TEST(row7_framing_may_not_outweigh_the_payload)
{
	struct chunked c = { 0 };
	size_t start, len, used, chunks = 0;
	char buf[7];

	do {
		memcpy(buf, "1\r\nZ\r\n", 6);
		chunks++;
	} while (
	    chunked_decode(&c, buf, 6, &start, &len, &used) == CHUNKED_MORE && chunks < 100000);
	ck_assert_int_eq(c.why, R_CHUNK_OVERHEAD);
	ck_assert_uint_eq(chunks, 16384 / 4 + 1);
}
END_TEST

START_TEST(payload_in_good_chunks_never_meets_the_overhead_limit)
{
	struct chunked c = { 0 };
	size_t start, len, used;
	char buf[64];

	for (int i = 0; i < 100000; i++) {
		memcpy(buf, "8\r\n01234567\r\n", 13);
		ck_assert_int_eq(chunked_decode(&c, buf, 13, &start, &len, &used), CHUNKED_MORE);
	}
	ck_assert_uint_eq(c.payload, 800000);
}
END_TEST

START_TEST(an_ended_decoder_takes_no_more)
{
	struct chunked c = { 0 };
	char buf[] = "0\r\n", more[] = "5\r\nhello\r\n";
	size_t start, len, used;

	ck_assert_int_eq(chunked_decode(&c, buf, 3, &start, &len, &used), CHUNKED_LAST);
	ck_assert_int_eq(chunked_decode(&c, more, 10, &start, &len, &used), CHUNKED_LAST);
	ck_assert_uint_eq(used + len, 0);
}
END_TEST

START_TEST(sizes_in_all_cannot_pass_the_largest_length)
{
	struct chunked c = { .payload = INT64_MAX - 1, .overhead = 0 };
	char good[] = "1\r\n", bad[] = "2\r\n";
	size_t start, len, used;

	ck_assert_int_eq(chunked_decode(&c, good, 3, &start, &len, &used), CHUNKED_MORE);
	c = (struct chunked){ .payload = INT64_MAX - 1 };
	ck_assert_int_eq(chunked_decode(&c, bad, 3, &start, &len, &used), CHUNKED_ERROR);
	ck_assert_int_eq(c.why, R_CHUNK_SIZE);
}
END_TEST

START_TEST(a_chunk_head_is_the_size_in_hex)
{
	static const struct { uint64_t n; const char *text; } heads[] = {
		{ 1, "1\r\n" }, { 15, "f\r\n" }, { 16, "10\r\n" }, { 500, "1f4\r\n" }, { 65536, "10000\r\n" },
		{ UINT64_MAX, "ffffffffffffffff\r\n" },
	};
	char out[CHUNKED_HEAD];

	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		size_t n = chunked_head(out, heads[i].n);

		ck_assert(span_eq_str(span_make(out, n), heads[i].text));
	}
}
END_TEST

UNIT_MAIN("worker/http/chunked", every_chunked_body_gets_its_verdict_at_every_cut,
    the_trailer_section_starts_behind_the_last_chunk, one_large_chunk_is_not_moved,
    row6_extensions_have_a_limit_each_and_in_all, row7_framing_may_not_outweigh_the_payload,
    payload_in_good_chunks_never_meets_the_overhead_limit, an_ended_decoder_takes_no_more,
    sizes_in_all_cannot_pass_the_largest_length, a_chunk_head_is_the_size_in_hex)
