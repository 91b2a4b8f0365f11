/*
 * A map from the client's prefix to a count. Entries vanish with their last connection, so the table is bounded
 * by the number of connections.
 */
#include "worker/front/clients.h"

#include "conf/base/map.h"
#include "conf/base/mem.h"

struct client_slot { uint8_t key[9]; uint32_t count; };

static struct map clients = MAP_INIT;
static struct slab slots = SLAB_INIT("client", struct client_slot, 1024);

static bool
client_key(const struct addr *a, uint8_t key[9])
{
	struct addr f = addr_fold(a);

	memset(key, 0, 9);
	if (f.u.sa.sa_family == AF_INET) {
		key[0] = 4;
		memcpy(key + 1, &f.u.in4.sin_addr, 4);
		return true;
	}
	if (f.u.sa.sa_family == AF_INET6) {
		key[0] = 6;
		memcpy(key + 1, &f.u.in6.sin6_addr, 8);
		return true;
	}
	return false;
}

bool
clients_enter(const struct addr *a, int64_t limit, struct client_slot **out)
{
	uint8_t key[9];
	struct client_slot *s;

	*out = NULL;
	if (limit == 0 || !client_key(a, key))
		return true;
	s = map_get(&clients, span_make((const char *)key, sizeof key));
	if (s == NULL) {
		s = slab_try_get(&slots);
		if (s == NULL)
			return true;	/* counting must not cost a connection */
		memcpy(s->key, key, sizeof key);
		s->count = 0;
		if (map_put(&clients, span_make((const char *)s->key, sizeof s->key), s) != 0) {
			slab_put(&slots, s);
			return true;
		}
	}
	if (s->count >= limit)
		return false;
	s->count++;
	*out = s;
	return true;
}

void
clients_leave(struct client_slot *s)
{
	if (s == NULL || --s->count > 0)
		return;
	(void)map_del(&clients, span_make((const char *)s->key, sizeof s->key));
	slab_put(&slots, s);
}
