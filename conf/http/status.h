/* status.h - status codes: reason phrases and what a code implies (RFC 9110 15). */
#pragma once
#include <stdbool.h>

const char *status_text(int code);	/* "OK"; "Unknown" for codes without a registered phrase */
bool	status_no_body(int code);	/* 1xx, 204, 304 */
