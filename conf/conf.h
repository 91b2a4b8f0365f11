/*
 * conf.h - the finished configuration: one read-only tree of plain structs per generation.
 *
 * Everything lives in one arena and dies with it. Strings are NUL-terminated, lists are {v, n}. Every object
 * keeps where it was written. Names are resolved to pointers by the cross-section checks, so that code behind
 * them never looks a name up. Durations are milliseconds, sizes bytes.
 */
#pragma once
#include "conf/base/addr.h"
#include "conf/base/arena.h"
#include "conf/base/regex.h"
#include "conf/http/method.h"
#include "conf/http/name.h"
#include "conf/list_text.h"
#include "conf/pattern.h"

struct conf_pos { const char *file; int line; };	/* line 0: a default or built in */

struct conf_strs { const char **v; unsigned n; };
struct conf_cidrs { struct cidr *v; unsigned n; struct conf_strs lists; };	/* lists: "@name", where allowed */
struct conf_header { const char *name, *value; };
struct conf_headers { struct conf_header *v; unsigned n; };

struct conf_regex { struct conf_pos at; const char *text; const struct regex *re; };
struct conf_regexes { struct conf_regex *v; unsigned n; };
/* "Some header line, query parameter or cookie of that name has a value that matches." */
enum conf_where { IN_HEADER, IN_QUERY, IN_COOKIE };
struct conf_condition {
	struct conf_pos	at;
	enum conf_where	where;
	const char	*name;
	enum hname	id;			/* IN_HEADER */
	const char	*text;			/* of the regex */
	const struct regex *re;			/* NULL: "", it is enough that it is there */
};
struct conf_conditions { struct conf_condition *v; unsigned n; };

enum conf_mode { MODE_UNSET, MODE_FORWARD, MODE_REVERSE };

struct conf_process {
	struct conf_pos	at;
	int64_t		workers;		/* 0: one per core */
	const char	*user, *group;		/* used when started as root */
	const char	*admin_socket;		/* NULL: the default of DESIGN.md 9 */
	int64_t		connections;		/* client connections per worker; 0: see worker.c */
	int64_t		drain_ms;		/* patience with requests that make no progress at stop and reload */
	int64_t		history;		/* bytes of earlier configurations kept */
	int64_t		upgrade_timeout_ms;	/* patience with a new binary before it is ready */
	const char	*log;			/* event log: "stderr" or a path */
	const char	*log_level;
};

struct conf_http {				/* limits on messages (SECURITY.md 2) */
	struct conf_pos	at;
	int64_t		max_head, max_field, max_fields, max_target;	/* requests */
	int64_t		max_response_head, max_response_fields;
	int64_t		max_interim;			/* 1xx responses relayed per request */
	bool		relaxed_line_endings;
	bool		server_header;			/* say "Server: proxyd" on own answers */
};

struct conf_timeouts {				/* towards clients */
	struct conf_pos	at;
	int64_t		head_ms;		/* whole request head */
	int64_t		body_idle_ms, body_grace_ms, body_rate;		/* bytes/s demanded once grace is over */
	int64_t		write_idle_ms, write_grace_ms, write_rate;
	int64_t		keepalive_ms, keepalive_requests, keepalive_age_ms;
	int64_t		linger_ms, linger_bytes;	/* after an error answer: read and drop this much */
	int64_t		tunnel_idle_ms, tunnel_life_ms;
	int64_t		proxy_ms;		/* PROXY protocol header */
};

struct conf_overload { struct conf_pos at; int64_t delay_ms, interval_ms; };	/* worker/req/shed.h */

struct conf_dns {
	struct conf_pos	at;
	struct conf_strs servers;		/* empty: the system's */
	int64_t		timeout_ms, tries, total_ms;
	int64_t		min_ttl_ms, max_ttl_ms, negative_ms, stale_ms;
	int64_t		max_entries;
};

struct conf_listener {
	struct conf_pos	at;
	const char	*name;
	struct conf_strs bind;			/* as written */
	struct addr	*addrs; unsigned naddrs;	/* one per bind entry */
	enum conf_mode	mode;			/* resolved: never MODE_UNSET after checks */
	const char	*unix_mode, *unix_owner;	/* of socket files; owner NULL: who starts it */
	unsigned	unix_bits;		/* unix_mode as a number */
	struct conf_cidrs trusted_proxies;	/* their Forwarded and X-Forwarded-* are believed */
	struct conf_cidrs proxy_protocol;	/* peers that must send a PROXY header; empty: off */
	int64_t		max_per_client;		/* connections per IPv4 address or IPv6 /64; 0 = off */
	int64_t		backlog;
	unsigned	index;			/* position in conf->listeners: the statistics slot */
};

