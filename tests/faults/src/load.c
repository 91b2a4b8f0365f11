/*
 * load.c - the clients of a fault run, and their ledger.
 *
 *   load -p PORT -o FILE [-F ORIGIN_PORT] [-c CONNS] [-r RATE] [-k REQUESTS] [-T SECONDS] [-i FIRST_ID] [-x PERCENT]
 *        [-m MAX] [-R IDS]
 *
 *     -F  absolute-form requests for 127.0.0.1:ORIGIN_PORT: the proxy is a forward one
 *     -r  requests a second: each connection has its part of them, at its own times, so that those of one that hangs do
 *         not burden the others; 0: every connection asks again at once
 *     -k  a connection is closed by us behind so many requests (100)
 *     -T  a request without an end behind so long is given up (20)
 *     -x  this part of them are POSTs (20); -m  no body is longer (4 MiB)
 *     -R  a GET asks for one of so many ids, whose length is always the same: a cache has something to give
 *
 * Runs until the end of stdin, lets what is under way come to its end, and prints one JSON line. FILE gets a line for
 * each end of a request and each refused connection: WHAT NOW MS METHOD ID PORT AGE STATUS BYTES; times in seconds of
 * CLOCK_MONOTONIC, AGE of the connection. WHAT is
 *
 *   ok         status     whole, but not 200
 *   wrong      bytes not of that body
 *   crossed    another request's answer
 *   short      less than the origin has to give, presented as whole
 *   refused    no connection
 *   reset      a fresh connection ended without a byte of an answer
 *   raced      a kept one did: a GET is asked again once, as RFC 9112 9.3.1 has it
 *   cut        ended inside an answer, and we know
 *   stuck      given up
 *   malformed  no HTTP, or bytes nobody asked for
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/faults/src/ledger.h"

#define HEAD_MAX	8192
#define CONNS_MAX	4096
#define REST_S		0.02		/* behind a refused connection */
#define EVENTS		256

enum state { ST_CLOSED, ST_CONNECTING, ST_IDLE, ST_BUSY };
enum what {
	OK,
	STATUS,
	WRONG,
	CROSSED,
	SHORT,
	REFUSED,
	RESET,
	RACED,
	CUT,
	STUCK,
	MALFORMED,
	WHATS
};
static const char *const names[WHATS] = { "ok", "status", "wrong", "crossed", "short", "refused",
	"reset", "raced", "cut", "stuck", "malformed" };

struct conn {
	int		fd, port;
	enum state	state;
	unsigned	requests;	/* ended on this connection */
	double		opened, started, due;	/* due: not to ask before */
	bool		again;		/* the same request once more, on a fresh connection */
	bool		retried;

	bool		post;
	uint64_t	id, length, up, up_at;
	char		out[PIECE + 1024];
	size_t		out_at, out_end;

	char		head[HEAD_MAX];
	size_t		nhead;
	bool		in_body, closing;
	int		status;
	struct body	body;
};

static struct options {
	int		port, origin, conns, keep, percent;
	double		rate, patience;
	uint64_t	first, max, ids;
	const char	*file;
} opt = { .conns = 200, .keep = 100, .percent = 20, .patience = 20, .first = 1, .max = 4 << 20 };

static struct conn *conns;
static int ep;
static unsigned long long counts[WHATS], bytes, unsent, idle_closed, posts, retries;
static uint64_t next_id, rng = 0x853c49e6748fea9bULL;
static double now;
static bool stopping;
static FILE *book;
static char in[1 << 18];

static uint64_t
draw(uint64_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 11) % below;
}

/* A tenth empty, most small, one in two hundred up to the longest. */
static uint64_t
draw_size(uint64_t max)
{
	static const struct { unsigned share; uint64_t max; } rows[] = {
		{ 100, 0 }, { 300, 1 << 10 }, { 350, 16 << 10 }, { 195, 128 << 10 }, { 50, 1 << 20 }, { 5, 4 << 20 },
	};
	uint64_t at = draw(1000), n;

	for (size_t i = 0;; at -= rows[i++].share)
		if (at < rows[i].share) {
			n = rows[i].max == 4 << 20 ? rows[i].max - draw(16) : draw(rows[i].max + 1);
			return n < max ? n : max;
		}
}

/* --------------------------------------------------------------- ledger */

