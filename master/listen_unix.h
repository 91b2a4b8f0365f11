/*
 * listen_unix.h - a listening socket with a name in the file system: who may connect, and whose name it is.
 *
 * The name is ours only while it leads to the inode we bound: another program, or our own successor, may have put
 * its socket there meanwhile.
 */
#pragma once
#include <sys/stat.h>
#include "conf/conf.h"

struct unix_path {
	struct addr	addr;
	mode_t		mode;
	uid_t		uid;		/* -1: as it is */
	gid_t		gid;
	dev_t		dev;		/* of the socket bound; ino 0: none */
	ino_t		ino;
};

/* What the configuration says about the path, names of users looked up. */
int	unix_path_set(struct unix_path *, const struct addr *, const struct conf_listener *, struct errdetail *)
	    MUST_CHECK;
/*
 * A bound socket that does not listen yet, or -1 with detail. What a predecessor left behind is removed; a socket
 * that answers, and anything that is no socket, stays and is refused.
 */
int	unix_path_bind(struct unix_path *, struct errdetail *);
/* A socket that was bound at the address by another master: the name becomes ours. */
void	unix_path_take(struct unix_path *, const struct addr *);
/* Permissions and owner as they are set now. */
int	unix_path_dress(const struct unix_path *, struct errdetail *) MUST_CHECK;
void	unix_path_remove(struct unix_path *);	/* the name, when it is still ours */
