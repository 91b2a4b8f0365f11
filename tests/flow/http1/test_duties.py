"""Duties of an intermediary (RFC 9110 and 9112), one by one; the section is in each name."""
import re
import socket
import time
from email.utils import parsedate_to_datetime

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import BODY, CLOSE, EARLY, OK, reply
from tests.flow.lib.ports import free_port

GET = b"GET @P@/d HTTP/1.1\r\nHost: @H@\r\n"


def last(origin, target="/d"):
    return [r for r in origin.requests if r.target == target][-1]


def ask(side, raw, method=None):
    with Client(side.port) as c:
        return c.request(side.fill(raw), method)


# ------------------------------------------------------------------ Via (9110 7.6.3)

def test_9110_7_6_3_via_added_to_the_request_with_the_received_version(side, origin):
    ask(side, GET + b"\r\n")
    assert re.match(r"(HTTP/)?1\.1 \S+", last(origin).get("Via")), last(origin)


def test_9110_7_6_3_via_of_a_1_0_request_says_1_0(side, origin):
    ask(side, b"GET @P@/d HTTP/1.0\r\nHost: @H@\r\n\r\n")
    assert re.match(r"(HTTP/)?1\.0 \S+", last(origin).get("Via")), last(origin)


def test_9110_7_6_3_via_appended_behind_what_was_there(side, origin):
    ask(side, GET + b"Via: 1.0 fred, 1.1 p.example.net\r\n\r\n")
    via = ", ".join(last(origin).all("Via"))
    assert re.match(r"1\.0 fred, 1\.1 p\.example\.net, 1\.1 \S+", via), via


def test_9110_7_6_3_via_appended_behind_several_lines(side, origin):
    ask(side, GET + b"Via: 1.0 fred\r\nX: y\r\nVia: 1.1 joe\r\n\r\n")
    via = ", ".join(last(origin).all("Via"))
    assert re.match(r"1\.0 fred, 1\.1 joe, 1\.1 \S+", via), via


def test_9110_7_6_3_via_added_to_the_response(side, origin):
    r = ask(side, GET + b"\r\n")
    assert re.match(r"(HTTP/)?1\.1 \S+", r.get("Via") or ""), r


def test_9110_7_6_3_via_of_a_1_0_response_says_1_0_and_is_appended(side, origin):
    origin.on("/d", [b"HTTP/1.0 200 OK\r\nVia: 1.1 inner\r\nContent-Length: 2\r\n\r\nok", CLOSE])
    r = ask(side, GET + b"\r\n")
    assert re.match(r"1\.1 inner, 1\.0 \S+", ", ".join(r.all("Via"))), r


