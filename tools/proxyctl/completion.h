/*
 * completion.h - what a shell completes behind "proxyctl", from the table of verbs.
 */
#pragma once
#include "conf/base/str.h"

void	completion_bash(struct str *out);	/* a script to be sourced */
