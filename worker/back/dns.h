/*
 * dns.h - names that requests bring, resolved on the loop (c-ares) with a cache.
 *
 * SECURITY.md rows 54 and 58; addresses in the order of RFC 8305.
 *
 * One per process, made after fork. Answers are kept min_ttl..max_ttl, failures negative_ms; when a refresh
 * fails the old answer serves for stale_ms more. Many questions for one name are asked once. IP literals and
 * odd spellings of IPv4 never reach a resolver.
 */
#pragma once
#include "conf/base/addr.h"
#include "conf/conf.h"
#include "conf/http/reason.h"
#include "worker/io/loop.h"
#include "worker/shared/stats.h"

#define DNS_ADDRS 32			/* addresses used of one answer */

struct dns;
/* A question, embedded in its asker; zero it before first use. */
struct dns_query {
	struct list_node node;		/* linked while waiting */
	/* Addresses are lent for the call; their port is 0. */
	void	(*done)(struct dns_query *, enum reason why, const struct addr *, unsigned n);
};

/* stats: counters of this process, may be NULL (tests). */
struct dns *dns_new(struct loop *, const struct conf_dns *, struct stats_lane *stats, struct errdetail *);
void	dns_free(struct dns **);		/* waiting questions are dropped without a call */
/*
 * R_NONE and addresses (copied to out, at most DNS_ADDRS, IPv6 and IPv4 interleaved as RFC 8305 asks) or a R_DNS_*
 * reason when the answer is known now; R_MAX: q->done will be called, never before this returns.
 */
enum reason dns_resolve(struct dns *, struct span host, struct dns_query *q, struct addr out[DNS_ADDRS], unsigned *n);
void	dns_cancel(struct dns_query *);		/* no-op when it does not wait */
