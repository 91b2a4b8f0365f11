/*
 * purge_wait.h - clients of proxyctl whose purge is in force, and who hear of it when it will also outlast a restart.
 */
#pragma once
#include <stdint.h>
#include "conf/base/json.h"

struct master;
struct admin_client;

enum { PURGES_WAITING = 16 };

struct purge_waits {
	struct {
		struct admin_client *client;
		struct json	*answer;	/* owned */
		uint32_t	 purges;	/* the number of its own */
		int64_t		 until_ms;
	} v[PURGES_WAITING];
	unsigned	 n;
};

/* Takes the answer; "kept" is added. At once, where there is no keeper or too many wait. */
void	purge_wait(struct master *, struct admin_client *, uint32_t purges, struct json *answer);
void	purge_wait_look(struct master *);	/* the keeper has told, or is gone, or time has passed */
void	purge_wait_forget(struct master *, const struct admin_client *);
