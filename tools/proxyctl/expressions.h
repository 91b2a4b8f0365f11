/*
 * expressions.h - what -q takes, for `help log` and for proxyctl(1).
 */
#pragma once
#include "conf/base/str.h"

void	expressions_help(void);			/* to standard output */
void	expressions_manual(struct str *);	/* as a section of the manual page, mdoc(7) */
