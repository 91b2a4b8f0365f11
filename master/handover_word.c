/*
 * handover_word.c - one word from the other master, whichever of the two this one is.
 */
#include "master/handover.h"

#include <unistd.h>

#include "conf/base/log.h"

int
handover_hear(int link, char buf[WIRE_MAX], struct wire *w, uint16_t *type)
{
	size_t len;
	int fd = -1, rc = wire_recv(link, buf, WIRE_MAX, &len, &fd);

	if (fd >= 0)
		(void)close(fd);	/* no word brings one */
	if (rc != 0)
		return rc == -E_SYS ? -E_CLOSED : rc;
	if (wire_read_init(w, buf, len, type) != 0)
		*type = 0;
	return 0;
}

void
handover_noise(uint16_t type)
{
	log_write(LOG_WARN, "upgrade: a message that makes no sense (type %u), ignored", type);
}
