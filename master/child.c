/*
 * child.c - one child process as the others of the master name it and talk to it.
 */
#include "master/child.h"

#include <stdio.h>

#include "conf/base/log.h"
#include "conf/base/wire.h"
#include "master/master.h"

const char *
child_text(const struct child *c, char buf[64])
{
	if (c->seat->role == ROLE_WORKER)
		snprintf(buf, 64, "worker %u[%d]", c->seat->slot, c->pid);
	else
		snprintf(buf, 64, "%s[%d]", role_name(c->seat->role), c->pid);
	return buf;
}

struct stats_lane *
child_lane(const struct child *c)
{
	struct stats_data *stats = c->master->segments.stats.data;

	return &stats->lane[c->lane];
}

int
child_send(struct child *c, enum link_type type, const uint32_t *u32, int fd)
{
	char buf[64];
	struct wire w;

	if (c->link.fd < 0)
		return -E_CLOSED;
	wire_write_init(&w, buf, sizeof buf, (uint16_t)type);
	if (u32 != NULL)
		wire_put_u32(&w, *u32);
	return wire_send(c->link.fd, &w, fd);
}

/* What must not get lost: a child that does not even read its link is as good as hung. */
void
child_tell(struct child *c, enum link_type type)
{
	char who[64];
	int rc = child_send(c, type, NULL, -1);

	if (rc != 0 && rc != -E_CLOSED)
		log_write(
		    LOG_WARN, "%s: cannot be told anything: %s", child_text(c, who), err_text(rc));
}
