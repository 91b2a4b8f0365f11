/*
 * json.h - JSON values for control and configuration tools. The only door to the JSON library.
 *
 * Values are reference-free trees: an added child belongs to its parent; json_free frees a root.
 * Text and keys that are no UTF-8 are repaired with U+FFFD, not refused.
 */
#pragma once
#include "conf/base/str.h"

struct json;				/* opaque: a value of any type */

struct json *json_obj(void);		/* constructors abort when memory is out: cold paths only */
struct json *json_arr(void);
struct json *json_clone(const struct json *);	/* with all that is in it */
void	json_free(struct json **);
void	json_set(struct json *obj, const char *key, struct json *child);	/* takes child */
void	json_set_str(struct json *obj, const char *key, const char *);		/* NULL becomes null */
void	json_set_int(struct json *obj, const char *key, int64_t);
void	json_set_bool(struct json *obj, const char *key, bool);
void	json_set_real(struct json *obj, const char *key, double);
void	json_push(struct json *arr, struct json *child);			/* takes child */
void	json_push_str(struct json *arr, const char *);
void	json_dump(const struct json *, bool pretty, struct str *out);
/* Parses one document (depth and size limited); NULL with detail on error. */
struct json *json_parse(struct span text, struct errdetail *);

const struct json *json_get(const struct json *obj, const char *key);	/* NULL when absent or not an object */
size_t	json_len(const struct json *arr);				/* 0 when not an array */
const struct json *json_at(const struct json *arr, size_t);		/* NULL out of range */
const char *json_str(const struct json *, const char *fallback);
int64_t	json_int(const struct json *, int64_t fallback);
double	json_num(const struct json *, double fallback);		/* integers too; the library owns the name json_real */
bool	json_bool(const struct json *, bool fallback);
/* Members in insertion order; start with *iter = NULL. */
bool	json_each(const struct json *obj, void **iter, const char **key, const struct json **value);
bool	json_is_obj(const struct json *);
bool	json_is_arr(const struct json *);
