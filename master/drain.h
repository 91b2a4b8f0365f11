/*
 * drain.h - targets that an operator took out of service, by name: "SERVICE/TARGET", the target as the configuration
 * writes it or one of its addresses.
 *
 * The words themselves are in the endpoints segment, which a reload carries over; an upgrade hands the names on.
 */
#pragma once
#include "conf/base/str.h"

struct generation;
struct master;

/* "SERVICE/TARGET" or "TARGET" alone: then service is empty. A UNIX target has slashes of its own. */
void	drain_split(struct span name, struct span *service, struct span *target);
/* In every generation that has the service; slots found in the one that serves. */
unsigned drain_set(struct master *, const char *service, struct span target, bool out);

void	drain_list(const struct generation *, struct str *out);		/* one a line */
void	drain_take(struct generation *, struct span list);		/* the same; what is not there is skipped */
