/*
 * statefile.h - what is known of a cache beside its store: which file that is, and whether it can be trusted.
 *
 * A store that was open when its machine stopped may be damaged: another boot id says so. One text file, replaced as a
 * whole and on the disk when statefile_write returns.
 */
#pragma once
#include "conf/base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { BOOT_ID_SIZE = 40, SECRET_SIZE = 16 };

struct statefile {
	uint32_t file;			/* number of the store's file; 0: none yet */
	char	 boot[BOOT_ID_SIZE];	/* of the machine, when it was written */
	uint8_t	 secret[SECRET_SIZE];	/* of keys */
	int64_t	 purged_all;		/* Unix seconds of the last purge of everything; 0: never */
	bool	 clean;			/* nobody has the store open, all of it is on the disk */
};

/* -E_MISSING: there is none; -E_VERSION, -E_SYNTAX: made by another program, or not whole; -E_SYS. */
int	statefile_read(struct statefile *, const char *dir, struct errdetail *) MUST_CHECK;
int	statefile_write(const struct statefile *, const char *dir, struct errdetail *) MUST_CHECK;
/* The machine's boot, by the kernel. */
int	statefile_boot(char out[BOOT_ID_SIZE], struct errdetail *) MUST_CHECK;
