/*
 * explain_head.c - from a method and a URL to the bytes a client would send to this kind of listener.
 *
 *	forward		GET http://a/b		GET http://a/b HTTP/1.1		as it is
 *			GET https://a/b		CONNECT a:443 HTTP/1.1		the rest goes through the tunnel
 *	reverse		GET http://a/b?c	GET /b?c HTTP/1.1		Host: a
 */
#include "worker/explain_head.h"

#include "conf/http/uri.h"

/* A header that the caller gave by this name. */
static bool
gives(const struct json *headers, const char *name)
{
	for (size_t i = 0; i < json_len(headers); i++) {
		struct span rest = span_str(json_str(json_at(headers, i), "")), given;

		if (span_split(&rest, ':', &given) && span_ieq_str(span_trim(given), name))
			return true;
	}
	return false;
}

static void
authority(struct str *out, const struct target *t)
{
	str_add(out, t->auth_raw);
	if (!t->auth.has_port)
		str_adds(out, t->https ? ":443" : ":80");
}

static void
request_line(struct str *head, const char *method, struct span target)
{
	str_printf(head, "%s " SPAN_FMT " HTTP/1.1\r\n", method, SPAN_ARG(target));
}

static void
tunnel_line(struct str *head, const struct target *t, struct str *host)
{
	authority(host, t);
	request_line(head, "CONNECT", str_span(host));
}

static void
origin_line(struct str *head, const char *method, const struct target *t, struct str *host)
{
	str_printf(head, "%s " SPAN_FMT, method,
	    SPAN_ARG(t->path.n == 0 ? SPAN("/") : t->path));
	if (t->query.p != NULL)
		str_printf(head, "?" SPAN_FMT, SPAN_ARG(t->query));
	str_adds(head, " HTTP/1.1\r\n");
	str_add(host, t->auth_raw);
}

static void
first_line(const struct explain_wish *w, struct str *head, struct str *host, struct str *note)
{
	bool connect = strcmp(w->method, "CONNECT") == 0;
	struct span url = span_str(w->url);
	struct target t;

	if (uri_parse_target(&t, url, false) != URI_OK || t.form != TARGET_ABSOLUTE) {
		if (connect)
			str_add(host, url);
		else if (url.n > 0 && url.p[0] != '/' && url.p[0] != '*')
			str_printf(note, "'%s' is no URL that a client would ask for", w->url);
		request_line(head, w->method, url);
	} else if (connect || (w->mode == MODE_FORWARD && t.https)) {
		if (!connect)
			str_adds(note, "an https URL is asked of a proxy by CONNECT; what goes "
				       "through the tunnel is not seen");
		tunnel_line(head, &t, host);
	} else if (w->mode == MODE_FORWARD) {
		request_line(head, w->method, url);
		str_add(host, t.auth_raw);
	} else {
		if (t.https)
			str_adds(note, "judged as if it came in plain text");
		origin_line(head, w->method, &t, host);
	}
}

void
explain_head(const struct explain_wish *w, struct str *head, struct str *note)
{
	struct str host = STR_INIT;

	first_line(w, head, &host, note);
	if (host.len > 0 && !gives(w->headers, "Host"))
		str_printf(head, "Host: %s\r\n", host.data);
	for (size_t i = 0; i < json_len(w->headers); i++)
		str_printf(head, "%s\r\n", json_str(json_at(w->headers, i), ""));
	str_adds(head, "\r\n");
	str_fini(&host);
}
