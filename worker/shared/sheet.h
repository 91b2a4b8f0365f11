/*
 * sheet.h - a JSON document in a sealed memory file: how an answer too long for a message travels between processes.
 *
 * The seals are what its reader relies on: such a file never blocks, and nobody changes or shortens it any more.
 */
#pragma once
#include "conf/base/json.h"

#define SHEET_MAX ((size_t)4 << 20)	/* bytes of one document */

/* Writes and seals; the descriptor is the caller's. -E_LIMIT: too long; -E_SYS. */
int	sheet_write(const struct json *, int *fd, struct errdetail *) MUST_CHECK;
/* Of a descriptor that another process sent; it stays the caller's. NULL with the reason. */
struct json *sheet_read(int fd, struct errdetail *);
