/*
 * shm.h - one shared-memory segment: a memfd mapped by the master before it forks.
 *
 * Children inherit the mapping; a later reader (proxyctl) maps the descriptor read-only. The header names
 * layout, version and size, so that an attacher with another layout is refused instead of misreading.
 * Shared words are C11 atomics or single-writer; there is no lock that a dying process could keep.
 */
#pragma once
#include "conf/base/err.h"
#include <stdint.h>

struct shm_head { uint32_t magic, version; uint64_t size; char name[16]; };	/* 32 bytes, then the data */
struct shm {
	int		 fd;		/* -1 when closed */
	struct shm_head	*head;
	void		*data;		/* 64-byte aligned */
	size_t		 size;		/* bytes of data */
};

/* The data is zeroed; name has at most 15 bytes. */
int	shm_create(struct shm *, const char *name, uint32_t version, size_t size,
    struct errdetail *) MUST_CHECK;
/* Takes fd on success only. -E_PROTO: no such segment; -E_VERSION: another layout. */
int	shm_attach(struct shm *, int fd, const char *name, uint32_t version, int writable,
    struct errdetail *) MUST_CHECK;
void	shm_close(struct shm *);	/* unmaps, closes fd; idempotent */
