/*
 * list_bench.h - for tests of the master's lists: a generation with two lists in files of its own, an agent and two
 * workers whose far ends the test holds.
 */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "master/child.h"
#include "master/list_store_priv.h"
#include "master/master.h"
#include "tests/unit/conf/load_text.h"
#include "tests/unit/lib/drive.h"

#define BENCH_WORKERS	2
#define BENCH_AGENT	BENCH_WORKERS
#define BENCH_CHILDREN	(BENCH_WORKERS + 1)

static struct master m;
static struct generation gen;
static struct seat seats[BENCH_CHILDREN];
static struct child children[BENCH_CHILDREN];
static int far[BENCH_CHILDREN];
static char folder[] = "/tmp/proxyd-lists-XXXXXX", ads_path[64], drop_path[64];

static inline void
bench_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static inline struct conf *
bench_conf(void)
{
	char text[1024];

	(void)snprintf(text, sizeof text,
	    FORWARD "lists = { ads = { file = \"%s\"; kind = \"domains\"; };\n"
		    "          drop = { file = \"%s\"; kind = \"addresses\"; }; };\n"
		    "acls = { a = { domain = [ \"@ads\" ]; }; b = { dst = \"@drop\"; }; };\n",
	    ads_path, drop_path);
	return load_good(text);
}

static inline void
bench_link(unsigned i)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	children[i].link.fd = pair[0];
	far[i] = pair[1];
}

/* The generation serves; none of its lists has an entry yet. */
static inline void
bench_open(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(ads_path, sizeof ads_path, "%s/ads", folder);
	(void)snprintf(drop_path, sizeof drop_path, "%s/drop", folder);
	bench_file(ads_path, "one.example\n");
	bench_file(drop_path, "10.0.0.0/8\n");
	memset(&m, 0, sizeof m);
	ck_assert_int_eq(loop_init(&m.loop, NULL), 0);
	list_init(&m.children);
	list_init(&m.generations);
	list_store_init(&m);
	gen = (struct generation){ .number = 1, .conf = bench_conf(), .nworkers = BENCH_WORKERS, .seats = seats };
	list_push(&m.generations, &gen.node);
	m.current = &gen;
	for (unsigned i = 0; i < BENCH_CHILDREN; i++) {
		seats[i] = (struct seat){ .master = &m, .role = i == BENCH_AGENT ? ROLE_AGENT : ROLE_WORKER,
			.slot = i, .gen = &gen, .child = &children[i] };
		children[i] = (struct child){ .master = &m, .seat = &seats[i], .state = CHILD_READY };
		bench_link(i);
		list_push(&m.children, &children[i].node);
	}
}

static inline void
bench_close(void)
{
	list_store_fini(&m);
	for (unsigned i = 0; i < BENCH_CHILDREN; i++) {
		close(children[i].link.fd);
		close(far[i]);
	}
	timer_stop(&m.tick);
	loop_fini(&m.loop);
	conf_free(&gen.conf);
	unlink(ads_path);
	unlink(drop_path);
	rmdir(folder);
}

static inline uint32_t
bench_index(const char *name)
{
	for (uint32_t i = 0; i < gen.conf->nlists; i++)
		if (strcmp(gen.conf->lists[i].name, name) == 0)
			return i;
	ck_abort_msg("no list %s", name);
}

static inline struct list_entry *
bench_entry(const char *name)
{
	return list_entry_find(&m, &gen.conf->lists[bench_index(name)]);
}

/* The next message to this child, its type read; false: none. fd is the caller's. */
static inline bool
bench_hear(unsigned i, struct wire *w, uint16_t *type, int *fd)
{
	static char buf[WIRE_MAX];
	size_t len;

	if (wire_recv(far[i], buf, sizeof buf, &len, fd) != 0)
		return false;
	ck_assert_int_eq(wire_read_init(w, buf, len, type), 0);
	return true;
}

/* What the agent was sent: the list's index and the stamp; the descriptor of the file, -1: none came; -2: nothing. */
static inline int
bench_source(uint32_t *index, struct list_stamp *stamp)
{
	uint16_t type;
	struct wire w;
	int fd;

	if (!bench_hear(BENCH_AGENT, &w, &type, &fd))
		return -2;
	ck_assert_uint_eq(type, LINK_LIST_SOURCE);
	ck_assert_int_eq(list_get_source(&w, index, stamp), 0);
	return fd;
}

/* What the agent says: that it made this image of the file, or why it did not. Closes image. */
static inline void
bench_done(const struct list_done *d, int image)
{
	char buf[WIRE_MAX];
	uint16_t type;
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, LINK_LIST_DONE);
	list_put_done(&w, d);
	ck_assert_int_eq(wire_read_init(&w, buf, w.at, &type), 0);
	list_store_done(&children[BENCH_AGENT], &w, image);
	if (image >= 0)
		close(image);
}

/* The agent compiles the source that waits for it, and tells. False: none waits. */
static inline bool
bench_compile(void)
{
	struct errdetail ed = { 0 };
	struct list_done d = { 0 };
	int fd = bench_source(&d.index, &d.stamp), image = -1;

	if (fd < 0)
		return false;
	d.ok = list_compile(&gen.conf->lists[d.index], fd, &image, &d.report, &ed) == 0;
	d.why = span_str(ed.text);
	close(fd);
	bench_done(&d, image);
	return true;
}

/* Plans the generation and has all its lists compiled. */
static inline void
bench_fill(void)
{
	ck_assert_int_eq(list_store_plan(&m, &gen), 0);
	list_store_tick(&m);
	while (bench_compile())
		;
	gen.lists_wait = 0;
}

/* The serial of the image of this list that the worker was sent; 0: none came. */
static inline uint32_t
bench_image(unsigned i, uint32_t *index)
{
	uint32_t serial;
	uint16_t type;
	struct wire w;
	int fd;

	if (!bench_hear(i, &w, &type, &fd))
		return 0;
	ck_assert_uint_eq(type, LINK_LIST);
	ck_assert_int_eq(list_get_image(&w, index, &serial), 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	return serial;
}

static inline void
bench_taken(unsigned i, uint32_t index, uint32_t serial)
{
	char buf[64];
	uint16_t type;
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, LINK_LIST_TAKEN);
	list_put_image(&w, index, serial);
	ck_assert_int_eq(wire_read_init(&w, buf, w.at, &type), 0);
	list_store_taken(&children[i], &w);
}

/* Every worker takes everything it was sent. */
static inline void
bench_take_all(void)
{
	for (unsigned i = 0; i < BENCH_WORKERS; i++) {
		uint32_t index, serial;

		while ((serial = bench_image(i, &index)) != 0)
			bench_taken(i, index, serial);
	}
}
