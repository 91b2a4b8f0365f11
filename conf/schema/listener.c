/* listener.c - entries of "listeners": addresses bound for clients. */
#include "conf/schema/schema.h"

#define AT(f) offsetof(struct conf_listener, f)

static const struct item items[] = {
	{ "name", ITEM_STR, AT(name), .flags = ITEM_NONEMPTY,
	    .help = "as it appears in logs and statistics; without it the first address" },
	{ "bind", ITEM_STRS, AT(bind), .flags = ITEM_REQUIRED,
	    .help =
		"addresses: \"192.0.2.1:80\", \"[::1]:80\", \"*:80\" (every IPv4 and IPv6 address), "
		"\"unix:/path\", \"unix:@name\" (abstract)" },
	{ "mode", ITEM_ENUM, AT(mode), .names = schema_modes,
	    .help = "\"forward\" or \"reverse\"; without it the mode of the file" },
	{ "unix_mode", ITEM_STR, AT(unix_mode), "0660", .flags = ITEM_TERSE | ITEM_NONEMPTY,
	    .help = "permissions of the socket files of \"unix:\" addresses, in octal" },
	{ "unix_owner", ITEM_STR, AT(unix_owner), .flags = ITEM_TERSE | ITEM_NONEMPTY,
	    .help =
		"their owner, \"user\", \"user:group\" or \":group\"; without it who starts proxyd" },
	{ "trusted_proxies", ITEM_CIDRS, AT(trusted_proxies), .flags = ITEM_PEERS,
	    .help =
		"peers whose Forwarded and X-Forwarded-* are believed (\"unix\": those of a UNIX "
		"socket); from others they are dropped" },
	{ "proxy_protocol", ITEM_CIDRS, AT(proxy_protocol), .flags = ITEM_PEERS,
	    .help =
		"peers that must begin with a PROXY protocol header, v1 or v2 (\"unix\": those of a "
		"UNIX socket); without it nobody may" },
	{ "max_per_client", ITEM_INT, AT(max_per_client), "256", 0, 1000000,
	    .help =
		"connections per IPv4 address or IPv6 /64, told by a PROXY header or seen; 0: any number; "
		"over a UNIX socket they are not counted" },
	{ "backlog", ITEM_INT, AT(backlog), "1024", 1, 65535,
	    .help = "connections the kernel keeps until they are accepted" },
};

/* Without a name of its own a listener is called by its first address, as far as a name may say it. */
static const char *
name_of(struct item_ctx *c, const struct conf_listener *l)
{
	char *name = arena_strdup(c->arena, l->bind.n > 0 ? l->bind.v[0] : "?");
	size_t n = strspn(name, WORD_NAME);

	while (name[n] != '\0') {
		name[n] = '_';
		n += strspn(name + n, WORD_NAME);
	}
	name[n > WORD_NAME_MAX ? WORD_NAME_MAX : n] = '\0';
	return name;
}

/* "0660": permissions and nothing else. */
static void
check_mode(struct item_ctx *c, struct conf_listener *l)
{
	const char *text = l->unix_mode;
	size_t n = strspn(text, "01234567");

	if (n < 3 || n > 4 || text[n] != '\0' || (n == 4 && text[0] != '0')) {
		item_error(c, "unix_mode",
		    "\"unix_mode\" = \"%.20s\" is not a mode: write \"0660\" or \"0666\"", text);
		return;
	}
	for (const char *p = text; *p != '\0'; p++)
		l->unix_bits = l->unix_bits * 8 + (unsigned)(*p - '0');
}

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_listener *l = obj;
	struct errdetail ed;

	check_mode(c, l);
	if (l->bind.n == 0 && item_given(c, "bind"))
		item_error(
		    c, "bind", "\"bind\" names no address: write bind = [ \"127.0.0.1:8080\" ]");
	l->addrs = arena_alloc(c->arena, (l->bind.n + 1) * sizeof *l->addrs);
	for (unsigned i = 0; i < l->bind.n; i++) {
		ed = (struct errdetail){ 0 };
		if (addr_parse(&l->addrs[l->naddrs], l->bind.v[i], &ed) != 0)
			item_error(c, "bind", "%.300s", ed.text);
		else
			l->naddrs++;
	}
	if (l->name == NULL)
		l->name = name_of(c, l);
	else
		(void)word_name(c, "name", l->name);
}

const struct section schema_listener = {
	.help = "An address for clients.",
	.items = items,
	.nitems = ARRAY_LEN(items),
	.size = sizeof(struct conf_listener),
	.pos = AT(at),
	.check = check,
};
