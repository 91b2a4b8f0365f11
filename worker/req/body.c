/* The simplest source: bytes that are already there. */
#include "worker/req/body.h"

#include "conf/base/list.h"

static struct memory_source *
of(struct body *b)
{
	return LIST_ENTRY(b, struct memory_source, body);
}

static struct span
memory_peek(struct body *b)
{
	return of(b)->rest;
}

static void
memory_consume(struct body *b, size_t n)
{
	struct memory_source *m = of(b);

	m->rest.p += n;
	m->rest.n -= n;
}

static void
memory_want(struct body *b)
{
	(void)b;
}

static const struct body_ops memory_ops = { .peek = memory_peek, .consume = memory_consume,
    .want = memory_want };

void
memory_source_init(struct memory_source *m, struct span bytes)
{
	*m = (struct memory_source){ .rest = bytes };
	m->body.ops = &memory_ops;
	m->body.state = BODY_END;
	m->body.length = bytes.n;
}
