#include "tests/unit/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "master/logger.c"

#define LANES 3

static struct conf conf;
static struct env env;
static int master_end;
static char path[64];
static pid_t pid;

static void *
shared(size_t n)
{
	return mmap(
	    NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void
logger_start(int fd, rlim_t file_limit)
{
	int link[2];

	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, link), 0);
	conf.telemetry.access_log.format = "combined";
	env = (struct env){ .conf = &conf, .role = ROLE_LOGGER, .link = link[1], .access_log = fd };
	env.stats = shared(stats_size(LANES));
	env.stats->lanes = LANES;
	env.my = &env.stats->lane[2];
	env.journal = shared(journal_size(LANES));
	env.journal->lanes = LANES;
	master_end = link[0];
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = { file_limit, RLIM_INFINITY };

		(void)close(master_end);
		if (file_limit != 0)
			(void)setrlimit(RLIMIT_FSIZE, &limit);
		_exit(logger_main(&env));
	}
	(void)close(link[1]);
}

static int
file_new(void)
{
	(void)snprintf(path, sizeof path, "/tmp/proxyd-unit-logger-%d-%d", (int)getpid(), rand());
	return open(path, O_CREAT | O_EXCL | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
}

static bool
put_record(unsigned lane, unsigned number)
{
	char target[32];
	struct span s[JS_MAX] = { [JS_METHOD] = SPAN("GET") };
	struct journal_rec rec = { .status = 200 };

	s[JS_TARGET] = span_make(target, (size_t)snprintf(target, sizeof target, "/%u", number));
	return journal_write(&env.journal->ring[lane], &rec, s);
}

static void
tell(enum link_type type, int fd)
{
	char buf[WIRE_MAX];
	struct wire w;

	wire_write_init(&w, buf, sizeof buf, (uint16_t)type);
	ck_assert_int_eq(wire_send(master_end, &w, fd), 0);
}

static void
expect_exit(uint64_t within_ms)
{
	uint64_t deadline = clock_mono_ms() + within_ms;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		ck_assert_uint_lt(clock_mono_ms(), deadline);
		(void)poll(NULL, 0, 5);
	}
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Lines of the file, each checked to be whole. */
static unsigned
file_lines(int fd)
{
	char line[4096];
	unsigned n = 0;
	FILE *f;

	(void)fflush(NULL);
	f = fdopen(dup(fd), "r");
	rewind(f);
	while (fgets(line, sizeof line, f) != NULL) {
		ck_assert_ptr_nonnull(strchr(line, '\n'));
		n += strstr(line, " HTTP/1.0\" 200 - \"-\" \"-\"\n") != NULL;
	}
	(void)fclose(f);
	return n;
}

START_TEST(record_is_in_the_file_within_200_ms)
{
	int fd = file_new();
	struct stat st = { 0 };
	uint64_t start;

	logger_start(fd, 0);
	(void)poll(NULL, 0, 100);
	start = clock_mono_ms();
	ck_assert(put_record(1, 1));
	while (fstat(fd, &st) == 0 && st.st_size == 0)
		ck_assert_uint_lt(clock_mono_ms(), start + 200);
	tell(LINK_STOP, -1);
	expect_exit(1000);
	ck_assert_uint_eq(file_lines(fd), 1);
	(void)unlink(path);
}
END_TEST

START_TEST(it_says_that_it_is_ready_and_beats)
{
	struct pollfd p = { .events = POLLIN };
	char buf[WIRE_MAX];
	struct wire w;
	uint16_t type;
	size_t len;

	logger_start(-1, 0);
	p.fd = master_end;
	ck_assert_int_eq(poll(&p, 1, 2000), 1);
	ck_assert_int_eq(wire_recv(master_end, buf, sizeof buf, &len, NULL), 0);
	ck_assert_int_eq(wire_read_init(&w, buf, len, &type), 0);
	ck_assert_int_eq(type, LINK_READY);
	ck_assert_uint_gt(env.my->beat_ms, 0);
	tell(LINK_STOP, -1);
	expect_exit(1000);
}
END_TEST

START_TEST(stop_writes_first_what_is_there)
{
	int fd = file_new();

	logger_start(fd, 0);
	for (unsigned i = 0; i < 3000; i++)
		ck_assert(put_record(i % LANES, i));
	tell(LINK_STOP, -1);
	expect_exit(2000);
	ck_assert_uint_eq(file_lines(fd), 3000);
	(void)unlink(path);
}
END_TEST

START_TEST(burst_of_a_whole_ring_is_written)
{
	int fd = file_new();
	unsigned n = 0;

	logger_start(fd, 0);
	while (n < 6000 && put_record(1, n))
		n++;
	ck_assert_uint_ge(n, 6000);
	(void)poll(NULL, 0, 200);
	tell(LINK_STOP, -1);
	expect_exit(1000);
	ck_assert_uint_eq(file_lines(fd), n);
	(void)unlink(path);
}
END_TEST

START_TEST(rotation_loses_no_record)
{
	int first = file_new(), second;
	char old[64];
	unsigned n = 0;

	memcpy(old, path, sizeof old);
	second = file_new();
	logger_start(first, 0);
	for (; n < 2000; n++) {
		ck_assert(put_record(n % LANES, n));
		if (n == 1000)
			tell(LINK_REOPEN, second);
		if (n % 100 == 0)
			(void)poll(NULL, 0, 3);
	}
	(void)poll(NULL, 0, 100);
	tell(LINK_STOP, -1);
	expect_exit(1000);
	ck_assert_uint_gt(file_lines(second), 0);
	ck_assert_uint_eq(file_lines(first) + file_lines(second), n);
	(void)unlink(old);
	(void)unlink(path);
}
END_TEST

START_TEST(end_of_the_master_writes_the_rest_and_ends)
{
	int fd = file_new();

	logger_start(fd, 0);
	(void)poll(NULL, 0, 50);
	ck_assert(put_record(0, 1));
	(void)close(master_end);
	expect_exit(1000);
	ck_assert_uint_eq(file_lines(fd), 1);
	(void)unlink(path);
}
END_TEST

START_TEST(full_device_drops_and_counts)
{
	logger_start(open("/dev/full", O_WRONLY | O_CLOEXEC), 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert(put_record(0, i));
	(void)poll(NULL, 0, 150);
	ck_assert_uint_eq(env.my->counter[C_JOURNAL_DROPPED], 10);
	tell(LINK_STOP, -1);
	expect_exit(1000);
}
END_TEST

/* The limit cuts a line in two; what is written after the limit is gone begins on a line of its own. */
START_TEST(line_cut_by_a_full_disk_does_not_spoil_the_next)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	int fd = file_new();
	char text[4096] = "";
	ssize_t n;

	logger_start(fd, 100);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(put_record(0, i));
	(void)poll(NULL, 0, 150);
	ck_assert_uint_eq(env.my->counter[C_JOURNAL_DROPPED], 2);
	ck_assert_int_eq(prlimit(pid, RLIMIT_FSIZE, &none, NULL), 0);
	ck_assert(put_record(0, 7));
	(void)poll(NULL, 0, 100);
	tell(LINK_STOP, -1);
	expect_exit(1000);
	n = pread(fd, text, sizeof text - 1, 0);
	ck_assert_int_gt(n, 100);
	ck_assert_int_eq(text[100], '\n');
	ck_assert_ptr_nonnull(strstr(text + 101, "\"GET /7 HTTP/1.0\""));
	(void)unlink(path);
}
END_TEST

START_TEST(stalled_reader_stops_neither_the_link_nor_the_end)
{
	uint64_t beat_ms;
	int pipes[2];

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	logger_start(pipes[1], 0);
	for (unsigned i = 0; i < 6000; i++)
		(void)put_record(0, i);
	(void)poll(NULL, 0, 200);
	beat_ms = atomic_load(&env.my->beat_ms);
	(void)poll(NULL, 0, 200);
	ck_assert_uint_gt(atomic_load(&env.my->beat_ms), beat_ms);
	tell(LINK_STOP, -1);
	expect_exit(STOP_MS + 2000);
	ck_assert_uint_gt(env.my->counter[C_JOURNAL_DROPPED], 0);
}
END_TEST

START_TEST(log_that_is_off_still_empties_the_rings)
{
	logger_start(-1, 0);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(put_record(1, i));
	(void)poll(NULL, 0, 150);
	ck_assert_uint_eq(env.journal->ring[1].head, env.journal->ring[1].tail);
	ck_assert_uint_eq(env.my->counter[C_JOURNAL_DROPPED], 0);
	tell(LINK_STOP, -1);
	expect_exit(1000);
}
END_TEST

UNIT_MAIN("master/logger", record_is_in_the_file_within_200_ms, it_says_that_it_is_ready_and_beats,
    stop_writes_first_what_is_there, burst_of_a_whole_ring_is_written, rotation_loses_no_record,
    end_of_the_master_writes_the_rest_and_ends, full_device_drops_and_counts,
    line_cut_by_a_full_disk_does_not_spoil_the_next,
    stalled_reader_stops_neither_the_link_nor_the_end, log_that_is_off_still_empties_the_rings)
