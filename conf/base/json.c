/*
 * json.c - the only door to Jansson.
 *
 * struct json is never defined: a pointer to it is a json_t in disguise, and this file is where
 * the mask comes off. Building aborts when memory is out. Text that is no UTF-8 (a header value, a
 * path) is repaired with U+FFFD instead of refused, since an operator must be able to see what a
 * hostile peer sent.
 */
#include "conf/base/json.h"

#include <math.h>
#include <jansson.h>

#include "conf/base/assert.h"
#include "conf/base/mem.h"

#define PARSE_MAX_BYTES ((size_t)16 << 20)
#define PARSE_MAX_DEPTH 64
#define BAD_BYTE "\xef\xbf\xbd"

/* The library's memory comes through our door: the master's reserve holds for it as well. */
__attribute__((constructor)) static void
take_memory_from_us(void)
{
	json_set_alloc_funcs(mem_try_alloc, mem_free);
}

static json_t *
in(const struct json *j)
{
	return (json_t *)(uintptr_t)j;
}

static struct json *
out(json_t *j)
{
	if (j == NULL)
		mem_out(sizeof j);
	return (struct json *)j;
}

/* Bytes of the UTF-8 sequence at p (RFC 3629: shortest form, no surrogates), or 0. */
static size_t
utf8_len(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1 :
	    p[0] < 0xc2        ? 0 :
	    p[0] < 0xe0        ? 2 :
	    p[0] < 0xf0        ? 3 :
	    p[0] < 0xf5        ? 4 :
				 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static void
repair(struct str *to, const char *text)
{
	while (*text != '\0') {
		size_t n = utf8_len((const unsigned char *)text);

		str_add(to, n == 0 ? SPAN(BAD_BYTE) : span_make(text, n));
		text += n == 0 ? 1 : n;
	}
}

static json_t *
make_string(const char *text)
{
	struct str s = STR_INIT;
	struct span clean;
	json_t *j;

	if (text == NULL)
		return json_null();
	repair(&s, text);
	clean = str_span(&s);
	j = json_stringn_nocheck(clean.p, clean.n);
	str_fini(&s);
	return in(out(j));
}

struct json *
json_obj(void)
{
	return out(json_object());
}

struct json *
json_arr(void)
{
	return out(json_array());
}

struct json *
json_clone(const struct json *j)
{
	return out(json_deep_copy(in(j)));
}

void
json_free(struct json **jp)
{
	json_decref(in(*jp));
	*jp = NULL;
}

void
json_set(struct json *obj, const char *key, struct json *child)
{
	struct str s = STR_INIT;
	int rc;

	ASSERT(json_is_object(in(obj)) && child != NULL);
	repair(&s, key);
	rc = json_object_set_new_nocheck(in(obj), str_span(&s).p, in(child));
	if (rc != 0)
		mem_out(s.len);
	str_fini(&s);
}

void
json_set_str(struct json *obj, const char *key, const char *text)
{
	json_set(obj, key, out(make_string(text)));
}

void
json_set_int(struct json *obj, const char *key, int64_t v)
{
	json_set(obj, key, out(json_integer(v)));
}

void
json_set_bool(struct json *obj, const char *key, bool v)
{
	json_set(obj, key, out(json_boolean(v)));
}

void
json_set_real(struct json *obj, const char *key, double v)
{
	json_set(obj, key, out(isfinite(v) ? json_real(v) : json_null())); /* JSON has no NaN */
}

void
json_push(struct json *arr, struct json *child)
{
	int rc;

	ASSERT(json_is_array(in(arr)) && child != NULL);
	rc = json_array_append_new(in(arr), in(child));
	if (rc != 0)
		mem_out(sizeof rc);
}

void
json_push_str(struct json *arr, const char *text)
{
	json_push(arr, out(make_string(text)));
}

static int
on_dump(const char *p, size_t n, void *data)
{
	str_add(data, span_make(p, n));
	return 0;
}

void
json_dump(const struct json *j, bool pretty, struct str *to)
{
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
	    (pretty ? JSON_INDENT(2) : JSON_COMPACT);
	int rc = json_dump_callback(in(j), on_dump, to, flags);

	if (rc != 0)
		mem_out(sizeof rc);
}

/* Brackets may nest PARSE_MAX_DEPTH deep; the library's own bound is only stack exhaustion. */
static bool
depth_is_sane(struct span text)
{
	bool quoted = false;
	unsigned depth = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '[') && ++depth > PARSE_MAX_DEPTH)
			return false;
		else if (!quoted && (c == '}' || c == ']') && depth > 0)
			depth--;
	}
	return true;
}

struct json *
json_parse(struct span text, struct errdetail *ed)
{
	json_error_t err;
	json_t *j;

	if (text.n > PARSE_MAX_BYTES) {
		(void)err_set(
		    ed, -E_LIMIT, "json: document of more than %zu bytes", PARSE_MAX_BYTES);
		return NULL;
	}
	if (!depth_is_sane(text)) {
		(void)err_set(ed, -E_LIMIT, "json: nested deeper than %d", PARSE_MAX_DEPTH);
		return NULL;
	}
	j = json_loadb(text.n == 0 ? "" : text.p, text.n, JSON_REJECT_DUPLICATES, &err);
	if (j == NULL)
		(void)err_set(
		    ed, -E_SYNTAX, "json: line %d, column %d: %s", err.line, err.column, err.text);
	return (struct json *)j;
}

const struct json *
json_get(const struct json *obj, const char *key)
{
	return (const struct json *)json_object_get(in(obj), key);
}

size_t
json_len(const struct json *arr)
{
	return json_array_size(in(arr));
}

const struct json *
json_at(const struct json *arr, size_t i)
{
	return (const struct json *)json_array_get(in(arr), i);
}

const char *
json_str(const struct json *j, const char *fallback)
{
	return json_is_string(in(j)) ? json_string_value(in(j)) : fallback;
}

int64_t
json_int(const struct json *j, int64_t fallback)
{
	return json_is_integer(in(j)) ? json_integer_value(in(j)) : fallback;
}

double
json_num(const struct json *j, double fallback)
{
	return json_is_number(in(j)) ? json_number_value(in(j)) : fallback;
}

bool
json_bool(const struct json *j, bool fallback)
{
	return json_is_boolean(in(j)) ? json_is_true(in(j)) : fallback;
}

bool
json_each(const struct json *obj, void **iter, const char **key, const struct json **value)
{
	*iter = *iter == NULL ? json_object_iter(in(obj)) : json_object_iter_next(in(obj), *iter);
	if (*iter == NULL)
		return false;
	*key = json_object_iter_key(*iter);
	*value = (const struct json *)json_object_iter_value(*iter);
	return true;
}

bool
json_is_obj(const struct json *j)
{
	return json_is_object(in(j));
}

bool
json_is_arr(const struct json *j)
{
	return json_is_array(in(j));
}
