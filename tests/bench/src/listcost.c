/*
 * Prints what lists cost: listcost domains|addresses FILE. Compiles the file, then looks up what it holds and what it
 * does not, in random order, and prints nanoseconds of processor time. Links with libproxyd.a: see tests/bench/lists.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/list_compile.h"

#define QUESTIONS 1000000
#define ROUNDS 3

static char text[QUESTIONS][72];
static struct addr addrs[QUESTIONS];
static uint64_t dice = 88172645463325252u;

static uint64_t
roll(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice;
}

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* "www." before random lines of the file (hits), or before a changed label (misses). */
static void
ask_names(const char *file, size_t size, bool hit)
{
	for (unsigned i = 0; i < QUESTIONS; i++) {
		size_t at = roll() % size, n = 0;

		while (at > 0 && file[at - 1] != '\n')
			at--;
		while (at + n < size && file[at + n] != '\n' && n < 60)
			n++;
		(void)snprintf(text[i], sizeof text[i], "www.%.*s", (int)n, file + at);
		if (!hit)
			text[i][strlen(text[i]) / 2] = 'Q';	/* no name has a capital */
	}
}

static void
ask_addrs(const char *file, size_t size, bool hit)
{
	char line[72];

	for (unsigned i = 0; i < QUESTIONS; i++) {
		size_t at = roll() % size;

		while (at > 0 && file[at - 1] != '\n')
			at--;
		(void)snprintf(line, sizeof line, "%.*s", (int)strcspn(file + at, "/\n"), file + at);
		if (!hit)
			(void)snprintf(line, sizeof line, "%u.%u.%u.%u", 1 + (unsigned)(roll() % 222), (unsigned)(roll() % 256),
			    (unsigned)(roll() % 256), (unsigned)(roll() % 256));
		if (addr_parse_ip(&addrs[i], span_str(line), 0) != 0)
			addrs[i] = addrs[0];
	}
}

static void
measure(const struct list_image *im, bool names, const char *what)
{
	static struct span spans[QUESTIONS];
	struct list_hit hit;
	double best = 1e18;
	unsigned found = 0;

	for (unsigned i = 0; names && i < QUESTIONS; i++)
		spans[i] = span_str(text[i]);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double began = cpu_ns();

		found = 0;
		for (unsigned i = 0; i < QUESTIONS; i++)
			found += names ? list_find_name(im, spans[i], &hit) : list_find_addr(im, &addrs[i], &hit);
		began = (cpu_ns() - began) / QUESTIONS;
		best = began < best ? began : best;
	}
	printf("%s: %.0f ns a look-up, %u of %u found\n", what, best, found, QUESTIONS);
}

int
main(int argc, char **argv)
{
	struct conf_list l = { .name = "bench", .max_bytes = 1 << 30, .max_entries = 50000000 };
	bool names = argc == 3 && strcmp(argv[1], "domains") == 0;
	struct errdetail ed = { 0 };
	struct list_report r;
	struct list_image im;
	int fd = argc == 3 ? open(argv[2], O_RDONLY) : -1, image;
	double began = cpu_ns();
	struct stat st;
	const char *file;

	l.kind = names ? LIST_DOMAINS : LIST_ADDRESSES;
	l.path = argv[argc - 1];
	if (fd < 0 || fstat(fd, &st) != 0 || list_compile(&l, fd, &image, &r, &ed) != 0 ||
	    list_image_open(&im, image, l.kind, &ed) != 0) {
		(void)fprintf(stderr, "usage: listcost domains|addresses FILE; %s\n", ed.text);
		return 1;
	}
	printf("compiled: %u entries, %.1f MiB file, %.1f MiB image, %.1f bytes an entry, %.0f ms of processor\n",
	    r.entries, (double)r.bytes / 1048576, (double)r.image_bytes / 1048576, (double)r.image_bytes / r.entries,
	    (cpu_ns() - began) / 1e6);
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	for (int hit = 1; hit >= 0; hit--) {
		if (names)
			ask_names(file, (size_t)st.st_size, hit);
		else
			ask_addrs(file, (size_t)st.st_size, hit);
		measure(&im, names, hit ? "listed" : names ? "not listed" : "anywhere");
	}
	return 0;
}
