/*
 * list_image.c - opening an image, and finding a name or an address in it.
 */
#include "conf/base/list_image_priv.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

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

static uint64_t
load64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* The last n < 8 bytes as one word. */
static uint64_t
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

static uint64_t
mix(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint64_t
list_hash_label(const struct list_head *h, uint64_t state, struct span label)
{
	size_t n = label.n;
	const char *p = label.p;

	for (; n >= 8; n -= 8, p += 8)
		state = mix(state ^ load64(p), 0x9e3779b97f4a7c15u ^ h->seed[1]);
	return mix(state ^ load_rest(p, n), h->seed[1] ^ (0xbf58476d1ce4e5b9u + n));
}

/* The rightmost label of what is left of *end; *end moves to its dot, or to -1 when none is left. */
static struct span
label_before(struct span name, ptrdiff_t *end)
{
	const char *dot = memrchr(name.p, '.', (size_t)*end);
	ptrdiff_t from = dot == NULL ? 0 : dot - name.p + 1;
	struct span label = span_make(name.p + from, (size_t)(*end - from));

	*end = from - 1;
	return label;
}

uint64_t
list_hash_name(const struct list_head *h, struct span name, uint32_t *labels)
{
	uint64_t state = h->seed[0];
	ptrdiff_t end = (ptrdiff_t)name.n;

	for (*labels = 0; end >= 0; ++*labels)
		state = list_hash_label(h, state, label_before(name, &end));
	return state;
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

/* A bit in the highest place of each byte of the word that equals tag. */
static uint64_t
tag_matches(const uint8_t *word, uint8_t tag)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
	uint64_t w;

	memcpy(&w, word, sizeof w);
	w = le64toh(w) ^ (tag * 0x0101010101010101u);
	return ~(((w & low) + low) | w | low);
}

static bool
bucket_find(const struct list_image *im, const struct list_bucket *b, uint8_t tag, struct span name,
    bool whole, struct list_hit *hit)
{
	for (unsigned base = 0; base < LIST_WAYS; base += 8)
		for (uint64_t m = tag_matches(b->tag + base, tag); m != 0; m &= m - 1) {
			unsigned i = base + (unsigned)__builtin_ctzll(m) / 8;

			if (i < LIST_WAYS && record_is(im, b->at[i], name, whole, hit))
				return true;
		}
	return false;
}

static bool
probe(
    const struct list_image *im, uint64_t hash, struct span name, bool whole, struct list_hit *hit)
{
	uint32_t n = im->head->n[LIST_N_BUCKETS], at = list_bucket_of(hash, n);

	for (unsigned i = 0; i < LIST_CHAIN; i++) {
		const struct list_bucket *b = &im->buckets[at];

		if (bucket_find(im, b, list_tag_of(hash), name, whole, hit))
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
	ptrdiff_t end = (ptrdiff_t)host.n;
	uint64_t hash;

	if (im->buckets == NULL || h->n[LIST_N_BUCKETS] == 0 || host.n == 0)
		return false;
	hash = h->seed[0];
	for (uint32_t labels = 1; labels <= h->most && end >= 0; labels++) {
		struct span name;

		hash = list_hash_label(h, hash, label_before(host, &end));
		name = span_make(host.p + end + 1, host.n - (size_t)(end + 1));
		if (name.n > LIST_NAME_MAX)
			return false;
		if (labels >= h->least && probe(im, hash, name, end < 0, hit))
			return true;
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
find4(const struct list_image *im, const struct in_addr *ip, struct list_hit *hit)
{
	uint32_t n = im->head->n[LIST_N_V4], i;

	if (n == 0)
		return false;
	i = range4(im->v4, n, ntohl(ip->s_addr));
	return range_hit(hit, im->line4[i], im->bits4[i], AF_INET, (const uint8_t *)ip);
}

static bool
find6(const struct list_image *im, const struct in6_addr *ip, struct list_hit *hit)
{
	uint32_t n = im->head->n[LIST_N_V6], i;
	uint64_t key[2];

	if (n == 0)
		return false;
	memcpy(key, ip, sizeof key);
	key[0] = be64toh(key[0]);
	key[1] = be64toh(key[1]);
	i = range6(im->v6, n, key);
	return range_hit(hit, im->line6[i], im->bits6[i], AF_INET6, ip->s6_addr);
}

bool
list_find_addr(const struct list_image *im, const struct addr *a, struct list_hit *hit)
{
	struct addr folded = addr_fold(a);

	if (im->v6 == NULL || folded.len == 0)
		return false;
	if (folded.u.sa.sa_family == AF_INET)
		return find4(im, &folded.u.in4.sin_addr, hit);
	if (folded.u.sa.sa_family == AF_INET6)
		return find6(im, &folded.u.in6.sin6_addr, hit);
	return false;
}
