#include "tests/unit/unit.h"
#include "tools/proxyctl/format_explain.c"

/* data: JSON with ' for " */
static void
expect(const char *data, const char *shown)
{
	struct str text = STR_INIT, out = STR_INIT;
	struct json *j;

	str_adds(&text, data);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\'')
			text.data[i] = '"';
	j = json_parse(str_span(&text), NULL);
	ck_assert_ptr_nonnull(j);
	format_explain(j, false, &out);
	ck_assert_str_eq(out.data, shown);
	str_fini(&out);
	str_fini(&text);
	json_free(&j);
}

START_TEST(rules_stand_in_a_row_with_what_they_came_upon)
{
	expect("{'listener': {'name': 'l', 'mode': 'forward', 'at': 'c:1', 'chosen': 'given'},"
	       "'worker': {'slot': 0, 'pid': 9, 'generation': 2}, 'time': 'Mon', 'time_given': true,"
	       "'request': {'head': ['GET / HTTP/1.1', 'A: \\u001b[1m'], 'peer': '10.0.0.1',"
	       "  'client': '10.0.0.2', 'trusted': true},"
	       "'rules': [{'id': 'a', 'action': 'deny', 'at': 'c:2', 'verdict': 'no', 'term': 'x',"
	       "  'terms': {'x': {'says': 'no', 'kind': 'src'}}},"
	       " {'id': 'long', 'action': 'allow', 'at': 'c:3', 'verdict': 'match', 'terms': {"
	       "  'y': {'says': 'match', 'list': 'ads', 'line': 7, 'file': '/f'},"
	       "  '!z': {'says': 'no', 'kind': 'port'}}}],"
	       "'verdict': {'action': 'send', 'target': '127.0.0.1:80', 'reused': false},"
	       "'rule': {'id': 'long'}}",
	    "listener  l (forward), given   c:1\n"
	    "worker    0[9], generation 2\n"
	    "time      Mon\n"
	    "request   GET / HTTP/1.1\n"
	    "          A: ?[1m\n"
	    "client    10.0.0.2, told by 10.0.0.1, a trusted proxy\n"
	    "rules     1  deny   a     no     c:2  x (src)\n"
	    "          2  allow  long  MATCH  c:3  y (list ads, line 7 of /f), !z (port)\n"
	    "verdict   would be sent to 127.0.0.1:80, rule long\n");
}
END_TEST

START_TEST(an_answer_is_shown_with_its_body)
{
	expect("{'answer': {'status': 404, 'reason': 'route-none', 'text': 'no route matches',"
	       "  'fields': ['Date: x'], 'length': 4, 'body': 'a\\nb\\n'},"
	       "'verdict': {'action': 'answer', 'status': 404, 'reason': 'route-none'}}",
	    "listener  - (-), -   -\nworker    0[0], generation 0\ntime      - (now)\nclient    -\n"
	    "answer    404 route-none: no route matches\n          Date: x\n\n"
	    "          a\n          b\n"
	    "verdict   ANSWERED HERE 404 route-none\n");
}
END_TEST

START_TEST(any_document_can_be_shown)
{
	expect("{'rules': 3, 'addresses': [1, {}], 'searches': [{}], 'service': {}, 'limits': {},"
	       "'verdict': 7}",
	    "listener  - (-), -   -\nworker    0[0], generation 0\ntime      - (now)\nclient    -\n"
	    "addresses - -\n          - -\nroutes    none matches host and path\n"
	    "service   - (-), 0 in flight here, 0 waiting, gate -   -\n          no endpoint\n"
	    "verdict   would be sent to -\n");
}
END_TEST

UNIT_MAIN("tools/proxyctl/format_explain", rules_stand_in_a_row_with_what_they_came_upon,
    an_answer_is_shown_with_its_body, any_document_can_be_shown)
