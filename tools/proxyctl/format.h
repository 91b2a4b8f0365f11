/*
 * format.h - the master's answers as tables for people.
 */
#pragma once
#include "conf/base/json.h"

void	format_status(const struct json *data, bool colour, struct str *out);
void	format_workers(const struct json *data, bool colour, struct str *out);
