/*
 * origin.c - the origin of a fault run, and its ledger.
 *
 *   origin ADDRESS PORT
 *
 * GET /f/ID/LENGTH and POST /f/ID/LENGTH are answered with LENGTH bytes of that id's body; ids divisible by four
 * chunked. A POST is applied when its body has come whole and is that id's; the table of ids says how often each was.
 * One JSON line tells what was counted: for every line that comes on stdin, and at its end, which is the program's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/faults/src/ledger.h"

#define HEAD_MAX	8192
#define EVENTS		256
#define IN		(1 << 17)

enum state { ST_HEAD, ST_BODY, ST_ANSWER };

struct conn {
	int		fd;
	enum state	state;
	bool		post;
	bool		chunked;
	uint64_t	id, length;
	struct body	body;
	uint64_t	at;		/* bytes of the answer's body made */
	bool		ended;		/* the answer's last byte is made */
	char		head[HEAD_MAX];
	size_t		nhead;
	char		out[PIECE + 512];
	size_t		out_at, out_end;
};

/* Ids applied: open addressing, grown at half full; 0 is nobody's id. */
static struct {
	uint64_t	*id;
	uint32_t	*times;
	size_t		size, used;
} table;

static struct {
	unsigned long long requests, posts, twice, corrupted, malformed, partial, open;
} count;

static int ep;
static char in[IN];

/* -------------------------------------------------------------- ledger */

static void table_note(uint64_t id, uint32_t times);

static void
table_grow(void)
{
	uint64_t *id = table.id;
	uint32_t *times = table.times;
	size_t size = table.size;

	table.size = size == 0 ? 1 << 16 : size * 2;
	table.id = calloc(table.size, sizeof *table.id);
	table.times = calloc(table.size, sizeof *table.times);
	table.used = 0;
	if (table.id == NULL || table.times == NULL)
		abort();
	for (size_t i = 0; i < size; i++)
		if (id[i] != 0)
			table_note(id[i], times[i]);
	free(id);
	free(times);
}

static void
table_note(uint64_t id, uint32_t times)
{
	size_t i;

	if (2 * (table.used + 1) > table.size)
		table_grow();
	for (i = (size_t)(pattern_word(id, WAY_UP, 0)) % table.size;
	     table.id[i] != 0 && table.id[i] != id;)
		i = (i + 1) % table.size;
	table.used += table.id[i] == 0;
	table.id[i] = id;
	table.times[i] += times;
	if (table.times[i] == 2)
		count.twice++;
}

static void
tell(void)
{
	printf(
	    "{\"requests\":%llu,\"posts\":%llu,\"twice\":%llu,\"corrupted\":%llu,\"malformed\":%llu,\"partial\":%llu,"
	    "\"open\":%llu}\n",
	    count.requests, count.posts, count.twice, count.corrupted, count.malformed,
	    count.partial, count.open);
	fflush(stdout);
}

/* "applied ID ..." on stdin asks how often each was. */
static void
tell_applied(char *ids)
{
	printf("{");
	for (char *p = strtok(ids, " "), *sep = ""; p != NULL; p = strtok(NULL, " "), sep = ",") {
		uint64_t id = strtoull(p, NULL, 10);
		size_t i = table.size == 0 ? 0 : (size_t)pattern_word(id, WAY_UP, 0) % table.size;

		while (table.size != 0 && table.id[i] != 0 && table.id[i] != id)
			i = (i + 1) % table.size;
		printf("%s\"%llu\":%u", sep, (unsigned long long)id,
		    table.size == 0 || table.id[i] == 0 ? 0 : table.times[i]);
	}
	printf("}\n");
	fflush(stdout);
}

/* ---------------------------------------------------------- connection */

static void
conn_free(struct conn *c)
{
	count.partial += c->state == ST_BODY;
	count.open--;
	close(c->fd);
	free(c);
}

static void
answer_head(struct conn *c)
{
	int n;

	c->state = ST_ANSWER;
	c->at = 0;
	c->chunked = c->id % 4 == 0;
	c->ended = !c->chunked && c->length == 0;
	n = snprintf(
	    c->out, sizeof c->out, "HTTP/1.1 200 OK\r\nX-Id: %llu\r\n", (unsigned long long)c->id);
	if (c->chunked)
		n += snprintf(
		    c->out + n, sizeof c->out - (size_t)n, "Transfer-Encoding: chunked\r\n\r\n");
	else
		n += snprintf(c->out + n, sizeof c->out - (size_t)n, "Content-Length: %llu\r\n\r\n",
		    (unsigned long long)c->length);
	c->out_at = 0;
	c->out_end = (size_t)n;
}

static void
answer_more(struct conn *c)
{
	uint64_t left = c->length - c->at;
	size_t room = sizeof c->out - c->out_end - 32, n = left < room ? (size_t)left : room;

	if (n > PIECE / 2)
		n = PIECE / 2;
	if (c->chunked)
		c->out_end += (size_t)snprintf(c->out + c->out_end, 32, "%zx\r\n", n);
	pattern_fill(c->id, WAY_DOWN, c->at, c->out + c->out_end, n);
	c->out_end += n;
	c->at += n;
	if (c->chunked) {
		c->out_end += (size_t)snprintf(c->out + c->out_end, 3, "\r\n");
		c->ended = n == 0;
	} else
		c->ended = c->at == c->length;
}

