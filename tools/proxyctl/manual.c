/*
 * manual.c - fills the template of the manual page line by line.
 */
#include "tools/proxyctl/manual.h"

#include <stdio.h>

#include "master/admin_request.h"
#include "tools/proxyctl/expressions.h"

static const struct {
	const char *verb, *args, *help;
} rows[CMD_MAX] = {
#define CMD(id, verb, args, who, help) [id] = { verb, args, help },
#include "master/admin_tbl.h"
#undef CMD
};

void
manual_text(struct str *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\\')
			str_adds(out, "\\e");
		else if (*p == '-')
			str_adds(out, "\\-");
		else if (p == text && (*p == '.' || *p == '\''))
			str_printf(out, "\\&%c", *p);
		else
			str_addc(out, *p);
	}
}

/* Every word as a word: a macro's name in a macro's line would be called. */
static void
words(struct str *out, const char *text)
{
	struct span rest = span_str(text), word;
	char copy[128];

	while (span_split(&rest, ' ', &word)) {
		if (word.n == 0)
			continue;
		str_adds(out, word.n == 1 && word.p[0] == '|' ? " " : " \\&");
		snprintf(copy, sizeof copy, SPAN_FMT, SPAN_ARG(word));
		manual_text(out, copy);
	}
}

static void
verbs(struct str *out)
{
	str_adds(out, ".Bl -tag -width Ds\n");
	for (unsigned i = 0; i < CMD_MAX; i++) {
		str_adds(out, ".It Ic");
		words(out, rows[i].verb);
		if (rows[i].args[0] != '\0') {
			str_adds(out, " No");
			words(out, rows[i].args);
		}
		str_addc(out, '\n');
		str_addc(out,
		    rows[i].help[0] >= 'a' && rows[i].help[0] <= 'z' ? rows[i].help[0] - 'a' + 'A' :
								       rows[i].help[0]);
		manual_text(out, rows[i].help + 1);
		str_adds(out, ".\n");
	}
	str_adds(out, ".El\n");
}

void
manual_fill(struct span template, struct str *out)
{
	struct span line;

	while (template.n > 0 && span_split(&template, '\n', &line)) {
		if (span_eq_str(line, "@VERBS@")) {
			verbs(out);
		} else if (span_eq_str(line, "@EXPRESSIONS@")) {
			expressions_manual(out);
		} else {
			str_add(out, line);
			str_addc(out, '\n');
		}
	}
}
