/*
 * explain.c - the verb "explain": a request that takes the way of every other one and is answered to the master.
 *
 * The head is what a client would send; scanner, parser, normaliser, mode, filters, balancer and resolver are those of
 * every request, on a req without a connection. It ends where a target would be dialled (FETCH_PLANNED) or an answer
 * of our own delivered; its front, below, has nobody to write to. Nothing of it is counted: it is taken out of the
 * gauge of requests in progress, and the steps leave out its record.
 */
#include "worker/explain.h"

#include "conf/base/assert.h"
#include "conf/base/mem.h"
#include "worker/ask.h"
#include "worker/explain_head.h"
#include "worker/explain_time.h"

#define EXPLAIN_MAX	4	/* at a time in one worker */
#define TEXT_MAX	8192	/* bytes of a head that is looked at; questions are shorter anyway */

static unsigned under_way;

/* -------------------------------------------------------------------------- the front of nobody */

static void
nobody_interim(struct req *r UNUSED, const struct h1_response *m UNUSED)
{
}

static enum next
nobody_deliver(struct req *r UNUSED)
{
	return NEXT_STEP;
}

static void
nobody_local(struct req *r UNUSED, struct addr *to)
{
	*to = (struct addr){ 0 };
}

static uint64_t
nobody_sent(const struct req *r UNUSED)
{
	return 0;
}

static struct conn *
nobody_tunnel(struct req *r UNUSED)
{
	return NULL;
}

static void
nobody_done(struct req *r)
{
	struct explained *e = LIST_ENTRY(r->explain, struct explained, explain);

	if (r->gone) {
		json_free(&e->doc);
		ask_refuse(e->ask, "the worker is stopping: ask again");
	} else {
		explain_show(e);
		ask_answer(e->ask, e->doc);
	}
	ctx_count(r->x, C_REQUESTS_ACTIVE, 1);	/* req_free takes it back */
	json_free(&e->about);
	mem_free(e);
	under_way--;
}

static const struct front_ops nobody = { nobody_interim, nobody_deliver, nobody_local,
	nobody_tunnel, nobody_sent, nobody_done };

/* ------------------------------------------------------------------------------ what is asked for */

static const char *
text_of(const struct json *args, const char *key)
{
	return json_str(json_get(args, key), NULL);
}

/* A forward listener for CONNECT, a reverse one for a path alone, else what the instance is. */
static enum conf_mode
mode_for(const struct conf *c, const char *method, const char *url)
{
	if (strcmp(method, "CONNECT") == 0)
		return MODE_FORWARD;
	return url[0] == '/' ? MODE_REVERSE : c->mode;
}

static const struct conf_listener *
listener_find(const struct conf *c, const char *name, enum conf_mode mode, const char **how)
{
	*how = name != NULL    ? "given" :
	    c->nlisteners == 1 ? "the only one" :
				 "the first of its mode";
	for (unsigned i = 0; i < c->nlisteners; i++)
		if (name != NULL ? strcmp(c->listeners[i].name, name) == 0 :
				   c->listeners[i].mode == mode)
			return &c->listeners[i];
	if (name == NULL)
		*how = c->nlisteners == 1 ? "the only one" : "the first: none is of its mode";
	return name == NULL && c->nlisteners > 0 ? &c->listeners[0] : NULL;
}

static int
client_take(struct addr *a, const char *text, struct errdetail *ed)
{
	if (text == NULL)
		text = "127.0.0.1";
	if (strcmp(text, "unix") == 0) {
		*a = (struct addr){ .len = sizeof a->u.sa.sa_family, .u.sa.sa_family = AF_UNIX };
		return 0;
	}
	return addr_parse_ip(a, span_str(text), 0) == 0 ? 0 :
	    err_set(ed, -E_SYNTAX, "--client %.60s: write an address, or \"unix\"", text);
}

struct wanted {
	struct explain_wish wish;
	const struct conf_listener *listener;
	struct addr	client;
	int64_t		wall_s;
	const char	*how;
	bool		no_dns, timed;
};

static int
wanted_take(struct wanted *w, struct ctx *x, const struct json *args, struct errdetail *ed)
{
	const char *at = text_of(args, "at"), *name = text_of(args, "listener");
	int rc;

	*w = (struct wanted){ .wish = { .method = text_of(args, "method"),
		.url = text_of(args, "url"), .headers = json_get(args, "headers") },
		.wall_s = x->loop.wall_s, .timed = at != NULL,
		.no_dns = json_bool(json_get(args, "no_dns"), false) };
	if (w->wish.method == NULL || w->wish.url == NULL)
		return err_set(ed, -E_MISSING, "name a method and a URL");
	w->listener = listener_find(
	    x->conf, name, mode_for(x->conf, w->wish.method, w->wish.url), &w->how);
	if (w->listener == NULL)
		return err_set(ed, -E_UNKNOWN, "there is no listener '%.60s'",
		    name == NULL ? "" : name);
	w->wish.mode = w->listener->mode;
	rc = client_take(&w->client, text_of(args, "client"), ed);
	if (rc == 0 && at != NULL)
		rc = explain_time(at, x->loop.wall_s, &w->wall_s, ed);
	return rc;
}

