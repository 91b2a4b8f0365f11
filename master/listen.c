/*
 * listen.c - binds, keeps, retires.
 *
 * SO_REUSEPORT would also let a second proxyd of the same user bind the same port and silently take half of
 * the connections. A new address is therefore first bound without the option, which the kernel refuses while
 * anybody listens there.
 */
#include "master/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/base/log.h"

#define PROBE_STEP_US 100000

void
bounds_init(struct bounds *bs)
{
	list_init(&bs->all);
	bs->patience_ms = 0;
}

static bool
is_unix(const struct addr *a)
{
	return a->u.sa.sa_family == AF_UNIX;
}

static void
bound_cut(struct bound *b, unsigned keep)
{
	while (b->nfds > keep)
		close(b->fd[--b->nfds]);
	if (b->nlive > keep)
		b->nlive = keep;
}

static void
bound_free(struct bounds *bs, struct bound *b)
{
	bound_cut(b, 0);
	if (is_unix(&b->addr) && !b->lent)
		unix_path_remove(&b->path);
	list_remove(&bs->all, &b->node);
	free(b->fd);
	free(b);
}

void
bounds_fini(struct bounds *bs)
{
	LIST_EACH_SAFE(&bs->all, n)
		bound_free(bs, LIST_ENTRY(n, struct bound, node));
}

bool
bound_matches(const struct bound *b, const struct addr *addr, bool dual)
{
	return addr_eq(&b->addr, addr) && b->dual == dual;
}

static struct bound *
bounds_find(struct bounds *bs, const struct addr *addr, bool dual)
{
	LIST_EACH(&bs->all, n) {
		struct bound *b = LIST_ENTRY(n, struct bound, node);

		if (bound_matches(b, addr, dual))
			return b;
	}
	return NULL;
}

static int
bind_failed(struct errdetail *ed, const struct addr *addr)
{
	char text[ADDR_TEXT];

	addr_text(addr, text);
	if (errno == EADDRINUSE)
		return err_set(ed, -E_SYS, "cannot listen on %s: another program does: "
		    "'ss -lntp' shows which", text);
	if (errno == EACCES)
		return err_set(ed, -E_SYS, "cannot listen on %s: not permitted: ports below 1024 "
		    "need root or CAP_NET_BIND_SERVICE", text);
	if (errno == EADDRNOTAVAIL)
		return err_set(
		    ed, -E_SYS, "cannot listen on %s: this machine has no such address", text);
	return err_sys(ed, "cannot listen on %s", text);
}

static int
set_on(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value);
}

