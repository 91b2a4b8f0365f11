/*
 * unit.h - one Check executable per test file: UNIT_MAIN("room/file", test_a, test_b, ...) at its end.
 */
#pragma once
#include <check.h>
#include <stdlib.h>

#define UNIT_MAIN(name, ...)								\
int											\
main(void)										\
{											\
	const TTest *const tests[] = { __VA_ARGS__ };				\
	Suite *suite = suite_create(name);						\
	TCase *tcase = tcase_create(name);						\
	SRunner *runner;								\
	int failed;									\
											\
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)			\
		tcase_add_test(tcase, tests[i]);					\
	tcase_set_timeout(tcase, 60);							\
	suite_add_tcase(suite, tcase);							\
	runner = srunner_create(suite);							\
	srunner_run_all(runner, CK_ENV);						\
	failed = srunner_ntests_failed(runner);						\
	srunner_free(runner);								\
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;				\
}
