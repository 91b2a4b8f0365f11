/*
 * upgrade.h - the old master's side of an upgrade: another binary takes over, or nothing has happened.
 *
 *   NONE -> STARTING (the new one builds up, serves nothing) -> HANDING (our logger leaves; it serves) -> LEFT
 *
 * Until LEFT every failure of the new one, its death, silence or nonsense included, ends in NONE with a verdict, and
 * this master goes on as if nobody had asked. In LEFT it drains its own processes and ends when they are gone.
 */
#pragma once
#include <sys/types.h>
#include "conf/base/str.h"
#include "worker/io/loop.h"

struct master;

enum upgrade_state { UPGRADE_NONE, UPGRADE_STARTING, UPGRADE_HANDING, UPGRADE_LEFT };

struct upgrade_verdict {
	bool		ok;
	pid_t		pid;		/* of the new master */
	unsigned	generation;	/* it serves */
	const char	*version;	/* of the new one; "" unknown; lent */
	const char	*error;		/* NULL when ok; lines; lent */
};
typedef void upgrade_verdict_f(void *owner, const struct upgrade_verdict *);

struct upgrade {
	enum upgrade_state state;
	char		binary[4096];	/* this program, where it was found; links are followed anew each time */
	pid_t		pid;		/* of the new one; 0: reaped */
	struct loop_source link, err;	/* hand-over words; its standard error */
	struct str	said;		/* the end of what it wrote there */
	struct str	why;		/* HAND_FAILED */
	struct timer	timer;
	char		version[64];
	uint32_t	took;		/* HAND_TOOK_* */
	bool		gone;		/* HAND_GO was sent */
	bool		late;		/* its time was over */
	upgrade_verdict_f *done;
	void		*owner;
};

/* argv0 as the shell gave it; searched in PATH when it names no folder. */
void	upgrade_init(struct master *, const char *argv0);
void	upgrade_fini(struct master *);

/* binary NULL: the one that runs, from its path. done (may be NULL) is called once, perhaps before this returns,
 * unless the owner is forgotten first. */
void	upgrade_begin(struct master *, const char *binary, upgrade_verdict_f *done, void *owner);
void	upgrade_forget(struct master *, const void *owner);
void	upgrade_abort(struct master *, const char *why);	/* the master stops */
bool	upgrade_under_way(const struct master *);		/* reloads have to wait */
bool	upgrade_left(const struct master *);			/* another master serves */

/* What supervision reports. true: it was about the new master, or the logger left for it. */
bool	upgrade_reaped(struct master *, pid_t, int status);
bool	upgrade_logger_left(struct master *);
