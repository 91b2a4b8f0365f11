/*
 * reason.c - the texts and statuses of reason_tbl.h by number.
 */
#include "conf/http/reason.h"

static const struct {
	const char	*token, *text;
	short		 status;
	bool		 closes;
} rows[R_MAX] = {
#define REASON(id, token, status, close, text) [id] = { token, text, status, close },
#include "conf/http/reason_tbl.h"
#undef REASON
};

static unsigned
row_of(enum reason r)
{
	return (unsigned)r < R_MAX ? (unsigned)r : R_INTERNAL;
}

const char *
reason_token(enum reason r)
{
	return rows[row_of(r)].token;
}

const char *
reason_text(enum reason r)
{
	return rows[row_of(r)].text;
}

int
reason_status(enum reason r)
{
	return rows[row_of(r)].status;
}

bool
reason_closes(enum reason r)
{
	return rows[row_of(r)].closes;
}