enum conf_balance { BALANCE_ROUND_ROBIN, BALANCE_LEAST_REQUEST };
enum conf_send_proxy { SEND_PROXY_OFF, SEND_PROXY_V1, SEND_PROXY_V2 };

/* Dial, first byte, between bytes; -1: inherit. */
struct conf_upstream_timeout { int64_t connect_ms, response_ms, idle_ms; };

struct conf_target {
	struct conf_pos	at;
	const char	*text;			/* "host:port" as written */
	const char	*host;			/* name or literal */
	uint16_t	port;
	struct addr	addr;			/* len 0 when host is a name */
	int64_t		weight;			/* 1..1000 */
	bool		backup;
	unsigned	index;			/* position in its service */
};

/* Passive ejection; failures 0 = off. */
struct conf_outlier { int64_t failures, window_ms, base_ms, max_ms; double max_ejected; };

struct conf_service {
	struct conf_pos	at;
	const char	*name;
	struct conf_target *targets; unsigned ntargets;
	enum conf_balance balance;
	enum conf_send_proxy send_proxy;	/* PROXY header at the beginning of every connection to a target */
	struct conf_upstream_timeout timeout;
	struct conf_outlier outlier;
	int64_t		tries;			/* attempts in all, the first included */
	double		retry_budget;		/* share of requests that may be retried */
	int64_t		retry_min;		/* retries per second always allowed */
	int64_t		max_idle;		/* kept connections per target and worker */
	int64_t		pool_idle_ms;
	int64_t		max_requests;		/* in flight per worker; above: queue */
	int64_t		max_pending, pending_ms;	/* queue per worker, and how long one waits in it */
	unsigned	index;			/* statistics and endpoint slot */
};

enum conf_route_action { ROUTE_SERVICE, ROUTE_REDIRECT, ROUTE_RESPOND };

struct conf_edit {				/* changes to a head */
	struct conf_headers set;		/* replaces every field of that name */
	struct conf_strs remove;
};

/* What is stored, and for how long. A route's own are -1 where it says nothing, and drop_query is empty. */
struct conf_caching {
	int8_t		store, heuristic, obey_client, store_set_cookie, sort_query, same_encoding, same_language;
	int64_t		ttl_ms, ttl_min_ms, ttl_max_ms, grace_ms, keep_ms;
	struct conf_strs drop_query;
};

/* The body is read at load. */
struct conf_error_page { int64_t status; const char *file, *body; size_t body_len; const char *type; };

struct conf_route {
	struct conf_pos	at;
	const char	*name;
	struct {
		struct conf_strs hosts;		/* exact or "*.suffix"; empty: any host */
		const char	*path;		/* template text; default "/" + "**" */
		struct conf_strs methods;	/* empty: any */
		struct conf_conditions header, query, cookie;	/* all of them must hold */
	} match;
	unsigned	nconditions;		/* header, query and cookie together */
	struct pattern	path;			/* compiled */
	enum conf_route_action action;
	const char	*service_name;
	const struct conf_service *service;
	/* "to" may use ${path.NAME}, ${path}, ${query}, ${host}. */
	struct { int64_t status; const char *to; } redirect;
	struct { int64_t status; const char *body, *type; struct conf_headers headers; } respond;
	struct {
		const char	*path;		/* template for the upstream path, NULL: unchanged */
		const char	*strip_prefix, *add_prefix;
		const char	*host;		/* NULL: the client's host */
		struct conf_edit head;
	} request;
	struct { struct conf_edit head; } response;
	int64_t		max_body;		/* -1: inherit from defaults */
	struct conf_upstream_timeout timeout;	/* -1 fields inherit from the service */
	int64_t		body_idle_ms;		/* -1: inherit from timeouts */
	struct conf_caching caching;
	struct conf_strs upgrade;		/* protocols that may be upgraded to; default "websocket" */
	struct conf_error_page *error_pages; unsigned nerror_pages;
	unsigned	index;
};

struct conf_defaults {				/* for routes */
	struct conf_pos	at;
	int64_t		max_body;
	struct conf_upstream_timeout timeout;
	const char	*request_id;		/* header name, "" = none */
	const char	*server;		/* what to do with unknown hosts: name of a route, NULL: 421 */
	struct conf_error_page *error_pages; unsigned nerror_pages;
	bool		forwarded;		/* send RFC 7239 Forwarded */
	bool		x_forwarded;		/* send X-Forwarded-For/-Proto/-Host */
	bool		via;
	struct conf_caching caching;
};

