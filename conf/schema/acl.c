/*
 * acl.c - entries of "acls": named conditions on a forward request.
 *
 * Ports and times are texts in the file; they are compiled here. A span over midnight becomes two.
 */
#include "conf/schema/schema.h"

#include "conf/base/assert.h"

#define AT(f) offsetof(struct conf_acl, f)
#define DAY_MIN (24 * 60)

static const struct item items[] = {
	{ "name", ITEM_STR, AT(name), .help = "the word that rules use: the key of the group" },
	{ "src", ITEM_CIDRS, AT(src), .flags = ITEM_PEERS | ITEM_LISTS,
	    .help = "networks of the client; \"unix\" is a client over a UNIX socket, \"@name\" a list of addresses" },
	{ "dst", ITEM_CIDRS, AT(dst), .flags = ITEM_LISTS,
	    .help = "networks of the target, or \"@name\", judged on the address dialled" },
	{ "domain", ITEM_STRS, AT(domain),
	    .help =
		"names of the target: \"example.com\" itself, \".example.com\" it and all below, "
		"\"@name\" a list of kind \"domains\"" },
	{ "port", ITEM_STRS, AT(port_text), .help = "ports of the target: 443, \"8000-8099\"" },
	{ "method", ITEM_STRS, AT(method), .help = "methods of the request" },
	{ "url", ITEM_REGEXES, AT(url),
	    .help = "regexes searched in the whole URL, normalised: \"http://host/path?query\" "
		    "without the port 80; of CONNECT, which has no path, in \"host:port\"" },
	{ "header", ITEM_CONDITIONS, AT(header),
	    .help = "a regex by name of a field, searched in the value of every line of that name; "
		    "\"\": it is there; several names must all match" },
	{ "time", ITEM_STRS, AT(time_text),
	    .help = "times of the week, local: \"mon-fri 08:00-18:00\", \"sat,sun\", \"22:00-06:00\"" },
};

static bool
port_parse(struct conf_portrange *out, const char *text)
{
	struct span rest = span_str(text), part;
	uint64_t lo, hi;

	if (!span_split(&rest, '-', &part) || span_to_u64(span_trim(part), 65535, &lo) != 0)
		return false;
	hi = lo;
	if (rest.p != NULL && span_to_u64(span_trim(rest), 65535, &hi) != 0)
		return false;
	*out = (struct conf_portrange){ (uint16_t)lo, (uint16_t)hi };
	return lo >= 1 && lo <= hi;
}

static void
check_ports(struct item_ctx *c, struct conf_acl *a)
{
	a->ports = arena_alloc(c->arena, (a->port_text.n + 1) * sizeof *a->ports);
	for (unsigned i = 0; i < a->port_text.n; i++)
		if (port_parse(&a->ports[a->nports], a->port_text.v[i]))
			a->nports++;
		else
			item_error(c, "port",
			    "\"%.40s\" is not a port: write 443 or \"8000-8099\", 1 to 65535",
			    a->port_text.v[i]);
}

static int
day_of(struct span word)
{
	static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	for (int i = 0; i < 7; i++)
		if (span_ieq_str(word, days[i]))
			return i;
	return -1;
}

/* "mon-fri,sun": 0 when it is no list of days. */
static uint8_t
days_parse(struct span text)
{
	struct span part, first;
	uint8_t days = 0;
	int from, to;

	while (span_split(&text, ',', &part)) {
		if (!span_split(&part, '-', &first) || (from = day_of(span_trim(first))) < 0)
			return 0;
		to = part.p == NULL ? from : day_of(span_trim(part));
		if (to < 0)
			return 0;
		for (int d = from;; d = (d + 1) % 7) {		/* "fri-mon" runs over the week's end */
			days |= (uint8_t)(1 << d);
			if (d == to)
				break;
		}
	}
	return days;
}

static bool
clock_parse(struct span text, uint16_t *minutes)
{
	struct span hour;
	uint64_t h, m;

	if (!span_split(&text, ':', &hour) || text.n != 2 || hour.n < 1 || hour.n > 2)
		return false;
	if (span_to_u64(hour, 24, &h) != 0 || span_to_u64(text, 59, &m) != 0 ||
	    h * 60 + m > DAY_MIN)
		return false;
	*minutes = (uint16_t)(h * 60 + m);
	return true;
}

