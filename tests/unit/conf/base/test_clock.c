#include "conf/base/clock.h"
#include "tests/unit/unit.h"

START_TEST(monotonic_time_never_runs_back)
{
	uint64_t last = clock_mono_us();

	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_mono_us();

		ck_assert_uint_ge(now, last);
		last = now;
	}
	ck_assert_uint_le(clock_mono_ms() - last / 1000, 10000);
}
END_TEST

START_TEST(wall_time_is_microseconds_since_1970)
{
	ck_assert_uint_gt(clock_wall_us(), UINT64_C(1700000000000000));
	ck_assert_uint_lt(clock_wall_us(), UINT64_C(4100000000000000));
}
END_TEST

UNIT_MAIN("conf/base/clock", monotonic_time_never_runs_back, wall_time_is_microseconds_since_1970)
