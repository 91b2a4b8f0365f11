/*
 * condition.h - does some header line, query parameter or cookie of a request have a value that matches?
 *
 * The first and the repeated ones count alike: one that matches is enough. Header names are compared without case,
 * parameters and cookies with. Values are judged as received, without blanks around; names and values of parameters
 * with their escapes decoded once; a cookie's without the quotes around it (RFC 6265 4.1.1). A cookie or parameter
 * without "=" is one with an empty value, a cookie without a name is none.
 */
#pragma once
#include "conf/conf.h"
#include "conf/http/field.h"

/* What a request says, as it came: fields that this program added stand behind the first nfields. */
struct condition_query {
	const struct fields *fields;	/* NULL: none */
	unsigned	nfields;
	struct span	query;		/* without '?'; p NULL: none */
};

#define CONDITION_VALUES 16		/* values of one name that are tried; more: REGEX_FAILED */

/* REGEX_FAILED: the expression or the number of values came to its limit; nothing may pass on the strength of it. */
enum regex_answer condition_ask(const struct conf_condition *, const struct condition_query *);
