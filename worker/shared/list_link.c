/*
 * list_link.c - how the messages about lists are laid out.
 */
#include "worker/shared/list_link.h"

static uint64_t
nanoseconds(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

struct list_stamp
list_stamp_of(const struct stat *st)
{
	return (struct list_stamp){ .dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = nanoseconds(&st->st_mtim),
		.ctime_ns = nanoseconds(&st->st_ctim) };
}

bool
list_stamp_eq(const struct list_stamp *a, const struct list_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static void
put_stamp(struct wire *w, const struct list_stamp *s)
{
	wire_put_u64(w, s->dev);
	wire_put_u64(w, s->ino);
	wire_put_u64(w, s->size);
	wire_put_u64(w, s->mtime_ns);
	wire_put_u64(w, s->ctime_ns);
}

static void
get_stamp(struct wire *w, struct list_stamp *s)
{
	s->dev = wire_get_u64(w);
	s->ino = wire_get_u64(w);
	s->size = wire_get_u64(w);
	s->mtime_ns = wire_get_u64(w);
	s->ctime_ns = wire_get_u64(w);
}

void
list_put_source(struct wire *w, uint32_t index, const struct list_stamp *s)
{
	wire_put_u32(w, index);
	put_stamp(w, s);
}

int
list_get_source(struct wire *w, uint32_t *index, struct list_stamp *s)
{
	*index = wire_get_u32(w);
	get_stamp(w, s);
	return wire_done(w);
}

void
list_put_done(struct wire *w, const struct list_done *d)
{
	wire_put_u32(w, d->index);
	wire_put_u32(w, d->ok);
	put_stamp(w, &d->stamp);
	wire_put_u32(w, d->report.entries);
	wire_put_u32(w, d->report.bad);
	wire_put_u32(w, d->report.lines);
	wire_put_u32(w, d->report.ms);
	wire_put_u64(w, d->report.bytes);
	wire_put_u64(w, d->report.image_bytes);
	wire_put_u64(w, d->report.digest);
	wire_put_span(w, d->why);
}

int
list_get_done(struct wire *w, struct list_done *d)
{
	d->index = wire_get_u32(w);
	d->ok = wire_get_u32(w) != 0;
	get_stamp(w, &d->stamp);
	d->report.entries = wire_get_u32(w);
	d->report.bad = wire_get_u32(w);
	d->report.lines = wire_get_u32(w);
	d->report.ms = wire_get_u32(w);
	d->report.bytes = wire_get_u64(w);
	d->report.image_bytes = wire_get_u64(w);
	d->report.digest = wire_get_u64(w);
	d->why = wire_get_span(w);
	return wire_done(w);
}

void
list_put_image(struct wire *w, uint32_t index, uint32_t serial)
{
	wire_put_u32(w, index);
	wire_put_u32(w, serial);
}

int
list_get_image(struct wire *w, uint32_t *index, uint32_t *serial)
{
	*index = wire_get_u32(w);
	*serial = wire_get_u32(w);
	return wire_done(w);
}
