/*
 * client.c - connect, one line out, one JSON object back, end.
 *
 * The answer is everything up to the server's close. A descriptor may come with its first byte.
 */
#include "tools/proxyctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/base/clock.h"
#include "conf/base/fdpass.h"

#define QUESTION_MAX 8192 /* what the server reads, newline included */
#define ANSWER_MAX (16u << 20)

static int
server_connect(const char *path, struct errdetail *ed)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof un.sun_path)
		return err_set(ed, -E_RANGE, "%s: longer than a socket's path may be", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(ed, "socket");
	if (connect(fd, (const struct sockaddr *)&un, sizeof un) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
		rc = err_set(ed, -E_CLOSED, "proxyd is not running: nobody listens on %s", path);
	else
		rc = err_sys(ed, "%s", path);
	(void)close(fd);
	return rc;
}

static int
question_send(int fd, const char *const *words, unsigned n, struct errdetail *ed)
{
	struct json *list = json_arr();
	struct str line = STR_INIT;
	size_t sent = 0;
	int rc = 0;

	for (unsigned i = 0; i < n; i++)
		json_push_str(list, words[i]);
	json_dump(list, false, &line);
	json_free(&list);
	str_addc(&line, '\n');
	if (line.len > QUESTION_MAX)
		rc = err_set(ed, -E_LIMIT, "the arguments are too long");
	while (rc == 0 && sent < line.len) {
		ssize_t done = send(fd, line.data + sent, line.len - sent, MSG_NOSIGNAL);

		if (done >= 0)
			sent += (size_t)done;
		else if (errno == EPIPE || errno == ECONNRESET)
			break; /* it may have answered before it closed */
		else if (errno != EINTR)
			rc = err_sys(ed, "cannot send to proxyd");
	}
	str_fini(&line);
	return rc;
}

/* Bytes read, 0 at the end, or -E_X. */
static ssize_t
answer_read(int fd, char *buf, size_t size, int *passed, struct errdetail *ed)
{
	struct fdpass got;
	ssize_t n = fdpass_recv(fd, buf, size, &got);

	if (n < 0)
		return errno == ECONNRESET ? 0 : err_sys(ed, "cannot read proxyd's answer");
	if (got.fd >= 0) {
		if (*passed >= 0)
			(void)close(*passed);
		*passed = got.fd;
	}
	return n;
}

static int
answer_wait(int fd, uint64_t deadline_ms, struct errdetail *ed)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		uint64_t now = clock_mono_ms();
		int n;

		if (now >= deadline_ms)
			return err_set(ed, -E_TIMEOUT, "proxyd does not answer");
		n = poll(&p, 1, (int)(deadline_ms - now > 60000 ? 60000 : deadline_ms - now));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(ed, "poll");
	}
}

static int
answer_collect(int fd, int64_t patience_ms, struct str *text, int *passed, struct errdetail *ed)
{
	uint64_t deadline = clock_mono_ms() + (uint64_t)patience_ms;
	char buf[65536];
	ssize_t n;
	int rc;

	for (;;) {
		rc = answer_wait(fd, deadline, ed);
		if (rc != 0)
			return rc;
		n = answer_read(fd, buf, sizeof buf, passed, ed);
		if (n <= 0)
			return (int)n;
		if (text->len + (size_t)n > ANSWER_MAX)
			return err_set(ed, -E_LIMIT, "proxyd's answer is too long");
		str_add(text, span_make(buf, (size_t)n));
	}
}

static int
answer_parse(struct answer *a, const struct str *text, struct errdetail *ed)
{
	if (text->len == 0)
		return err_set(ed, -E_TRUNCATED,
		    "proxyd closed without an answer (are you permitted to ask?)");
	a->root = json_parse(str_span(text), ed);
	if (a->root == NULL)
		return -E_PROTO;
	a->data = json_get(a->root, "data");
	if (!json_bool(json_get(a->root, "ok"), false))
		a->error = json_str(json_get(a->root, "error"), "failed without a reason");
	return 0;
}

int
client_ask(const char *path, const char *const *words, unsigned n, int64_t patience_ms,
    struct answer *a, struct errdetail *ed)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof peer;
	struct str text = STR_INIT;
	int fd = server_connect(path, ed), rc;

	*a = (struct answer){ .fd = -1 };
	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		a->pid = peer.pid;
	rc = question_send(fd, words, n, ed);
	if (rc == 0)
		rc = answer_collect(fd, patience_ms, &text, &a->fd, ed);
	if (rc == 0)
		rc = answer_parse(a, &text, ed);
	(void)close(fd);
	str_fini(&text);
	if (rc != 0)
		client_fini(a);
	return rc;
}

void
client_fini(struct answer *a)
{
	json_free(&a->root);
	a->data = NULL;
	a->error = NULL;
	if (a->fd >= 0)
		(void)close(a->fd);
	a->fd = -1;
}
