/*
 * format_explain.c - the data of `explain` (worker/ask_tbl.h) as text: a word at the line's beginning says what it is
 * about, the decision stands last.
 */
#include <inttypes.h>

#include "tools/proxyctl/format.h"
#include "tools/proxyctl/table.h"

#define MARGIN "          "	/* as wide as LABEL leaves */
#define LABEL "%-10s"

static const char *
text_of(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key), NULL);
}

static const char *
or_dash(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key), "-");
}

/* ": text", or nothing. */
static void
add_opt(struct str *out, const char *before, const char *text, const char *behind)
{
	if (text != NULL && text[0] != '\0')
		str_printf(out, "%s%s%s", before, text, behind);
}

static void
lines(const struct json *list, const char *label, struct str *out)
{
	for (size_t i = 0; i < json_len(list); i++)
		str_printf(out, LABEL "%s\n", i == 0 ? label : "", json_str(json_at(list, i), ""));
}

static void
words(const struct json *list, const char *label, struct str *out)
{
	if (json_len(list) == 0)
		return;
	str_printf(out, LABEL, label);
	for (size_t i = 0; i < json_len(list); i++)
		str_printf(out, "%s%s", i == 0 ? "" : ", ", json_str(json_at(list, i), ""));
	str_addc(out, '\n');
}

/* A table behind its label. */
static void
labelled(struct table *t, const char *label, struct str *out)
{
	struct str text = STR_INIT;
	struct span rest, line;

	table_print(t, false, &text);
	rest = str_span(&text);
	for (unsigned i = 0; span_split(&rest, '\n', &line) && line.n > 0; i++)
		if (i > 0)
			str_printf(out, LABEL SPAN_FMT "\n", i == 1 ? label : "", SPAN_ARG(line));
	str_fini(&text);
	table_fini(t);
}

/* ------------------------------------------------------------------------------------ what came */

static void
listener(const struct json *data, struct str *out)
{
	const struct json *l = json_get(data, "listener"), *w = json_get(data, "worker");

	str_printf(out, LABEL "%s (%s), %s   %s\n", "listener", or_dash(l, "name"),
	    or_dash(l, "mode"), or_dash(l, "chosen"), or_dash(l, "at"));
	str_printf(out, LABEL "%" PRId64 "[%" PRId64 "], generation %" PRId64 "\n", "worker",
	    json_int(json_get(w, "slot"), 0), json_int(json_get(w, "pid"), 0),
	    json_int(json_get(w, "generation"), 0));
	str_printf(out, LABEL "%s%s\n", "time", or_dash(data, "time"),
	    json_bool(json_get(data, "time_given"), false) ? "" : " (now)");
	add_opt(out, "note      ", text_of(data, "note"), "\n");
}

static void
request(const struct json *data, struct str *out)
{
	const struct json *r = json_get(data, "request");
	const char *peer = or_dash(r, "peer"), *client = or_dash(r, "client");

	lines(json_get(r, "head"), "request", out);
	str_printf(out, LABEL "%s", "client", client);
	if (strcmp(peer, client) != 0)
		str_printf(out, ", told by %s", peer);
	if (json_bool(json_get(r, "trusted"), false))
		str_adds(out, ", a trusted proxy");
	str_addc(out, '\n');
	if (text_of(r, "form") == NULL)
		return;
	str_printf(out, LABEL "host %s port %" PRId64, "target", or_dash(r, "host"),
	    json_int(json_get(r, "port"), 0));
	add_opt(out, " path ", text_of(r, "path"), "");
	add_opt(out, " query ", text_of(r, "query"), "");
	if (json_bool(json_get(r, "dots"), false))
		str_adds(out, " (dot segments resolved)");
	str_addc(out, '\n');
	if (strcmp(or_dash(r, "upgrade"), "not asked") != 0)
		str_printf(out, LABEL "%s\n", "upgrade", or_dash(r, "upgrade"));
}

/* -------------------------------------------------------------------------------- what was decided */

static const char *
shout(const char *verdict)
{
	return strcmp(verdict, "match") == 0 ? "MATCH" : verdict;
}

