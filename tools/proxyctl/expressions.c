/*
 * expressions.c - the grammar of conf/base/expr.h and the fields of conf/logfield_tbl.h, for people.
 */
#include "tools/proxyctl/expressions.h"

#include <stdio.h>

#include "conf/logfield.h"
#include "tools/proxyctl/manual.h"

static const char *const grammar[] = {
	"expr   = term { \"or\" term }",
	"term   = factor { \"and\" factor }",
	"factor = \"not\" factor | \"(\" expr \")\" | test",
	"test   = field | field op value | field \"in\" \"(\" value { \",\" value } \")\"",
	"       | field \"like\" value",
	"op     = \"=\" | \"!=\" | \"<\" | \"<=\" | \">\" | \">=\" | \"~\"",
	"value  = word | '\"' text '\"' | \"'\" text \"'\"",
};

static const char *const rules[] = {
	"A field alone is true when it has a value: not absent, empty, 0 or false.",
	"~ is for text: behind it stands a regex (Perl's), found anywhere unless ^ or $ say where.",
	"like is for text: * stands for any characters, ? for one, and the whole must fit.",
	"What is absent equals nothing, and is neither below nor above anything.",
	"In quotes \\ takes the next character as it is; in those of a regex it is the regex's own.",
};

static const char *const values[] = {
	[EXPR_TEXT] = "text",
	[EXPR_NAME] = "text, compared without case",
	[EXPR_NUMBER] = "a number: 500, 1.5",
	[EXPR_MSEC] = "a duration: 250ms, 1s; alone: ms",
	[EXPR_SIZE] = "a size: 512, 64KiB",
	[EXPR_TIME] = "a time, UTC: 2026-01-31, 2026-01-31T08:00",
	[EXPR_BOOL] = "true or false",
	[EXPR_ADDR] = "an address or a block: 10.0.0.0/8",
};

void
expressions_help(void)
{
	(void)printf("\nEXPR, as in 'status>=500 and route=api':\n\n");
	for (unsigned i = 0; i < ARRAY_LEN(grammar); i++)
		(void)printf("    %s\n", grammar[i]);
	(void)printf("\n");
	for (unsigned i = 0; i < ARRAY_LEN(rules); i++)
		(void)printf("    %s\n", rules[i]);
	(void)printf("\nfields:\n\n");
	for (unsigned i = 0; i < LF_MAX; i++)
		(void)printf("    %-16s %s (%s)\n", logfields.v[i].name,
		    logfield_help((enum logfield)i), values[logfields.v[i].type]);
}

void
expressions_manual(struct str *out)
{
	str_adds(out, ".Sh EXPRESSIONS\nWhat\n.Fl q\ntakes, as in\n"
		      ".Dq proxyctl log \\-q 'status>=500 and route=api' :\n"
		      ".Bd -literal -offset indent\n");
	for (unsigned i = 0; i < ARRAY_LEN(grammar); i++) {
		manual_text(out, grammar[i]);
		str_addc(out, '\n');
	}
	str_adds(out, ".Ed\n.Pp\n");
	for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
		manual_text(out, rules[i]);
		str_addc(out, '\n');
	}
	str_adds(out, "The fields are those of a JSON log line:\n"
		      ".Bl -tag -width Ds\n");
	for (unsigned i = 0; i < LF_MAX; i++) {
		str_printf(out, ".It Va %s\n", logfields.v[i].name);
		manual_text(out, logfield_help((enum logfield)i));
		str_adds(out, ";\n");
		manual_text(out, values[logfields.v[i].type]);
		str_adds(out, ".\n");
	}
	str_adds(out, ".El\n");
}