/* A file of domains or address blocks, compiled into an image that workers share; acls name it "@name". */
struct conf_list {
	struct conf_pos	at;
	const char	*name;
	const char	*file;			/* as written */
	const char	*path;			/* from the configuration file's folder */
	enum list_kind	kind;
	enum list_syntax syntax;
	enum list_match	match;
	int64_t		refresh_ms;
	int64_t		max_bytes, max_entries;
	bool		used;			/* by an acl: nobody else needs its image */
	unsigned	index;
};
struct conf_list_refs { const struct conf_list **v; unsigned n; };

/* One acl: every kind given must match; within a kind one value is enough. */
struct conf_portrange { uint16_t lo, hi; };
struct conf_timespan { uint8_t days; uint16_t from_min, to_min; };	/* bit 0 = Monday; minutes, to excluded */
struct conf_acl {
	struct conf_pos	at;
	const char	*name;
	struct conf_cidrs src, dst;
	struct conf_strs domain;		/* "example.com" exact, ".example.com" it and below, "@list" */
	struct conf_list_refs src_lists, dst_lists, domain_lists;
	struct conf_portrange *ports; unsigned nports;
	struct conf_strs port_text, time_text;	/* as written */
	struct conf_strs method;
	struct conf_regexes url;
	struct conf_conditions header;		/* every one must hold */
	struct conf_timespan *times; unsigned ntimes;
	unsigned	index;
};

struct conf_rule_term { const struct conf_acl *acl; bool negate; };
struct conf_rule {
	struct conf_pos	at;
	const char	*id;
	bool		allow, deny;		/* exactly one */
	struct conf_strs all;			/* acl names, "!" negates; empty: always */
	struct conf_rule_term *terms; unsigned nterms;
	struct conf_cidrs open;			/* protected target ranges this allow rule opens */
	bool		builtin;
	unsigned	index;
};

struct conf_forward {
	struct conf_pos	at;
	bool		default_rules;		/* put the shipped denials before the rules */
	struct conf_strs source;		/* local addresses to dial from, at most one per family */
	struct addr	source4, source6;	/* len 0: not set */
	struct conf_upstream_timeout timeout;
	int64_t		max_body;		/* 0: unlimited */
	int64_t		max_idle, pool_idle_ms;
	bool		forwarded, x_forwarded, via;
	const char	*request_id;		/* header sent on, "" = none */
	const char	*contact;		/* shown on error pages; "" = none */
	struct conf_caching caching;
};

struct conf_cache {
	struct conf_pos	at;
	const char	*path;			/* a directory; NULL: no cache */
	int64_t		size;			/* of the store's file */
	int64_t		max_object;		/* 0: see cache_max_object in cache/segment.h */
	int64_t		objects;		/* 0: see cache_shape there */
	int64_t		ring;			/* per process; a power of two */
};

struct conf_access_log {
	struct conf_pos	at;
	const char	*path;			/* conf/logplace.h */
	const char	*format;		/* a name of worker/shared/logline.h */
	const char	*when;			/* expression over conf/logfield.h; NULL: every request */
	const char	*facility, *tag;	/* of syslog */
};

struct conf_telemetry { struct conf_pos at; struct conf_access_log access_log; };

struct conf {
	const char	*name;			/* instance name: admin socket, log lines */
	enum conf_mode	 mode;
	struct conf_process process;
	struct conf_http http;
	struct conf_timeouts timeouts;
	struct conf_overload overload;
	struct conf_dns	 dns;
	struct conf_listener *listeners; unsigned nlisteners;
	struct conf_service *services; unsigned nservices;
	struct conf_route *routes; unsigned nroutes;
	struct conf_defaults defaults;
	struct conf_list *lists; unsigned nlists;
	struct conf_acl	*acls; unsigned nacls;		/* predefined ones included */
	struct conf_rule *rules; unsigned nrules;	/* shipped, written, then a deny with id "implicit-deny" */
	struct conf_forward forward;
	struct conf_cache cache;
	struct conf_telemetry telemetry;
	uint64_t	 digest;		/* of the bytes read: two equal files are one configuration */
	struct arena	*arena;			/* owns everything above */
	unsigned	 refs;			/* holders: conf_ref, conf_free */
};
