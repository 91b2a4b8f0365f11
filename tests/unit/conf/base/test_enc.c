#include "conf/base/enc.h"
#include "tests/unit/unit.h"

START_TEST(hex_is_lower_case_without_a_nul)
{
	static const uint8_t in[] = { 0x00, 0x0f, 0xa5, 0xff };
	char out[9] = "........!";

	enc_hex(out, in, sizeof in);
	ck_assert_int_eq(memcmp(out, "000fa5ff!", 9), 0);
	enc_hex(out, in, 0);
	ck_assert_int_eq(out[0], '0');
}
END_TEST

START_TEST(random_fills_the_whole_buffer)
{
	uint8_t a[600] = { 0 }, b[600] = { 0 }, tail = 0;

	ck_assert_int_eq(enc_random(a, sizeof a), 0);
	ck_assert_int_eq(enc_random(b, sizeof b), 0);
	ck_assert_int_ne(memcmp(a, b, sizeof a), 0);
	for (size_t i = sizeof a - 16; i < sizeof a; i++)
		tail |= a[i];
	ck_assert_uint_ne(tail, 0);
	ck_assert_int_eq(enc_random(a, 0), 0);
}
END_TEST

UNIT_MAIN("conf/base/enc", hex_is_lower_case_without_a_nul, random_fills_the_whole_buffer)
