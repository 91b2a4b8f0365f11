/*
 * regex.c - PCRE2 under limits.
 *
 * The library counts its steps anew for every place where a match may start, so its own limit is one times the length
 * of the subject: too much for a peer to ask for. Therefore two forms of an expression are kept. The plain one finds
 * or refuses nearly everything at once; it runs with the limit divided by the number of places. When that is not
 * enough, "(?s:.*?)(?:TEXT)", anchored, decides: it walks through the places itself, under one count.
 *
 * Expressions with a meaning of their own for the beginning of a match ("(*PRUNE)", recursion into the whole) have no
 * second form. Matching needs a block that grows to LIMIT_HEAP once and then stays; a process matches one at a time.
 */
#include "conf/base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define LIMIT_DEPTH	20000
#define LIMIT_HEAP	4096		/* KiB */

#define OPTIONS (PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP)

struct regex {
	pcre2_code	*plain;
	pcre2_code	*whole;		/* NULL: plain is anchored, or there is no such form */
	bool		 anchored;
};

static struct {
	pcre2_match_context *limits;
	pcre2_match_data *data;
} scratch;

static void *
on_alloc(size_t n, void *arena)
{
	return arena_try_alloc(arena, n);
}

static void
on_free(void *p, void *arena)
{
	(void)p;
	(void)arena;		/* the arena goes as a whole */
}

static bool
scratch_ready(void)
{
	if (scratch.data == NULL)
		scratch.data = pcre2_match_data_create(1, NULL);
	if (scratch.limits == NULL)
		scratch.limits = pcre2_match_context_create(NULL);
	if (scratch.data == NULL || scratch.limits == NULL)
		return false;
	(void)pcre2_set_depth_limit(scratch.limits, LIMIT_DEPTH);
	(void)pcre2_set_heap_limit(scratch.limits, LIMIT_HEAP);
	return true;
}

/*
 * PCRE2 10.42 takes a byte that a lookahead saw first for one already used up, looks for the last byte behind it, and
 * refuses "b" by "(?=b)a?b". Without its start optimizations it does not.
 */
static uint32_t
options_of(const char *text)
{
	bool ahead = strstr(text, "(?=") != NULL || strstr(text, "(*p") != NULL;

	return OPTIONS | (ahead ? PCRE2_NO_START_OPTIMIZE : 0);
}

static pcre2_code *
compile(pcre2_compile_context *x, const char *text, uint32_t options, int *code, size_t *at)
{
	return pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options_of(text) | options,
	    code, at, x);
}

/* Does the text say something that "(?s:.*?)" in front would change? */
static bool
minds_its_start(const char *text)
{
	return strstr(text, "(*") != NULL || strstr(text, "(?R") != NULL ||
	    strstr(text, "(?0") != NULL || strstr(text, "\\g") != NULL;
}

static pcre2_code *
compile_whole(struct arena *arena, pcre2_compile_context *x, const char *text)
{
	struct span s = minds_its_start(text) ?
	    SPAN_NONE :
	    arena_try_printf(arena, "(?s:.*?)(?:%s)", text);
	size_t at;
	int code;

	return s.p == NULL ? NULL : compile(x, s.p, PCRE2_ANCHORED, &code, &at);
}

static int
refuse(struct errdetail *ed, const char *text, int code, size_t at)
{
	char why[200] = "";

	(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
	return err_set(ed, -E_SYNTAX, "the regex \"%.100s\" is wrong at column %zu: %s", text,
	    at + 1, why);
}

static struct regex *
compile_in(struct arena *arena, pcre2_compile_context *x, const char *text, struct errdetail *ed)
{
	struct regex *re = arena_try_zalloc(arena, sizeof *re);
	uint32_t options = 0;
	size_t at = 0;
	int code = 0;

	if (re == NULL)
		return NULL;
	re->plain = compile(x, text, 0, &code, &at);
	if (re->plain == NULL) {
		(void)refuse(ed, text, code, at);
		return NULL;
	}
	(void)pcre2_pattern_info(re->plain, PCRE2_INFO_ALLOPTIONS, &options);
	re->anchored = (options & PCRE2_ANCHORED) != 0;
	if (!re->anchored)
		re->whole = compile_whole(arena, x, text);
	return re;
}

struct regex *
regex_compile(struct arena *arena, const char *text, struct errdetail *ed)
{
	pcre2_general_context *memory = NULL;
	pcre2_compile_context *x = NULL;
	struct regex *re = NULL;

	if (strlen(text) > REGEX_TEXT) {
		(void)err_set(ed, -E_LIMIT,
		    "the regex \"%.40s…\" is longer than %d bytes: part it into several", text,
		    REGEX_TEXT);
		return NULL;
	}
	if (scratch_ready())
		memory = pcre2_general_context_create(on_alloc, on_free, arena);
	if (memory != NULL)
		x = pcre2_compile_context_create(memory);
	if (x != NULL)
		re = compile_in(arena, x, text, ed);
	if (re == NULL)
		(void)err_set(ed, -E_NOMEM, "out of memory for the regex \"%.40s\"", text);
	return re;
}

static int
run(const pcre2_code *code, struct span s, uint32_t steps)
{
	(void)pcre2_set_match_limit(scratch.limits, steps);
	return pcre2_match(code, (PCRE2_SPTR)(s.n == 0 ? "" : s.p), s.n, 0, 0, scratch.data,
	    scratch.limits);
}

enum regex_answer
regex_match(const struct regex *re, struct span s)
{
	int rc;

	if (s.n > REGEX_SUBJECT)
		return REGEX_FAILED;
	rc = run(re->plain, s, re->anchored ? REGEX_STEPS : REGEX_STEPS / (uint32_t)(s.n + 1));
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH && re->whole != NULL)
		rc = run(re->whole, s, REGEX_STEPS);
	if (rc >= 0)
		return REGEX_YES;
	return rc == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_FAILED;
}
