/*
 * list_text.h - the text of a list, line by line, into an image's builder.
 *
 *   plain	example.com		the name; .example.com and *.example.com: it and everything below it
 *   hosts	0.0.0.0 name [name ...]	names without a dot (localhost) are passed over
 *   dnsmasq	address=/name/...	also server= and local=; it and everything below it, as dnsmasq means it
 *   addresses	192.0.2.0/24		one block or address
 *
 * '#' begins a comment, so do '!' and ';' at the start of a line, and ';' behind a block. Blank lines, CR before LF
 * and a byte order mark are nothing. A line that is not understood is passed over, counted, and told to `bad`.
 */
#pragma once
#include "conf/base/list_build.h"

#define LIST_LINE_MAX 4096

enum list_syntax { LIST_AUTO, LIST_PLAIN, LIST_HOSTS, LIST_DNSMASQ };	/* AUTO: each line as it looks */
/* What a bare name covers, in plain and hosts syntax: it and everything below it, or itself alone. */
enum list_match { LIST_SUFFIX, LIST_EXACT };

struct list_text {
	enum list_kind	kind;
	enum list_syntax syntax;
	enum list_match match;
	/* why: lower case, with the beginning of the word. NULL: not told. */
	void		(*bad)(struct list_text *, uint32_t line, const char *why);
	uint32_t	lines, nbad;	/* results */
};

/* -E_LIMIT, -E_NOMEM: of the builder. */
int	list_text_parse(struct list_text *, struct span text, struct list_build *) MUST_CHECK;
