/*
 * The beginning of a client connection: limits, the polite refusal, the PROXY header.
 */
#include "worker/front/session_priv.h"

#include <unistd.h>

#include "worker/front/clients.h"
#include "worker/front/proxy.h"

/* Too many: one short answer that fits any socket buffer. */
static struct span
refusal(enum reason why)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
	    "Retry-After: 1\r\nContent-Length: 0\r\n\r\n";
	static const char many[] = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n"
	    "Retry-After: 1\r\nContent-Length: 0\r\n\r\n";

	return why == R_CLIENT_LIMIT ? SPAN(many) : SPAN(busy);
}

/* The limit is on clients, not on the balancer that speaks for them; what it says of itself is not counted. */
static bool
told_peer(struct session *s, const struct addr *peer, const struct addr *local)
{
	s->peer = addr_pack(peer);
	s->local = addr_pack(local);
	s->peer_text[0] = '\0';
	return clients_enter(peer, s->listener->max_per_client, &s->slot);
}

static void
refuse_told(struct session *s)
{
	struct span answer = refusal(R_CLIENT_LIMIT);
	struct iovec iov = { (char *)(uintptr_t)answer.p, answer.n };

	s->x->stats->reason[R_CLIENT_LIMIT]++;
	ctx_count(s->x, C_CONNS_REFUSED, 1);
	(void)conn_writev(s->conn, &iov, 1);
	session_linger(s);
}

void
session_proxy_data(struct session *s)
{
	struct span in = conn_peek(s->conn);
	struct addr src, dst;
	size_t len;

	switch (proxy_parse(in, &len, &src, &dst)) {
	case PROXY_MORE:
		return;
	case PROXY_BAD:
		session_end(s, R_PROXY_HEADER);
		return;
	case PROXY_OK:
		break;
	}
	conn_consume(s->conn, len);
	if (src.len != 0 && !told_peer(s, &src, &dst))
		refuse_told(s);
	else
		session_idle(s);
}

static bool
sends_proxy(const struct conf_listener *l, const struct addr *peer)
{
	for (unsigned i = 0; i < l->proxy_protocol.n; i++)
		if (cidr_has(&l->proxy_protocol.v[i], peer))
			return true;
	return false;
}

/* Before a session exists. */
static void
refuse(struct ctx *x, int fd, enum reason why)
{
	struct span answer = refusal(why);

	x->stats->reason[why]++;
	ctx_count(x, C_CONNS_REFUSED, 1);
	(void)!write(fd, answer.p, answer.n);
	close(fd);
}

void
session_start(struct ctx *x, const struct conf_listener *l, int fd, const struct addr *peer)
{
	bool proxied = l->proxy_protocol.n > 0 && sends_proxy(l, peer);
	struct client_slot *slot;
	struct session *s;

	if (x->sessions.count >= x->max_sessions) {
		refuse(x, fd, R_OVERLOAD);
		return;
	}
	if (!clients_enter(peer, proxied ? 0 : l->max_per_client, &slot)) {
		refuse(x, fd, R_CLIENT_LIMIT);
		return;
	}
	s = session_new(x, l, peer, slot);
	if (s == NULL) {
		clients_leave(slot);
		refuse(x, fd, R_NO_MEMORY);
		return;
	}
	s->conn = conn_new(&x->loop, fd, session_on_event, s);
	if (s->conn == NULL) {
		session_close(s);
		return;
	}
	s->id = conn_id(s->conn);
	if (l->proxy_protocol.n == 0) {
		session_idle(s);
		return;
	}
	s->state = SESS_PROXY;
	s->due_ms = x->loop.now_ms + x->conf->timeouts.proxy_ms;
	session_arm(s);
	if (proxied)
		conn_resume(s->conn);
	else
		session_end(s, R_PROXY_HEADER);
}
