/*
 * Two equal halves; each reads from its own conn and writes to the other's.
 *
 *	half[0]: client -> target	half[1]: target -> client
 *
 * A half is reading by copy (bytes in its conn's buffer) or by splice (bytes in its pipe). It stops reading while
 * the other side does not take its bytes: back-pressure is nothing else.
 */
#include "worker/back/tunnel.h"

#include "conf/base/assert.h"
#include "conf/base/mem.h"

#define SPLICE_AFTER	(128u << 10)	/* bytes a direction moves before splice pays (PERFORMANCE.md) */
#define SPLICE_CHUNK	(256u << 10)
#define SPLICE_TURNS	8		/* moves per event before others get a turn */

struct half {
	struct tunnel	*t;
	struct conn	*conn;		/* read from */
	struct splice	pipe;		/* rd -1: copying */
	uint64_t	moved;
	bool		eof;		/* nothing more comes */
	bool		closed;		/* FIN was passed on */
	struct loop_task more;
};

struct tunnel {
	struct req	*r;
	struct loop_garbage garbage;
	struct half	half[2];
	int64_t		started_ms, active_ms;
	bool		over;
	bool		broken;		/* one side was reset: the other must see that too */
};

static struct slab tunnel_slab = SLAB_INIT("tunnel", struct tunnel, 256);

static struct half *
other(struct half *h)
{
	return h == &h->t->half[0] ? &h->t->half[1] : &h->t->half[0];
}

static void
finish(struct tunnel *t, enum reason why)
{
	if (t->over)
		return;
	t->over = true;
	if (why != R_NONE)
		t->r->reason = why;
	req_run(t->r);
}

/* One side is lost while bytes are on their way: what the other one has is not all there was. */
static void
break_off(struct tunnel *t)
{
	t->broken = true;
	finish(t, R_NONE);
}

static bool
start_splice(struct half *h)
{
	if (h->moved < SPLICE_AFTER || h->eof || conn_eof(h->conn) || !splice_open(&h->pipe))
		return false;
	conn_raw(h->conn, true);
	conn_resume(h->conn);		/* back-pressure may have paused it */
	return true;
}

/* Everything read was passed on: pass FIN on too, and end when both sides did. */
static void
pass_fin(struct half *h)
{
	if (!h->eof || h->closed)
		return;
	h->closed = true;
	conn_shutdown(other(h)->conn);
	if (other(h)->closed)
		finish(h->t, R_NONE);
}

static void
move_copy(struct half *h)
{
	struct span in = conn_peek(h->conn);
	struct iovec iov = { (char *)(uintptr_t)in.p, in.n };
	ssize_t n;

	if (in.n == 0) {
		pass_fin(h);
		return;
	}
	n = conn_writev(other(h)->conn, &iov, 1);
	if (n < 0) {
		break_off(h->t);
		return;
	}
	h->moved += (uint64_t)n;
	conn_consume(h->conn, (size_t)n);
	if ((size_t)n < in.n) {
		conn_pause(h->conn);
		return;
	}
	if (h->eof)
		pass_fin(h);
	else if (!start_splice(h))
		conn_resume(h->conn);
}

static void
move_splice(struct half *h)
{
	for (int i = 0; i < SPLICE_TURNS; i++) {
		ssize_t in = h->eof ? -2 : conn_splice_in(h->conn, &h->pipe, SPLICE_CHUNK), out = 0;

		h->eof = h->eof || in == -2;
		if (h->pipe.held > 0) {
			out = conn_splice_out(other(h)->conn, &h->pipe);
			h->moved += out > 0 ? (uint64_t)out : 0;
		}
		if (in == -1 || out < 0) {
			break_off(h->t);
			return;
		}
		if (h->pipe.held > 0 && out == 0)
			return;		/* the other side is full: CONN_DRAINED comes */
		if (h->pipe.held == 0 && h->eof) {
			pass_fin(h);
			return;
		}
		if (h->pipe.held == 0 && in == 0 && !conn_readable(h->conn))
			return;		/* dry: CONN_DATA comes */
	}
	loop_post(conn_loop(h->conn), &h->more);
}

static void
move(struct half *h)
{
	h->t->active_ms = conn_loop(h->conn)->now_ms;
	if (h->pipe.rd >= 0)
		move_splice(h);
	else
		move_copy(h);
}

static void
on_more(struct loop_task *task)
{
	struct half *h = LIST_ENTRY(task, struct half, more);

	if (h->t->over)
		return;
	if (conn_failed(h->conn))
		break_off(h->t);
	else
		move(h);
}

