/*
 * manual.h - proxyctl(1): prose written by hand around what the tables say. `make reference` writes the page.
 */
#pragma once
#include "conf/base/str.h"

/* The template with its lines "@VERBS@" and "@EXPRESSIONS@" replaced. mdoc(7). */
void	manual_fill(struct span template, struct str *out);
/* One text as mdoc has it: nothing in it is taken for a request or an escape. */
void	manual_text(struct str *out, const char *text);
