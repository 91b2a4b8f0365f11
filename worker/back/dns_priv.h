/*
 * dns_priv.h - what the resolver's two halves share: names and their questions (dns_cache.c), c-ares (dns.c).
 *
 *	dns_resolve --> name --> ask[AAAA], ask[A] --> c-ares --> on_answer --> dns_progress
 *	                  \--- waiting questions <------------- ready task (same turn) <--/
 *
 * c-ares holds pointers to asks and nothing else: a name stays as long as one is out, whoever asked.
 */
#pragma once
#include "conf/base/map.h"
#include "worker/back/dns.h"

#define DNS_NAME_MAX	253		/* RFC 1035 2.3.4, without the trailing dot */

struct ares_channeldata;
struct sock;
struct hosts;

enum family { FAMILY_6, FAMILY_4, FAMILY_MAX };

enum ask_state {
	ASK_NEVER,
	ASK_ADDRESSES,
	ASK_EMPTY,		/* the name has none of this family */
	ASK_UNKNOWN,		/* there is no such name */
	ASK_BROKEN		/* no usable answer; addresses of before stay */
};

struct ask {
	struct name	*name;
	enum family	 family;
	enum ask_state	 state;		/* how the last answer went */
	bool		 busy;		/* c-ares holds a pointer to this */
	bool		 timeout;	/* ASK_BROKEN: nobody answered */
	bool		 unasked;	/* ASK_BROKEN: memory was out here, which tells nothing of the name */
	unsigned	 n;
	uint8_t		 ip[DNS_ADDRS][16];
	int64_t		 expires;	/* of the addresses, by TTL */
};

struct name {
	struct list_node lru, ready;
	struct dns	*dns;
	struct ask	 ask[FAMILY_MAX];
	struct list	 waiting;	/* its count is not kept: dns_cancel knows no list */
	struct timer	 timer;		/* a moment for the other family, or the end of patience */
	int64_t		 give_up, fresh_until;
	enum reason	 why;		/* of the answer known */
	bool		 asking, starting;
	size_t		 len;
	char		 text[DNS_NAME_MAX + 2];	/* as asked: a name with dots ends in one (no search list) */
};

struct dns {
	struct loop	*loop;
	struct conf_dns	 conf;
	struct stats_lane *stats;
	struct ares_channeldata *channel;
	struct hosts	*hosts;
	struct map	 names;
	struct list	 lru;		/* all names, the one used last at the end */
	struct list	 ready;		/* concluded, their questions not called yet */
	struct list	 socks;
	struct sock	*spare;		/* when memory is out: unwatched, one holds up all its questions */
	struct loop_task call;
	struct timer	 timer;		/* c-ares's next timeout */
	bool		 dying;
};

/* dns.c: sends the question; dns_progress may be called before this returns. */
void	dns_ask(struct ask *);
void	dns_schedule(struct dns *);		/* once behind questions */

/* dns_cache.c */
void	dns_progress(struct name *);		/* an answer came, or did not */
void	dns_names_init(struct dns *);
void	dns_names_fini(struct dns *);		/* waiting questions are dropped; c-ares holds no ask any more */
