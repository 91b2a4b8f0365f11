/*
 * shm.c - making and attaching one segment.
 *
 *	| head, 32 bytes | padding to 64 | data ... |
 *
 * The file is sealed against shrinking before anybody maps it: no holder of the descriptor can
 * turn another process's read into SIGBUS. An attacher trusts nothing it has not compared: magic,
 * name, version, and the size in the head against the size of the file.
 */
#include "conf/base/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/base/assert.h"

#define MAGIC 0x53585250u /* "PRXS" */
#define DATA_AT 64

_Static_assert(sizeof(struct shm_head) <= DATA_AT, "data would overlap the head");

static int
shm_map(struct shm *s, int fd, size_t size, int prot, const char *name, struct errdetail *ed)
{
	void *p = mmap(NULL, DATA_AT + size, prot, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return err_sys(ed, "segment %s: mmap of %zu bytes", name, size);
	*s = (struct shm){ .fd = fd, .head = p, .data = (char *)p + DATA_AT, .size = size };
	return 0;
}

static int
shm_size_file(int fd, const char *name, size_t size, struct errdetail *ed)
{
	if (ftruncate(fd, (off_t)(DATA_AT + size)) != 0)
		return err_sys(ed, "segment %s: ftruncate to %zu bytes", name, size);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
		return err_sys(ed, "segment %s: sealing", name);
	return 0;
}

int
shm_create(struct shm *s, const char *name, uint32_t version, size_t size, struct errdetail *ed)
{
	int fd, rc;

	*s = (struct shm){ .fd = -1 };
	ASSERT(strlen(name) < sizeof s->head->name);
	if (size > (size_t)INT64_MAX - DATA_AT)
		return err_set(ed, -E_RANGE, "segment %s: %zu bytes are too many", name, size);
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_sys(ed, "segment %s: memfd_create", name);
	rc = shm_size_file(fd, name, size, ed);
	if (rc == 0)
		rc = shm_map(s, fd, size, PROT_READ | PROT_WRITE, name, ed);
	if (rc != 0) {
		(void)close(fd);
		return rc;
	}
	s->head->version = version;
	s->head->size = size;
	memcpy(s->head->name, name, strlen(name));
	s->head->magic = MAGIC;
	return 0;
}

/* Compares the head of the file with what the caller expects. */
static int
shm_check(const struct shm_head *h, const char *name, uint32_t version, int64_t file,
    struct errdetail *ed)
{
	if (h->magic != MAGIC || strnlen(h->name, sizeof h->name) == sizeof h->name ||
	    strcmp(h->name, name) != 0)
		return err_set(ed, -E_PROTO, "segment %s: the descriptor is no such segment", name);
	if (h->version != version)
		return err_set(ed, -E_VERSION,
		    "segment %s: layout version %u, this program knows %u; "
		    "use the program of the same version",
		    name, h->version, version);
	if (file < DATA_AT || h->size != (uint64_t)file - DATA_AT)
		return err_set(ed, -E_TRUNCATED,
		    "segment %s: the file's size is not the size in its head", name);
	return 0;
}

int
shm_attach(
    struct shm *s, int fd, const char *name, uint32_t version, int writable, struct errdetail *ed)
{
	int seals = fcntl(fd, F_GET_SEALS), rc;
	struct shm_head head;
	struct stat st;

	*s = (struct shm){ .fd = -1 };
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
		return err_set(
		    ed, -E_PROTO, "segment %s: the descriptor is not a sealed segment", name);
	if (fstat(fd, &st) != 0)
		return err_sys(ed, "segment %s: fstat", name);
	if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head)
		return err_set(ed, -E_TRUNCATED, "segment %s: shorter than its head", name);
	rc = shm_check(&head, name, version, st.st_size, ed);
	if (rc != 0)
		return rc;
	return shm_map(s, fd, head.size, writable ? PROT_READ | PROT_WRITE : PROT_READ, name, ed);
}

void
shm_close(struct shm *s)
{
	if (s->head != NULL)
		(void)munmap(s->head, DATA_AT + s->size);
	if (s->head != NULL && s->fd >= 0)
		(void)close(s->fd);
	*s = (struct shm){ .fd = -1 };
}
