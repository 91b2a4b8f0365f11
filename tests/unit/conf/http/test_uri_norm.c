/* test_uri_norm.c - the normaliser: one spelling per path, judged in its plain and in its stricter form. */
#include "tests/unit/unit.h"
#include "conf/http/uri.h"

START_TEST(row25_a_path_has_one_spelling)
{
	static const struct {
		const char *path, *want;
		bool dots;
	} rows[] = {
		{ "", "/", false },
		{ "/", "/", false },
		{ "/a", "/a", false },
		{ "/a/", "/a/", false },
		{ "/a/b/c", "/a/b/c", false },
		{ "//", "//", false },
		{ "//a//b", "//a//b", false },
		{ "/%61", "/a", false },
		{ "/%7e%2D%2e%5f", "/~-._", false },
		{ "/%2f", "/%2F", false },
		{ "/a%2fb", "/a%2Fb", false },
		{ "/%3b%c3%a9", "/%3B%C3%A9", false },
		{ "/%2561", "/%2561", false },
		{ "/%252e%252e", "/%252e%252e", false },
		{ "/%c0%af", "/%C0%AF", false },
		{ "/a;b=c", "/a;b=c", false },
		{ "/.", "/", true },
		{ "/./", "/", true },
		{ "/a/.", "/a/", true },
		{ "/a/./b", "/a/b", true },
		{ "/a/..", "/", true },
		{ "/a/../", "/", true },
		{ "/a/../b", "/b", true },
		{ "/a/b/..", "/a/", true },
		{ "/a/b/../..", "/", true },
		{ "/a/b/../../c", "/c", true },
		{ "/a/b/c/./../../g", "/a/g", true },
		{ "/%2e", "/", true },
		{ "/a/%2e%2e/b", "/b", true },
		{ "/a/.%2E/b", "/b", true },
		{ "/a/%2e./b", "/b", true },
		{ "//..", "/", true },
		{ "//../a", "/a", true },
		{ "/a//..", "/a/", true },
		{ "/a//../b", "/a/b", true },
		{ "/...", "/...", false },
		{ "/..a", "/..a", false },
		{ "/a..", "/a..", false },
		{ "/.a", "/.a", false },
		{ "/..;a", "/..;a", false },
		{ "/a%2f..%2fb", "/a%2F..%2Fb", false },
		{ "/@scope%2fpkg", "/@scope%2Fpkg", false },
		{ "/a/%2e%2e%2fb", "/a/..%2Fb", false },
	};
	char out[128];
	size_t len;
	bool dots;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(uri_normalise(span_str(rows[i].path), out, &len, &dots) == URI_OK,
		    "%s", rows[i].path);
		ck_assert_msg(span_eq_str(span_make(out, len), rows[i].want), "%s: %.*s",
		    rows[i].path, (int)len, out);
		ck_assert_msg(dots == rows[i].dots, "%s: dots", rows[i].path);
	}
}
END_TEST

START_TEST(row25_forbidden_bytes_and_paths_above_the_root_are_refused)
{
	static const char *const paths[] = {
		"/%00", "/a%00b", "/%01", "/%1f", "/%0a", "/%0d%0a", "/%7f", "/%09", "/%5c", "/%5C", "/a\\b", "/..\\",
		"/%", "/%4", "/%4g", "/%g4", "/a%", "/%%41", "/..", "/../", "/../a", "/./..", "/a/../..", "/%2e%2e",
		"/.%2e/", "/a/%2e%2e/%2e%2e/b", "/a/b/../../..", "a", "*", "?", "/a?b", "/a#b", "/a b", "/\t", "/\x7f",
		"/\xc3\xa9", "/\"", "/<",
	};
	char out[128];
	size_t len;
	bool dots;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		ck_assert_msg(uri_normalise(span_str(paths[i]), out, &len, &dots) == URI_BAD_PATH,
		    "%s", paths[i]);
	ck_assert_int_eq(uri_normalise(SPAN("/\0"), out, &len, &dots), URI_BAD_PATH);
}
END_TEST

static const char *
strict(const char *path)
{
	static char out[256];
	char norm[256];
	size_t len;
	bool dots;

	ck_assert_msg(uri_normalise(span_str(path), norm, &len, &dots) == URI_OK, "%s", path);
	out[uri_strict_form(span_make(norm, len), out)] = '\0';
	return out;
}