/* What the acls of a rule came upon: "!safe_ports (port)", "ads (list ads, line 12 of /etc/ads)". */
static void
term_text(const char *name, const struct json *t, struct str *out)
{
	str_printf(out, "%s%s", out->len > 0 ? ", " : "", name);
	if (text_of(t, "list") != NULL)
		str_printf(out, " (list %s, line %" PRId64 " of %s)", or_dash(t, "list"),
		    json_int(json_get(t, "line"), 0), or_dash(t, "file"));
	else if (text_of(t, "url") != NULL)
		str_printf(out, " (url ~ %s)", or_dash(t, "url"));
	else
		add_opt(out, " (", text_of(t, "kind"), ")");
}

/* The term that decided, or all that were met. */
static void
terms_text(const struct json *rule, struct str *out)
{
	const struct json *terms = json_get(rule, "terms"), *t;
	const char *term = text_of(rule, "term"), *name;
	void *iter = NULL;

	if (term != NULL)
		term_text(term, json_get(terms, term), out);
	else
		while (json_each(terms, &iter, &name, &t))
			term_text(name, t, out);
}

static void
rules(const struct json *list, const char *label, struct str *out)
{
	static const char *const heads[] = { ">", "", "", "", "", "" };
	struct table t;

	if (json_len(list) == 0)
		return;
	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *r = json_at(list, i);
		const char *verdict = or_dash(r, "verdict");
		bool unknown = strcmp(verdict, "unknown") == 0;
		struct str terms = STR_INIT;

		table_cell(&t, "%zu", i + 1);
		table_cell(&t, "%s", or_dash(r, "action"));
		table_cell(&t, "%s", or_dash(r, "id"));
		table_cell(&t, "%s", unknown ? "needs the address" : shout(verdict));
		terms_text(r, &terms);
		table_cell(&t, "%s", or_dash(r, "at"));
		table_cell(&t, "%s", str_span(&terms).p);
		str_fini(&terms);
	}
	labelled(&t, label, out);
}

static void
addresses(const struct json *list, struct str *out)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *a = json_at(list, i);

		str_printf(out, LABEL "%s", i == 0 ? "addresses" : "", or_dash(a, "address"));
		add_opt(out, " (", text_of(a, "range"), ")");
		str_printf(out, " %s", or_dash(a, "verdict"));
		add_opt(out, " by rule ", text_of(a, "rule"), "");
		add_opt(out, ": ", text_of(a, "text"), "");
		str_addc(out, '\n');
		rules(json_get(a, "rules"), "", out);
	}
}

static void
searches(const struct json *list, struct str *out)
{
	static const char *const heads[] = { "", "", "", "", "" };

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *s = json_at(list, i), *v = json_get(s, "candidates");
		struct table t;

		if (i > 0)
			str_printf(out, LABEL "judged again as a lax server would read it: %s\n",
			    "", or_dash(s, "path"));
		if (json_len(v) == 0) {
			str_printf(out, LABEL "none matches host and path\n", "routes");
			continue;
		}
		table_init(&t, heads, ARRAY_LEN(heads));
		for (size_t n = 0; n < json_len(v); n++) {
			const struct json *c = json_at(v, n);

			table_cell(&t, "%s", or_dash(c, "name"));
			table_cell(&t, "%s", or_dash(c, "path"));
			table_cell(&t, "%s", shout(or_dash(c, "verdict")));
			table_cell(&t, "%s", json_str(json_get(c, "condition"), ""));
			table_cell(&t, "%s", or_dash(c, "at"));
		}
		labelled(&t, "routes", out);
	}
}

static void
route(const struct json *r, struct str *out)
{
	const struct json *v;
	const char *key;
	void *iter = NULL;

	if (r == NULL)
		return;
	str_printf(out, LABEL "%s (%s)   %s\n", "route", or_dash(r, "name"), or_dash(r, "action"),
	    or_dash(r, "at"));
	while (json_each(json_get(r, "captures"), &iter, &key, &v))
		str_printf(out, MARGIN "${path.%s} = %s\n", key, json_str(v, ""));
}

