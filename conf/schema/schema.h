/*
 * schema.h - one table per section of the configuration (the keys, bounds, defaults and words of the reference).
 *
 * A section's check sees its own object only; what concerns two of them is in conf/check.c.
 */
#pragma once
#include "conf/item.h"

extern const struct section schema_top;		/* struct conf: everything below hangs here */
extern const struct section schema_process, schema_http, schema_timeouts, schema_overload, schema_dns;
extern const struct section schema_listener, schema_service, schema_route, schema_defaults, schema_list, schema_acl,
    schema_rule, schema_forward, schema_cache, schema_telemetry;

/* Shared parts. */
extern const struct section schema_upstream_timeout;	/* struct conf_upstream_timeout, every field inherits */
extern const struct section schema_error_page;
extern const struct section schema_caching, schema_route_caching;	/* struct conf_caching; the second inherits */
extern const char *const schema_modes[];

/* schema/words.c: checks of single words, each adding its own problem at the member `key`. */
#define WORD_NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:[]*"
#define WORD_NAME_MAX 120		/* a UNIX socket's path may name its listener */
bool	word_name(struct item_ctx *, const char *key, const char *name);	/* WORD_NAME only, 1 to WORD_NAME_MAX */
bool	word_host(struct item_ctx *, const char *key, const char **host, bool wildcard);	/* lower-cases */
bool	word_header(struct item_ctx *, const char *key, const char *name);	/* one that an edit may touch */
bool	word_method(struct item_ctx *, const char *key, const char *method);
/* Names of the conditions under `key` are what `where` can have, none twice; says where they look. */
void	word_conditions(struct item_ctx *, const char *key, struct conf_conditions *, enum conf_where);
bool	word_path(struct item_ctx *, const char *key, const char *path);	/* starts with '/', no control bytes */
