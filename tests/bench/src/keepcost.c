/*
 * keepcost.c - what an object costs the keeper while every one that comes makes another one leave: CPU time of
 * intake_turn alone, with a ring of a worker that is filled between the turns. Prints a row for each size.
 *
 *	keepcost [BODY [OBJECTS [MIB]]]	one row only; MIB: of the store, 64. For callgrind: --toggle-collect=intake_turn
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cache/intake.h"

#define MIB (1024 * 1024)

enum { SLOTS = 1 << 19, RING = 8 * MIB, BATCH = 512 };

static char dir[] = "/dev/shm/proxyd-keepcost-XXXXXX", path[64];
static struct store_conf conf = { .path = path, .size = 64 * MIB, .readers = 4 };
static struct store *store;
static struct slot slots[SLOTS];
static struct stock stock;
static struct intake intake;
static struct ring_out out;
static char body[1 * MIB], head[1024];
static size_t head_len;

static void
check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "keepcost: %s: %s\n", what, err_text(rc));
	exit(1);
}

static void
make_head(void)
{
	static const char *const fields[][2] = { { "Content-Type", "text/html; charset=utf-8" },
		{ "ETag", "\"5e8f-1a2b3c4d5e6f\"" }, { "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ "Cache-Control", "public, max-age=3600" }, { "Server", "origin/1.0" } };
	struct field room[8];
	struct fields response = { .v = room, .size = ARRAY_LEN(room) };
	struct head h = { .key = SPAN("GET http://www.example.com/a/b/c/d/e.html?x=1") };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		(void)fields_add(
		    &response, span_str(fields[i][0]), span_str(fields[i][1]), SPAN_NONE);
	head_len = head_write(head, sizeof head, &h, 200, &response);
}

static void
offer(uint32_t n, size_t size)
{
	struct entry e = { .kind = ENTRY_OBJECT, .status = 200 };
	struct ring_begin b = { 0 };
	uint32_t fill, mixed = n * 2654435761u;

	memcpy(b.primary.b, &mixed, sizeof mixed);
	memcpy(b.primary.b + 8, &n, sizeof n);
	b.key = b.primary;
	entry_write(b.entry, &e);
	fill = ring_begin(&out, &b, span_make(head, head_len));
	if (fill == 0 || !ring_data(&out, fill, span_make(body, size)))
		check(-E_LIMIT, "ring");
	ring_end(&out, fill);
}

static double
cpu_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Microseconds of the turns that take n objects in. */
static double
store_all(uint32_t from, uint32_t n, size_t size)
{
	double us = 0;

	for (uint32_t i = 0; i < n; i++) {
		offer(from + i, size);
		if ((i + 1) % BATCH != 0 && i + 1 < n && (i + 1) * size % (RING / 4) > size)
			continue;
		us -= cpu_us();
		for (int rc = 1; rc > 0;)
			check(rc = intake_turn(&intake), "turn");
		us += cpu_us();
	}
	return us;
}

static void
row(size_t size, uint32_t objects)
{
	uint32_t fill = (uint32_t)(conf.size / (size + 4096) * 2);
	struct errdetail ed = { 0 };
	struct ring *ring = mmap(
	    NULL, sizeof *ring + RING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char lock[80];
	double us;

	ring_out_init(&out, ring, RING);
	check(store_open_writer(&store, &conf, &ed), ed.text);
	check(stock_open(&stock, store, slots, SLOTS), "stock");
	check(intake_init(&intake, &stock, &ring, 1, RING, sizeof body), "intake");
	(void)store_all(0, fill, size);
	stock.evicted = 0;
	intake.counts = (struct intake_counts){ 0 };
	us = store_all(fill, objects, size);
	printf("%8zu bytes: %6.2f us of CPU an object (%llu stored, %llu left for them)\n", size,
	    us / objects, (unsigned long long)intake.counts.stored,
	    (unsigned long long)stock.evicted);
	intake_fini(&intake);
	stock_close(&stock);
	store_close(&store);
	snprintf(lock, sizeof lock, "%s-lock", path);
	(void)unlink(lock);
	(void)unlink(path);
	(void)munmap(ring, sizeof *ring + RING);
}

int
main(int argc, char **argv)
{
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/s.mdb", dir);
	make_head();
	if (argc > 3)
		conf.size = strtoull(argv[3], NULL, 10) * MIB;
	if (argc > 1) {
		row(strtoul(argv[1], NULL, 10),
		    argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20000);
	} else {
		row(1024, 40000);
		row(4096, 40000);
		row(16384, 20000);
		row(100000, 4000);
	}
	return rmdir(dir) == 0 ? 0 : 1;
}
