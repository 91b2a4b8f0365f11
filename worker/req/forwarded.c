/*
 * Who the client is, and what the next hop is told (RFC 7239, RFC 9110 7.6.3). Fields that claim an identity are
 * believed only from configured proxies; from anybody else they are dropped before a rule could look at them.
 */
#include "worker/req/req.h"

#include <stdio.h>

#include "conf/base/enc.h"

#define ID_TEXT		24	/* digits of a request id */
#define HOPS_MAX	32			/* members of X-Forwarded-For looked at */

void
req_peer_text(const struct addr *a, char out[INET6_ADDRSTRLEN])
{
	char text[ADDR_TEXT];
	struct addr folded = addr_fold(a);

	if (a->u.sa.sa_family == AF_UNIX) {
		(void)snprintf(out, INET6_ADDRSTRLEN, "unknown");	/* RFC 7239 6.2 */
		return;
	}
	(void)snprintf(out, INET6_ADDRSTRLEN, "%s", addr_ip_text(&folded, text));
}

static bool
is_trusted(const struct conf_listener *l, const struct addr *a)
{
	for (unsigned i = 0; i < l->trusted_proxies.n; i++)
		if (cidr_has(&l->trusted_proxies.v[i], a))
			return true;
	return false;
}

static bool
is_port(struct span s)
{
	uint64_t port;

	return s.n > 1 && s.p[0] == ':' &&
	    span_to_u64(span_make(s.p + 1, s.n - 1), UINT16_MAX, &port) == 0;
}

/* "1.2.3.4", "1.2.3.4:80", "[::1]", "[::1]:80", "::1" */
static bool
parse_hop(struct span s, struct addr *a)
{
	ptrdiff_t end = s.n > 0 && s.p[0] == '[' ? span_find(s, ']') : span_find(s, ':');
	struct span rest;

	if (addr_parse_ip(a, s, 0) == 0)
		return true;
	if (end <= 0)
		return false;
	if (s.p[0] != '[')
		return is_port(span_make(s.p + end, s.n - (size_t)end)) &&
		    addr_parse_ip(a, span_make(s.p, (size_t)end), 0) == 0;
	rest = span_make(s.p + end + 1, s.n - (size_t)end - 1);
	return (rest.n == 0 || is_port(rest)) &&
	    addr_parse_ip(a, span_make(s.p + 1, (size_t)end - 1), 0) == 0;
}

/* Right to left, past every trusted hop, to the first one that is not (SECURITY.md rows 64, 65). */
void
req_find_client(struct req *r)
{
	struct span hops[HOPS_MAX], m;
	unsigned n = 0, seen = 0;
	struct list_iter it;

	r->client = r->peer;
	r->trusted = is_trusted(r->listener, &r->peer);
	if (!r->trusted) {
		for (unsigned i = 0; i < r->in.fields.n; i++)
			if (name_flags(r->in.fields.v[i].id) & HN_IDENTITY)
				r->in.fields.v[i].flags |= FIELD_DROP;
		return;
	}
	it = list_iter_init(&r->in.fields, H_X_FORWARDED_FOR);
	while (list_iter_next(&it, &m)) {
		hops[seen++ % HOPS_MAX] = m;
		n = n < HOPS_MAX ? n + 1 : n;
	}
	while (n-- > 0) {
		struct addr a;

		if (!parse_hop(hops[--seen % HOPS_MAX], &a))
			return;
		r->client = a;
		if (!is_trusted(r->listener, &a))
			return;
	}
}

static bool
add(struct req *r, const char *name, struct span value)
{
	return value.p != NULL &&
	    fields_add(&r->in.fields, span_str(name), value, SPAN_NONE) != NULL;
}

static bool
joins(const struct field *f, enum hname id)
{
	return f->id == id && !(f->flags & FIELD_DROP) && f->value.n > 0;
}

static char *
put(char *to, struct span s)
{
	memcpy(to, s.p, s.n);
	return to + s.n;
}

/* All values of a list field of a trusted peer, joined, with ours behind: one allocation, however many lines. */
static struct span
joined(struct req *r, enum hname id, struct span ours)
{
	const struct fields *fs = &r->in.fields;
	size_t n = ours.n;
	char *text, *to;

	for (unsigned i = 0; i < fs->n; i++)
		if (joins(&fs->v[i], id))
			n += fs->v[i].value.n + 2;
	if (n == ours.n)
		return ours;
	text = to = arena_try_alloc(&r->arena, n);
	if (text == NULL)
		return SPAN_NONE;
	for (unsigned i = 0; i < fs->n; i++)
		if (joins(&fs->v[i], id))
			to = put(put(to, fs->v[i].value), SPAN(", "));
	(void)put(to, ours);
	return span_make(text, n);
}

