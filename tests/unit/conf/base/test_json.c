#include <math.h>
#include "conf/base/json.h"
#include "tests/unit/unit.h"

/* What text becomes after a round through the tree, as a malloc'ed string. */
static char *
dump(struct json *j)
{
	struct str s = STR_INIT;

	json_dump(j, false, &s);
	json_free(&j);
	return str_take(&s);
}

START_TEST(built_tree_prints_in_the_order_of_its_members)
{
	struct json *o = json_obj(), *a = json_arr();
	char *text;

	json_set_str(o, "z", "text");
	json_set_str(o, "none", NULL);
	json_set_int(o, "i", INT64_MIN);
	json_set_bool(o, "b", true);
	json_set_real(o, "r", 0.1);
	json_set_real(o, "nan", NAN);
	json_push_str(a, "x\n\"");
	json_push(a, json_obj());
	json_set(o, "a", a);
	json_set_int(o, "z", 1);
	text = dump(o);
	ck_assert_str_eq(text, "{\"z\":1,\"none\":null,\"i\":-9223372036854775808,\"b\":true,"
	    "\"r\":0.1,\"nan\":null,\"a\":[\"x\\n\\\"\",{}]}");
	free(text);
}
END_TEST

#define R "\xef\xbf\xbd"

START_TEST(invalid_utf8_is_replaced)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "plain", "plain" }, { "\xc3\xa4", "\xc3\xa4" }, { "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" }, { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
		{ "\xff", R }, { "a\x80z", "a" R "z" }, { "\xc3", R }, { "\xe2\x82", R R },
		{ "\xc0\xaf", R R }, { "\xe0\x80\xaf", R R R }, { "\xed\xa0\x80", R R R },
		{ "\xf4\x90\x80\x80", R R R R }, { "\xf5\x80\x80\x80", R R R R },
		{ "\xf0\x80\x80\xaf", R R R R }, { "\xc3\xc3\xa4", R "\xc3\xa4" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json *o = json_obj();
		struct str s = STR_INIT;

		json_set_str(o, "k", rows[i].in);
		ck_assert_str_eq(json_str(json_get(o, "k"), NULL), rows[i].out);
		json_set_str(o, rows[i].in, "key");
		ck_assert_str_eq(json_str(json_get(o, rows[i].out), NULL), "key");
		json_dump(o, true, &s);
		ck_assert_uint_gt(s.len, 0);
		str_fini(&s);
		json_free(&o);
		ck_assert_ptr_null(o);
	}
}
END_TEST

START_TEST(getters_fall_back_on_absence_and_other_types)
{
	struct json *j = json_parse(
	    SPAN("{\"s\":\"x\",\"i\":7,\"r\":1.5,\"b\":false,\"a\":[1,2]}"), NULL);

	ck_assert_ptr_nonnull(j);
	ck_assert(json_is_obj(j) && !json_is_arr(j));
	ck_assert_str_eq(json_str(json_get(j, "s"), "no"), "x");
	ck_assert_str_eq(json_str(json_get(j, "i"), "no"), "no");
	ck_assert_str_eq(json_str(json_get(j, "absent"), "no"), "no");
	ck_assert_int_eq(json_int(json_get(j, "i"), -1), 7);
	ck_assert_int_eq(json_int(json_get(j, "r"), -1), -1);
	ck_assert(json_num(json_get(j, "r"), 0) == 1.5);
	ck_assert(json_num(json_get(j, "i"), 0) == 7);
	ck_assert(json_num(NULL, 3) == 3);
	ck_assert(!json_bool(json_get(j, "b"), true));
	ck_assert(json_bool(json_get(j, "i"), true));
	ck_assert(json_is_arr(json_get(j, "a")));
	ck_assert_uint_eq(json_len(json_get(j, "a")), 2);
	ck_assert_uint_eq(json_len(j), 0);
	ck_assert_int_eq(json_int(json_at(json_get(j, "a"), 1), 0), 2);
	ck_assert_ptr_null(json_at(json_get(j, "a"), 2));
	ck_assert_ptr_null(json_at(NULL, 0));
	ck_assert_ptr_null(json_get(json_get(j, "s"), "x"));
	json_free(&j);
	json_free(&j);
}
END_TEST

START_TEST(members_come_in_order)
{
	struct json *j = json_parse(SPAN("{\"c\":1,\"a\":2,\"b\":3}"), NULL);
	const struct json *value;
	const char *key;
	void *iter = NULL;
	char seen[4] = "";
	int64_t sum = 0;

	while (json_each(j, &iter, &key, &value)) {
		strncat(seen, key, 1);
		sum += json_int(value, 0);
	}
	ck_assert_str_eq(seen, "cab");
	ck_assert_int_eq(sum, 6);
	iter = NULL;
	ck_assert(!json_each(NULL, &iter, &key, &value));
	json_free(&j);
}
END_TEST

START_TEST(bad_documents_are_refused_with_their_place)
{
	static const struct { const char *in; int rc; } rows[] = {
		{ "", -E_SYNTAX }, { "{", -E_SYNTAX }, { "{}{}", -E_SYNTAX }, { "{\"a\":1,}", -E_SYNTAX },
		{ "{\"a\":1,\"a\":2}", -E_SYNTAX }, { "[\"\\u0000\"]", -E_SYNTAX }, { "[\"\xff\"]", -E_SYNTAX },
		{ "[1e999]", -E_SYNTAX }, { "[99999999999999999999]", -E_SYNTAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct errdetail ed = { 0 };

		ck_assert_ptr_null(json_parse(span_str(rows[i].in), &ed));
		ck_assert_int_eq(ed.code, rows[i].rc);
		ck_assert_int_eq(strncmp(ed.text, "json: line ", 11), 0);
	}
	ck_assert_ptr_null(json_parse(SPAN_NONE, NULL));
}
END_TEST

START_TEST(depth_and_size_are_limited)
{
	struct errdetail ed = { 0 };
	struct json *j;
	char deep[130];

	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	ck_assert_ptr_null(json_parse(span_make(deep, 130), &ed));
	ck_assert_int_eq(ed.code, -E_LIMIT);
	j = json_parse(span_make(deep + 1, 128), NULL);
	ck_assert_ptr_nonnull(j);
	json_free(&j);
	memset(deep, '[', 130);
	memcpy(deep, "[\"\\\"", 4);
	memcpy(deep + 128, "\"]", 2);
	j = json_parse(span_make(deep, 130), NULL);	/* brackets inside a string do not nest */
	ck_assert_ptr_nonnull(j);
	json_free(&j);
	ed.code = 0;
	ck_assert_ptr_null(json_parse(span_make(deep, (16 << 20) + 1), &ed));
	ck_assert_int_eq(ed.code, -E_LIMIT);
}
END_TEST

UNIT_MAIN("conf/base/json", built_tree_prints_in_the_order_of_its_members, invalid_utf8_is_replaced,
    getters_fall_back_on_absence_and_other_types, members_come_in_order,
    bad_documents_are_refused_with_their_place, depth_and_size_are_limited)
