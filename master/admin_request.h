/*
 * admin_request.h - one request line of the admin socket, judged: a pure function of its bytes.
 */
#pragma once
#include "conf/base/json.h"

#define ADMIN_LINE_MAX	8192
#define ADMIN_WAIT_MAX	3600	/* seconds */

enum admin_who { ADMIN_LOCAL, ADMIN_VIEW, ADMIN_OPERATE };

enum admin_cmd {
#define CMD(id, verb, args, who, help) id,
#include "master/admin_tbl.h"
#undef CMD
	CMD_MAX
};

struct admin_request {
	enum admin_cmd	cmd;
	int64_t		wait_s;		/* reload --wait SECONDS; 0: not given */
	bool		fast;		/* stop --fast */
};

/* The line without its newline. On failure the detail is what the client is told. */
int	admin_parse(struct admin_request *, struct span line, struct errdetail *) MUST_CHECK;
