/*
 * output.h - what a verb prints; the results are exit codes.
 */
#pragma once
#include "conf/base/json.h"

int	output_str(const struct str *);
int	output_json(const struct json *);	/* indented; NULL: {} */
void	output_one_line(bool);		/* from now on a document is one line: --watch */
int	output_text(const char *text, const char *when_empty);	/* with a line's end behind it */
