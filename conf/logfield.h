/*
 * logfield.h - the fields of a log record by name: what a JSON line holds and what expressions ask about.
 */
#pragma once
#include "conf/base/expr.h"

enum logfield {
#define FIELD(id, name, type, help) id,
#include "conf/logfield_tbl.h"
#undef FIELD
	LF_MAX
};

extern const struct expr_fields logfields;	/* by enum logfield */
const char *logfield_help(enum logfield);
/* LF_MAX: there is no such field. */
enum logfield logfield_find(struct span name);
