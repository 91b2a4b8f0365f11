/* verify.h - cache verify: starts it, shows how far it is, and says what was found. */
#pragma once
#include "tools/proxyctl/call.h"

call_f verify_run;
