/*
 * pattern.c - path templates: compile, match, and which of two is the more specific.
 *
 *	/v1/{id}/items:list	LITERAL "v1", ONE id, LITERAL "items"; verb "list"
 *	/static/{rest=**}	LITERAL "static", REST rest
 *	/			LITERAL ""	(a path that ends in '/' has an empty last segment)
 *
 * Specificity is read from the left: a literal before one segment before the end before the rest; with equal kinds
 * a verb wins. So two templates of equal specificity overlap only when their literals agree, too.
 */
#include "conf/pattern.h"

#include "conf/base/assert.h"
#include "conf/http/uri.h"

#define TEXT_MAX 1024

static bool
name_ok(struct span n)
{
	for (size_t i = 0; i < n.n; i++) {
		char c = n.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			(i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return n.n > 0 && n.n <= 32;
}

static bool
name_taken(const struct pattern *p, struct span name)
{
	for (unsigned i = 0; i < p->nsegs; i++)
		if (p->segs[i].name.p != NULL && span_eq(p->segs[i].name, name))
			return true;
	return false;
}

/* "{id}", "{id=*}", "{rest=**}", without the braces. */
static int
capture(struct pattern *p, struct span in, struct pattern_seg *seg, struct errdetail *ed)
{
	struct span name;

	if (!span_split(&in, '=', &name) || !name_ok(name))
		return err_set(ed, -E_SYNTAX,
		    "path \"%.*s\": a name between braces is made of letters, digits and '_': write {id}",
		    (int)p->text.n, p->text.p);
	if (in.p != NULL && !span_eq_str(in, "*") && !span_eq_str(in, "**"))
		return err_set(ed, -E_SYNTAX,
		    "path \"%.*s\": {%.*s} may be followed by =* or =** only", (int)p->text.n,
		    p->text.p, SPAN_ARG(name));
	if (name_taken(p, name))
		return err_set(ed, -E_DUPLICATE,
		    "path \"%.*s\": {%.*s} is there twice: give them two names", (int)p->text.n,
		    p->text.p, SPAN_ARG(name));
	seg->kind = in.p != NULL && in.n == 2 ? PAT_REST : PAT_ONE;
	seg->name = name;
	return 0;
}

/* Requests are compared after normalisation: a literal that is not normal would never match. */
static int
literal(const struct pattern *p, struct span text, struct errdetail *ed)
{
	char in[TEXT_MAX + 2], out[TEXT_MAX + 2];
	size_t n;
	bool dots;

	for (size_t i = 0; i < text.n; i++)
		if (strchr("{}*?# \"<>", text.p[i]) != NULL || (unsigned char)text.p[i] <= ' ' ||
		    (unsigned char)text.p[i] >= 0x7f)
			return err_set(ed, -E_SYNTAX,
			    "path \"%.*s\": '%c' cannot stand in \"%.*s\": write {name}, * or "
			    "** alone between slashes, other bytes as %%XX",
			    (int)p->text.n, p->text.p,
			    (unsigned char)text.p[i] < 0x7f && text.p[i] > ' ' ? text.p[i] : '?',
			    SPAN_ARG(text));
	in[0] = '/';
	memcpy(in + 1, text.p, text.n);
	if (uri_normalise(span_make(in, text.n + 1), out, &n, &dots) != URI_OK || dots)
		return err_set(ed, -E_SYNTAX, "path \"%.*s\": \"%.*s\" can be in no accepted path",
		    (int)p->text.n, p->text.p, SPAN_ARG(text));
	if (!span_eq(span_make(out + 1, n - 1), text))
		return err_set(ed, -E_SYNTAX,
		    "path \"%.*s\": paths are compared in their normal form: write \"%.*s\" as \"%.*s\"",
		    (int)p->text.n, p->text.p, SPAN_ARG(text), (int)(n - 1), out + 1);
	return 0;
}

static int
segment(struct pattern *p, struct span text, bool last, struct errdetail *ed)
{
	struct pattern_seg *seg = &p->segs[p->nsegs];
	int rc = 0;

	*seg = (struct pattern_seg){ .kind = PAT_LITERAL, .text = text };
	if (text.n == 0 && !last)
		return err_set(ed, -E_SYNTAX, "path \"%.*s\": an empty segment: write one '/'",
		    (int)p->text.n, p->text.p);
	if (span_eq_str(text, "*"))
		seg->kind = PAT_ONE;
	else if (span_eq_str(text, "**"))
		seg->kind = PAT_REST;
	else if (text.n >= 2 && text.p[0] == '{' && text.p[text.n - 1] == '}')
		rc = capture(p, span_make(text.p + 1, text.n - 2), seg, ed);
	else
		rc = literal(p, text, ed);
	if (rc == 0 && seg->kind == PAT_REST && !last)
		return err_set(ed, -E_SYNTAX, "path \"%.*s\": ** takes the rest and must be last",
		    (int)p->text.n, p->text.p);
	p->nsegs += rc == 0;
	return rc;
}

/* Cuts ":verb" off the last segment. */
static int
verb(struct pattern *p, struct span *body, struct errdetail *ed)
{
	const char *slash = memrchr(body->p, '/', body->n), *colon;
	size_t tail = body->n - (size_t)(slash - body->p);

	colon = memrchr(slash, ':', tail);
	if (colon == NULL)
		return 0;
	p->verb = span_make(colon + 1, (size_t)(body->p + body->n - colon - 1));
	*body = span_make(body->p, (size_t)(colon - body->p));
	if (p->verb.n == 0 || colon == slash + 1)
		return err_set(ed, -E_SYNTAX,
		    "path \"%.*s\": a verb follows a segment: write \"/v1/{id}:verb\"",
		    (int)p->text.n, p->text.p);
	return literal(p, p->verb, ed);
}

static int
segments(struct pattern *p, struct span body, struct errdetail *ed)
{
	unsigned captures = 0;
	int rc = 0;

	body = span_make(body.p + 1, body.n - 1);
	while (rc == 0) {
		struct span part = body;
		ptrdiff_t slash = span_find(body, '/');

		if (p->nsegs == PATTERN_SEGMENTS)
			return err_set(ed, -E_LIMIT, "path \"%.80s…\": more than %d segments",
			    p->text.p, PATTERN_SEGMENTS);
		if (slash >= 0)
			part.n = (size_t)slash;
		rc = segment(p, part, slash < 0, ed);
		if (rc == 0 && p->segs[p->nsegs - 1].name.p != NULL &&
		    ++captures > PATTERN_CAPTURES)
			return err_set(ed, -E_LIMIT, "path \"%.80s…\": more than %d names",
			    p->text.p, PATTERN_CAPTURES);
		if (slash < 0)
			break;
		body = span_make(body.p + slash + 1, body.n - (size_t)slash - 1);
	}
	return rc;
}

int
pattern_compile(struct pattern *p, struct arena *arena, const char *text, struct errdetail *ed)
{
	struct pattern out = { 0 };
	struct pattern_seg segs[PATTERN_SEGMENTS];
	struct span body;
	int rc;

	*p = out;
	if (text[0] != '/')
		return err_set(ed, -E_SYNTAX,
		    "path \"%.100s\" does not begin with '/': write \"/%.100s\"", text, text);
	if (strlen(text) > TEXT_MAX)
		return err_set(
		    ed, -E_LIMIT, "path \"%.80s…\" is longer than %d bytes", text, TEXT_MAX);
	text = arena_strdup(arena, text);
	out.text = body = span_str(text);
	out.segs = segs;
	rc = verb(&out, &body, ed);
	if (rc == 0)
		rc = segments(&out, body, ed);
	if (rc != 0)
		return rc;
	*p = out;
	p->segs = arena_alloc(arena, out.nsegs * sizeof *segs);
	memcpy(p->segs, segs, out.nsegs * sizeof *segs);
	return 0;
}

static void
captured(const struct pattern_seg *seg, struct span value, struct pattern_capture *v, unsigned *n)
{
	if (seg->name.p != NULL && *n < PATTERN_CAPTURES)
		v[(*n)++] = (struct pattern_capture){ seg->name, value };
}

/* The verb off the path's end; false when it is not there. */
static bool
strip_verb(const struct pattern *p, struct span *path)
{
	size_t n = p->verb.n + 1;

	if (p->verb.n == 0)
		return true;
	if (path->n <= n || path->p[path->n - n] != ':' ||
	    memcmp(path->p + path->n - p->verb.n, p->verb.p, p->verb.n) != 0)
		return false;
	path->n -= n;
	return true;
}

bool
pattern_match(const struct pattern *p, struct span path, struct pattern_capture *captures,
    unsigned *ncaptures)
{
	struct span rest, part;
	bool more = true;

	*ncaptures = 0;
	if (path.n == 0 || path.p[0] != '/' || !strip_verb(p, &path))
		return false;
	rest = span_make(path.p + 1, path.n - 1);
	for (unsigned i = 0; i < p->nsegs; i++) {
		const struct pattern_seg *seg = &p->segs[i];

		if (seg->kind == PAT_REST) {
			captured(
			    seg, more ? rest : span_make(path.p + path.n, 0), captures, ncaptures);
			return true;
		}
		if (!more)
			return false;
		const char *slash = rest.n == 0 ? NULL : memchr(rest.p, '/', rest.n);

		part = span_make(rest.p, slash == NULL ? rest.n : (size_t)(slash - rest.p));
		if (seg->kind == PAT_LITERAL ? !span_eq(seg->text, part) : part.n == 0)
			return false;
		captured(seg, part, captures, ncaptures);
		more = slash != NULL;
		if (more)
			rest = span_make(slash + 1, rest.n - part.n - 1);
	}
	return !more;
}

/* 0 literal, 1 one segment, 2 the end, 3 the rest. */
static int
rank(const struct pattern *p, unsigned i)
{
	if (i >= p->nsegs)
		return 2;
	switch (p->segs[i].kind) {
	case PAT_LITERAL:	return 0;
	case PAT_ONE:		return 1;
	case PAT_REST:		return 3;
	}
	NEVER("unknown segment kind");
}

int
pattern_compare(const struct pattern *a, const struct pattern *b)
{
	unsigned n = a->nsegs > b->nsegs ? a->nsegs : b->nsegs;

	for (unsigned i = 0; i < n; i++)
		if (rank(a, i) != rank(b, i))
			return rank(a, i) - rank(b, i);
	return (a->verb.n == 0) - (b->verb.n == 0);
}

/* Can one segment match both? An empty literal matches no ONE. */
static bool
seg_overlap(const struct pattern_seg *a, const struct pattern_seg *b)
{
	if (a->kind == PAT_LITERAL && b->kind == PAT_LITERAL)
		return span_eq(a->text, b->text);
	if (a->kind == PAT_LITERAL)
		return a->text.n > 0;
	return b->kind != PAT_LITERAL || b->text.n > 0;
}

/* Two verbs must be the same one; a verb against none fits only where the last segment there can hold "x:verb". */
static bool
verbs_overlap(const struct pattern *a, const struct pattern *b)
{
	const struct pattern *plain = a->verb.n == 0 ? a : b, *with = a->verb.n == 0 ? b : a;

	if (with->verb.n == 0 || plain->verb.n > 0)
		return span_eq(a->verb, b->verb);
	return plain->segs[plain->nsegs - 1].kind != PAT_LITERAL;
}

bool
pattern_overlap(const struct pattern *a, const struct pattern *b)
{
	if (!verbs_overlap(a, b))
		return false;
	for (unsigned i = 0;; i++) {
		bool rest_a = i < a->nsegs && a->segs[i].kind == PAT_REST,
		     rest_b = i < b->nsegs && b->segs[i].kind == PAT_REST;

		if (rest_a || rest_b)
			return true;
		if (i == a->nsegs || i == b->nsegs)
			return a->nsegs == b->nsegs;
		if (!seg_overlap(&a->segs[i], &b->segs[i]))
			return false;
	}
}
