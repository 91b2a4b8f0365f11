/*
 * admin_cmds.h - what the verbs of the admin socket do.
 */
#pragma once
#include <sys/types.h>
#include "master/admin_request.h"

struct master;
struct admin_client;
struct conf;
struct verdict;

/* One verb. Answers now, or later through the client (admin_reply and its like). The request is lent for the call. */
typedef void admin_command_f(struct master *, struct admin_client *, const struct admin_request *);

admin_command_f	admin_run;		/* the one the request names */
admin_command_f	admin_config_show, admin_config_diff, admin_config_history;	/* admin_config.c */
admin_command_f	admin_reload, admin_config_rollback, admin_confirm;	/* admin_reload.c */
admin_command_f	admin_upgrade;						/* admin_upgrade.c */
admin_command_f	admin_status, admin_workers;				/* admin_status.c */
admin_command_f	admin_loglevel;						/* admin_loglevel.c */
admin_command_f	admin_drain;						/* admin_drain.c */
admin_command_f	admin_upstream_ls;					/* admin_upstream.c */
admin_command_f	admin_acl_reload, admin_acl_lookup;			/* admin_list.c */
admin_command_f	admin_explain;						/* admin_explain.c */
admin_command_f	admin_acl_ls, admin_acl_hits;				/* admin_rules.c */
admin_command_f	admin_cache_stat, admin_cache_purge, admin_cache_verify;	/* admin_cache.c */
admin_command_f	admin_conn_ls, admin_conn_kill;				/* admin_conn.c */

/* What several of them need. */
/* The configuration of a generation in the history, by its number's text; NULL with what to tell the client. */
const struct conf *admin_past(const struct master *, const char *text, unsigned *number, struct errdetail *);
int64_t	admin_rss_kib(pid_t);	/* resident memory; 0 when the kernel does not say */
void	admin_verdict_text(const struct verdict *, struct str *out);	/* of a failure: why, and the problems */
/* "unconfirmed": {"generation", "returns_to", "left_s"} while a configuration is on probation, else nothing. */
void	admin_set_confirm(struct json *, const struct master *);
