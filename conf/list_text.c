/*
 * list_text.c - lines of blocklists as people publish them.
 *
 * One line costs one look at its bytes: a list may have a million. Only lines that are bad are looked at again, to say
 * why.
 */
#include "conf/list_text.h"

#include <stdio.h>
#include <sys/socket.h>

#include "conf/base/list_image_priv.h"

struct job {
	struct list_text *t;
	struct list_build *build;
	uint32_t line;
};

enum line_result { LINE_OK = 0, LINE_BAD = 1 };	/* or -E_X */

/* --------------------------------------------------------------------------------------------- reasons */

static int
refuse(struct job *j, struct span word, const char *why)
{
	char text[256];

	j->t->nbad++;
	if (j->t->bad == NULL)
		return LINE_BAD;
	(void)snprintf(text, sizeof text, "'%.*s%s': %s", word.n > 80 ? 80 : (int)word.n, word.p,
	    word.n > 80 ? "..." : "", why);
	j->t->bad(j->t, j->line, text);
	return LINE_BAD;
}

static int
refuse_name(struct job *j, struct span word)
{
	struct span host = word;
	struct addr a;

	for (size_t i = 0; i < word.n; i++)
		if ((word.p[i] & 0x80) != 0)
			return refuse(j, word,
			    "other scripts are written in punycode, as in xn--e1afmkfd.example");
	if (span_find(word, '/') >= 0)
		return refuse(
		    j, word, "write the host's name alone, without scheme, port and path");
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (addr_parse_ip(&a, host, 0) == 0)
		return refuse(j, word, "an address belongs in a list of kind \"addresses\"");
	return refuse(j, word, "not a host name");
}

/* ----------------------------------------------------------------------------------------------- names */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/* What a byte of a name becomes: lower case; 0: it has no place there. */
static char
name_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c | 0x20);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? c : '\0';
}

/* Lower case into `to`; 0: it is no name. An address is none: its last label is a number. */
static size_t
name_copy(char to[static LIST_NAME_MAX], struct span word)
{
	size_t label = 0, digits = 0;

	if (word.n > 1 && word.p[word.n - 1] == '.')
		word.n--;
	if (word.n == 0 || word.n > LIST_NAME_MAX)
		return 0;
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];

		if (c == '.' && label == 0)
			return 0;
		to[i] = c == '.' ? '.' : name_char(c);
		if (to[i] == '\0' || label == 63)
			return 0;
		digits = c >= '0' && c <= '9' ? digits + 1 : c == '.' ? 0 : digits;
		label = c == '.' ? 0 : label + 1;
	}
	return label > 0 && digits < label ? word.n : 0;
}

static int
add_name(struct job *j, struct span word, bool below)
{
	char name[LIST_NAME_MAX];
	struct span bare = word;
	size_t n;

	if (bare.n > 2 && bare.p[0] == '*' && bare.p[1] == '.')
		bare = span_make(bare.p + 1, bare.n - 1);
	if (bare.n > 1 && bare.p[0] == '.') {
		bare = span_make(bare.p + 1, bare.n - 1);
		below = true;
	}
	n = name_copy(name, bare);
	return n == 0 ? refuse_name(j, word) :
			list_build_name(j->build, span_make(name, n), below, j->line);
}

/* The next word of the line; n 0: there is none. */
static struct span
word_next(struct span *line)
{
	size_t i = 0, end;
	struct span word;

	while (i < line->n && is_blank(line->p[i]))
		i++;
	for (end = i; end < line->n && !is_blank(line->p[end]);)
		end++;
	word = span_make(line->p + i, end - i);
	*line = span_make(line->p + end, line->n - end);
	return word;
}

static bool
is_address(struct span word)
{
	ptrdiff_t scope = span_find(word, '%');
	struct addr a;

	if (scope >= 0)
		word.n = (size_t)scope;
	return addr_parse_ip(&a, word, 0) == 0;
}

/* Names of the machine itself, which every hosts file has: to block them is not what is meant. */
static bool
is_own_name(struct span name)
{
	struct addr a;

	if (span_find(name, '.') < 0 || span_ieq_str(name, "localhost.localdomain"))
		return true;
	return name.p[name.n - 1] >= '0' && name.p[name.n - 1] <= '9' &&
	    addr_parse_ip(&a, name, 0) == 0;
}

