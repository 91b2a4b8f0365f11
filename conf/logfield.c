/*
 * logfield.c - logfield_tbl.h by number and by name.
 */
#include "conf/logfield.h"

static const struct expr_field rows[LF_MAX] = {
#define FIELD(id, name, type, help) [id] = { name, type },
#include "conf/logfield_tbl.h"
#undef FIELD
};

static const char *const helps[LF_MAX] = {
#define FIELD(id, name, type, help) [id] = help,
#include "conf/logfield_tbl.h"
#undef FIELD
};

const struct expr_fields logfields = { rows, LF_MAX };

const char *
logfield_help(enum logfield f)
{
	return (unsigned)f < LF_MAX ? helps[f] : "";
}

enum logfield
logfield_find(struct span name)
{
	unsigned i = 0;

	while (i < LF_MAX && !span_eq_str(name, rows[i].name))
		i++;
	return (enum logfield)i;
}
