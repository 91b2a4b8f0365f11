/*
 * handover.h - what a master tells the one that replaces it: the document and the words between the two.
 *
 * The document is JSON in a memfd; its number stands in the environment of the new process, the descriptors it
 * names are inherited under their numbers. It may come from another version, so it is judged like any input:
 * unknown members are skipped, another format is refused. Pure functions of bytes; heir.c takes what is named.
 */
#pragma once
#include <sys/types.h>
#include "conf/base/addr.h"
#include "conf/base/str.h"
#include "conf/base/wire.h"
#include "conf/socket_path.h"

#define HANDOVER_ENV	"PROXYD_HANDOVER"	/* number of the document's descriptor */
#define HANDOVER_FORMAT	1
#define HANDOVER_MAX	(8u << 20)		/* bytes of the document */

/* Messages on the link between the two, in their order (wire.h; SOCK_SEQPACKET). */
enum handover_word {
	HAND_READY = 1,	/* new: u32 HAND_TOOK bits, string version; all its processes are up, none serves yet */
	HAND_FAILED,	/* new: string why it cannot serve; it is about to leave */
	HAND_GO,	/* old: its logger has left; serve */
	HAND_SERVING,	/* new: u32 generation; its workers accept */
	HAND_YOURS,	/* old: there is no way back; log, answer proxyctl, own the paths */
	HAND_STOP,	/* new, later: u32 enum stop_mode; the whole service stops, so the one that drains does */
};

enum handover_took { HAND_TOOK_JOURNAL = 1 << 0, HAND_TOOK_ADMIN = 1 << 1, HAND_TOOK_CACHE = 1 << 2 };

enum handover_segment { HAND_STATS, HAND_JOURNAL, HAND_REPORT, HAND_ENDPOINTS, HAND_CACHE, HAND_SEGMENTS };
enum handover_file { HAND_EVENT_LOG, HAND_ACCESS_LOG, HAND_LOGS };

struct handover_log {
	char		*path;		/* owned by a parsed one; NULL: no file */
	int		fd;
};

struct handover_bound {
	struct addr	addr;
	bool		dual, given;	/* see struct bound */
	int		*fd;
	unsigned	nfds;
};

struct handover {
	char		version[64];	/* of the program that wrote it */
	pid_t		pid;
	uint64_t	boot_id, started_ms;
	unsigned	generation;	/* the last number given */
	int		link, err;	/* to the old master; the standard error to go on with */
	int		admin;		/* listening; -1: none */
	char		admin_path[SOCKET_PATH_MAX];
	int		segment[HAND_SEGMENTS];	/* -1: none */
	int		*events;	/* of the cache's lanes; owned by a parsed one */
	unsigned	nevents;
	struct handover_log log[HAND_LOGS];
	struct handover_bound *bounds;	/* owned, with their arrays, by a parsed one */
	unsigned	nbounds;
	struct str	drained;	/* as drain.h lists them; owned by a parsed one */
};

void	handover_write(const struct handover *, struct str *out);
/* On failure nothing is left to free. Every descriptor is a number above standard error; whether it is one, and no
 * two are the same, is the caller's to see. */
int	handover_parse(struct handover *, struct span text, struct errdetail *) MUST_CHECK;
void	handover_fini(struct handover *);
/* Calls f for every descriptor that is named; stops at the first that is not 0 and returns it. */
int	handover_each_fd(const struct handover *, int (*f)(void *arg, int fd), void *arg);

/*
 * handover_word.c: the next message on the link, its type read; 0: too short to have one. w reads from buf. A
 * descriptor that came along is closed. -E_CLOSED: the other one is gone; anything else: no word for now.
 */
int	handover_hear(int link, char buf[WIRE_MAX], struct wire *w, uint16_t *type) MUST_CHECK;
void	handover_noise(uint16_t type);		/* logs a word that makes no sense */
