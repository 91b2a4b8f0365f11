/*
 * admin.h - the admin socket: one request line per connection, one JSON object as the answer, then the end.
 *
 * Only root and the user the master runs as are heard. A client costs a bounded amount of memory and time,
 * whatever it does or does not do.
 */
#pragma once
#include <sys/types.h>
#include "conf/base/json.h"
#include "conf/base/list.h"
#include "conf/socket_path.h"
#include "worker/io/loop.h"

struct master;
struct conf;
struct admin_client;

struct admin {
	struct loop_source source;	/* the listening socket */
	struct timer	rest;		/* out of descriptors: not watched meanwhile */
	int64_t		told_ms;	/* when that was last logged */
	char		path[SOCKET_PATH_MAX];
	struct list	clients;
	struct master	*master;
	int		fd;		/* the same, watched or not; -1: none */
	bool		lent;		/* another master answers there: the path is not ours to remove */
};

/* Binds the path the configuration names, or its default; refuses when another proxyd answers there. */
int	admin_open(struct master *, const struct conf *, struct errdetail *) MUST_CHECK;
void	admin_serve(struct master *);		/* answers from now on: an heir that is held does not */
void	admin_leave(struct master *, bool taken);	/* no new clients; taken: another master answers there now */
void	admin_close(struct master *);
bool	admin_busy(const struct master *);	/* somebody still waits for an answer */
void	admin_freed(struct master *);		/* an older generation is gone: some may wait for that */

/* For commands: exactly one of these ends a request. */
void	admin_reply(struct admin_client *, struct json *data);		/* takes data */
void	admin_reply_fd(struct admin_client *, struct json *data, int fd);	/* takes both */
void	admin_refuse(struct admin_client *, const char *why);
/* The answer is ready but is sent when no older generation is left, or after the patience the client has. */
void	admin_reply_late(struct admin_client *, struct json *data);
void	admin_patience(struct admin_client *, int64_t seconds);
struct master *admin_master(const struct admin_client *);
uid_t	admin_uid(const struct admin_client *);		/* who asks */
