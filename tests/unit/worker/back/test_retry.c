#include "tests/unit/unit.h"
#include "worker/back/retry.c"

#define FIRST	.tries = 1, .max_tries = 2
#define KEPT	.wrote = true, .reused = true, .body_kept = true, .max_tries = 2
#define LOST	.tries = 1, KEPT	/* a kept connection closed unanswered */

START_TEST(every_row_of_the_retry_rule)
{
	static const struct {
		const char *why;
		struct retry_case c;
		bool allowed;
	} rows[] = {
		{ "(a) nothing written, any method", { .method = M_POST, FIRST }, true },
		{ "(a) extension methods too", { .method = M_OTHER, FIRST }, true },
		{ "(a) the body was not taken", { .method = M_PATCH, .reused = true, FIRST }, true },
		{ "(a) tries used up", { .method = M_GET, .tries = 2, .max_tries = 2 }, false },
		{ "one try only", { .method = M_GET, .tries = 1, .max_tries = 1 }, false },
		{ "(c) GET", { .method = M_GET, LOST }, true },
		{ "(c) HEAD", { .method = M_HEAD, LOST }, true },
		{ "(c) OPTIONS", { .method = M_OPTIONS, LOST }, true },
		{ "(c) PUT", { .method = M_PUT, LOST }, true },
		{ "(c) DELETE", { .method = M_DELETE, LOST }, true },
		{ "(c) never POST", { .method = M_POST, LOST }, false },
		{ "(c) never PATCH", { .method = M_PATCH, LOST }, false },
		{ "(c) never CONNECT", { .method = M_CONNECT, LOST }, false },
		{ "(c) TRACE is not named", { .method = M_TRACE, LOST }, false },
		{ "(c) never an extension method", { .method = M_OTHER, LOST }, false },
		{ "(c) not if fresh", { .method = M_GET, .wrote = true, .body_kept = true, FIRST }, false },
		{ "(c) not without the body", { .method = M_PUT, .wrote = true, .reused = true, FIRST }, false },
		{ "(c) not once it answered", { .method = M_GET, .answered = true, LOST }, false },
		{ "an answer to nothing ends it too", { .method = M_GET, .answered = true, FIRST }, false },
		{ "(c) tries used up", { .method = M_GET, .tries = 2, KEPT }, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(retry_allowed(&rows[i].c) == rows[i].allowed, "%s", rows[i].why);
}
END_TEST

START_TEST(budget_allows_a_share_of_the_last_ten_seconds)
{
	struct retry_budget b = { 0 };
	unsigned taken = 0;

	for (int i = 0; i < 100; i++)
		retry_count_request(&b, 5000000 + i * 50);
	for (int i = 0; i < 100; i++)
		taken += retry_take(&b, 5005000, 0.2, 0);
	ck_assert_uint_eq(taken, 20);
	ck_assert(!retry_take(&b, 5009000, 0.2, 0));
}
END_TEST

START_TEST(budget_always_allows_min_per_second)
{
	struct retry_budget b = { 0 };

	for (int second = 100; second < 115; second++) {
		for (int i = 0; i < 3; i++)
			ck_assert(retry_take(&b, second * 1000 + i, 0.2, 3));
		ck_assert(!retry_take(&b, second * 1000 + 999, 0.2, 3));
	}
}
END_TEST

START_TEST(requests_older_than_ten_seconds_earn_nothing)
{
	struct retry_budget b = { 0 };

	for (int i = 0; i < 100; i++)
		retry_count_request(&b, 7000);
	ck_assert(retry_take(&b, 16999, 0.2, 0));
	ck_assert(!retry_take(&b, 17000, 0.2, 0));
}
END_TEST

START_TEST(a_clock_that_steps_back_is_harmless)
{
	struct retry_budget b = { 0 };

	retry_count_request(&b, 1000000);
	retry_count_request(&b, 900000);
	ck_assert(retry_take(&b, 900000, 1.0, 0));
	ck_assert(retry_take(&b, 1000000, 1.0, 0));
	ck_assert(!retry_take(&b, 1000000, 1.0, 0));
}
END_TEST

UNIT_MAIN("worker/back/retry", every_row_of_the_retry_rule,
    budget_allows_a_share_of_the_last_ten_seconds, budget_always_allows_min_per_second,
    requests_older_than_ten_seconds_earn_nothing, a_clock_that_steps_back_is_harmless)
