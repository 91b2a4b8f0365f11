/* method.h - request methods; names are case-sensitive (RFC 9110 9.1). */
#pragma once
#include "conf/base/span.h"

enum method {
	M_OTHER,
#define METHOD(id, text, safe, idem) id,
#include "conf/http/method_tbl.h"
#undef METHOD
	M_MAX
};

enum method method_find(struct span);	/* M_OTHER for names not in the table */
const char *method_text(enum method);
bool	method_safe(enum method);
bool	method_idempotent(enum method);
