/*
 * upgrade.h - the verb `upgrade`.
 */
#pragma once
#include "tools/proxyctl/call.h"

call_f	upgrade_run;
