/* telemetry.c - section "telemetry": what is told about requests. */
#include "conf/schema/schema.h"

#include "conf/base/mem.h"
#include "conf/logfield.h"
#include "conf/logplace.h"

#define TAG_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define TAG_MAX 32	/* RFC 3164 4.1.3 */
#define LOG_AT(f) offsetof(struct conf_access_log, f)

static const char *const formats[] = { "combined", "common", "squid", "json", NULL };

static const struct item access_log_items[] = {
	{ "path", ITEM_STR, LOG_AT(path), "stdout", .flags = ITEM_NONEMPTY,
	    .help = "a file, \"stdout\", \"off\", \"syslog\" (/dev/log), \"syslog:/path/of/socket\" or "
		"\"syslog://IP:PORT\" (UDP)" },
	{ "format", ITEM_CHOICE, LOG_AT(format), "combined", .names = formats,
	    .help = "\"combined\" or \"common\" as other servers write them, \"squid\" as Squid does, or "
		"one JSON object per line: \"json\"" },
	{ "when", ITEM_STR, LOG_AT(when), .flags = ITEM_NONEMPTY,
	    .help = "only the requests that an expression is true of, as in \"status>=500 or total_ms>1s\" "
		"(proxyctl help log); proxyctl log and top see all of them" },
	{ "facility", ITEM_CHOICE, LOG_AT(facility), "local0", .names = logplace_facilities,
	    .help = "of syslog: \"user\", \"daemon\", \"local0\" to \"local7\"" },
	{ "tag", ITEM_STR, LOG_AT(tag), "proxyd", .flags = ITEM_NONEMPTY,
	    .help = "of syslog: the program's name in each message" },
};

static void
check_when(struct item_ctx *c, const char *when)
{
	struct errdetail ed = { 0 };
	struct expr *e = expr_parse(span_str(when), &logfields, &ed);

	if (e == NULL)
		item_error(c, "when", "\"when\": %s", ed.text);
	expr_free(&e);
}

static void
check_access_log(struct item_ctx *c, void *obj)
{
	struct conf_access_log *l = obj;
	struct errdetail ed = { 0 };
	struct logplace place;
	size_t n = l->tag == NULL ? 0 : strspn(l->tag, TAG_BYTES);

	if (l->path != NULL && logplace_parse(&place, l->path, &ed) != 0)
		item_error(c, "path", "\"path\": %s", ed.text);
	if (l->when != NULL)
		check_when(c, l->when);
	if (l->tag != NULL && (l->tag[n] != '\0' || n > TAG_MAX))
		item_error(c, "tag",
		    "\"tag\" = \"%.40s\": write at most %d letters, digits, '.', '_' and '-'", l->tag,
		    TAG_MAX);
}

static const struct section schema_access_log = {
	.help = "One line per request.", .items = access_log_items, .nitems = ARRAY_LEN(access_log_items),
	.size = sizeof(struct conf_access_log), .pos = LOG_AT(at), .check = check_access_log,
};

static const struct item items[] = {
	{ "access_log", ITEM_GROUP, offsetof(struct conf_telemetry, access_log),
	    .sub = &schema_access_log, .help = "one line per request" },
};

const struct section schema_telemetry = {
	.help = "What is told about requests.", .items = items, .nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_telemetry), .pos = offsetof(struct conf_telemetry, at),
};