static void
service(const struct json *s, struct str *out)
{
	static const char *const heads[] = { "", "", "", "", "" };
	const struct json *list = json_get(s, "endpoints");
	struct table t;

	if (s == NULL)
		return;
	str_printf(out,
	    LABEL "%s (%s), %" PRId64 " in flight here, %" PRId64 " waiting, gate %s   %s\n",
	    "service", or_dash(s, "name"), or_dash(s, "balance"), json_int(json_get(s, "inflight"), 0),
	    json_int(json_get(s, "waiting"), 0), or_dash(s, "gate"), or_dash(s, "at"));
	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *e = json_at(list, i);

		table_cell(&t, "%s", json_str(json_get(e, "address"), or_dash(e, "target")));
		table_cell(&t, "%s", or_dash(e, "state"));
		table_cell(&t, "weight %" PRId64, json_int(json_get(e, "weight"), 0));
		table_cell(&t, "%" PRId64 " in flight", json_int(json_get(e, "inflight"), 0));
		table_cell(&t, "%s", json_bool(json_get(e, "backup"), false) ? "backup" : "");
	}
	if (t.nrows > 0)
		labelled(&t, "", out);
	else
		str_adds(out, MARGIN "no endpoint\n");
}

static void
limits(const struct json *list, struct str *out)
{
	static const char *const heads[] = { "", "", "", "" };
	struct table t;

	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *l = json_at(list, i);

		table_cell(&t, "%s", or_dash(l, "name"));
		table_cell(&t, "%s", or_dash(l, "value"));
		table_cell(&t, "%s", or_dash(l, "from"));
		table_cell(&t, "%s", json_str(json_get(l, "at"), ""));
	}
	labelled(&t, "limits", out);
}

/* ------------------------------------------------------------------------------------ what would be */

static void
answer(const struct json *a, struct str *out)
{
	if (a == NULL)
		return;
	str_printf(out, LABEL "%" PRId64 " %s: %s\n", "answer", json_int(json_get(a, "status"), 0),
	    or_dash(a, "reason"), or_dash(a, "text"));
	lines(json_get(a, "fields"), "", out);
	if (json_int(json_get(a, "length"), 0) > 0) {
		struct span rest = span_str(json_str(json_get(a, "body"), "")), line;

		str_adds(out, "\n");
		while (span_split(&rest, '\n', &line) && (line.n > 0 || rest.p != NULL))
			str_printf(out, MARGIN SPAN_FMT "\n", SPAN_ARG(line));
	}
}

static void
verdict(const struct json *data, struct str *out)
{
	const struct json *v = json_get(data, "verdict");
	const char *action = or_dash(v, "action");

	str_printf(out, LABEL, "verdict");
	if (strcmp(action, "answer") == 0)
		str_printf(out, "ANSWERED HERE %" PRId64 " %s", json_int(json_get(v, "status"), 0),
		    or_dash(v, "reason"));
	else if (strcmp(action, "unresolved") == 0)
		str_adds(out, "its addresses decide: the name was not resolved");
	else
		str_printf(out, "would be %s %s%s", strcmp(action, "tunnel") == 0 ?
		    "connected to" : "sent to", or_dash(v, "target"),
		    json_bool(json_get(v, "reused"), false) ? ", over a kept connection" : "");
	add_opt(out, ", rule ", text_of(json_get(data, "rule"), "id"), "");
	add_opt(out, ", route ", text_of(json_get(data, "route"), "name"), "");
	str_addc(out, '\n');
}

/* What somebody put into a head must not move a cursor. */
static void
tame(struct str *out)
{
	for (size_t i = 0; i < out->len; i++)
		if (((unsigned char)out->data[i] < 0x20 && out->data[i] != '\n') ||
		    out->data[i] == 0x7f)
			out->data[i] = '?';
}

void
format_explain(const struct json *data, bool colour UNUSED, struct str *out)
{
	const struct json *sent = json_get(data, "sent");

	listener(data, out);
	request(data, out);
	rules(json_get(data, "rules"), "rules", out);
	addresses(json_get(data, "addresses"), out);
	searches(json_get(data, "searches"), out);
	route(json_get(data, "route"), out);
	service(json_get(data, "service"), out);
	words(json_get(data, "filters"), "filters", out);
	limits(json_get(data, "limits"), out);
	words(json_get(sent, "removed"), "removed", out);
	words(json_get(sent, "added"), "added", out);
	add_opt(out, "sent      a PROXY header ", text_of(json_get(data, "service"), "send_proxy"),
	    " on a new connection\n");
	lines(json_get(sent, "head"), "sent", out);
	answer(json_get(data, "answer"), out);
	verdict(data, out);
	tame(out);
}
