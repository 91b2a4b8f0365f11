/*
 * precondition.h - conditional requests answered from the store (RFC 9110 13, RFC 9111 4.3.2), and the validators of
 * responses (RFC 9110 8.8).
 *
 * A cache judges If-None-Match, If-Modified-Since and If-Range. If-Match and If-Unmodified-Since speak of the origin's
 * state: requests with them go there.
 */
#pragma once
#include "conf/http/field.h"

#define DATE_NONE INT64_MIN

struct validators {
	struct span	etag;		/* with quotes and W/; p == NULL when there is none, or no valid one */
	int64_t		modified;	/* Last-Modified, Unix seconds, or DATE_NONE */
	int64_t		date;		/* Date, or when the response came */
};

struct validators validators_of(const struct fields *response, int64_t received);

bool	etag_valid(struct span);			/* RFC 9110 8.8.3, strictly */
bool	etag_same_weakly(struct span, struct span);	/* RFC 9110 8.8.3.2 */
bool	etag_same_strongly(struct span, struct span);

/* True: answer 304. If-None-Match, where present, silences If-Modified-Since. */
bool	precondition_not_modified(const struct fields *request, const struct validators *, int64_t now);
/* False: answer with the whole representation although there is a Range. True without If-Range. */
bool	precondition_range(const struct fields *request, const struct validators *, int64_t now);
