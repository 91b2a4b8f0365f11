/*
 * h1_framing.h - how the body behind a parsed head is delimited. For worker/http/h1_parse.c only.
 */
#pragma once
#include "worker/http/h1_parse.h"

/* Both read minor, status or method, and the fields; they set body and length. */
enum reason h1_request_framing(struct h1_request *);
/* Also has_length; keep_alive is cleared where the connection cannot be kept. method: of the request. */
enum reason h1_response_framing(struct h1_response *, enum method);
