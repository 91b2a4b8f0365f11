/*
 * method.c - request methods by number. Names are case-sensitive: "get" is another method than GET.
 */
#include "conf/http/method.h"

static const struct {
	const char	*text;
	uint8_t		 len;
	bool		 safe, idem;
} rows[M_MAX] = {
	[M_OTHER] = { "", 0, false, false },
#define METHOD(id, text, safe, idem) [id] = { text, sizeof(text) - 1, safe, idem },
#include "conf/http/method_tbl.h"
#undef METHOD
};

enum method
method_find(struct span name)
{
	for (unsigned id = M_OTHER + 1; id < M_MAX; id++)
		if (rows[id].len == name.n && memcmp(rows[id].text, name.p, name.n) == 0)
			return (enum method)id;
	return M_OTHER;
}

const char *
method_text(enum method id)
{
	return (unsigned)id < M_MAX ? rows[id].text : "";
}

bool
method_safe(enum method id)
{
	return (unsigned)id < M_MAX && rows[id].safe;
}

bool
method_idempotent(enum method id)
{
	return (unsigned)id < M_MAX && rows[id].idem;
}
