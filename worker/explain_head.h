/*
 * explain_head.h - the head that a client would send for a request somebody wants explained. What is odd stays odd:
 * the parser of every request judges it.
 */
#pragma once
#include "conf/base/json.h"
#include "conf/conf.h"

struct explain_wish {
	const char	*method, *url;
	const struct json *headers;	/* array of "Name: value" */
	enum conf_mode	mode;		/* of the listener it goes to */
};

/* Appends the head. What was made of the URL where that is not plain is told in note. */
void	explain_head(const struct explain_wish *, struct str *head, struct str *note);