static void
note(const struct conn *c, enum what what)
{
	counts[what]++;
	fprintf(book, "%s %.6f %.3f %s %llu %d %.4f %d %llu\n", names[what], now,
	    (now - c->started) * 1e3, c->post ? "POST" : "GET", (unsigned long long)c->id, c->port,
	    now - c->opened, c->status, (unsigned long long)c->body.at);
	if (what != OK)
		fflush(book);
}

/* Whose bytes these are: those of a request that another connection has or had last. */
static bool
is_others(const struct conn *c, const char *id)
{
	uint64_t other = id == NULL ? 0 : strtoull(id, NULL, 10);

	return id != NULL && other != c->id;
}

/* ----------------------------------------------------------- connection */

static void
conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = ST_CLOSED;
	c->requests = 0;
}

#define SHARED_IDS	(1ULL << 40)	/* those of -R are above: no POST's */

/* One that was perhaps asked for before; the generator is made to say its length anew. */
static void
draw_shared(struct conn *c)
{
	uint64_t kept;

	c->id = SHARED_IDS + draw(opt.ids);
	kept = rng;
	rng = c->id * 0x9e3779b97f4a7c15ULL;
	(void)draw(2);
	c->length = draw_size(opt.max);
	rng = kept;
}

static void
request_make(struct conn *c)
{
	int n = 0, size = (int)sizeof c->out;
	char place[64] = "";

	if (!c->again) {
		c->id = next_id++;
		c->post = draw(100) < (uint64_t)opt.percent;
		c->length = draw_size(opt.max);
		c->up = c->post ? draw_size(opt.max < 256 << 10 ? opt.max : 256 << 10) : 0;
		if (opt.ids != 0 && !c->post)
			draw_shared(c);
		posts += c->post;
		c->started = now;
	}
	c->retried = c->again;
	c->again = false;
	c->up_at = 0;
	if (opt.origin != 0)
		snprintf(place, sizeof place, "http://127.0.0.1:%d", opt.origin);
	n = snprintf(c->out, (size_t)size,
	    "%s %s/f/%llu/%llu HTTP/1.1\r\nHost: ", c->post ? "POST" : "GET", place,
	    (unsigned long long)c->id, (unsigned long long)c->length);
	if (opt.origin != 0)
		n += snprintf(c->out + n, (size_t)(size - n), "127.0.0.1:%d\r\n", opt.origin);
	else
		n += snprintf(c->out + n, (size_t)(size - n), "a.test\r\n");
	if (c->post)
		n += snprintf(c->out + n, (size_t)(size - n), "Content-Length: %llu\r\n",
		    (unsigned long long)c->up);
	n += snprintf(c->out + n, (size_t)(size - n), "\r\n");
	c->out_at = 0;
	c->out_end = (size_t)n;
	c->nhead = 0;
	c->in_body = c->closing = false;
	c->status = 0;
	c->body = (struct body){ 0 };
	c->state = ST_BUSY;
}

static void
fail(struct conn *c, enum what what)
{
	note(c, what);
	conn_close(c);
	if (what == RACED && !c->post && !c->retried) {
		c->again = true;
		retries++;
	} else if (what == REFUSED && c->due < now + REST_S) {
		c->due = now + REST_S;
	}
}

/* The stream ended, in the middle or not. */
static void
ended(struct conn *c)
{
	if (c->state == ST_IDLE) {
		idle_closed++;
		conn_close(c);
	} else if (c->state == ST_CONNECTING) {
		fail(c, REFUSED);
	} else if (c->nhead == 0) {
		fail(c, c->requests > 0 ? RACED : RESET);
	} else if (c->in_body && c->body.framing == BODY_CLOSE) {
		c->closing = true;
		note(c,
		    c->body.wrong               ? WRONG :
			c->status != 200        ? STATUS :
			c->body.at != c->length ? SHORT :
						  OK);
		conn_close(c);
	} else {
		fail(c, CUT);
	}
}

