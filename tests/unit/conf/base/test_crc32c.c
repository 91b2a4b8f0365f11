/* test_crc32c.c - published values, and both ways of computing agree at every length and offset. */
#include "conf/base/crc32c.h"
#include "tests/unit/unit.h"

START_TEST(published_values)
{
	char bytes[32];

	ck_assert_uint_eq(crc32c(0, SPAN("")), 0);
	ck_assert_uint_eq(crc32c(0, SPAN("123456789")), 0xe3069283);
	/* RFC 3720 B.4 */
	memset(bytes, 0, sizeof bytes);
	ck_assert_uint_eq(crc32c(0, span_make(bytes, 32)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	ck_assert_uint_eq(crc32c(0, span_make(bytes, 32)), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		bytes[i] = (char)i;
	ck_assert_uint_eq(crc32c(0, span_make(bytes, 32)), 0x46dd794e);
}
END_TEST

START_TEST(pieces_and_both_ways_agree)
{
	static char bytes[300];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 167 + (i >> 3));
	for (size_t at = 0; at < 9; at++)
		for (size_t n = 0; n < 64; n++) {
			struct span s = span_make(bytes + at, n),
				    rest = span_make(bytes + at + n, 200 - n);
			uint32_t whole = crc32c(0, span_make(bytes + at, 200));

			ck_assert_uint_eq(crc32c(0, s), crc32c_table(0, s));
			ck_assert_uint_eq(crc32c(crc32c(0, s), rest), whole);
			ck_assert_uint_eq(crc32c_table(crc32c(0, s), rest), whole);
		}
}
END_TEST

UNIT_MAIN("conf/base/crc32c", published_values, pieces_and_both_ways_agree)
