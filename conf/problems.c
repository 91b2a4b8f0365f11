/*
 * problems.c - what is wrong with a configuration, collected so that a user hears all of it at once.
 *
 * Positions are copied: problems outlive the configuration they are about. Beyond PROBLEMS_MAX only errors are
 * counted, so that a file of a million mistakes costs no memory.
 */
#include "conf/load.h"

#include <stdio.h>

#include "conf/base/mem.h"

#define PROBLEMS_MAX 200

void
conf_problems_add(struct conf_problems *ps, struct conf_pos at, bool warning, const char *fmt, ...)
{
	struct conf_problem *p;
	va_list ap;

	ps->errors += !warning;
	if (ps->n >= PROBLEMS_MAX)
		return;
	ps->v = mem_grow(ps->v, (ps->n + 1) * sizeof *ps->v);
	p = &ps->v[ps->n++];
	p->at.file = at.file == NULL ? NULL : mem_strdup(at.file);
	p->at.line = at.line;
	p->warning = warning;
	va_start(ap, fmt);
	(void)vsnprintf(p->text, sizeof p->text, fmt, ap);
	va_end(ap);
}

void
conf_problems_text(const struct conf_problems *ps, struct str *out)
{
	for (unsigned i = 0; i < ps->n; i++) {
		const struct conf_problem *p = &ps->v[i];

		if (p->at.file != NULL)
			str_adds(out, p->at.file);
		if (p->at.line > 0)
			str_printf(out, ":%d", p->at.line);
		str_printf(out, "%s%s%s\n", p->at.file == NULL ? "" : ": ",
		    p->warning ? "warning: " : "", p->text);
	}
	if (ps->errors > PROBLEMS_MAX)
		str_printf(out, "%u errors in all\n", ps->errors);
}

void
conf_problems_fini(struct conf_problems *ps)
{
	for (unsigned i = 0; i < ps->n; i++)
		mem_free((void *)ps->v[i].at.file);
	mem_free(ps->v);
	*ps = (struct conf_problems){ 0 };
}