START_TEST(row25_every_spelling_of_a_denied_path_has_one_strict_form)
{
	static const char *const spellings[] = {
		"/admin/x", "//admin/x", "/admin//x", "///admin///x", "/./admin/x", "/a/../admin/x", "/%61dmin/x",
		"/admin%2fx", "/admin%2Fx", "/%2fadmin/x", "/%2f%2fadmin%2f%2fx", "/admin;a/x", "/admin;a=b;c/x",
		"/;/admin/x", "/;a/admin/x", "/admin/;/x", "/admin/.;a/x", "/a/..;/admin/x", "/a/..;b=c/admin/x",
		"/a%2f..%2fadmin/x", "/a/..%2fadmin/x", "/a%2f../admin/x", "/%2e%2fadmin/x", "/admin%2f.%2fx",
		"/b%2f..%2f..%2fadmin/x", "/..;/admin/x", "/%61%64min/x;y", "/a/b/..;/..;/admin/x",
	};

	ck_assert_uint_ge(ARRAY_LEN(spellings), 25);
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
		ck_assert_msg(strcmp(strict(spellings[i]), "/admin/x") == 0, "%s: %s", spellings[i],
		    strict(spellings[i]));
}
END_TEST

START_TEST(the_strict_form_keeps_what_a_path_means)
{
	static const struct {
		const char *path, *want;
	} rows[] = {
		{ "", "/" },
		{ "/", "/" },
		{ "//", "/" },
		{ "/a", "/a" },
		{ "/a/", "/a/" },
		{ "/a//", "/a/" },
		{ "/a%2f", "/a/" },
		{ "/a/..", "/" },
		{ "/a%2f..", "/" },
		{ "/a;x", "/a" },
		{ "/;x", "/" },
		{ "/a/;x", "/a/" },
		{ "/a/.;x", "/a/" },
		{ "/%252f", "/%252f" },
		{ "/a%3bx", "/a%3Bx" },
		{ "/..;", "/" },
		{ "/a%2f..%2f..%2f..%2fb", "/b" },
		{ "/...", "/..." },
		{ "/%2f%2f", "/" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(strcmp(strict(rows[i].path), rows[i].want) == 0, "%s: %s",
		    rows[i].path, strict(rows[i].path));
}
END_TEST

START_TEST(many_dot_segments_take_linear_time)
{
	enum { N = 30000 };
	char *path = malloc(2 * N * 3 + 1), *out = malloc(2 * N * 3 + 1);
	size_t len;
	bool dots;

	for (int i = 0; i < N; i++)
		memcpy(path + 2 * i, "/a", 2);
	for (int i = 0; i < N; i++)
		memcpy(path + 2 * N + 3 * i, "/..", 3);
	ck_assert_int_eq(uri_normalise(span_make(path, 5 * N), out, &len, &dots), URI_OK);
	ck_assert_uint_eq(len, 1);
	free(path);
	free(out);
}
END_TEST

START_TEST(escapes_are_decoded_once_and_broken_ones_stay)
{
	static const char *const rows[][2] = {
		{ "a", "a" }, { "", "" }, { "%41%6a", "Aj" }, { "%2541", "%41" }, { "a+b", "a+b" },
		{ "%", "%" }, { "%4", "%4" }, { "%4g%zz", "%4g%zz" }, { "%%41", "%A" }, { "x%0ay", "x\ny" },
	};
	char out[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = uri_unescape(span_str(rows[i][0]), out);

		ck_assert_msg(span_eq_str(span_make(out, n), rows[i][1]), "row %zu", i);
	}
	ck_assert_uint_eq(uri_unescape(SPAN("%00"), out), 1);
	ck_assert_int_eq(out[0], 0);
}
END_TEST

UNIT_MAIN("conf/http/uri_norm", row25_a_path_has_one_spelling,
    row25_forbidden_bytes_and_paths_above_the_root_are_refused,
    row25_every_spelling_of_a_denied_path_has_one_strict_form,
    the_strict_form_keeps_what_a_path_means, many_dot_segments_take_linear_time,
    escapes_are_decoded_once_and_broken_ones_stay)
