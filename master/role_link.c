/* role_link.c - messages as they come. */
#include "master/role_link.h"

#include <unistd.h>

#include "conf/base/log.h"

static void
obey_level(struct wire *w)
{
	uint32_t level = wire_get_u32(w);

	if (wire_done(w) == 0 && level <= LOG_DEBUG)
		log_set_level((enum log_level)level);
}

static void
hear_one(char *buf, size_t len, int fd, role_heard_f *heard, void *owner)
{
	struct wire w;
	uint16_t type;

	if (wire_read_init(&w, buf, len, &type) != 0)
		type = 0;
	if (type == LINK_LOGLEVEL)
		obey_level(&w);
	else
		heard(owner, type, &w, &fd);
	if (fd >= 0)
		(void)close(fd);
}

bool
role_hear(const struct env *env, role_heard_f *heard, void *owner)
{
	char buf[WIRE_MAX];
	size_t len;
	int fd, rc;

	while ((rc = wire_recv(env->link, buf, sizeof buf, &len, &fd)) == 0)
		hear_one(buf, len, fd, heard, owner);
	return rc != -E_CLOSED && rc != -E_SYS;
}

bool
role_say(const struct env *env, enum link_type type)
{
	char buf[WIRE_MAX];
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, (uint16_t)type);
	return wire_send(env->link, &w, -1) == 0;
}
