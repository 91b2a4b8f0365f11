/*
 * listen_unix.c - binds a socket to a path. Nobody can connect before listen(), so mode and owner are right from the
 * first connection on. An abstract name has no file, and so neither of them, and goes with its last socket.
 */
#include "master/listen_unix.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int
owner_user(struct unix_path *u, const char *name, struct errdetail *ed)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return err_set(
		    ed, -E_MISSING, "unix_owner names user %s, who does not exist", name);
	u->uid = pw->pw_uid;
	return 0;
}

static int
owner_group(struct unix_path *u, const char *name, struct errdetail *ed)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		return err_set(
		    ed, -E_MISSING, "unix_owner names group %s, which does not exist", name);
	u->gid = gr->gr_gid;
	return 0;
}

int
unix_path_set(struct unix_path *u, const struct addr *addr, const struct conf_listener *l,
    struct errdetail *ed)
{
	struct span rest = l->unix_owner == NULL ? SPAN_NONE : span_str(l->unix_owner), part;
	char name[64];
	int rc = 0;

	u->addr = *addr;
	u->mode = l->unix_bits;
	u->uid = (uid_t)-1;
	u->gid = (gid_t)-1;
	for (unsigned i = 0; rc == 0 && i < 2 && span_split(&rest, ':', &part); i++) {
		(void)snprintf(name, sizeof name, SPAN_FMT, SPAN_ARG(part));
		if (part.n > 0)
			rc = i == 0 ? owner_user(u, name, ed) : owner_group(u, name, ed);
	}
	if (rc == 0 && rest.p != NULL)
		rc = err_set(
		    ed, -E_SYNTAX, "unix_owner = \"%s\": write \"user:group\"", l->unix_owner);
	return rc;
}

static bool
is_abstract(const struct addr *a)
{
	return a->u.un.sun_path[0] == '\0';
}

static int
in_use(const struct addr *a, struct errdetail *ed)
{
	char text[ADDR_TEXT];

	return err_set(ed, -E_SYS,
	    "cannot listen on %s: another program does: 'ss -lxp' shows which",
	    addr_text(a, text));
}

static int
path_clear(const struct addr *a, struct errdetail *ed)
{
	const char *path = a->u.un.sun_path;
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : err_sys(ed, "cannot listen on unix:%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(ed, -E_SYS,
		    "cannot listen on unix:%s: something else than a socket is there: remove it or choose another path",
		    path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(ed, "socket");
	rc = connect(fd, &a->u.sa, a->len) == 0 ? 0 : errno;
	close(fd);
	if (rc != ECONNREFUSED)
		return in_use(a, ed);	/* EAGAIN: its queue is full, EACCES: nobody of ours put it there */
	if (unlink(path) != 0 && errno != ENOENT)
		return err_sys(ed, "cannot remove unix:%s, which nobody listens on any more", path);
	return 0;
}

static int
bind_named(const struct addr *a, mode_t mode)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;
	mode_t mask;

	if (fd < 0)
		return -1;
	mask = umask(0777 & ~mode);
	saved = bind(fd, &a->u.sa, a->len) == 0 ? 0 : errno;
	umask(mask);
	if (saved == 0)
		return fd;
	close(fd);
	errno = saved;
	return -1;
}

static int
bind_failed(const struct addr *a, struct errdetail *ed)
{
	char text[ADDR_TEXT];

	if (errno == EADDRINUSE)
		return in_use(a, ed);
	if (errno == ENOENT)
		return err_set(ed, -E_SYS, "cannot listen on unix:%s: its directory does not exist",
		    a->u.un.sun_path);
	return err_sys(ed, "cannot listen on %s", addr_text(a, text));
}

void
unix_path_take(struct unix_path *u, const struct addr *addr)
{
	struct stat st;

	u->addr = *addr;
	if (lstat(u->addr.u.un.sun_path, &st) != 0)
		return;
	u->dev = st.st_dev;
	u->ino = st.st_ino;
}

int
unix_path_bind(struct unix_path *u, struct errdetail *ed)
{
	int fd;

	if (!is_abstract(&u->addr) && path_clear(&u->addr, ed) != 0)
		return -1;
	fd = bind_named(&u->addr, u->mode);
	if (fd < 0) {
		(void)bind_failed(&u->addr, ed);
		return -1;
	}
	unix_path_take(u, &u->addr);
	if (unix_path_dress(u, ed) == 0)
		return fd;
	unix_path_remove(u);
	close(fd);
	return -1;
}

static bool
is_ours(const struct unix_path *u)
{
	struct stat st;

	return u->ino != 0 && lstat(u->addr.u.un.sun_path, &st) == 0 && st.st_dev == u->dev &&
	    st.st_ino == u->ino;
}

int
unix_path_dress(const struct unix_path *u, struct errdetail *ed)
{
	const char *path = u->addr.u.un.sun_path;

	if (!is_ours(u))
		return 0;
	if (lchown(path, u->uid, u->gid) != 0)
		return err_sys(ed, "cannot give unix:%s to its unix_owner", path);
	if (chmod(path, u->mode) != 0)
		return err_sys(ed, "cannot set the unix_mode of unix:%s", path);
	return 0;
}

void
unix_path_remove(struct unix_path *u)
{
	if (is_ours(u))
		(void)unlink(u->addr.u.un.sun_path);
	u->ino = 0;
}
