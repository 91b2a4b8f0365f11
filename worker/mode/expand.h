/*
 * expand.h - "${path.id}", "${path}", "${query}", "${host}" in a route's strings, from the matched request.
 */
#pragma once
#include "worker/req/req.h"

/* The expanded text in the request's arena; p NULL: no memory, or a name the request does not have. */
struct span expand(struct req *, const char *text);