static bool
clocks_parse(struct span text, uint16_t *from, uint16_t *to)
{
	struct span first;

	return span_split(&text, '-', &first) && text.p != NULL &&
	    clock_parse(span_trim(first), from) && clock_parse(span_trim(text), to) && *from != *to;
}

/* One text gives one span, or two when it runs over midnight; 0 when it is not understood. */
static unsigned
time_parse(struct conf_timespan out[2], const char *text)
{
	struct span all = span_trim(span_str(text)), clocks = SPAN_NONE, days = all;
	uint16_t from = 0, to = DAY_MIN;
	uint8_t set = 0x7f;
	ptrdiff_t blank = span_find(all, ' '), colon = span_find(all, ':');

	if (colon >= 0 && blank >= 0 && blank < colon) {
		days = span_make(all.p, (size_t)blank);
		clocks = span_trim(span_make(all.p + blank, all.n - (size_t)blank));
	} else if (colon >= 0) {
		days = SPAN_NONE;
		clocks = all;
	}
	if (days.p != NULL && (set = days_parse(days)) == 0)
		return 0;
	if (clocks.p != NULL && !clocks_parse(clocks, &from, &to))
		return 0;
	if (from < to) {
		out[0] = (struct conf_timespan){ set, from, to };
		return 1;
	}
	out[0] = (struct conf_timespan){ set, from, DAY_MIN };
	out[1] = (struct conf_timespan){ (uint8_t)(((set << 1) | (set >> 6)) & 0x7f), 0, to };
	return to == 0 ? 1 : 2;
}

static void
check_times(struct item_ctx *c, struct conf_acl *a)
{
	unsigned n;

	a->times = arena_alloc(c->arena, (a->time_text.n * 2 + 1) * sizeof *a->times);
	for (unsigned i = 0; i < a->time_text.n; i++) {
		n = time_parse(a->times + a->ntimes, a->time_text.v[i]);
		a->ntimes += n;
		if (n == 0)
			item_error(c, "time",
			    "\"%.60s\" is not a time of the week: write \"mon-fri 08:00-18:00\"",
			    a->time_text.v[i]);
	}
}

static void
check_domains(struct item_ctx *c, struct conf_acl *a)
{
	const char *host;
	struct span dotted;

	for (unsigned i = 0; i < a->domain.n; i++) {
		host = a->domain.v[i];
		if (host[0] == '@')
			continue;
		if (strncmp(host, "*.", 2) == 0) {
			item_error(c, "domain",
			    "\"%.100s\": write \"%.100s\" for the domain and all below it", host,
			    host + 1);
			continue;
		}
		host += host[0] == '.';
		if (!word_host(c, "domain", &host, false))
			continue;
		if (a->domain.v[i][0] == '.') {
			dotted = arena_try_printf(c->arena, ".%s", host);
			ASSERT(dotted.p != NULL);
			host = dotted.p;
		}
		a->domain.v[i] = host;
	}
}

static void
check(struct item_ctx *c, void *obj)
{
	struct conf_acl *a = obj;

	check_ports(c, a);
	check_times(c, a);
	check_domains(c, a);
	word_conditions(c, "header", &a->header, IN_HEADER);
	for (unsigned i = 0; i < a->method.n; i++)
		(void)word_method(c, "method", a->method.v[i]);
	if (a->name != NULL && strlen(a->name) > 64)
		conf_problems_add(c->problems, c->at, false,
		    "the name of acl \"%.80s\" is longer than 64 bytes: shorten it", a->name);
	if (c->node != NULL && c->node->nkids == 0 && c->at.line > 0)
		conf_problems_add(c->problems, c->at, false,
		    "acl \"%.64s\" has no condition: write one of src, dst, domain, port, method, url, header, time",
		    a->name);
	for (unsigned i = 0; c->node != NULL && i < c->node->nkids; i++)
		if ((c->node->kids[i].type == NODE_LIST || c->node->kids[i].type == NODE_GROUP) &&
		    c->node->kids[i].nkids == 0)
			conf_problems_add(c->problems, c->node->kids[i].at, false,
			    "\"%s\" of acl \"%.64s\" is empty and would never match: remove it or fill it",
			    c->node->kids[i].name, a->name);
}

const struct section schema_acl = {
	.help = "A named condition: every kind given must match, within a kind one value is enough.", .items = items,
	.nitems = ARRAY_LEN(items), .size = sizeof(struct conf_acl), .pos = AT(at), .check = check,
};
