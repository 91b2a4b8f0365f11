/*
 * list_image.c - opening an image, and finding a name or an address in it.
 */
#include "conf/base/list_image_priv.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* ------------------------------------------------------------------------------------------------ open */

/* Bytes that the parts named in the head take; what is no list takes more than there is. */
uint64_t
list_parts_size(const struct list_head *h)
{
	switch (h->kind) {
	case LIST_DOMAINS:
		return (uint64_t)h->n[LIST_N_BUCKETS] * sizeof(struct list_bucket) +
		    h->n[LIST_N_NAMES];
	case LIST_ADDRESSES:
		return (uint64_t)h->n[LIST_N_V6] * (16 + 4 + 1) +
		    (uint64_t)h->n[LIST_N_V4] * (4 + 4 + 1);
	default:
		return UINT64_MAX;
	}
}

static void
find_parts(struct list_image *im)
{
	const struct list_head *h = im->head;
	const char *at = (const char *)(h + 1);

	if (h->kind == LIST_DOMAINS) {
		im->buckets = (const void *)at;
		im->names = at + (size_t)h->n[LIST_N_BUCKETS] * sizeof(struct list_bucket);
		return;
	}
	im->v6 = (const void *)at;
	im->v4 = (const void *)(at += (size_t)h->n[LIST_N_V6] * 16);
	im->line6 = (const void *)(at += (size_t)h->n[LIST_N_V4] * 4);
	im->line4 = (const void *)(at += (size_t)h->n[LIST_N_V6] * 4);
	im->bits6 = (const void *)(at += (size_t)h->n[LIST_N_V4] * 4);
	im->bits4 = (const void *)(at + h->n[LIST_N_V6]);
}

int
list_image_view(
    struct list_image *im, const void *p, size_t n, enum list_kind kind, struct errdetail *ed)
{
	const struct list_head *h = p;

	*im = (struct list_image){ 0 };
	if (n < sizeof *h)
		return err_set(ed, -E_TRUNCATED, "a list's image is shorter than its head");
	if (h->magic != LIST_MAGIC || h->kind != (uint32_t)kind)
		return err_set(ed, -E_PROTO, "these bytes are no image of such a list");
	if (h->version != LIST_IMAGE_VERSION)
		return err_set(ed, -E_VERSION,
		    "a list's image has layout version %u, this program knows %d", h->version,
		    LIST_IMAGE_VERSION);
	if (h->size != n || list_parts_size(h) != n - sizeof *h)
		return err_set(ed, -E_TRUNCATED, "a list's image has not the size in its head");
	im->head = h;
	find_parts(im);
	return 0;
}

/* Private: a shared mapping of a file sealed against writing is refused by kernels before 6.7. Nobody writes. */
int
list_image_open(struct list_image *im, int fd, enum list_kind kind, struct errdetail *ed)
{
	int seals = fcntl(fd, F_GET_SEALS), rc;
	struct stat st;
	void *p;

	*im = (struct list_image){ 0 };
	if (seals < 0 || (seals & SEALS) != SEALS)
		return err_set(ed, -E_PROTO, "the descriptor of a list's image is not sealed");
	if (fstat(fd, &st) != 0)
		return err_sys(ed, "a list's image: fstat");
	if (st.st_size < (off_t)sizeof(struct list_head))
		return err_set(ed, -E_TRUNCATED, "a list's image is shorter than its head");
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_sys(ed, "a list's image: mmap of %lld bytes", (long long)st.st_size);
	rc = list_image_view(im, p, (size_t)st.st_size, kind, ed);
	if (rc != 0)
		(void)munmap(p, (size_t)st.st_size);
	else
		im->mapped = true;
	return rc;
}

void
list_image_close(struct list_image *im)
{
	if (im->mapped)
		(void)munmap((void *)(uintptr_t)im->head, im->head->size);
	*im = (struct list_image){ 0 };
}