/* The line behind its address. */
static int
add_hosts(struct job *j, struct span first, struct span rest)
{
	struct span word;
	int rc = LINE_OK, n = 0;

	if (!is_address(first))
		return refuse(j, first,
		    "a line of hosts syntax begins with an address, as in 0.0.0.0 ads.example.com");
	while (rc == LINE_OK && (word = word_next(&rest)).n > 0) {
		n++;
		if (!is_own_name(word))
			rc = add_name(j, word, j->t->match == LIST_SUFFIX);
	}
	return n == 0 ? refuse(j, first, "an address without a name") : rc;
}

/* What stands behind the first slash of address=/a/b/..., or p NULL. */
static struct span
dnsmasq_names(struct span line)
{
	static const char *const keys[] = { "address=/", "server=/", "local=/" };
	size_t n;

	if (line.n == 0 || (line.p[0] != 'a' && line.p[0] != 's' && line.p[0] != 'l'))
		return SPAN_NONE;
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		n = strlen(keys[i]);
		if (line.n >= n && memcmp(line.p, keys[i], n) == 0)
			return span_make(line.p + n, line.n - n);
	}
	return SPAN_NONE;
}

static int
add_dnsmasq(struct job *j, struct span names)
{
	struct span all = names, name;
	int rc = LINE_OK, n = 0;

	while (rc == LINE_OK && span_find(names, '/') >= 0 && span_split(&names, '/', &name)) {
		n++;
		rc = add_name(j, name, true);
	}
	return n == 0 ? refuse(j, all, "a slash ends the name, as in address=/ads.example.com/") :
			rc;
}

static struct span
cut_comment(struct span line, bool semicolon)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' || (semicolon && line.p[i] == ';')) {
			line.n = i;
			break;
		}
	return line;
}

static int
name_line(struct job *j, struct span line)
{
	enum list_syntax syntax = j->t->syntax;
	struct span dnsmasq = syntax == LIST_AUTO || syntax == LIST_DNSMASQ ? dnsmasq_names(line) :
									      SPAN_NONE;
	struct span first;

	if (dnsmasq.p != NULL)
		return add_dnsmasq(j, dnsmasq);
	line = cut_comment(line, false);
	first = word_next(&line);
	if (first.n == 0 || first.p[0] == '!' || first.p[0] == ';')
		return LINE_OK;
	line = span_trim(line);
	if (syntax == LIST_DNSMASQ)
		return refuse(j, first, "a line of dnsmasq syntax is address=/ads.example.com/");
	if (syntax == LIST_HOSTS || (syntax == LIST_AUTO && line.n > 0))
		return add_hosts(j, first, line);
	if (line.n > 0)
		return refuse(j, first, "more than one word in a line of plain syntax");
	return add_name(j, first, j->t->match == LIST_SUFFIX);
}

/* ------------------------------------------------------------------------------------------- addresses */

static int
block_line(struct job *j, struct span line)
{
	struct errdetail ed = { 0 };
	char text[ADDR_TEXT];
	struct cidr c = { .family = AF_INET };
	struct span word;

	line = cut_comment(line, true);
	word = word_next(&line);
	if (word.n == 0 || word.p[0] == '!')
		return LINE_OK;
	if (span_trim(line).n > 0 || word.n >= sizeof text || memchr(word.p, '\0', word.n) != NULL)
		return refuse(j, word, "a line is one address or block, as in 192.0.2.0/24");
	memcpy(text, word.p, word.n);
	text[word.n] = '\0';
	if (cidr_parse(&c, text, &ed) == 0)
		return list_build_block(j->build, &c, j->line);
	j->t->nbad++;
	if (j->t->bad != NULL)
		j->t->bad(j->t, j->line, ed.text);
	return LINE_BAD;
}

int
list_text_parse(struct list_text *t, struct span text, struct list_build *build)
{
	struct job j = { .t = t, .build = build };
	struct span line;
	int rc = LINE_OK;

	t->lines = t->nbad = 0;
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = span_make(text.p + 3, text.n - 3);
	while (rc >= 0 && text.n > 0 && span_split(&text, '\n', &line)) {
		j.line = ++t->lines;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = span_trim(line);
		if (line.n > LIST_LINE_MAX)
			rc = refuse(&j, line, "longer than 4096 bytes");
		else
			rc = t->kind == LIST_DOMAINS ? name_line(&j, line) : block_line(&j, line);
	}
	return rc < 0 ? rc : 0;
}
