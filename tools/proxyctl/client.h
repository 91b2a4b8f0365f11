/*
 * client.h - one question to a running proxyd over its admin socket.
 */
#pragma once
#include <sys/types.h>
#include "conf/base/json.h"

struct answer {
	struct json	*root;		/* owned; {"ok", "error", "data"} */
	const struct json *data;	/* in root, may be NULL */
	const char	*error;		/* NULL: ok */
	int		 fd;		/* handed over with the answer, owned; -1: none */
	pid_t		 pid;		/* of the server, as the kernel tells it */
};

/*
 * Sends the words as one line and waits for the answer. -E_CLOSED: nobody listens there (not running); any other
 * error with detail. An answer with "ok": false is a success of this call.
 */
int	client_ask(const char *path, const char *const *words, unsigned n, int64_t patience_ms,
	    struct answer *, struct errdetail *) MUST_CHECK;
void	client_fini(struct answer *);
