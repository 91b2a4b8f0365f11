/* process.c - section "process": how many, as whom, and where they speak. */
#include "conf/schema/schema.h"

#include "conf/logplace.h"

#define AT(f) offsetof(struct conf_process, f)

static const char *const levels[] = { "error", "warn", "info", "debug", NULL };

static const struct item items[] = {
	{ "workers", ITEM_INT, AT(workers), "0", 0, 256, .help = "worker processes; 0: one per core" },
	{ "user", ITEM_STR, AT(user), "proxyd", .flags = ITEM_NONEMPTY | ITEM_RESTART,
	    .help = "user the processes run as when started by root" },
	{ "group", ITEM_STR, AT(group), "proxyd", .flags = ITEM_NONEMPTY | ITEM_RESTART, .help = "their group" },
	{ "admin_socket", ITEM_STR, AT(admin_socket), .flags = ITEM_NONEMPTY | ITEM_RESTART,
	    .help = "proxyctl's socket; else /run/proxyd/NAME.sock or $XDG_RUNTIME_DIR/proxyd-NAME.sock" },
	{ "connections", ITEM_INT, AT(connections), "0", 0, 1000000,
	    .help = "client connections per worker; 0: 10000, or half the open-files limit if less" },
	{ "drain", ITEM_MSEC, AT(drain_ms), "30s", 0, 86400000,
	    .help = "at stop and reload: patience with requests that make no progress" },
	{ "history", ITEM_SIZE, AT(history), "16MiB", 0, INT64_MAX,
	    .help = "memory for configurations that served, for config rollback; the oldest go first" },
	{ "upgrade_timeout", ITEM_MSEC, AT(upgrade_timeout_ms), "30s", 1000, 3600000,
	    .help = "how long a new binary may take until it is ready to serve; then the old one goes on" },
	{ "log", ITEM_STR, AT(log), "stderr", .flags = ITEM_NONEMPTY,
	    .help = "event log: \"stderr\", a file, \"syslog\" (/dev/log), \"syslog:/path/of/socket\" or "
		    "\"syslog://IP:PORT\" (UDP); there its facility is daemon" },
	{ "log_level", ITEM_CHOICE, AT(log_level), "info", .names = levels, .help = "what goes into the event log" },
};

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_process *p = obj;
	struct errdetail ed = { 0 };
	struct logplace place;

	if (p->log != NULL && logplace_parse(&place, p->log, &ed) != 0)
		item_error(c, "log", "\"log\": %s", ed.text);

	if (p->admin_socket != NULL && strlen(p->admin_socket) > 100)
		item_error(c, "admin_socket",
		    "\"admin_socket\" is longer than the 100 bytes a socket's path may have");
}

const struct section schema_process = {
	.help = "The processes.", .items = items, .nitems = ARRAY_LEN(items), .size = sizeof(struct conf_process),
	.pos = AT(at), .check = check,
};
