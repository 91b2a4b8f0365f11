/*
 * hosts.h - the names of an /etc/hosts file, read once while its process may still open paths.
 */
#pragma once
#include "conf/base/addr.h"

struct hosts;
struct hosts *hosts_read(const char *path);	/* a file that cannot be read holds no names; NULL: no memory */
struct hosts *hosts_parse(struct span text);	/* copies; lines that make no sense are skipped. NULL: no memory */
void	hosts_free(struct hosts **);
/* Addresses of a lower-case name, port 0, in the file's order, at most max; 0: not in the file. */
unsigned hosts_find(const struct hosts *, struct span name, struct addr *out, unsigned max);
