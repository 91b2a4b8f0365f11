/*
 * reason.h - the closed list of reason tokens (reason_tbl.h) with the status each one answers.
 */
#pragma once
#include <stdbool.h>

enum reason {
#define REASON(id, token, status, close, text) id,
#include "conf/http/reason_tbl.h"
#undef REASON
	R_MAX
};

const char *reason_token(enum reason);
const char *reason_text(enum reason);
int	reason_status(enum reason);
bool	reason_closes(enum reason);
