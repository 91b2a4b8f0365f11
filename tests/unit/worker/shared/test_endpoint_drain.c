/*
 * What an operator takes out stays out: by its name with all addresses it will have, by address while it has it.
 */
#include "worker/shared/endpoint.c"
#include "worker/shared/endpoint_drain.c"

#include "tests/unit/unit.h"

#define LANES 2

static struct conf_target targets[] = {
	{ .text = "127.0.0.1:81", .port = 81, .weight = 1, .index = 0 },
	{ .text = "name.example:80", .host = "name.example", .port = 80, .weight = 1, .index = 1 },
};
static struct conf_target turned[] = {
	{ .text = "name.example:80", .host = "name.example", .port = 80, .weight = 1, .index = 0 },
	{ .text = "127.0.0.1:81", .port = 81, .weight = 1, .index = 1 },
};
static struct conf_service service = { .name = "app", .targets = targets, .ntargets = 2 };
static struct conf_service again = { .name = "app", .targets = turned, .ntargets = 2 };
static const struct conf conf = { .services = &service, .nservices = 1 };
static const struct conf conf_again = { .services = &again, .nservices = 1 };

static struct endpoint_data *
data_new(const struct conf *c)
{
	struct endpoint_data *d = aligned_alloc(64, ALIGN64(endpoint_size(c, LANES)));

	ck_assert_int_eq(addr_parse(&targets[0].addr, targets[0].text, NULL), 0);
	turned[1].addr = targets[0].addr;
	memset(d, 0, endpoint_size(c, LANES));
	endpoint_init(d, c, LANES);
	return d;
}

/* Publishes 10.0.0.FROM:80 up to 10.0.0.TO:80 for the name. */
static void
publish(struct endpoint_data *d, const struct conf_service *s, unsigned target, unsigned from,
    unsigned to)
{
	struct addr list[8];
	unsigned n = 0;

	for (; from <= to; from++, n++) {
		char text[32];

		snprintf(text, sizeof text, "10.0.0.%u:80", from);
		ck_assert_int_eq(addr_parse(&list[n], text, NULL), 0);
	}
	endpoint_publish(d, s, target, list, n);
}

static bool
is_out(const struct endpoint_data *d, const char *text)
{
	const struct endpoint_table *t = endpoint_table(d, 0);
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, NULL), 0);
	for (unsigned i = 0; i < t->count; i++) {
		const struct endpoint *e = endpoint_at(d, t, i);

		if (endpoint_used(e) && addr_eq(&e->addr, &a))
			return endpoint_drained(e);
	}
	ck_abort_msg("no endpoint %s", text);
}

START_TEST(a_literal_goes_by_its_text)
{
	struct endpoint_data *d = data_new(&conf);

	ck_assert_uint_eq(endpoint_drain(d, 0, SPAN("127.0.0.1:81"), true), 1);
	ck_assert(is_out(d, "127.0.0.1:81"));
	ck_assert(endpoint_all_drained(d, 0));
	ck_assert_uint_eq(endpoint_drain(d, 0, SPAN("127.0.0.1:81"), false), 1);
	ck_assert(!is_out(d, "127.0.0.1:81"));
	ck_assert(!endpoint_all_drained(d, 0));
	free(d);
}
END_TEST

START_TEST(a_name_goes_with_the_addresses_it_will_have)
{
	struct endpoint_data *d = data_new(&conf);

	publish(d, &service, 1, 1, 2);
	ck_assert_uint_eq(endpoint_drain(d, 0, SPAN("name.example:80"), true), ENDPOINT_PER_TARGET);
	ck_assert(is_out(d, "10.0.0.1:80") && is_out(d, "10.0.0.2:80"));
	ck_assert(!is_out(d, "127.0.0.1:81"));
	publish(d, &service, 1, 2, 5);
	ck_assert(is_out(d, "10.0.0.2:80") && is_out(d, "10.0.0.5:80"));
	ck_assert_uint_gt(endpoint_drain(d, 0, SPAN("name.example:80"), false), 0);
	ck_assert(!is_out(d, "10.0.0.5:80"));
	free(d);
}
END_TEST

START_TEST(an_address_goes_alone_and_is_forgotten_when_it_leaves)
{
	struct endpoint_data *d = data_new(&conf);

	publish(d, &service, 1, 1, 2);
	ck_assert_uint_eq(endpoint_drain(d, 0, SPAN("10.0.0.2:80"), true), 1);
	ck_assert(is_out(d, "10.0.0.2:80") && !is_out(d, "10.0.0.1:80"));
	publish(d, &service, 1, 1, 1);
	publish(d, &service, 1, 1, 8);
	for (unsigned i = 1; i <= 8; i++) {
		char text[32];

		snprintf(text, sizeof text, "10.0.0.%u:80", i);
		ck_assert(!is_out(d, text));
	}
	free(d);
}
END_TEST

START_TEST(both_are_carried_over)
{
	struct endpoint_data *d = data_new(&conf), *next = data_new(&conf_again);

	publish(d, &service, 1, 1, 2);
	endpoint_drain(d, 0, SPAN("10.0.0.2:80"), true);
	endpoint_drain(d, 0, SPAN("127.0.0.1:81"), true);
	endpoint_carry(next, d);
	ck_assert(is_out(next, "10.0.0.2:80") && is_out(next, "127.0.0.1:81"));
	ck_assert(!is_out(next, "10.0.0.1:80"));
	endpoint_drain(d, 0, SPAN("name.example:80"), true);
	free(next);
	next = data_new(&conf_again);
	endpoint_carry(next, d);
	publish(next, &again, 0, 7, 7);
	ck_assert(is_out(next, "10.0.0.7:80"));
	free(next);
	free(d);
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	struct endpoint_data *d = data_new(&conf);
	char *lengthy = calloc(1, 1000);

	memset(lengthy, 'x', 999);
	ck_assert_uint_eq(endpoint_drain(d, 0, SPAN("127.0.0.1:82"), true), 0);
	ck_assert_uint_eq(endpoint_drain(d, 0, SPAN(""), true), 0);
	ck_assert_uint_eq(endpoint_drain(d, 0, span_str(lengthy), true), 0);
	ck_assert_uint_eq(endpoint_drain(d, 1, SPAN("127.0.0.1:81"), true), 0);
	ck_assert(!is_out(d, "127.0.0.1:81") && !endpoint_all_drained(d, 1));
	free(lengthy);
	free(d);
}
END_TEST

UNIT_MAIN("worker/shared/endpoint_drain", a_literal_goes_by_its_text,
    a_name_goes_with_the_addresses_it_will_have,
    an_address_goes_alone_and_is_forgotten_when_it_leaves, both_are_carried_over,
    what_is_not_there_is_not_found)
