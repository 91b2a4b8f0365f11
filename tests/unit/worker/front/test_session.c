/* What an idle client connection may cost: two small records, and no buffer, request or sink. */
#include "tests/unit/unit.h"
#include "worker/front/session_priv.h"
#include "worker/io/conn_priv.h"

#define IDLE_MAX 464		/* bytes: 0.45 KiB, a number to think about before it grows */

START_TEST(an_idle_connection_costs_less_than_half_a_kibibyte)
{
	ck_assert_uint_le(sizeof(struct conn) + sizeof(struct session), IDLE_MAX);
}
END_TEST

UNIT_MAIN("worker/front/session", an_idle_connection_costs_less_than_half_a_kibibyte)
