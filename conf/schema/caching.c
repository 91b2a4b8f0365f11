/*
 * caching.c - group "cache" of defaults, forward and each route: what is stored, and for how long it is fresh.
 *
 * One list of items in two forms: with the shipped defaults, and for routes, where what is missing is inherited.
 */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_caching, f)
#define YEAR ((int64_t)365 * 86400000)

#define DROP_HELP "query parameters that pick no other answer: \"utm_source\", …"

static const struct item shipped[] = {
#define FLAG(f, def, text) { #f, ITEM_BOOL, AT(f), def, .help = text },
#define TIME(f, def, text) { #f, ITEM_MSEC, AT(f##_ms), def, 0, YEAR, .help = text },
#include "conf/schema/caching_tbl.h"
#undef FLAG
#undef TIME
	{ "drop_query", ITEM_STRS, AT(drop_query), .help = DROP_HELP },
};

static const struct item inherited[] = {
#define FLAG(f, def, text) { #f, ITEM_BOOL, AT(f), .flags = ITEM_INHERIT, .help = text },
#define TIME(f, def, text) \
	{ #f, ITEM_MSEC, AT(f##_ms), NULL, 0, YEAR, .flags = ITEM_INHERIT, .help = text },
#include "conf/schema/caching_tbl.h"
#undef FLAG
#undef TIME
	{ "drop_query", ITEM_STRS, AT(drop_query), .help = DROP_HELP },
};

const struct section schema_caching = {
	.help = "What is stored, and for how long; without a section \"cache\" nothing is.",
	.items = shipped,
	.nitems = ARRAY_LEN(shipped),
	.size = sizeof(struct conf_caching),
	.pos = SECTION_NO_POS,
};

const struct section schema_route_caching = {
	.help = "What is stored, and for how long; what is missing comes from defaults.cache.",
	.items = inherited,
	.nitems = ARRAY_LEN(inherited),
	.size = sizeof(struct conf_caching),
	.pos = SECTION_NO_POS,
};
