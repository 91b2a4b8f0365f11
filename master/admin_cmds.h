/*
 * admin_cmds.h - what the verbs of the admin socket do.
 */
#pragma once
#include "master/admin_request.h"

struct master;
struct admin_client;

/* One verb. Answers now, or later through the client (admin_reply and its like). The request is lent for the call. */
typedef void admin_command_f(struct master *, struct admin_client *, const struct admin_request *);

admin_command_f	admin_run;		/* the one the request names */
admin_command_f	admin_config_show, admin_config_diff, admin_reload;	/* admin_config.c */
admin_command_f	admin_status, admin_workers;				/* admin_status.c */
admin_command_f	admin_conn_ls, admin_conn_kill;				/* admin_conn.c */
