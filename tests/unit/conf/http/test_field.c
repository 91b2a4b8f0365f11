/* test_field.c - grammar, look-ups and lists. */
#include "tests/unit/unit.h"
#include "conf/http/field.h"

static struct field room[16];
static struct fields set;

/* Fields from pairs of strings, NULL at the end. */
static void
fill(const char *const *pairs)
{
	set = (struct fields){ .v = room, .size = 16 };
	for (; *pairs != NULL; pairs += 2)
		ck_assert_ptr_nonnull(
		    fields_add(&set, span_str(pairs[0]), span_str(pairs[1]), SPAN_NONE));
}

START_TEST(tokens_and_values_follow_the_grammar)
{
	const char *tchar =
	    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (int c = 0; c < 256; c++) {
		char b = (char)c;

		ck_assert_int_eq(
		    http_is_token(span_make(&b, 1)), c != 0 && strchr(tchar, c) != NULL);
		ck_assert_int_eq(
		    http_is_value(span_make(&b, 1)), c == '\t' || (c >= 32 && c != 127));
	}
	ck_assert(!http_is_token(SPAN("")));
	ck_assert(!http_is_token(SPAN("a b")));
	ck_assert(http_is_value(SPAN("")));
	ck_assert(!http_is_value(SPAN("a\r\nb")));
}
END_TEST

START_TEST(uri_classes_hold_what_rfc_3986_says_and_no_control_byte)
{
	for (int c = 0; c < 256; c++) {
		bool plain = c > 32 && c < 127;

		ck_assert(plain ||
		    !(http_char[c] & (HC_PATH | HC_QUERY | HC_HOST | HC_UNRESERVED | HC_HEX)));
		ck_assert_int_eq(
		    (http_char[c] & HC_PATH) != 0, plain && strchr("\"#<>?\\", c) == NULL);
		ck_assert_int_eq(
		    (http_char[c] & HC_QUERY) != 0, plain && strchr("\"#<>", c) == NULL);
	}
	for (const char *p = "!$&'()*+,;=:@/%[]|"; *p != '\0'; p++)
		ck_assert(!(http_char[(uint8_t)*p] & HC_HOST));
}
END_TEST

START_TEST(a_field_is_found_by_its_number_and_absent_ones_are_not)
{
	fill((const char *[]){ "Host", "a", "X-Foo", "1", "COOKIE", "b", "cookie", "c", NULL });
	ck_assert(fields_has(&set, H_HOST) && !fields_has(&set, H_VIA));
	ck_assert_ptr_eq(fields_find(&set, H_COOKIE), &room[2]);
	ck_assert(span_eq_str(fields_value(&set, H_HOST), "a"));
	ck_assert_ptr_null(fields_value(&set, H_VIA).p);
	ck_assert_uint_eq(fields_count(&set, H_COOKIE), 2);
	ck_assert_uint_eq(fields_count(&set, H_VIA), 0);
	fields_drop(&set, H_COOKIE);
	fields_drop(&set, H_VIA);
	ck_assert(room[2].flags & room[3].flags & FIELD_DROP);
	ck_assert_uint_eq(room[0].flags | room[1].flags, 0);
	ck_assert(fields_has(&set, H_COOKIE));
}
END_TEST

START_TEST(ids_above_63_have_their_bits)
{
	ck_assert_uint_ge(H_MAX, 58);
	fill((const char *[]){ "X-Forwarded-Client-Cert", "a", NULL });
	ck_assert(fields_has(&set, H_X_FORWARDED_CLIENT_CERT));
}
END_TEST

START_TEST(a_full_set_takes_no_more)
{
	set = (struct fields){ .v = room, .size = 1 };
	ck_assert_ptr_nonnull(fields_add(&set, SPAN("A"), SPAN(""), SPAN_NONE));
	ck_assert_ptr_null(fields_add(&set, SPAN("Via"), SPAN(""), SPAN_NONE));
	ck_assert(!fields_has(&set, H_VIA));
}
END_TEST

/* The members of all Vary lines, joined by '|'. */
static const char *
members(void)
{
	static char out[256];
	struct list_iter it = list_iter_init(&set, H_VARY);
	struct span m;
	size_t n = 0;

	while (list_iter_next(&it, &m)) {
		memcpy(out + n, m.p, m.n);
		n += m.n;
		out[n++] = '|';
	}
	out[n] = '\0';
	return out;
}

START_TEST(list_members_are_cut_at_commas_outside_quotes)
{
	static const struct { const char *value, *members; } rows[] = {
		{ "", "" }, { ",", "" }, { " , ,, ", "" }, { "a", "a|" }, { "a,b", "a|b|" }, { " a , b ,", "a|b|" },
		{ ",a", "a|" }, { "a;q=1, b", "a;q=1|b|" }, { "\"a,b\", c", "\"a,b\"|c|" },
		{ "\"a\\\",b\", c", "\"a\\\",b\"|c|" }, { "\"a,b", "\"a,b|" }, { "\"\\", "\"\\|" },
		{ "x=\"1,2\";y, z", "x=\"1,2\";y|z|" }, { "a b, c", "a b|c|" }, { "\\,a", "\\|a|" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fill((const char *[]){ "Vary", rows[i].value, NULL });
		ck_assert_str_eq(members(), rows[i].members);
	}
}
END_TEST

START_TEST(a_list_spans_all_lines_of_its_name_in_order)
{
	fill((const char *[]){
	    "X", "no", "Vary", "a, b", "Via", "no", "vary", "", "VARY", "c,", NULL });
	ck_assert_str_eq(members(), "a|b|c|");
	fill((const char *[]){ "Vary", "\"open", "Vary", "b", NULL });
	ck_assert_str_eq(members(), "\"open|b|");
	fill((const char *[]){ "X", "a", NULL });
	ck_assert_str_eq(members(), "");
}
END_TEST

START_TEST(a_listed_token_is_found_without_case_and_parameters)
{
	fill((const char *[]){ "TE", "gzip;q=0.5, Trailers ;q=1", "TE", "x", NULL });
	ck_assert(fields_list_has(&set, H_TE, "trailers"));
	ck_assert(fields_list_has(&set, H_TE, "GZIP"));
	ck_assert(fields_list_has(&set, H_TE, "x"));
	ck_assert(!fields_list_has(&set, H_TE, "q=1"));
	ck_assert(!fields_list_has(&set, H_TE, "trailer"));
	ck_assert(!fields_list_has(&set, H_VARY, "x"));
}
END_TEST

UNIT_MAIN("conf/http/field", tokens_and_values_follow_the_grammar,
    uri_classes_hold_what_rfc_3986_says_and_no_control_byte,
    a_field_is_found_by_its_number_and_absent_ones_are_not, ids_above_63_have_their_bits,
    a_full_set_takes_no_more, list_members_are_cut_at_commas_outside_quotes,
    a_list_spans_all_lines_of_its_name_in_order,
    a_listed_token_is_found_without_case_and_parameters)
