/*
 * socket_path.h - where the admin socket of an instance is: one rule for the server and for proxyctl.
 *
 * As root /run/proxyd/NAME.sock; else $XDG_RUNTIME_DIR/proxyd-NAME.sock; else /tmp/proxyd-UID/NAME.sock. The
 * server makes the folder (0700); a folder in /tmp that somebody else owns or may enter is refused.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "conf/base/err.h"

#define SOCKET_PATH_MAX	108	/* of sockaddr_un */

/* The path of the instance `name`. make: the server, the folder is created and checked; else nothing is touched. */
int	socket_path(char out[SOCKET_PATH_MAX], const char *name, bool make, struct errdetail *) MUST_CHECK;