static bool
add_list(struct req *r, enum hname id, const char *name, struct span ours)
{
	struct span value = joined(r, id, ours);

	fields_drop(&r->in.fields, id);
	return add(r, name, value);
}

/* X-Forwarded-*: the address we saw is appended, proto and host are kept when a trusted proxy said them. */
static bool
add_x_forwarded(struct req *r)
{
	bool ok = add_list(r, H_X_FORWARDED_FOR, "X-Forwarded-For", r->peer_text);

	if (!r->trusted || !fields_has(&r->in.fields, H_X_FORWARDED_PROTO))
		ok = ok && add(r, "X-Forwarded-Proto", SPAN("http"));
	if (r->in.host_raw.n > 0 && (!r->trusted || !fields_has(&r->in.fields, H_X_FORWARDED_HOST)))
		ok = ok && add(r, "X-Forwarded-Host", r->in.host_raw);
	return ok;
}

static bool
add_rfc7239(struct req *r)
{
	bool ip6 = span_find(r->peer_text, ':') >= 0;
	const char *open = ip6 ? "\"[" : "", *close = ip6 ? "]\"" : "";
	struct span v = arena_try_printf(&r->arena, "for=%s%.*s%s;proto=http", open,
	    SPAN_ARG(r->peer_text), close);

	if (v.p != NULL && r->in.host_raw.n > 0)
		v = arena_try_printf(&r->arena, "%.*s;host=\"%.*s\"", SPAN_ARG(v),
		    SPAN_ARG(r->in.host_raw));
	return v.p != NULL && add_list(r, H_FORWARDED, "Forwarded", v);
}

static const char *
id_header(const struct req *r)
{
	return r->listener->mode == MODE_FORWARD ? r->x->conf->forward.request_id :
	    r->x->conf->defaults.request_id;
}

/* The id a trusted proxy gave, or a new one: unlike any other of this boot. */
bool
req_find_id(struct req *r)
{
	const char *header = id_header(r);
	struct span given = SPAN_NONE;
	uint64_t z = (r->x->id_state += 0x9e3779b97f4a7c15u), raw[2];
	char *text;

	for (unsigned i = 0; i < r->in.fields.n && *header != '\0'; i++) {
		struct field *f = &r->in.fields.v[i];

		if (!span_ieq_str(f->name, header))
			continue;
		if (r->trusted && given.p == NULL && f->value.n > 0 && f->value.n <= 128 &&
		    http_is_token(f->value))
			given = f->value;
		f->flags |= FIELD_DROP;
	}
	if (given.p != NULL) {
		r->id = given;
		return true;
	}
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	raw[0] = z;
	raw[1] = r->wall_us;
	text = arena_try_alloc(&r->arena, ID_TEXT);
	if (text == NULL)
		return false;
	enc_hex(text, (const uint8_t *)raw, ID_TEXT / 2);
	r->id = span_make(text, ID_TEXT);
	return true;
}

bool
req_via_loop(const struct req *r)
{
	struct list_iter it = list_iter_init(&r->in.fields, H_VIA);
	struct span m, own = span_make(r->x->via, r->x->via_len);

	while (list_iter_next(&it, &m)) {
		ptrdiff_t space = span_find(m, ' ');
		struct span by = space < 0 ? m :
		    span_trim(span_make(m.p + space, m.n - (size_t)space));

		if (span_istarts(by, own))
			return true;
	}
	return false;
}

bool
req_add_forwarded(struct req *r)
{
	bool forward = r->listener->mode == MODE_FORWARD;
	const struct conf_defaults *d = &r->x->conf->defaults;
	const struct conf_forward *f = &r->x->conf->forward;
	bool ok = *id_header(r) == '\0' || add(r, id_header(r), r->id);

	if (forward ? f->x_forwarded : d->x_forwarded)
		ok = ok && add_x_forwarded(r);
	if (forward ? f->forwarded : d->forwarded)
		ok = ok && add_rfc7239(r);
	if (forward ? f->via : d->via)
		ok = ok && add(r, "Via",
		    span_make(r->x->via_value[r->in.minor], 4u + r->x->via_len));
	return ok;
}
