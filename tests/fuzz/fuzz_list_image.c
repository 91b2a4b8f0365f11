/*
 * fuzz_list_image.c - an image of any bytes: refused, or looked up in without a byte read outside it.
 *
 * A head that agrees with the size is put before the input, so that what is behind it is reached.
 */
#include <stdlib.h>

#include "conf/base/assert.h"
#include "conf/base/list_image_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_up(const struct list_image *im, const uint8_t *data, size_t size)
{
	struct span host = span_make((const char *)data, size < 300 ? size : 300);
	struct list_hit hit;
	struct addr a = { .len = sizeof a.u.in4 };

	(void)list_find_name(im, SPAN("www.example.com"), &hit);
	(void)list_find_name(im, host, &hit);
	a.u.in4 = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = (uint32_t)size * 2654435761u };
	if (list_find_addr(im, &a, &hit))
		ASSERT(hit.line != 0 && hit.block.bits <= 32 && cidr_has(&hit.block, &a));
	a = (struct addr){ .len = sizeof a.u.in6, .u.in6.sin6_family = AF_INET6 };
	memcpy(&a.u.in6.sin6_addr, data, size < 16 ? size : 16);
	if (list_find_addr(im, &a, &hit))
		ASSERT(hit.line != 0 && cidr_has(&hit.block, &a));
}

/* Numbers of parts that fill `room` bytes, as the first bytes choose; what is left over is cut off. */
static size_t
divide(struct list_head *h, const uint8_t *data, size_t size, size_t room)
{
	size_t choice = size > 1 ? data[1] : 0;

	if (h->kind == LIST_DOMAINS) {
		h->n[LIST_N_BUCKETS] = (uint32_t)(choice % (room / sizeof(struct list_bucket) + 1));
		h->n[LIST_N_NAMES] = (uint32_t)(room -
		    h->n[LIST_N_BUCKETS] * sizeof(struct list_bucket));
		return room;
	}
	h->n[LIST_N_V6] = (uint32_t)(choice % (room / 21 + 1));
	h->n[LIST_N_V4] = (uint32_t)((room - h->n[LIST_N_V6] * 21) / 9);
	return h->n[LIST_N_V6] * 21 + h->n[LIST_N_V4] * 9;
}

static void
with_head(const uint8_t *data, size_t size)
{
	struct list_head h = {
		.magic = LIST_MAGIC, .version = LIST_IMAGE_VERSION, .least = 1, .most = 5
	};
	struct list_image im;
	size_t room;
	char *p;

	h.kind = size > 0 && data[0] & 1 ? LIST_ADDRESSES : LIST_DOMAINS;
	room = divide(&h, data, size, size);
	h.size = sizeof h + room;
	p = malloc(sizeof h + room);
	ASSERT(p != NULL);
	memcpy(p, &h, sizeof h);
	if (room > 0)
		memcpy(p + sizeof h, data, room);
	ASSERT(list_image_view(&im, p, sizeof h + room, (enum list_kind)h.kind, NULL) == 0);
	look_up(&im, data, size);
	free(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *p = malloc(size + 1);
	struct list_image im;

	ASSERT(p != NULL);
	if (size > 0)
		memcpy(p, data, size);
	for (enum list_kind kind = LIST_DOMAINS; kind < LIST_KINDS; kind++)
		if (list_image_view(&im, p, size, kind, NULL) == 0)
			look_up(&im, data, size);
	free(p);
	with_head(data, size);
	return 0;
}
