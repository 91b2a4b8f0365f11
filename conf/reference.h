/*
 * reference.h - the reference of the configuration, written from the schema tables.
 */
#pragma once
#include "conf/base/str.h"

void	reference_markdown(struct str *out);	/* conf/REFERENCE.md */
void	reference_man(struct str *out);		/* conf/proxyd.conf.5, in man(7) macros */
