/*
 * uri.h - request targets and hosts (RFC 3986, RFC 9112 3.2, RFC 9110 4.2): the one normaliser of the program.
 *
 * Routes and rules judge the normalised path; rules that deny also judge the stricter form (SECURITY row 25).
 * What is forwarded is the received bytes (forward mode) or, in reverse mode, the received bytes unless
 * dot segments were resolved.
 */
#pragma once
#include "conf/base/span.h"

enum target_form { TARGET_ORIGIN, TARGET_ABSOLUTE, TARGET_AUTHORITY, TARGET_ASTERISK };

struct authority {
	struct span	host;		/* as received; an IPv6 literal without its brackets */
	uint16_t	port;		/* 0 when not given */
	bool		has_port;
	bool		ip6;		/* host was bracketed */
};

struct target {
	enum target_form form;
	bool		 https;		/* absolute-form with scheme https */
	struct authority auth;		/* absolute and authority forms */
	struct span	 auth_raw;	/* the authority as received (for Host) */
	struct span	 path;		/* received bytes, "" possible in absolute-form; no query */
	struct span	 query;		/* behind '?'; p == NULL when there is no '?' */
};

enum uri_err { URI_OK, URI_BAD_TARGET, URI_BAD_SCHEME, URI_BAD_HOST, URI_BAD_PORT, URI_BAD_PATH };

/*
 * connect: only authority-form with a port is accepted. userinfo, '#', CTL, blanks, bytes above 0x7e, '"', '<', '>'
 * and, in a path, backslash are errors.
 */
enum uri_err uri_parse_target(struct target *, struct span raw, bool connect);
/*
 * uri-host [":" port] of a Host field or a target (row 23): letters, digits, "-._~" or a bracketed IPv6 address, no
 * empty label, port 1-65535. "" is URI_OK: allowed only for Host.
 */
enum uri_err uri_parse_authority(struct authority *, struct span raw);
/* Lower case, trailing dot dropped; returns bytes written (never more than host.n). */
size_t	uri_host_lower(char *out, struct span host);

/*
 * Normalises a path: unreserved escapes decoded once, other escapes in upper-case hex, dot segments resolved;
 * "//" and %2F stay. out needs room for path.n + 1. URI_BAD_PATH for %00 and other escaped CTL, %5C, backslash,
 * broken escapes, or ".." above the root. *dots is set when a dot segment was resolved.
 */
enum uri_err uri_normalise(struct span path, char *out, size_t *len, bool *dots);
/*
 * Every "%XX" once, to any byte; what is no escape stays as it is. For names and values of a query (RFC 3986 2.1); "+"
 * stays too. Never longer than the text.
 */
size_t	uri_unescape(struct span, char *out);
/*
 * The form deny rules judge too: from a normalised path, %2F decoded, slashes merged, ";params" of each segment
 * dropped, dots resolved again (".." above the root stays there). Never longer than the path.
 */
size_t	uri_strict_form(struct span normalised, char *out);
/*
 * Spellings of an IPv4 address that a resolver or another program might accept ("0x7f.1", "017700000001",
 * "2130706433", "127.0.0.1."): true and the address. False for the plain "127.0.0.1" and for names.
 */
bool	uri_host_is_odd_ip4(struct span host, uint8_t ip[4]);
