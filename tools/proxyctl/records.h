/*
 * records.h - the verb log: records as lines, the last ones and those to come.
 */
#pragma once
#include "tools/proxyctl/call.h"

call_f	records_run;
