/*
 * words.c - checks of single words that several sections share: names, hosts, header fields, methods, paths.
 */
#include "conf/schema/schema.h"

#include "conf/base/assert.h"
#include "conf/http/field.h"

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
word_name(struct item_ctx *c, const char *key, const char *name)
{
	size_t n = strspn(name, WORD_NAME);
	bool ok = n > 0 && n <= WORD_NAME_MAX && name[n] == '\0';

	if (!ok)
		item_error(c, key,
		    "\"%s\" = \"%.80s\" is not a name: write 1 to 120 letters, digits, '.', '_', '-', '/'",
		    key, name);
	return ok;
}

static bool
host_chars_ok(const char *host)
{
	size_t label = 0, n = strlen(host);

	for (const char *p = host; *p != '\0'; p++) {
		if (*p == '.' && label == 0)
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > 63 || !(is_alnum(*p) || *p == '-' || *p == '_' || *p == '.'))
			return false;
	}
	return n > 0 && n <= 253 && label > 0;
}

/* Lower case, without a trailing dot. */
static char *
host_lower(struct item_ctx *c, const char *host)
{
	char *low = arena_strdup(c->arena, host);
	size_t n = strlen(low);

	for (char *p = low; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	if (n > 1 && low[n - 1] == '.')
		low[n - 1] = '\0';
	return low;
}

bool
word_host(struct item_ctx *c, const char *key, const char **host, bool wildcard)
{
	const char *low = host_lower(c, *host), *name = low;
	struct addr a;

	if (wildcard && strncmp(low, "*.", 2) == 0)
		name = low + 2;
	if (!host_chars_ok(name) && addr_parse_ip(&a, span_str(name), 0) != 0) {
		item_error(c, key,
		    "\"%.100s\" is not a host name: write \"www.example.com\"%s, without scheme "
		    "and port (xn-- for other scripts)",
		    *host, wildcard ? " or \"*.example.com\"" : "");
		return false;
	}
	*host = low;
	return true;
}

bool
word_header(struct item_ctx *c, const char *key, const char *name)
{
	enum hname id = name_find(span_str(name));

	if (!http_is_token(span_str(name)) || strlen(name) > 256) {
		item_error(
		    c, key, "\"%.80s\" is not a header name: write letters, digits and '-'", name);
		return false;
	}
	if (id == H_HOST) {
		item_error(
		    c, key, "Host cannot be edited as a header: write request = { host = \"…\"; }");
		return false;
	}
	if (id == H_CONTENT_LENGTH || id == H_TRAILER || id == H_EXPECT ||
	    (id != H_OTHER && (name_flags(id) & HN_HOP))) {
		item_error(
		    c, key, "%s belongs to the connection and cannot be edited: remove it", name);
		return false;
	}
	return true;
}

bool
word_method(struct item_ctx *c, const char *key, const char *method)
{
	bool lower = false;

	for (const char *p = method; *p != '\0'; p++)
		lower |= *p >= 'a' && *p <= 'z';
	if (http_is_token(span_str(method)) && !lower && strlen(method) <= 32)
		return true;
	item_error(c, key, "\"%.40s\" is not a method: write capitals, \"GET\"", method);
	return false;
}

static bool
same_name(const struct conf_condition *a, const struct conf_condition *b)
{
	return a->where == IN_HEADER ? span_ieq_str(span_str(a->name), b->name) :
				       strcmp(a->name, b->name) == 0;
}

void
word_conditions(
    struct item_ctx *c, const char *key, struct conf_conditions *all, enum conf_where where)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct conf_condition *x = &all->v[i];

		x->where = where;
		x->id = name_find(span_str(x->name));
		if (where != IN_QUERY && !http_is_token(span_str(x->name)))
			conf_problems_add(c->problems, x->at, false,
			    "\"%s\": \"%.80s\" is not the name of a %s: write letters, digits and '-'",
			    key, x->name, key);
		for (unsigned k = 0; k < i; k++)
			if (same_name(&all->v[k], x))
				conf_problems_add(c->problems, x->at, false,
				    "\"%s\": %.80s is given twice: keep one, or join them with '|'",
				    key, x->name);
	}
}

bool
word_path(struct item_ctx *c, const char *key, const char *path)
{
	const unsigned char *p = (const unsigned char *)path;

	if (*p != '/') {
		item_error(
		    c, key, "\"%s\" = \"%.100s\" is not a path: begin it with '/'", key, path);
		return false;
	}
	while (*p > ' ' && *p < 0x7f && *p != '?' && *p != '#' && *p != '\\' && *p != '"')
		p++;
	if (*p == '\0')
		return true;
	item_error(c, key,
	    "\"%s\" = \"%.100s\" has a character that a path cannot have: write it as %%%02X", key,
	    path, *p);
	return false;
}
