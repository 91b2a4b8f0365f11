/*
 * expressions.h - what -q takes, for `help log` and for proxyctl(1).
 */
#pragma once

void	expressions_help(void);		/* to standard output */
void	expressions_manual(void);	/* as a section of the manual page */
