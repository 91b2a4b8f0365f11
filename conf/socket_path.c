/*
 * socket_path.c - the admin socket's place by privilege and environment.
 *
 * A folder in /tmp can be made by anybody first, so it counts only when it is a real folder of ours that nobody
 * else may enter. The client asks the same before it believes what listens there.
 */
#include "conf/socket_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_DIR "/run/proxyd"

static int
folder_check(const char *path, struct errdetail *ed)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(ed, "%s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(ed, -E_DENIED,
		    "%s: must be a folder of user %u with mode 0700; remove it or give proxyctl -s",
		    path, (unsigned)geteuid());
	return 0;
}

static int
folder_make(const char *path, mode_t mode, struct errdetail *ed)
{
	return mkdir(path, mode) < 0 && errno != EEXIST ? err_sys(ed, "cannot make %s", path) : 0;
}

/* The folder; *file is how the socket's name begins in it. */
static int
folder_choose(char *out, size_t size, const char **file, bool make, struct errdetail *ed)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int rc;

	*file = "";
	if (geteuid() == 0) {
		(void)snprintf(out, size, "%s", RUN_DIR);
		return make ? folder_make(out, 0700, ed) : 0;
	}
	if (runtime != NULL && runtime[0] == '/') {
		*file = "proxyd-";
		return snprintf(out, size, "%s", runtime) < (int)size ?
		    0 :
		    err_set(ed, -E_RANGE, "XDG_RUNTIME_DIR is too long for a socket");
	}
	(void)snprintf(out, size, "/tmp/proxyd-%u", (unsigned)geteuid());
	rc = make ? folder_make(out, 0700, ed) : 0;
	return rc != 0 ? rc : folder_check(out, ed);
}

int
socket_path(char out[SOCKET_PATH_MAX], const char *name, bool make, struct errdetail *ed)
{
	char folder[SOCKET_PATH_MAX];
	const char *file;
	int rc, n;

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return err_set(ed, -E_SYNTAX, "'%s' is not an instance name", name);
	rc = folder_choose(folder, sizeof folder, &file, make, ed);
	if (rc != 0)
		return rc;
	n = snprintf(out, SOCKET_PATH_MAX, "%s/%s%s.sock", folder, file, name);
	if (n < 0 || n >= SOCKET_PATH_MAX)
		return err_set(ed, -E_RANGE, "%s/%s%s.sock: longer than a socket's path may be",
		    folder, file, name);
	return 0;
}