/* ------------------------------------------------------------------------------------- the request */

/* What front/h1.c does with bytes that came: a head that cannot be accepted is a request like any other. */
static void
read_head(struct req *r)
{
	struct span text = buf_span(r->head_buf);
	struct h1_scan scan = { 0 };
	size_t len;

	r->reason = h1_scan_request(&scan, text, &r->x->request_limits, &len);
	if (r->reason == R_NONE && len > 0)
		r->reason = req_parse(r, span_make(text.p + scan.skip, len - scan.skip));
	else
		r->in.minor = 1;
	r->close = r->reason != R_NONE;
	if (r->reason != R_NONE || r->in.body == H1_NONE)
		return;
	r->up_source.body.length = r->in.body == H1_LENGTH ? r->in.length : BODY_UNKNOWN;
	r->up = &r->up_source.body;
}

static void
document_begin(struct explained *e, const struct wanted *w, const struct str *note)
{
	char text[EXPLAIN_TIME_TEXT];
	struct json *o = json_obj();

	json_set_str(o, "name", w->listener->name);
	json_set_str(o, "mode", w->listener->mode == MODE_FORWARD ? "forward" : "reverse");
	explain_set_at(o, "at", w->listener->at);
	json_set_str(o, "chosen", w->how);
	e->doc = json_obj();
	json_set(e->doc, "listener", o);
	explain_time_text(w->wall_s, text);
	json_set_str(e->doc, "time", text);
	json_set_bool(e->doc, "time_given", w->timed);
	json_set_str(e->doc, "note", note->len == 0 ? NULL : note->data);
	json_set_bool(e->doc, "resolve", !w->no_dns);
}

static struct req *
request_new(struct ctx *x, const struct wanted *w, const struct str *head)
{
	struct buf *b = buf_try_get(head->len <= BUF_SMALL ? BUF_SMALL : (uint32_t)head->len);
	struct req *r = NULL;

	if (b != NULL) {
		memcpy(b->data, str_span(head).p, head->len);
		b->w = (uint32_t)head->len;
		r = req_new(x, &nobody, NULL, w->listener, b);
	}
	if (r == NULL)
		return NULL;
	ctx_count(x, C_REQUESTS_ACTIVE, -1);
	r->wall_us = (uint64_t)w->wall_s * 1000000;
	r->peer = r->client = w->client;
	return r;
}

static void
start(struct ask *a, const struct wanted *w, const struct str *head, const struct str *note)
{
	struct explained *e;
	struct req *r;

	ASSERT(w->listener != NULL);
	r = request_new(a->x, w, head);
	if (r == NULL) {
		ask_refuse(a, "out of memory");
		return;
	}
	under_way++;
	e = mem_alloc(sizeof *e);
	e->ask = a;
	e->r = r;
	document_begin(e, w, note);
	explain_listen(e);
	e->explain.no_dns = w->no_dns;
	req_peer_text(&r->peer, e->peer_text);
	r->peer_text = span_str(e->peer_text);
	r->explain = &e->explain;
	read_head(r);
	req_run(r);
}

/* The head ends where its writer meant it to: a header with an empty line in it would end it before. */
static bool
ends_once(const struct str *head)
{
	struct span text = str_span(head);
	const char *end = memmem(text.p, text.n, "\r\n\r\n", 4);

	return end == NULL || end + 4 == text.p + text.n;
}

void
ask_explain(struct ask *a, const struct json *args)
{
	struct str head = { .cap = TEXT_MAX }, note = { .cap = 256 };
	struct errdetail ed = { 0 };
	struct wanted w = { .listener = NULL };

	if (under_way >= EXPLAIN_MAX)
		(void)err_set(
		    &ed, -E_LIMIT, "%d requests are being explained: ask again", EXPLAIN_MAX);
	else if (wanted_take(&w, a->x, args, &ed) == 0)
		explain_head(&w.wish, &head, &note);
	if (ed.text[0] == '\0' && (head.cut || !ends_once(&head)))
		(void)err_set(&ed, -E_SYNTAX, head.cut ? "the request is longer than %d bytes" :
		    "a word holds an empty line, which ends a head (of at most %d bytes)", TEXT_MAX);
	if (ed.text[0] != '\0')
		ask_refuse(a, ed.text);
	else
		start(a, &w, &head, &note);
	str_fini(&head);
	str_fini(&note);
}