/* false: the connection is gone. */
static bool
answer_write(struct conn *c)
{
	ssize_t n;

	for (;;) {
		if (!c->ended && c->out_end - c->out_at < 512) {
			memmove(c->out, c->out + c->out_at, c->out_end - c->out_at);
			c->out_end -= c->out_at;
			c->out_at = 0;
			answer_more(c);
		}
		if (c->out_at == c->out_end)
			break;
		n = send(c->fd, c->out + c->out_at, c->out_end - c->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return false;
		c->out_at += (size_t)n;
	}
	c->state = ST_HEAD;
	c->nhead = 0;
	return true;
}

static bool
head_done(struct conn *c)
{
	char *p = c->head;

	c->post = strncmp(p, "POST ", 5) == 0;
	p = strstr(p, "/f/");
	if (p == NULL)
		return false;
	c->id = strtoull(p + 3, &p, 10);
	c->length = *p == '/' ? strtoull(p + 1, NULL, 10) : 0;
	body_start(&c->body, c->id, WAY_UP, c->head, false);
	c->state = ST_BODY;
	return true;
}

static bool
body_whole(struct conn *c)
{
	if (c->body.broken) {
		count.malformed++;
		return false;
	}
	if (c->body.wrong)
		count.corrupted++;
	else if (c->post) {
		count.posts++;
		table_note(c->id, 1);
	}
	count.requests++;
	answer_head(c);
	return answer_write(c);
}

/* What was read; pipelining is not for origins behind a proxy that does not. */
static bool
conn_take(struct conn *c, const char *p, size_t n)
{
	const char *end;
	size_t old;

	if (c->state == ST_ANSWER) {
		count.malformed++;
		return false;
	}
	if (c->state == ST_HEAD) {
		old = c->nhead;
		if (n > sizeof c->head - 1 - old)
			n = sizeof c->head - 1 - old;
		memcpy(c->head + old, p, n);
		c->nhead += n;
		c->head[c->nhead] = '\0';
		end = strstr(c->head, "\r\n\r\n");
		if (end == NULL)
			return c->nhead < sizeof c->head - 1;
		c->nhead = (size_t)(end + 4 - c->head);
		p += c->nhead - old;
		n -= c->nhead - old;
		c->head[c->nhead - 2] = '\0';
		if (!head_done(c)) {
			count.malformed++;
			return false;
		}
	}
	n -= body_take(&c->body, p, n);
	if (!body_done(&c->body) && !c->body.broken)
		return true;
	if (n > 0) {
		count.malformed++;
		return false;
	}
	return body_whole(c);
}

static void
conn_event(struct conn *c, uint32_t events)
{
	ssize_t n;

	if (c->state == ST_ANSWER && (events & EPOLLOUT) != 0 && !answer_write(c)) {
		conn_free(c);
		return;
	}
	while ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 || c->state == ST_HEAD) {
		n = recv(c->fd, in, c->state == ST_HEAD ? HEAD_MAX / 2 : sizeof in, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0 && conn_take(c, in, (size_t)n))
			continue;
		conn_free(c);
		return;
	}
}

static void
on_listener(int fd)
{
	int one = 1, got;
	struct conn *c;

	while ((got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		c = calloc(1, sizeof *c);
		if (c == NULL)
			abort();
		c->fd = got;
		count.open++;
		setsockopt(got, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		epoll_ctl(ep, EPOLL_CTL_ADD, got,
		    &(struct epoll_event){ .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c });
	}
}

/* ---------------------------------------------------------------- main */

static int
listener(const char *address, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1024) != 0) {
		perror("origin");
		exit(1);
	}
	return fd;
}

/* false: the end of stdin. */
static bool
on_stdin(void)
{
	static char line[1 << 16];
	static size_t n;
	ssize_t got = read(0, line + n, sizeof line - 1 - n);
	char *end;

	if (got <= 0)
		return false;
	n += (size_t)got;
	line[n] = '\0';
	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		if (strncmp(line, "applied ", 8) == 0)
			tell_applied(line + 8);
		else
			tell();
		n -= (size_t)(end + 1 - line);
		memmove(line, end + 1, n + 1);
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct epoll_event ev[EVENTS];
	static int door = 0, stdin_ = 0;
	int fd, n;

	if (argc != 3) {
		fprintf(stderr, "usage: origin ADDRESS PORT\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	fd = listener(argv[1], argv[2]);
	ep = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(
	    ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = &door });
	epoll_ctl(
	    ep, EPOLL_CTL_ADD, 0, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = &stdin_ });
	for (;;) {
		n = epoll_wait(ep, ev, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.ptr == &door)
				on_listener(fd);
			else if (ev[i].data.ptr == &stdin_) {
				if (!on_stdin()) {
					tell();
					return 0;
				}
			} else
				conn_event(ev[i].data.ptr, ev[i].events);
		}
	}
}