/* false: the connection is gone. */
static bool
request_write(struct conn *c)
{
	ssize_t n;

	while (c->out_at < c->out_end || c->up_at < c->up) {
		if (c->out_at == c->out_end) {
			uint64_t left = c->up - c->up_at;

			c->out_at = 0;
			c->out_end = left < PIECE ? (size_t)left : PIECE;
			pattern_fill(c->id, WAY_UP, c->up_at, c->out, c->out_end);
			c->up_at += c->out_end;
		}
		n = send(c->fd, c->out + c->out_at, c->out_end - c->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return true;	/* what was answered may still be read */
		c->out_at += (size_t)n;
	}
	return true;
}

/* The answer is whole. */
static void
answered(struct conn *c)
{
	enum what what = OK;

	if (c->body.wrong)
		what = WRONG;
	else if (c->status != 200)
		what = STATUS;
	else if (c->body.at != c->length)
		what = SHORT;
	bytes += c->body.at;
	note(c, what);
	c->requests++;
	if (c->closing || c->requests >= (unsigned)opt.keep || c->out_at < c->out_end ||
	    c->up_at < c->up)
		conn_close(c);
	else
		c->state = ST_IDLE;
}

static bool
head_done(struct conn *c)
{
	const char *connection, *id;

	if (strncmp(c->head, "HTTP/1.1 ", 9) != 0)
		return false;
	c->status = atoi(c->head + 9);
	if (c->status / 100 == 1) {
		c->nhead = 0;
		return true;
	}
	connection = head_field(c->head, "Connection");
	c->closing = connection != NULL && strncasecmp(connection, "close", 5) == 0;
	id = head_field(c->head, "X-Id");
	if (c->status == 200 && (id == NULL || is_others(c, id))) {
		note(c, CROSSED);
		conn_close(c);
		return true;
	}
	body_start(&c->body, c->id, WAY_DOWN, c->head, true);
	c->in_body = true;
	return true;
}

static void
conn_take(struct conn *c, const char *p, size_t n)
{
	const char *end;
	size_t old, part;

	while (n > 0 || (c->state == ST_BUSY && c->in_body && body_done(&c->body))) {
		if (c->state != ST_BUSY) {
			note(c, MALFORMED);	/* bytes nobody asked for */
			conn_close(c);
			return;
		}
		if (!c->in_body) {
			old = c->nhead;
			part = n < sizeof c->head - 1 - old ? n : sizeof c->head - 1 - old;
			memcpy(c->head + old, p, part);
			c->nhead += part;
			c->head[c->nhead] = '\0';
			end = strstr(c->head, "\r\n\r\n");
			if (end == NULL && c->nhead == sizeof c->head - 1) {
				fail(c, MALFORMED);
				return;
			}
			if (end == NULL)
				return;
			part = (size_t)(end + 4 - c->head) - old;
			c->head[end + 2 - c->head] = '\0';
			p += part;
			n -= part;
			if (!head_done(c)) {
				fail(c, MALFORMED);
				return;
			}
			if (c->state == ST_CLOSED)
				return;
			continue;
		}
		if (c->status != 200)
			c->body.wrong = true;	/* an error page is nobody's body: not compared */
		part = body_take(&c->body, p, n);
		if (c->status != 200)
			c->body.wrong = false;
		p += part;
		n -= part;
		if (c->body.broken) {
			fail(c, MALFORMED);
			return;
		}
		if (body_done(&c->body))
			answered(c);
		else if (part == 0)
			return;
	}
}

static void
conn_read(struct conn *c)
{
	ssize_t n;

	while (c->fd >= 0) {
		n = recv(c->fd, in, sizeof in, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			ended(c);
			return;
		}
		conn_take(c, in, (size_t)n);
	}
}

static void
conn_open(struct conn *c)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		perror("load: socket");
		exit(1);
	}
	c->opened = now;
	c->state = ST_CONNECTING;
	c->port = 0;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS) {
		fail(c, REFUSED);
		return;
	}
	if (getsockname(c->fd, (struct sockaddr *)&a, &len) == 0)
		c->port = ntohs(a.sin_port);
	epoll_ctl(ep, EPOLL_CTL_ADD, c->fd,
	    &(struct epoll_event){
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c });
}

static void
conn_event(struct conn *c, uint32_t events)
{
	int err = 0;
	socklen_t len = sizeof err;

	if (c->fd < 0)
		return;
	if (c->state == ST_CONNECTING) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
		if (err != 0) {
			fail(c, REFUSED);
			return;
		}
		if ((events & EPOLLOUT) == 0)
			return;
		c->state = ST_BUSY;
	}
	if (c->state == ST_BUSY && (events & EPOLLOUT) != 0)
		request_write(c);
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		conn_read(c);
}

/* ----------------------------------------------------------------- pace */

static void
start(struct conn *c)
{
	enum state was = c->state;

	request_make(c);
	if (was == ST_IDLE) {
		request_write(c);
		return;
	}
	c->requests = 0;
	conn_open(c);
}