/* ------------------------------------------------------------------------------------------------ hash */

static inline uint64_t
load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* The last n < 8 bytes as one word. */
static inline uint64_t
load_rest(const char *p, size_t n)
{
	uint32_t lo, hi;

	if (n >= 4) {
		memcpy(&lo, p, sizeof lo);
		memcpy(&hi, p + n - 4, sizeof hi);
		return lo | (uint64_t)hi << 32;
	}
	if (n == 0)
		return 0;
	return (uint8_t)p[0] | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint64_t)(uint8_t)p[n - 1] << 16;
}

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

/* One label more, from the right: the hash of a name is the state after its leftmost label. */
static inline uint64_t
hash_label(const struct list_head *h, uint64_t state, const char *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8)
		state = mix(state ^ load64(p), 0x9e3779b97f4a7c15u ^ h->seed[1]);
	return mix(state ^ load_rest(p, n), h->seed[1] ^ (0xbf58476d1ce4e5b9u + n));
}

/* Where the label that ends at `end` begins. Labels are short: a call to look for the dot costs more than the loop. */
static inline const char *
label_begin(const char *name, const char *end)
{
	while (end > name && end[-1] != '.')
		end--;
	return end;
}

uint64_t
list_hash_name(const struct list_head *h, struct span name, uint32_t *labels)
{
	const char *end = name.p + name.n, *at;
	uint64_t state = h->seed[0];

	for (*labels = 1;; ++*labels, end = at - 1) {
		at = label_begin(name.p, end);
		state = hash_label(h, state, at, (size_t)(end - at));
		if (at == name.p)
			return state;
	}
}

uint64_t
list_digest(struct span bytes)
{
	uint64_t a = 0x2545f4914f6cdd1du, b = bytes.n;

	for (; bytes.n >= 8; bytes = span_make(bytes.p + 8, bytes.n - 8)) {
		a = mix(a ^ load64(bytes.p), 0x9e3779b97f4a7c15u);
		b = (b ^ a) * 0xff51afd7ed558ccdu;
	}
	return mix(a ^ load_rest(bytes.p, bytes.n), b | 1);
}

/* ----------------------------------------------------------------------------------------------- names */

/* The record at `at`, if it is `name` and says something of a host of which name is the whole, or a part. */
static bool
record_is(
    const struct list_image *im, uint32_t at, struct span name, bool whole, struct list_hit *hit)
{
	uint32_t size = im->head->n[LIST_N_NAMES], line;
	const char *p = im->names + at;

	if (at > size || size - at < LIST_RECORD + name.n || (uint8_t)p[4] != name.n ||
	    memcmp(p + LIST_RECORD, name.p, name.n) != 0)
		return false;
	memcpy(&line, p, sizeof line);
	*hit = (struct list_hit){
		.line = line & LIST_LINES, .below = (line & LIST_BELOW) != 0, .name = name
	};
	return whole || hit->below;
}

/* A bit for each place of the bucket that holds the tag. */
static inline uint32_t
tag_places(const struct list_bucket *b, uint8_t tag)
{
	uint32_t found = 0;

#ifdef __SSE2__
	__m128i all = _mm_loadu_si128((const __m128i *)(const void *)b->tag);

	found = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(all, _mm_set1_epi8((char)tag)));
#else
	for (unsigned i = 0; i < LIST_WAYS; i++)
		found |= (uint32_t)(b->tag[i] == tag) << i;
#endif
	return found & ((1u << LIST_WAYS) - 1);
}

static inline bool
probe(
    const struct list_image *im, uint64_t hash, struct span name, bool whole, struct list_hit *hit)
{
	uint32_t n = im->head->n[LIST_N_BUCKETS], at = list_bucket_of(hash, n);

	for (unsigned i = 0; i < LIST_CHAIN; i++) {
		const struct list_bucket *b = &im->buckets[at];

		for (uint32_t m = tag_places(b, list_tag_of(hash)); m != 0; m &= m - 1)
			if (record_is(im, b->at[__builtin_ctz(m)], name, whole, hit))
				return true;
		if (b->tag[LIST_WAYS - 1] == 0)
			return false;
		at = at + 1 == n ? 0 : at + 1;
	}
	return false;
}

