/* telemetry.c - section "telemetry": what is told about requests. */
#include "conf/schema/schema.h"

static const char *const formats[] = { "combined", "common", "squid", "json", NULL };

static const struct item access_log_items[] = {
	{ "path", ITEM_STR, offsetof(struct conf_access_log, path), "stdout",
	    .flags = ITEM_NONEMPTY, .help = "a file, \"stdout\" or \"off\"" },
	{ "format", ITEM_CHOICE, offsetof(struct conf_access_log, format), "combined",
	    .names = formats,
	    .help = "\"combined\" or \"common\" as other servers write them, \"squid\" as Squid does, or "
		"one JSON object per line: \"json\"" },
};

static const struct section schema_access_log = {
	.help = "One line per request.", .items = access_log_items, .nitems = ARRAY_LEN(access_log_items),
	.size = sizeof(struct conf_access_log), .pos = offsetof(struct conf_access_log, at),
};

static const struct item items[] = {
	{ "access_log", ITEM_GROUP, offsetof(struct conf_telemetry, access_log),
	    .sub = &schema_access_log, .help = "one line per request" },
};

const struct section schema_telemetry = {
	.help = "What is told about requests.", .items = items, .nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_telemetry), .pos = offsetof(struct conf_telemetry, at),
};
