#include "tests/unit/unit.h"
#include "worker/req/body.h"

START_TEST(a_body_in_memory_is_complete_from_the_start_and_gives_itself_away)
{
	struct memory_source m;

	memory_source_init(&m, SPAN("hello"));
	ck_assert_int_eq(m.body.state, BODY_END);
	ck_assert_uint_eq(m.body.length, 5);
	ck_assert(!body_done(&m.body));
	body_want(&m.body);
	body_consume(&m.body, 2);
	ck_assert(span_eq_str(body_peek(&m.body), "llo"));
	body_consume(&m.body, 3);
	ck_assert(body_done(&m.body));
	ck_assert_uint_eq(m.body.moved, 5);
}
END_TEST

START_TEST(no_body_is_done)
{
	struct body none = { .state = BODY_OPEN };

	ck_assert(body_done(&none));
	ck_assert_uint_eq(body_peek(&none).n, 0);
	body_want(&none);
}
END_TEST

UNIT_MAIN("worker/req/body", a_body_in_memory_is_complete_from_the_start_and_gives_itself_away,
    no_body_is_done)
