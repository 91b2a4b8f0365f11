/*
 * admin_cmds.c - which function does which verb of admin_tbl.h, and the verbs that need no file of their own.
 */
#include "master/admin_cmds.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/base/version.h"
#include "master/admin_request.h"
#include "master/master.h"

static void
cmd_stop(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	admin_reply(c, json_obj());
	stop_later(m, admin_option(r, "--fast") != NULL ? STOP_FAST : STOP_BOUNDED);
}

/* A descriptor that cannot be mapped for writing: the one we hold can. */
static void
cmd_log(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	char path[64];
	struct json *o;
	int fd;

	(void)r;
	snprintf(path, sizeof path, "/proc/self/fd/%d", m->segments.journal.fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		admin_refuse(c, "the journal cannot be opened for reading");
		return;
	}
	o = json_obj();
	json_set_int(o, "lanes", m->segments.lanes);
	admin_reply_fd(c, o, fd);
}

static void
cmd_version(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	struct json *o = json_obj();

	(void)m;
	(void)r;
	json_set_str(o, "version", PROXYD_VERSION);
	admin_reply(c, o);
}

void
admin_run(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	static admin_command_f *const run[CMD_MAX] = {
		[CMD_CONFIG_SHOW] = admin_config_show,
		[CMD_CONFIG_DIFF] = admin_config_diff,
		[CMD_CONFIG_HISTORY] = admin_config_history,
		[CMD_CONFIG_ROLLBACK] = admin_config_rollback,
		[CMD_STATUS] = admin_status,
		[CMD_CACHE_STAT] = admin_cache_stat,
		[CMD_CACHE_PURGE] = admin_cache_purge,
		[CMD_CACHE_VERIFY] = admin_cache_verify,
		[CMD_RELOAD] = admin_reload,
		[CMD_CONFIRM] = admin_confirm,
		[CMD_STOP] = cmd_stop,
		[CMD_UPGRADE] = admin_upgrade,
		[CMD_WORKERS] = admin_workers,
		[CMD_DRAIN] = admin_drain,
		[CMD_UPSTREAM_LS] = admin_upstream_ls,
		[CMD_ACL_LOOKUP] = admin_acl_lookup,
		[CMD_ACL_RELOAD] = admin_acl_reload,
		[CMD_EXPLAIN] = admin_explain,
		[CMD_CONN_LS] = admin_conn_ls,
		[CMD_CONN_KILL] = admin_conn_kill,
		[CMD_LOGLEVEL] = admin_loglevel,
		[CMD_ACL_LS] = admin_acl_ls,
		[CMD_ACL_HITS] = admin_acl_hits,
		[CMD_LOG] = cmd_log,
		[CMD_VERSION] = cmd_version,
	};

	if ((unsigned)r->cmd >= CMD_MAX || run[r->cmd] == NULL)
		admin_refuse(c, "this command is not for a running proxyd");
	else if (m->current == NULL)
		admin_refuse(c, m->stop.mode == STOP_NONE ? "still starting" : "stopping");
	else
		run[r->cmd](m, c, r);
}