/* A bound TCP socket, or -1 with errno. */
static int
bind_tcp(const struct addr *addr, bool dual, bool shared)
{
	int family = addr->u.sa.sa_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd < 0)
		return -1;
	if (set_on(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
	    (!shared || set_on(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0) &&
	    (family != AF_INET6 || set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, !dual) == 0) &&
	    bind(fd, &addr->u.sa, addr->len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Do we hold a socket on this port already? Then a probe would only find ourselves. */
static bool
port_is_ours(const struct bounds *bs, const struct addr *addr)
{
	LIST_EACH(&bs->all, n) {
		const struct bound *b = LIST_ENTRY(n, struct bound, node);

		if (!is_unix(&b->addr) && addr_port(&b->addr) == addr_port(addr))
			return true;
	}
	return false;
}

static int
probe(const struct bounds *bs, const struct addr *addr, bool dual)
{
	int left = bs->patience_ms * 1000, fd;

	if (port_is_ours(bs, addr))
		return 0;
	while ((fd = bind_tcp(addr, dual, false)) < 0 && errno == EADDRINUSE && left > 0) {
		(void)usleep(PROBE_STEP_US);
		left -= PROBE_STEP_US;
	}
	if (fd < 0)
		return -1;
	return close(fd);
}

/* One more slot of an address: a socket of its own, or for UNIX sockets and those handed in the same one again. */
static int
bound_grow(struct bound *b, struct errdetail *ed)
{
	int fd;

	if (!is_unix(&b->addr) && !b->given)
		fd = bind_tcp(&b->addr, b->dual, true);
	else if (b->nfds == 0)
		fd = unix_path_bind(&b->path, ed);
	else
		fd = fcntl(b->fd[0], F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return bind_failed(ed, &b->addr);
	b->fd[b->nfds++] = fd;
	return 0;
}

static int
bound_slots(struct bound *b, unsigned slots, struct errdetail *ed)
{
	int *fd;

	if (slots <= b->nfds)
		return 0;
	fd = realloc(b->fd, slots * sizeof *fd);
	if (fd == NULL)
		return err_set(ed, -E_NOMEM, "no memory for listeners");
	b->fd = fd;
	while (b->nfds < slots)
		if (bound_grow(b, ed) != 0)
			return -E_SYS;
	return 0;
}

/*
 * Connections inherit the option: a small piece of an answer must not wait for the client's acknowledgement of the one
 * before it, which delays up to 40 ms. Sockets handed in get it here as well.
 */
static int
bound_listen(struct bound *b, unsigned from, struct errdetail *ed)
{
	for (unsigned i = from; i < b->nfds; i++) {
		if (!is_unix(&b->addr))
			(void)set_on(b->fd[i], IPPROTO_TCP, TCP_NODELAY, 1);
		if (listen(b->fd[i], b->backlog) != 0)
			return bind_failed(ed, &b->addr);
	}
	b->nlive = b->nfds;
	return 0;
}

static struct bound *
bound_new(struct bounds *bs, const struct addr *addr, bool dual, struct errdetail *ed)
{
	struct bound *b;

	if (!is_unix(addr) && probe(bs, addr, dual) != 0) {
		(void)bind_failed(ed, addr);
		return NULL;
	}
	b = calloc(1, sizeof *b);
	if (b == NULL) {
		(void)err_set(ed, -E_NOMEM, "no memory for listeners");
		return NULL;
	}
	b->addr = *addr;
	b->dual = dual;
	list_push(&bs->all, &b->node);
	return b;
}

static int
plan_address(struct bounds *bs, const struct conf_listener *l, unsigned i, unsigned workers,
    unsigned generation, struct errdetail *ed)
{
	bool dual = l->bind.v[i][0] == '*';
	struct bound *b = bounds_find(bs, &l->addrs[i], dual);
	int rc;

	if (b == NULL)
		b = bound_new(bs, &l->addrs[i], dual, ed);
	if (b == NULL)
		return -E_SYS;
	b->older_plan = b->plan;
	b->older_listener = b->listener;
	b->older_retire_ms = b->retire_ms;
	b->retire_ms = 0;
	b->plan = generation;
	b->listener = l->index;
	b->backlog = (int)l->backlog;
	rc = is_unix(&b->addr) ? unix_path_set(&b->path, &b->addr, l, ed) : 0;
	if (rc == 0)
		rc = bound_slots(b, workers, ed);
	if (rc == 0 && b->nlive == 0)
		rc = bound_listen(b, 0, ed);
	return rc;
}

int
bounds_plan(struct bounds *bs, const struct conf *conf, unsigned workers, unsigned generation,
    struct errdetail *ed)
{
	for (unsigned i = 0; i < conf->nlisteners; i++) {
		const struct conf_listener *l = &conf->listeners[i];

		for (unsigned j = 0; j < l->naddrs; j++) {
			int rc = plan_address(bs, l, j, workers, generation, ed);

			if (rc != 0) {
				bounds_drop(bs, generation);
				return rc;
			}
		}
	}
	return 0;
}

int
bounds_list(const struct bounds *bs, unsigned generation, struct listen_fd **list, unsigned *n,
    unsigned *nslots)
{
	struct listen_fd *at;
	size_t total = 0;

	*nslots = *n = 0;
	LIST_EACH(&bs->all, node)
		total += LIST_ENTRY(node, struct bound, node)->nfds;
	*list = at = calloc(total + 1, sizeof *at);
	if (at == NULL)
		return -E_NOMEM;
	LIST_EACH(&bs->all, node) {
		const struct bound *b = LIST_ENTRY(node, struct bound, node);

		if (b->plan != generation)
			continue;
		for (unsigned s = 0; s < b->nfds; s++)
			*at++ = (struct listen_fd){ b->fd[s], b->listener, s, b->addr,
				is_unix(&b->addr) || b->given };
		if (b->nfds > *nslots)
			*nslots = b->nfds;
	}
	*n = (unsigned)(at - *list);
	return 0;
}

int
bounds_open(struct bounds *bs, unsigned generation, struct errdetail *ed)
{
	int rc;

	LIST_EACH(&bs->all, n) {
		struct bound *b = LIST_ENTRY(n, struct bound, node);

		if (b->plan != generation)
			continue;
		rc = bound_listen(b, 0, ed); /* again for those that do: a changed backlog is taken */
		if (rc == 0 && is_unix(&b->addr))
			rc = unix_path_dress(&b->path, ed);
		if (rc != 0)
			return rc;
		b->older_plan = b->plan;
	}
	return 0;
}

void
bounds_retire(struct bounds *bs, unsigned generation, int64_t when)
{
	LIST_EACH(&bs->all, n) {
		struct bound *b = LIST_ENTRY(n, struct bound, node);

		if (b->plan != generation && b->retire_ms == 0)
			b->retire_ms = when;
	}
}

/* shutdown also ends the listening of the copies that draining workers still hold. */
void
bounds_tick(struct bounds *bs, int64_t now_ms)
{
	LIST_EACH_SAFE(&bs->all, n) {
		struct bound *b = LIST_ENTRY(n, struct bound, node);

		if (b->retire_ms == 0 || now_ms < b->retire_ms)
			continue;
		for (unsigned i = 0; i < b->nfds && !b->lent && !b->given; i++)
			(void)shutdown(b->fd[i], SHUT_RD);
		bound_free(bs, b);
	}
}

void
bounds_drop(struct bounds *bs, unsigned generation)
{
	LIST_EACH_SAFE(&bs->all, n) {
		struct bound *b = LIST_ENTRY(n, struct bound, node);

		if (b->plan != generation || b->older_plan == generation)
			continue;
		if (b->older_plan == 0) {
			bound_free(bs, b);
			continue;
		}
		bound_cut(b, b->nlive);
		b->plan = b->older_plan;
		b->listener = b->older_listener;
		b->retire_ms = b->older_retire_ms;
	}
}

/* ------------------------------------------------- sockets that were there before us */

static int
take_check(int fd, const struct addr *want, struct errdetail *ed)
{
	struct addr have = { .len = sizeof have.u };
	socklen_t len = sizeof(int);
	int listens = 0;
	char text[ADDR_TEXT];

	addr_text(want, text);
	if (getsockname(fd, &have.u.sa, &have.len) != 0)
		return err_sys(ed, "listener %s: descriptor %d", text, fd);
	if (!addr_eq(&have, want) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || listens == 0)
		return err_set(ed, -E_PROTO, "listener %s: descriptor %d does not listen there",
		    text, fd);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return 0;
}

int
bounds_take(struct bounds *bs, const struct bound_plan *plan, const int *fd, unsigned n,
    struct errdetail *ed)
{
	struct bound *b;
	int rc = 0;

	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = take_check(fd[i], plan->addr, ed);
	if (rc != 0)
		return rc;
	b = calloc(1, sizeof *b);
	if (b == NULL || (b->fd = calloc(n + 1, sizeof *fd)) == NULL) {
		free(b);
		return err_set(ed, -E_NOMEM, "no memory for listeners");
	}
	memcpy(b->fd, fd, n * sizeof *fd);
	b->addr = *plan->addr;
	b->dual = plan->dual;
	b->given = plan->given;
	b->lent = plan->lent;
	b->plan = plan->generation;
	b->nfds = b->nlive = n;
	if (is_unix(&b->addr) && !b->given)
		unix_path_take(&b->path, &b->addr);
	list_push(&bs->all, &b->node);
	return 0;
}

void
bounds_own(struct bounds *bs)
{
	LIST_EACH(&bs->all, n)
		LIST_ENTRY(n, struct bound, node)->lent = false;
}

void
bounds_leave(struct bounds *bs)
{
	LIST_EACH_SAFE(&bs->all, n) {
		struct bound *b = LIST_ENTRY(n, struct bound, node);

		b->lent = true;
		bound_free(bs, b);
	}
}

void
bounds_prune(struct bounds *bs)
{
	char text[ADDR_TEXT];

	LIST_EACH_SAFE(&bs->all, n) {
		struct bound *b = LIST_ENTRY(n, struct bound, node);

		if (!b->given || b->plan != 0)
			continue;
		log_write(LOG_WARN,
		    "a socket handed in for %s matches no \"bind\" of the configuration: closed",
		    addr_text(&b->addr, text));
		bound_free(bs, b);
	}
}
