/*
 * ask_conn.c - conn ls and conn kill: the client connections of this worker, tunnels among them.
 *
 * A connection is named "PID-NUMBER", unique as long as the process lives. A filter by client means who connected,
 * as a PROXY header told it, or who asks for the request at work, as a trusted proxy told it.
 */
#include <stdio.h>
#include <string.h>

#include "worker/ask.h"
#include "worker/back/fetch.h"
#include "worker/back/tunnel.h"
#include "worker/front/session.h"

#define LINE_MAX 120	/* bytes of a request line shown */
#define KILL_TURN 100	/* connections killed in one turn of the loop: about a millisecond */
#define LOOK_TURN 4000	/* and looked at */

static const char *
state_text(const struct session *s)
{
	const struct req *r = s->req;

	switch (s->state) {
	case SESS_PROXY:
	case SESS_HEAD: return "reading";
	case SESS_IDLE: return "idle";
	case SESS_HELD: return "held";
	case SESS_LINGER: return "closing";
	case SESS_REQUEST: break;
	}
	if (r != NULL && r->tunnel != NULL)
		return "tunnel";
	if (r != NULL && r->answer.delivering)
		return "sending";
	return r != NULL && r->up != NULL && r->up->state == BODY_OPEN ? "reading" : "waiting";
}

static void
set_request(struct json *o, const struct req *r)
{
	char text[LINE_MAX + 1], addr[ADDR_TEXT];
	int n = snprintf(text, sizeof text, SPAN_FMT " " SPAN_FMT, SPAN_ARG(r->in.method_text),
	    SPAN_ARG(r->in.target));

	json_set_str(o, "request", n > 1 ? text : NULL);
	json_set_str(o, "service", r->service == NULL ? NULL : r->service->name);
	json_set_str(o, "target", r->upstream.len == 0 ? NULL : addr_text(&r->upstream, addr));
	if (!addr_eq(&r->client, &r->peer))
		json_set_str(o, "for", addr_ip_text(&r->client, addr));
}

static void
id_text(const struct session *s, char out[48])
{
	snprintf(out, 48, "%u-%llu", s->x->stats->pid, (unsigned long long)s->id);
}

static struct json *
conn_json(const struct session *s)
{
	const struct req *r = s->req;
	const struct conn *c = r != NULL && r->tunnel != NULL ? tunnel_client(r) : s->conn;
	struct addr peer = addr_unpack(&s->peer);
	char text[ADDR_TEXT];
	struct json *o = json_obj();

	id_text(s, text);
	json_set_str(o, "id", text);
	json_set_str(o, "client", addr_text(&peer, text));
	json_set_str(o, "listener", s->listener->name);
	json_set_int(o, "age_ms", s->x->loop.now_ms - s->started_ms);
	json_set_str(o, "state", state_text(s));
	json_set_int(o, "requests", s->requests);
	if (r != NULL)
		set_request(o, r);
	json_set_int(o, "in", c == NULL ? 0 : (int64_t)conn_bytes_in(c));
	json_set_int(o, "out", c == NULL ? 0 : (int64_t)conn_bytes_out(c));
	return o;
}

/* ---------------------------------------------------------------------- choosing */

struct choice { struct cidr cidr; bool by_client; const char *id; };

static int
choice_take(struct choice *c, const struct json *args, struct errdetail *ed)
{
	const char *client = json_str(json_get(args, "client"), NULL);

	*c = (struct choice){ .id = json_str(json_get(args, "id"), NULL),
		.by_client = client != NULL };
	return client == NULL ? 0 : cidr_parse_peers(&c->cidr, client, ed);
}

static bool
chosen(const struct choice *c, const struct session *s)
{
	struct addr peer = addr_unpack(&s->peer);
	char id[48];

	if (c->id != NULL) {
		id_text(s, id);
		return strcmp(c->id, id) == 0;
	}
	return !c->by_client || cidr_has(&c->cidr, &peer) ||
	    (s->req != NULL && cidr_has(&c->cidr, &s->req->client));
}

/* ------------------------------------------------------------------------- verbs */

void
ask_conn_ls(struct ask *a, const struct json *args)
{
	int64_t limit = json_int(json_get(args, "limit"), 0), left_out = 0;
	struct errdetail ed = { 0 };
	struct json *o, *list;
	struct choice c;

	if (choice_take(&c, args, &ed) != 0) {
		ask_refuse(a, ed.text);
		return;
	}
	o = json_obj();
	list = json_arr();
	LIST_EACH(&a->x->sessions, n) {
		const struct session *s = LIST_ENTRY(n, struct session, node);

		if (!chosen(&c, s))
			continue;
		if (limit-- > 0)
			json_push(list, conn_json(s));
		else
			left_out++;
	}
	json_set(o, "conns", list);
	json_set_int(o, "left_out", left_out);
	ask_answer(a, o);
}

/* As many as a turn may do, from the first that was not looked at yet; false: there are more. */
static bool
kill_some(struct ask *a, const struct choice *c)
{
	unsigned looked = 0, killed = 0;

	LIST_EACH_SAFE(&a->x->sessions, n) {
		struct session *s = LIST_ENTRY(n, struct session, node);

		if (s->id < a->from)
			continue;
		if (s->id > a->last)
			break;
		if (looked++ == LOOK_TURN || killed == KILL_TURN) {
			a->from = s->id;
			return false;
		}
		if (!chosen(c, s))
			continue;
		session_kill(s);
		killed++;
		a->count++;
	}
	return true;
}

/* Sessions stand in the order of their ids. Who comes meanwhile is not meant: it would have no end. */
static uint64_t
newest(const struct ctx *x)
{
	const struct list_node *n = list_last(&x->sessions);

	return n == NULL ? 0 : LIST_ENTRY(n, struct session, node)->id;
}

/* Without a filter nobody is meant. Thousands are killed over several turns, so that others are served meanwhile. */
void
ask_conn_kill(struct ask *a, const struct json *args)
{
	struct errdetail ed = { 0 };
	struct choice c;
	struct json *o;

	if (choice_take(&c, args, &ed) != 0 || (c.id == NULL && !c.by_client)) {
		ask_refuse(a, ed.text);
		return;
	}
	if (a->last == 0)
		a->last = newest(a->x);
	if (!kill_some(a, &c)) {
		ask_continue(a, args);
		return;
	}
	o = json_obj();
	json_set_int(o, "killed", a->count);
	ask_answer(a, o);
}
