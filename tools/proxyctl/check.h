/*
 * check.h - the verb `check`.
 */
#pragma once
#include <stdbool.h>
#include "conf/base/err.h"

/* Prints every problem of the file and the verdict; *result is the exit code. An error: the file cannot be read. */
int	check_file(const char *file, bool json, int *result, struct errdetail *) MUST_CHECK;
