/*
 * The hand-over document: what is written is read again, and what is no such document is refused whole.
 */
#include "tests/unit/unit.h"
#include "master/handover.c"

static struct handover
sketch(struct handover_bound bounds[2], int *fds)
{
	struct handover h = {
		.version = "9.9.9",
		.pid = 4711,
		.boot_id = 0xfedcba9876543210,
		.started_ms = 123456789012,
		.generation = 17,
		.link = 5,
		.err = 6,
		.admin = 7,
		.admin_path = "/run/proxyd/a.sock",
		.segment = { 8, 9, -1, 10, 12 },
		.events = fds + 4,
		.nevents = 2,
		.log = { { (char *)(uintptr_t) "/var/log/event", 11 }, { NULL, -1 } },
		.bounds = bounds,
		.nbounds = 2,
	};

	bounds[0] = (struct handover_bound){ .dual = true, .fd = fds, .nfds = 3 };
	bounds[1] = (struct handover_bound){ .given = true, .fd = fds + 3, .nfds = 1 };
	ck_assert_int_eq(addr_parse(&bounds[0].addr, "*:80", NULL), 0);
	ck_assert_int_eq(addr_parse(&bounds[1].addr, "unix:/run/a.sock", NULL), 0);
	return h;
}

static int
count_fd(void *arg, int fd)
{
	*(int *)arg += fd;
	return 0;
}

START_TEST(what_is_written_is_read_again)
{
	int fds[6] = { 20, 21, 22, 23, 24, 25 }, sum = 0, want = 0;
	struct handover_bound bounds[2];
	struct handover h = sketch(bounds, fds), r;
	struct str text = STR_INIT;

	handover_write(&h, &text);
	ck_assert_int_eq(handover_parse(&r, str_span(&text), NULL), 0);
	ck_assert_str_eq(r.version, "9.9.9");
	ck_assert_int_eq(r.pid, 4711);
	ck_assert(r.boot_id == h.boot_id && r.started_ms == h.started_ms && r.generation == 17);
	ck_assert(r.link == 5 && r.err == 6 && r.admin == 7);
	ck_assert_str_eq(r.admin_path, h.admin_path);
	for (unsigned i = 0; i < HAND_SEGMENTS; i++)
		ck_assert_int_eq(r.segment[i], h.segment[i]);
	ck_assert_str_eq(r.log[HAND_EVENT_LOG].path, "/var/log/event");
	ck_assert_int_eq(r.log[HAND_EVENT_LOG].fd, 11);
	ck_assert_ptr_null(r.log[HAND_ACCESS_LOG].path);
	ck_assert(r.nevents == 2 && r.events[0] == 24 && r.events[1] == 25);
	ck_assert_uint_eq(r.nbounds, 2);
	ck_assert(r.bounds[0].dual && !r.bounds[0].given && r.bounds[0].nfds == 3);
	ck_assert(!r.bounds[1].dual && r.bounds[1].given && r.bounds[1].fd[0] == 23);
	ck_assert(addr_eq(&r.bounds[1].addr, &bounds[1].addr));
	(void)handover_each_fd(&h, count_fd, &want);
	(void)handover_each_fd(&r, count_fd, &sum);
	ck_assert_int_eq(sum, 5 + 6 + 7 + 8 + 9 + 10 + 11 + 12 + 20 + 21 + 22 + 23 + 24 + 25);
	ck_assert_int_eq(sum, want);
	handover_fini(&r);
	handover_fini(&r); /* twice is once */
	str_fini(&text);
}
END_TEST

/* The document of sketch() with one text in place of another; NULL: as it is. */
static int
parse_with(const char *from, const char *to, struct errdetail *ed)
{
	int fds[6] = { 20, 21, 22, 23, 24, 25 }, rc;
	struct handover_bound bounds[2];
	struct handover h = sketch(bounds, fds), r;
	struct str text = STR_INIT, other = STR_INIT;
	const char *at;

	handover_write(&h, &text);
	at = strstr(str_span(&text).p, from);
	ck_assert_msg(at != NULL, "%s is not in %s", from, str_span(&text).p);
	str_add(&other, span_make(text.data, (size_t)(at - text.data)));
	str_printf(&other, "%s%s", to, at + strlen(from));
	rc = handover_parse(&r, str_span(&other), ed);
	if (rc == 0)
		handover_fini(&r);
	str_fini(&text);
	str_fini(&other);
	return rc;
}

START_TEST(what_makes_no_sense_is_refused_and_says_where)
{
	static const struct { const char *from, *to, *why; } rows[] = {
		{ "\"format\":1", "\"format\":2", "format 2, this program knows 1" },
		{ "\"pid\":4711", "\"pid\":0", "'pid'" },
		{ "\"pid\":4711", "\"pid\":99999999999", "'pid'" },
		{ "\"generation\":17", "\"generation\":-1", "'generation'" },
		{ "fedcba9876543210", "fedcba987654321x", "'boot_id'" },
		{ "fedcba9876543210", "", "'boot_id'" },
		{ "\"link\":5", "\"link\":2", "'link'" },
		{ "\"err\":6", "\"err\":\"6\"", "'err'" },
		{ "/run/proxyd/a.sock", "", "" },
		{ "\"fd\":8", "\"fd\":-1", "'fd'" },
		{ "\"fd\":11", "\"fd\":1e9", "'fd'" },
		{ "[{\"fd\":23}]", "[]", "0 sockets" },
		{ "unix:/run/a.sock", "nowhere", "nowhere" },
		{ "{\"format\"", "{\"format", "" },
		{ "\"version\":\"9.9.9\",", "", "'version'" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct errdetail ed = { 0 };
		int rc = parse_with(rows[i].from, rows[i].to, &ed);

		if (strcmp(rows[i].to, "") == 0 && strcmp(rows[i].why, "") == 0) {
			ck_assert_int_eq(rc, 0); /* an empty path is a path that is not ours */
			continue;
		}
		ck_assert_msg(rc < 0, "%s -> %s passed", rows[i].from, rows[i].to);
		ck_assert_msg(strstr(ed.text, rows[i].why) != NULL, "%s: %s", rows[i].to, ed.text);
	}
}
END_TEST

START_TEST(what_another_version_adds_is_skipped)
{
	ck_assert_int_eq(parse_with("\"pid\":", "\"new\":{\"a\":[1]},\"pid\":", NULL), 0);
	ck_assert_int_eq(parse_with("\"name\":\"journal\"", "\"name\":\"other\"", NULL), 0);
}
END_TEST

UNIT_MAIN("master/handover", what_is_written_is_read_again,
    what_makes_no_sense_is_refused_and_says_where, what_another_version_adds_is_skipped)
