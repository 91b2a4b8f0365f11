/*
 * format.h - the master's answers as tables for people.
 */
#pragma once
#include "conf/base/json.h"

void	format_status(const struct json *data, bool colour, struct str *out);
void	format_workers(const struct json *data, bool colour, struct str *out);
void	format_upstream(const struct json *data, bool colour, struct str *out);	/* format_upstream.c */
void	format_history(const struct json *data, bool colour, struct str *out);
void	format_loglevel(const struct json *data, bool colour, struct str *out);
void	format_drain(const struct json *data, bool colour, struct str *out);
void	format_acl_ls(const struct json *data, bool colour, struct str *out);		/* format_rules.c */
void	format_acl_hits(const struct json *data, bool colour, struct str *out);
void	format_conn_ls(const struct json *data, bool colour, struct str *out);		/* format_conn.c */
void	format_lists(const struct json *lists, bool colour, struct str *out);		/* format_list.c */
void	format_acl_reload(const struct json *data, bool colour, struct str *out);
void	format_acl_lookup(const struct json *data, bool colour, struct str *out);
void	format_explain(const struct json *data, bool colour, struct str *out);		/* format_explain.c */
void	format_cache_stat(const struct json *data, bool colour, struct str *out);	/* format_cache.c */
void	format_cache_purge(const struct json *data, bool colour, struct str *out);
void	format_conn_kill(const struct json *data, bool colour, struct str *out);
void	format_duration(int64_t seconds, char out[32]);		/* "3d 4h", "2m 10s": the two largest units */