static void
arm(struct tunnel *t)
{
	const struct conf_timeouts *c = &t->r->x->conf->timeouts;
	int64_t idle = t->active_ms + c->tunnel_idle_ms, life = t->started_ms + c->tunnel_life_ms;

	conn_deadline(t->half[0].conn, idle < life ? idle : life);
}

static void
on_timeout(struct tunnel *t)
{
	const struct conf_timeouts *c = &t->r->x->conf->timeouts;
	int64_t now = t->r->x->loop.now_ms;

	if (now >= t->started_ms + c->tunnel_life_ms)
		finish(t, R_TUNNEL_LIFE);
	else if (now >= t->active_ms + c->tunnel_idle_ms)
		finish(t, R_TUNNEL_IDLE);
	else
		arm(t);
}

static void
on_event(struct conn *c, enum conn_event ev, void *owner)
{
	struct half *h = owner;

	(void)c;
	if (h->t->over)
		return;
	switch (ev) {
	case CONN_READY:
		break;
	case CONN_DATA:
		move(h);
		break;
	case CONN_DRAINED:
		move(other(h));
		break;
	case CONN_EOF:
		h->eof = true;
		move(h);
		break;
	case CONN_TIMEOUT:
		on_timeout(h->t);
		break;
	case CONN_ERROR:
		break_off(h->t);
		break;
	}
}

static void
start_half(struct tunnel *t, struct half *h, struct conn *c)
{
	*h = (struct half){ .t = t, .conn = c, .pipe = { .rd = -1, .wr = -1 }, .eof = conn_eof(c) };
	h->more.run = on_more;
	conn_set_owner(c, on_event, h);
	if (h->eof || conn_failed(c))
		loop_post(conn_loop(c), &h->more);	/* told to somebody before us */
}

bool
tunnel_start(struct req *r, struct conn *client, struct conn *target)
{
	struct tunnel *t = slab_try_get(&tunnel_slab);

	if (t == NULL || conn_buffer(client, BUF_LARGE) != 0 ||
	    conn_buffer(target, BUF_LARGE) != 0) {
		conn_free(&client);
		conn_free(&target);
		if (t != NULL)
			slab_put(&tunnel_slab, t);
		return false;
	}
	*t = (struct tunnel){ .r = r, .started_ms = r->x->loop.now_ms,
	    .active_ms = r->x->loop.now_ms };
	start_half(t, &t->half[0], client);
	start_half(t, &t->half[1], target);
	r->tunnel = t;
	ctx_count(r->x, C_TUNNELS, 1);
	ctx_count(r->x, C_TUNNELS_OPEN, 1);
	arm(t);
	conn_resume(client);
	conn_resume(target);
	return true;
}

bool
tunnel_over(const struct req *r)
{
	return r->tunnel->over;
}

const struct conn *
tunnel_client(const struct req *r)
{
	return r->tunnel->half[0].conn;
}

void
tunnel_break(struct req *r, enum reason why)
{
	r->tunnel->broken = true;
	finish(r->tunnel, why);
}

static void
free_tunnel(struct loop_garbage *g)
{
	slab_put(&tunnel_slab, LIST_ENTRY(g, struct tunnel, garbage));
}

static void
end_half(struct ctx *x, struct half *h, enum counter in, enum counter out)
{
	bool clean = other(h)->closed || !h->t->broken;		/* its peer has our FIN already, or may have one */

	loop_unpost(&x->loop, &h->more);
	splice_close(&h->pipe);
	ctx_count(x, in, (int64_t)conn_bytes_in(h->conn));
	ctx_count(x, out, (int64_t)conn_bytes_out(h->conn));
	if (clean)
		conn_free(&h->conn);
	else
		conn_abort(&h->conn);
}

void
tunnel_end(struct req *r)
{
	struct tunnel *t = r->tunnel;

	if (t == NULL)
		return;
	r->tunnel = NULL;
	t->over = true;
	r->bytes_in = t->half[0].moved;
	r->bytes_out = t->half[1].moved;
	end_half(r->x, &t->half[0], C_BYTES_CLIENT_IN, C_BYTES_CLIENT_OUT);
	end_half(r->x, &t->half[1], C_BYTES_UP_IN, C_BYTES_UP_OUT);
	ctx_count(r->x, C_TUNNELS_OPEN, -1);
	loop_defer_free(&r->x->loop, &t->garbage, free_tunnel);
}