/* A connection whose time has come asks; what it could not ask in time is counted, not made up for. */
static void
start_due(void)
{
	double interval = opt.rate > 0 ? opt.conns / opt.rate : 0;

	for (struct conn *c = conns; c < conns + opt.conns; c++) {
		if (c->due > now)
			continue;
		if (c->state != ST_CLOSED && c->state != ST_IDLE) {
			unsent += interval > 0;
			c->due += interval;
		} else if (c->again || !stopping) {
			start(c);
			if (c->due <= now)	/* else it was refused */
				c->due = now + interval * (0.5 + (double)draw(1 << 20) / (1 << 20));
		}
	}
}

static void
give_up(void)
{
	for (int i = 0; i < opt.conns; i++)
		if ((conns[i].state == ST_BUSY || conns[i].state == ST_CONNECTING) &&
		    now - conns[i].started > opt.patience)
			fail(&conns[i], STUCK);
}

static bool
busy(void)
{
	for (int i = 0; i < opt.conns; i++)
		if (conns[i].state == ST_BUSY || conns[i].state == ST_CONNECTING || conns[i].again)
			return true;
	return false;
}

static void
run(void)
{
	struct epoll_event ev[EVENTS];
	double looked = clock_s();
	int n;

	while (!stopping || busy()) {
		n = epoll_wait(ep, ev, EVENTS, opt.rate > 0 && !stopping ? 1 : 10);
		now = clock_s();
		for (int i = 0; i < n; i++) {
			char c;

			if (ev[i].data.ptr != NULL)
				conn_event(ev[i].data.ptr, ev[i].events);
			else if (read(0, &c, 1) <= 0 && !stopping) {
				stopping = true;
				epoll_ctl(ep, EPOLL_CTL_DEL, 0, NULL);
			}
		}
		start_due();
		if (now - looked > 0.25) {
			looked = now;
			give_up();
			fflush(book);
		}
	}
}

/* ----------------------------------------------------------------- main */

static void
options(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "p:o:F:c:r:k:T:i:x:m:R:")) != -1)
		switch (o) {
		case 'p': opt.port = atoi(optarg); break;
		case 'o': opt.file = optarg; break;
		case 'F': opt.origin = atoi(optarg); break;
		case 'c': opt.conns = atoi(optarg); break;
		case 'r': opt.rate = atof(optarg); break;
		case 'k': opt.keep = atoi(optarg); break;
		case 'T': opt.patience = atof(optarg); break;
		case 'i': opt.first = strtoull(optarg, NULL, 10); break;
		case 'x': opt.percent = atoi(optarg); break;
		case 'm': opt.max = strtoull(optarg, NULL, 10); break;
		case 'R': opt.ids = strtoull(optarg, NULL, 10); break;
		default: exit(2);
		}
	if (opt.port == 0 || opt.file == NULL || opt.conns < 1 || opt.conns > CONNS_MAX ||
	    opt.first == 0) {
		fprintf(stderr,
		    "load: -p PORT and -o FILE are needed, 1 to %d connections, ids from 1\n",
		    CONNS_MAX);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	options(argc, argv);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	book = fopen(opt.file, "w");
	conns = calloc((size_t)opt.conns, sizeof *conns);
	if (book == NULL || conns == NULL) {
		perror("load");
		return 1;
	}
	setvbuf(book, NULL, _IOFBF, 1 << 16);
	ep = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(
	    ep, EPOLL_CTL_ADD, 0, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = NULL });
	next_id = opt.first;
	rng ^= opt.first * 0x9e3779b97f4a7c15ULL;
	now = clock_s();
	for (int i = 0; i < opt.conns; i++) {
		conns[i].fd = -1;
		conns[i].due = opt.rate > 0 ?
		    now + (double)draw(1 << 20) / (1 << 20) * opt.conns / opt.rate :
		    0;
	}
	run();
	fclose(book);
	printf(
	    "{\"bytes\":%llu,\"unsent\":%llu,\"idle_closed\":%llu,\"posts\":%llu,\"retries\":%llu,\"next_id\":%llu",
	    bytes, unsent, idle_closed, posts, retries, (unsigned long long)next_id);
	for (int i = 0; i < WHATS; i++)
		printf(",\"%s\":%llu", names[i], counts[i]);
	printf("}\n");
	return 0;
}
