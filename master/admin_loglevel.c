/*
 * admin_loglevel.c - loglevel: how much the event log of every process says, until a reload sets what its
 * configuration asks for.
 */
#include "conf/base/log.h"
#include "master/admin_cmds.h"
#include "master/child.h"
#include "master/master.h"

/* How many processes know it. */
static unsigned
set_everywhere(struct master *m, enum log_level level)
{
	uint32_t value = level;
	unsigned n = 1;
	char who[64];
	int rc;

	log_set_level(level);
	LIST_EACH(&m->children, node) {
		struct child *c = LIST_ENTRY(node, struct child, node);

		rc = child_send(c, LINK_LOGLEVEL, &value, -1);
		n += rc == 0;
		if (rc != 0 && rc != -E_CLOSED)
			log_write(LOG_WARN, "%s: keeps its log level: %s", child_text(c, who),
			    err_text(rc));
	}
	return n;
}

void
admin_loglevel(struct master *m, struct admin_client *c, const struct admin_request *r)
{
	enum log_level level;
	struct json *o;

	if (r->nargs > 0 && log_level_parse(&level, r->arg[0]) != 0) {
		admin_refuse(c, "a level is error, warn, info or debug");
		return;
	}
	o = json_obj();
	if (r->nargs > 0) {
		log_write(LOG_INFO, "log level %s, by user %u", r->arg[0], (unsigned)admin_uid(c));
		json_set_int(o, "processes", set_everywhere(m, level));
	}
	json_set_str(o, "level", log_level_text(log_get_level()));
	json_set_str(o, "configured", m->current->conf->process.log_level);
	admin_reply(c, o);
}