def test_9112_2_3_own_version_is_sent_both_ways(side, origin):
    origin.on("/d", [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", CLOSE])
    with Client(side.port) as c:
        c.send(side.fill(b"GET @P@/d HTTP/1.0\r\nHost: @H@\r\n\r\n"))
        r = c.response()
    assert r.version == 1 and last(origin).version == 1


# ------------------------------------------------------------------ Max-Forwards (9110 7.6.2)

def test_9110_7_6_2_options_zero_is_answered_here(side, origin):
    mark = origin.mark()
    r = ask(side, b"OPTIONS @P@/d HTTP/1.1\r\nHost: @H@\r\nMax-Forwards: 0\r\n\r\n")
    assert r.status in (200, 204), r
    assert origin.since(mark).raw == b""


@pytest.mark.parametrize("value, passed", [("1", "0"), ("10", "9"), ("007", "6")])
def test_9110_7_6_2_options_is_decremented(side, origin, value, passed):
    ask(side, f"OPTIONS @P@/d HTTP/1.1\r\nHost: @H@\r\nMax-Forwards: {value}\r\n\r\n".encode())
    assert last(origin).all("Max-Forwards") == [passed]


def test_9110_7_6_2_other_methods_may_carry_it_untouched(side, origin):
    ask(side, GET + b"Max-Forwards: 0\r\n\r\n")
    assert last(origin).method == "GET"


def test_9110_7_6_2_trace_zero_is_answered_here(side, origin):
    mark = origin.mark()
    r = ask(side, b"TRACE @P@/d HTTP/1.1\r\nHost: @H@\r\nMax-Forwards: 0\r\nCookie: secret\r\n\r\n")
    assert r.status in (200, 405) and b"secret" not in r.body
    assert origin.since(mark).raw == b""


# ------------------------------------------------------------------ Connection (9110 7.6.1)

def test_9110_7_6_1_nominated_fields_go_no_further_upstream(side, origin):
    ask(side, GET + b"Connection: X-Hop, x-other\r\nX-Hop: 1\r\nX-Other: 2\r\nX-End: 3\r\n\r\n")
    r = last(origin)
    assert r.get("X-Hop") is None and r.get("X-Other") is None and r.get("X-End") == "3"


def test_9110_7_6_1_nominated_fields_go_no_further_downstream(side, origin):
    origin.on("/d", reply(fields=["Connection: X-Hop", "X-Hop: 1", "X-End: 3"]))
    r = ask(side, GET + b"\r\n")
    assert r.get("X-Hop") is None and r.get("X-End") == "3"


@pytest.mark.parametrize("name", ["Keep-Alive", "Proxy-Connection", "TE", "Upgrade", "HTTP2-Settings"])
def test_9110_7_6_1_hop_by_hop_request_fields_stop_here(side, origin, name):
    ask(side, GET + f"{name}: foo\r\n\r\n".encode())
    assert last(origin).get(name) is None


@pytest.mark.parametrize("name", ["Keep-Alive", "Proxy-Connection", "Upgrade"])
def test_9110_7_6_1_hop_by_hop_response_fields_stop_here(side, origin, name):
    origin.on("/d", reply(fields=[f"{name}: foo"]))
    r = ask(side, GET + b"\r\n")
    assert r.get(name) in (None, "timeout=60") or "foo" not in r.get(name), r


def test_9110_7_6_1_end_to_end_fields_survive_both_ways(side, origin):
    origin.on("/d", reply(fields=["X-One: 1", "WWW-Authenticate: Basic realm=\"x\"", "ETag: \"e\"", "Set-Cookie: a=b"]))
    r = ask(side, GET + b"Accept: */*\r\nX-Two: 2\r\nIf-None-Match: \"e\"\r\nRange: bytes=0-1\r\nCookie: a=b\r\n\r\n")
    got = last(origin)
    assert [got.get(n) for n in ("Accept", "X-Two", "If-None-Match", "Range", "Cookie")] == ["*/*", "2", '"e"', "bytes=0-1", "a=b"]
    assert [r.get(n) for n in ("X-One", "WWW-Authenticate", "ETag", "Set-Cookie")] == ["1", 'Basic realm="x"', '"e"', "a=b"]


# ------------------------------------------------------------------ interim responses (9110 15.2)

def test_9110_15_2_each_interim_is_relayed_at_once(side, origin):
    origin.on("/d", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n", 0.25,
                     b"HTTP/1.1 103 Early Hints\r\nLink: </b>; rel=preload\r\n\r\n", 0.25, OK])
    times = []
    with Client(side.port) as c:
        start = time.monotonic()
        c.send(side.fill(GET + b"\r\n"))
        r = c.response(on_interim=lambda i: times.append(time.monotonic() - start))
    assert [i.get("Link") for i in r.interim] == ["</a>; rel=preload", "</b>; rel=preload"]
    assert times[0] < 0.2 and times[1] < 0.45, times


def test_9110_15_2_none_to_a_1_0_client(side, origin):
    origin.on("/d", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
    r = ask(side, b"GET @P@/d HTTP/1.0\r\nHost: @H@\r\n\r\n")
    assert r.status == 200 and not r.interim


# ------------------------------------------------------------------ Expect (9110 10.1.1)

EXPECT = b"POST @P@/d HTTP/1.1\r\nHost: @H@\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"


def test_9110_10_1_1_the_body_is_asked_for_before_it_comes(side, origin):
    origin.on("/d", [EARLY, b"HTTP/1.1 100 Continue\r\n\r\n", BODY, OK])
    with Client(side.port) as c:
        c.send(side.fill(EXPECT))
        r = c.head()
        assert r.status == 100
        c.send(b"hello")
        assert c.response().status == 200
    assert bytes(last(origin).body) == b"hello"


def test_9110_10_1_1_an_origin_that_says_nothing_still_gets_the_body(side, origin):
    """Whether the proxy asks or the origin: one 100 at most, and the request goes through."""
    origin.on("/d", [EARLY, 0.2, BODY, OK])
    with Client(side.port) as c:
        c.send(side.fill(EXPECT))
        c.sock.settimeout(1.5)
        interim = []
        try:
            r = c.head()
            interim.append(r.status)
        except (TimeoutError, socket.timeout):
            pass
        c.sock.settimeout(5)
        c.send(b"hello")
        r = c.response()
        interim += [i.status for i in r.interim]
    assert r.status == 200 and len(interim) <= 1
    assert bytes(last(origin).body) == b"hello"


def test_9110_10_1_1_a_final_answer_instead_of_100_is_relayed(side, origin):
    origin.on("/d", [EARLY, reply("no", "413 Content Too Large", ["Connection: close"]), CLOSE])
    with Client(side.port) as c:
        c.send(side.fill(EXPECT))
        r = c.response()
        assert r.status == 413 and not r.interim
        assert c.end() in ("fin", "rst")


def test_9110_10_1_1_expect_of_a_1_0_client_is_ignored(side, origin):
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/d HTTP/1.0\r\nHost: @H@\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"))
        time.sleep(0.1)
        c.send(b"hello")
        r = c.response()
    assert r.status == 200 and not r.interim
    assert bytes(last(origin).body) == b"hello"


# ------------------------------------------------------------------ targets and Host (9112 3.2)

def test_9112_3_2_2_absolute_form_to_a_gateway(back, origin):
    r = ask(back, b"GET http://b.test/d?q HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert r.status == 200 and last(origin, "/d?q").all("Host") == ["b.test"]


def test_9112_3_2_2_proxy_replaces_host_by_the_target(fwd, origin):
    ask(fwd, b"GET @P@/d HTTP/1.1\r\nHost: wrong.test\r\n\r\n")
    assert last(origin).all("Host") == [fwd.host]


def test_9112_3_2_host_is_added_for_http_1_0(fwd, origin):
    r = ask(fwd, b"GET @P@/d HTTP/1.0\r\n\r\n")
    assert r.status == 200 and last(origin).all("Host") == [fwd.host]


def test_9112_3_2_gateway_adds_a_host_for_http_1_0(back, origin):
    r = ask(back, b"GET /d HTTP/1.0\r\n\r\n")
    assert r.status == 200 and len(last(origin).all("Host")) == 1


def test_9112_3_2_4_options_with_empty_path_becomes_asterisk(fwd, origin):
    ask(fwd, b"OPTIONS http://@H@ HTTP/1.1\r\nHost: @H@\r\n\r\n")
    assert origin.requests[-1].target == "*" and origin.requests[-1].method == "OPTIONS"


def test_9112_3_2_4_options_with_a_slash_keeps_it(fwd, origin):
    ask(fwd, b"OPTIONS http://@H@/ HTTP/1.1\r\nHost: @H@\r\n\r\n")
    assert origin.requests[-1].target == "/"


def test_9110_7_1_options_asterisk_to_a_gateway(back, origin):
    ask(back, b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert origin.requests[-1].target == "*"


def test_9110_9_3_6_connect_to_a_gateway_is_405(back, origin):
    mark = origin.mark()
    r = ask(back, b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", "GET")
    assert r.status == 405, r
    assert origin.since(mark).raw == b""


@pytest.mark.parametrize("path", ["//", "//a", "/a//b", "/?", "/a?", "/a?b?", "/./a", "/a/../b", "/a/.", "/a/..", "/%7e", "/%41", "/a;b", "/%2f%2F",
                                  "/a?x=/../y", "/a?%zz", "/a?[]", "/a%20b", "/a!$&'()*+,;=:@"])
def test_9110_7_7_path_and_query_go_on_untouched(fwd, origin, path):
    r = ask(fwd, f"GET @P@{path} HTTP/1.1\r\nHost: @H@\r\n\r\n".encode())
    assert r.status == 200 and origin.requests[-1].target == path


# ------------------------------------------------------------------ Date, trailers, bodies

def test_9110_6_6_1_date_is_added_when_missing(side, origin):
    origin.on("/d", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    r = ask(side, GET + b"\r\n")
    assert len(r.all("Date")) == 1
    assert abs(parsedate_to_datetime(r.get("Date")).timestamp() - time.time()) < 3


def test_9110_6_6_1_date_of_the_origin_is_kept(side, origin):
    r = ask(side, GET + b"\r\n")
    assert r.all("Date") == ["Mon, 27 Jul 2026 12:00:00 GMT"]


def test_9110_6_6_1_own_answers_carry_a_date(side):
    r = ask(side, b"GET @P@/d HTTP/1.1\r\nHost: @H@\r\nX : y\r\n\r\n")
    assert r.status == 400 and len(r.all("Date")) == 1


CHUNKED = b"POST @P@/d HTTP/1.1\r\nHost: @H@\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 99\r\n\r\n"


def test_9110_6_5_request_trailers_reach_the_origin_as_trailers_only(side, origin):
    ask(side, CHUNKED)
    r = last(origin)
    assert r.get("X-Sum") is None and r.trailers == [("X-Sum", "99")], r.trailers


def test_9110_6_5_response_trailers_reach_a_client_that_takes_them(side, origin):
    origin.on("/d", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 99\r\n\r\n")
    r = ask(side, GET + b"TE: trailers\r\nConnection: TE\r\n\r\n")
    assert r.trailers == [("X-Sum", "99")] and r.get("X-Sum") is None, (r, r.trailers)
    assert "trailers" in last(origin).head.members("TE"), "the origin was not told that trailers are welcome"


def test_9110_6_5_forbidden_response_trailers_never_arrive(side, origin):
    origin.on("/d", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-Length: 99\r\nSet-Cookie: a=b\r\nX-Sum: 1\r\n\r\n")
    with Client(side.port) as c:
        c.send(side.fill(GET + b"TE: trailers\r\nConnection: TE\r\n\r\n"))
        try:
            r = c.response()
        except Ended as e:
            r = e.response
    names = [n.lower() for n, _ in r.trailers]
    assert "content-length" not in names and "set-cookie" not in names


def test_9112_7_1_3_1_0_client_gets_no_chunks(side, origin):
    origin.on("/d", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    with Client(side.port) as c:
        r = c.request(side.fill(b"GET @P@/d HTTP/1.0\r\nHost: @H@\r\nConnection: keep-alive\r\n\r\n"))
        assert r.framing == "close" and r.body == b"abc" and r.end == "fin", r


def test_9112_6_1_close_delimited_becomes_chunked_for_a_kept_connection(side, origin):
    origin.on("/d", [b"HTTP/1.1 200 OK\r\n\r\nabc", CLOSE])
    with Client(side.port) as c:
        r = c.request(side.fill(GET + b"\r\n"))
        assert r.body == b"abc" and r.framing in ("chunked", "close")
        if r.framing == "chunked":
            assert c.request(side.fill(b"GET @P@/e HTTP/1.1\r\nHost: @H@\r\n\r\n")).status == 200


def test_request_bodies_are_streamed_not_collected(side, origin):
    """The origin holds the first half before the client sent the second."""
    got = {}

    def peek(conn):
        while len(conn.reader.buf) < 5:
            conn.reader.fill()
        got["first"] = time.monotonic()
    origin.on("/d", [EARLY, peek, BODY, OK])
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/d HTTP/1.1\r\nHost: @H@\r\nContent-Length: 10\r\n\r\nhello"))
        time.sleep(0.3)
        assert got, "nothing of the body had arrived when only half was sent"
        c.send(b"world")
        assert c.response().status == 200
    assert bytes(last(origin).body) == b"helloworld"


def test_chunked_request_bodies_are_streamed_not_collected(side, origin):
    seen = []
    origin.on("/d", [EARLY, lambda conn: (conn.reader.buf or conn.reader.fill(), seen.append(1)), BODY, OK])
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/d HTTP/1.1\r\nHost: @H@\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
        time.sleep(0.3)
        assert seen
        c.send(b"5\r\nworld\r\n0\r\n\r\n")
        assert c.response().status == 200
    assert bytes(last(origin).body) == b"helloworld"


def test_early_response_is_relayed_while_the_body_still_flows(side, origin):
    """9112 9.3: the answer comes at once; the client may go on sending, and the exchange can end in order."""
    origin.on("/d", [EARLY, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n", BODY, b"4\r\nlate\r\n0\r\n\r\n"])
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/d HTTP/1.1\r\nHost: @H@\r\nContent-Length: 10\r\n\r\nhello"))
        r = c.head()
        assert r.status == 200
        c.reader.until(b"early")
        c.send(b"world")
        c.reader.until(b"late")
    assert bytes(last(origin).body) == b"helloworld"


def test_early_complete_response_reaches_the_client_before_its_body_is_sent(side, origin):
    origin.on("/d", [EARLY, reply("denied", "403 Forbidden")])
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/d HTTP/1.1\r\nHost: @H@\r\nContent-Length: 1000000\r\n\r\nhello"))
        r = c.response()
        assert (r.status, r.body) == (403, b"denied")


def test_9110_8_6_head_is_answered_without_a_body(side, origin):
    with Client(side.port) as c:
        r = c.request(side.fill(b"HEAD @P@/d HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        assert r.status == 200 and r.get("Content-Length") == "2"
        assert c.request(side.fill(GET + b"\r\n")).body == b"ok"


def test_9110_8_6_own_error_to_head_has_no_body(back):
    with Client(back.port) as c:
        r = c.request(b"HEAD /a%00 HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert r.status == 400
        assert c.end() == "fin"


# ------------------------------------------------------------------ what the proxy tells the origin

def test_x_forwarded_for_and_proto_are_ours(back, origin):
    ask(back, b"GET /d HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\r\n")
    r = last(origin)
    assert r.all("X-Forwarded-For") == ["127.0.0.1"] and r.all("X-Forwarded-Proto") == ["http"], r
    assert r.all("X-Forwarded-Host") in (["a.test"], []), r


def test_request_id_is_made_and_sent_on(back, origin):
    ids = set()
    for _ in range(3):
        ask(back, GET + b"\r\n")
        ids.add(last(origin).get("X-Request-Id"))
    assert len(ids) == 3 and None not in ids


def test_own_errors_name_the_request(side):
    r = ask(side, b"GET @P@/a%00 HTTP/1.1\r\nHost: @H@\r\n\r\n")
    assert r.get("Content-Type") == "application/problem+json", r
    r = ask(side, b"GET @P@/a%00 HTTP/1.1\r\nHost: @H@\r\nAccept: text/html,*/*;q=0.8\r\n\r\n")
    assert r.get("Content-Type", "").startswith("text/html"), r


def test_connection_close_is_announced_on_the_last_answer(side):
    with Client(side.port) as c:
        r = c.request(side.fill(GET + b"Connection: close\r\n\r\n"))
        assert "close" in r.head.members("Connection")
        assert c.end() == "fin"


def test_9112_9_6_half_closed_client_still_gets_its_answer(side, origin):
    origin.on("/d", [0.1, OK])
    with Client(side.port) as c:
        c.send(side.fill(GET + b"\r\n"))
        c.half_close()
        assert c.response().status == 200


def test_9110_7_4_an_https_target_is_taken_only_from_who_may_speak_for_tls(launch, origin):
    """Over a plain connection nobody can have checked a certificate; a trusted proxy did it for its client."""
    mark = origin.mark()
    for trusted, status in ([], 400), (["127.0.0.1"], 200):
        port = free_port()
        launch(config.reverse(port, origin.address, listeners=[
            {"name": "front", "bind": [f"127.0.0.1:{port}"], "trusted_proxies": trusted}]))
        with Client(port) as c:
            assert c.request(b"GET https://a.test/d HTTP/1.1\r\nHost: a.test\r\n\r\n").status == status
    assert [r.target for r in origin.since(mark).complete] == ["/d"]
