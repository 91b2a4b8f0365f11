/* date.h - HTTP dates (RFC 9110 5.6.7). */
#pragma once
#include "conf/base/span.h"

#define DATE_LEN 29
void	date_format(char out[DATE_LEN], int64_t unix_sec);	/* IMF-fixdate, no NUL */
/* IMF-fixdate, RFC 850 or asctime, strictly; -E_SYNTAX. */
int	date_parse(struct span, int64_t now, int64_t *unix_sec) MUST_CHECK;
