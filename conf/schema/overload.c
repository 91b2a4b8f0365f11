/* overload.c - section "overload": when a worker refuses new requests to serve those it has. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_overload, f)

static const struct item items[] = {
	{ "delay", ITEM_MSEC, AT(delay_ms), "100ms", 0, 60000,
	    .help =
		"an event may wait this long until a worker's loop handles it: above, it leaves unread what it "
		"cannot serve in time, or answers it 503 (\"shed\"); 0: never" },
	{ "interval", ITEM_MSEC, AT(interval_ms), "1s", 0, 60000,
	    .help = "only when the wait was longer for all of this time: a short peak is served" },
};

const struct section schema_overload = {
	.help = "Refusing requests when a worker lags behind.",
	.items = items,
	.nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_overload),
	.pos = AT(at),
};
