/*
 * load_text.h - for tests: a configuration from a string, and what was said about it.
 */
#pragma once
#include <check.h>
#include "conf/load.h"

/* The tree or NULL; the messages, warnings included, in *said (the caller's str_fini). */
static inline struct conf *
load_text(const char *text, struct str *said)
{
	struct conf_source src;
	struct conf_problems ps = { 0 };
	struct errdetail ed = { 0 };
	struct conf *c;

	if (conf_source_text(&src, "t.conf", span_str(text), &ed) != 0) {
		str_adds(said, ed.text);
		return NULL;
	}
	c = conf_load(&src, &ps);
	conf_source_fini(&src);
	conf_problems_text(&ps, said);
	conf_problems_fini(&ps);
	return c;
}

static inline struct conf *
load_good(const char *text)
{
	struct str said = STR_INIT;
	struct conf *c = load_text(text, &said);

	ck_assert_msg(c != NULL, "refused: %s", said.data == NULL ? "" : said.data);
	str_fini(&said);
	return c;
}

/* A configuration that must be refused with this in its messages. */
static inline void
load_bad(const char *text, const char *message)
{
	struct str said = STR_INIT;
	struct conf *c = load_text(text, &said);

	ck_assert_msg(c == NULL, "accepted: %s", text);
	ck_assert_msg(said.data != NULL && strstr(said.data, message) != NULL, "%s\nsays: %swants: %s", text,
	    said.data == NULL ? "" : said.data, message);
	str_fini(&said);
}

#define FORWARD "mode = \"forward\";\n"
#define REVERSE "mode = \"reverse\"; listeners = ( { bind = [ \"127.0.0.1:8080\" ]; } );\n" \
    "services = ( { name = \"web\"; targets = [ \"127.0.0.1:9001\" ]; } );\n"