bool
list_find_name(const struct list_image *im, struct span host, struct list_hit *hit)
{
	const struct list_head *h = im->head;
	const char *all = host.p + host.n, *end = all, *at;
	uint64_t hash;

	if (im->buckets == NULL || h->n[LIST_N_BUCKETS] == 0 || host.n == 0)
		return false;
	hash = h->seed[0];
	for (uint32_t labels = 1; labels <= h->most; labels++, end = at - 1) {
		at = label_begin(host.p, end);
		if (all - at > LIST_NAME_MAX)
			return false;
		hash = hash_label(h, hash, at, (size_t)(end - at));
		if (labels >= h->least &&
		    probe(im, hash, span_make(at, (size_t)(all - at)), at == host.p, hit))
			return true;
		if (at == host.p)
			return false;
	}
	return false;
}

/* ------------------------------------------------------------------------------------------- addresses */

/* The last of n > 0 ranges that begins at or before the key; the first one begins at 0. */
static uint32_t
range4(const uint32_t *v, uint32_t n, uint32_t key)
{
	const uint32_t *at = v;

	for (uint32_t half; n > 1; n -= half) {
		half = n / 2;
		at += at[half] <= key ? half : 0;
	}
	return (uint32_t)(at - v);
}

static uint32_t
range6(const uint64_t (*v)[2], uint32_t n, const uint64_t key[2])
{
	const uint64_t(*at)[2] = v;

	for (uint32_t half; n > 1; n -= half) {
		half = n / 2;
		if (at[half][0] < key[0] || (at[half][0] == key[0] && at[half][1] <= key[1]))
			at += half;
	}
	return (uint32_t)(at - v);
}

/* The range says which block is the most specific one; its bytes are those of the address. */
static bool
range_hit(struct list_hit *hit, uint32_t line, uint8_t bits, int family, const uint8_t *ip)
{
	unsigned most = family == AF_INET ? 32 : 128;

	if (line == 0 || bits > most)
		return false;
	*hit = (struct list_hit){ .line = line,
		.block = { .family = (uint8_t)family, .bits = bits } };
	memcpy(hit->block.ip, ip, bits / 8);
	if (bits % 8 != 0)
		hit->block.ip[bits / 8] = (uint8_t)(ip[bits / 8] & 0xff00 >> bits % 8);
	return true;
}

static bool
find4(const struct list_image *im, const uint8_t *ip, struct list_hit *hit)
{
	uint32_t n = im->head->n[LIST_N_V4], i, key;

	if (n == 0)
		return false;
	memcpy(&key, ip, sizeof key);
	i = range4(im->v4, n, be32toh(key));
	return range_hit(hit, im->line4[i], im->bits4[i], AF_INET, ip);
}

static bool
find6(const struct list_image *im, const uint8_t *ip, struct list_hit *hit)
{
	uint32_t n = im->head->n[LIST_N_V6], i;
	uint64_t key[2];

	if (n == 0)
		return false;
	memcpy(key, ip, sizeof key);
	key[0] = be64toh(key[0]);
	key[1] = be64toh(key[1]);
	i = range6(im->v6, n, key);
	return range_hit(hit, im->line6[i], im->bits6[i], AF_INET6, ip);
}

bool
list_find_addr(const struct list_image *im, const struct addr *a, struct list_hit *hit)
{
	int family;
	const uint8_t *ip = addr_fold_ip(a, &family);

	if (im->v6 == NULL || ip == NULL)
		return false;
	return family == AF_INET ? find4(im, ip, hit) : find6(im, ip, hit);
}
