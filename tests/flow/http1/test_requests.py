"""Every row of the request table, in both modes, judged on what the origin received.

A refused row must get exactly one answer, the end of the connection, and leave nothing at the origin, neither of itself
nor of the good request pipelined behind it; then a control on a new connection must pass.
"""
import socket
import time

import pytest

from tests.flow.lib import canonical, reasons
from tests.flow.lib.client import Client, get
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import CLOSE, EARLY, OK, reply

from tests.flow.http1.request_rows import ROWS

TAIL = b"GET @P@/smuggled HTTP/1.1\r\nHost: @H@\r\n\r\n"
CONTROL = b"GET @P@/control HTTP/1.1\r\nHost: @H@\r\n\r\n"
CASES = [pytest.param(m, r, id=f"{m}-{r.id}") for r in ROWS for m in r.modes]


def control(side):
    """A plain request on a connection of its own; the proxy is alive and the origin reachable."""
    mark = side.origin.mark()
    with Client(side.port) as c:
        assert c.request(side.fill(CONTROL)).status == 200
    seen = side.origin.since(mark)
    assert [r.target for r in seen.complete] == ["/control"]


@pytest.mark.parametrize("mode, row", CASES)
def test_row(mode, row, sides, origin):
    side = sides[mode]
    origin.reset()
    mark = origin.mark()
    with Client(side.port) as c:
        if row.refused:
            refused(side, row, c)
            seen = origin.since(mark)
            if row.keep:
                assert c.request(side.fill(CONTROL)).status == 200, "this refusal keeps the connection"
        else:
            passed(side, row, c, mark)
            return
    if row.partial:
        assert not seen.complete, f"a message cut short reached the origin as complete: {seen.complete}"
        assert b"smuggled" not in seen.raw
    else:
        assert seen.raw == b"", f"the origin received {seen.raw[:300]!r}"
    control(side)


def refused(side, row, c):
    c.send(side.fill(row.raw + (TAIL if row.tail and not row.keep else b"")))
    r = c.response(row.raw.split(b" ", 1)[0].decode("latin-1"))
    assert r.status in row.want, r
    assert r.get("Cache-Control") == "no-store", r
    if row.keep:
        assert not r.closing, r
        return
    if row.keep is None and not r.closing:
        return
    assert "close" in r.head.members("Connection"), r
    assert c.end() in ("fin", "rst"), "the connection stayed open or more was answered"


def passed(side, row, c, mark):
    c.send(side.fill(row.raw))
    r = c.response(row.raw.lstrip().split(b" ", 1)[0].decode("latin-1"))
    assert r.status in row.want and r.body == b"ok", r
    seen = side.origin.since(mark)
    assert not seen.errors, seen.errors
    assert len(seen.requests) == 1 and seen.requests[0].complete, seen.raw[:300]
    fields = [f.replace("@H@", side.host) for f in row.fields]
    if side.mode == "forward":
        fields = [f"Host: {side.host}" if f.startswith("Host:") else f for f in fields]
    got, want = canonical.request(seen.requests[0]), canonical.expected(row.line, fields, row.body)
    assert got == want
    if row.keep:
        assert not r.closing, r
        assert c.request(side.fill(CONTROL)).status == 200
    else:
        assert "close" in r.head.members("Connection"), r
        assert c.end() == "fin"


def test_every_refusal_was_logged_with_a_reason_of_the_closed_list(sides):
    """Runs behind the table: what the table provoked is in the log."""
    known = reasons.tokens()
    for side in sides.values():
        rows = side.proxy.all_records()
        refused = [r for r in rows if 400 <= int(r["status"]) < 500]
        if not refused:
            pytest.skip("the table did not run in this session")
        unknown = [r for r in refused if r.get("reason") not in known or known[r["reason"]] != int(r["status"])]
        assert not unknown, unknown[:3]


def test_row74_no_row_cost_a_worker_its_life(sides):
    for side in sides.values():
        assert set(side.proxy.child_pids()) == side.proxy.children


# ------------------------------------------------------------------ rows that need a conversation

def test_row11_early_answer_then_next_request_on_a_new_connection(side, origin):
    """The origin answers before the body was sent and closes nothing: its connection must not be used again."""
    origin.on("/early", [EARLY, OK, 0.2])
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/early HTTP/1.1\r\nHost: @H@\r\nContent-Length: 40\r\n\r\nfirst"))
        assert c.response().status == 200
    mark = origin.mark()
    control(side)
    first = next(r for r in origin.requests if r.target == "/early").conn
    last = [r for r in origin.requests if r.target == "/control"][-1].conn
    assert first is not last, mark


def test_row11_leftover_body_is_not_the_next_request(side, origin):
    origin.on("/early", [EARLY, OK])
    mark = origin.mark()
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/early HTTP/1.1\r\nHost: @H@\r\nContent-Length: 60\r\n\r\n"))
        assert c.response().status == 200
        c.send(side.fill(b"GET @P@/smuggled HTTP/1.1\r\nHost: @H@\r\n\r\n").ljust(60, b"x"))
        c.send(side.fill(CONTROL))
        try:
            answers = [c.response().status]
        except Ended:
            answers = []
    seen = origin.since(mark)
    assert "/smuggled" not in [r.target for r in seen.requests]
    assert answers in ([], [200])


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_row12_final_answer_before_the_body_ends_the_connection(side, origin, method):
    origin.on("/expect", [EARLY, OK])
    mark = origin.mark()
    with Client(side.port) as c:
        c.send(side.fill(method.encode() + b" @P@/expect HTTP/1.1\r\nHost: @H@\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n"))
        assert c.response().status == 200
        c.send(side.fill(b"GET @P@/smuggled HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        assert c.end() in ("fin", "rst")
    assert "/smuggled" not in [r.target for r in origin.since(mark).requests]
    control(side)


def test_row14_one_answer_for_a_bad_request_among_good_ones(side, origin):
    """Good, bad, good in one write: the first is answered, the second refused, the third neither."""
    mark = origin.mark()
    with Client(side.port) as c:
        c.send(side.fill(CONTROL + b"GET @P@/x HTTP/1.1\r\nHost: @H@\r\nX : y\r\n\r\n" + TAIL))
        assert c.response().status == 200
        assert c.response().status == 400
        assert c.end() in ("fin", "rst")
    assert [r.target for r in origin.since(mark).requests] == ["/control"]


def test_9112_9_3_2_pipelined_requests_are_answered_in_order(side, origin):
    for i in range(8):
        origin.on(f"/p{i}", [0.05 if i == 0 else 0.0, reply(f"answer {i}")])
    with Client(side.port) as c:
        c.send(b"".join(side.fill(b"GET @P@/p%d HTTP/1.1\r\nHost: @H@\r\n\r\n" % i) for i in range(8)))
        assert [c.response().body.decode() for _ in range(8)] == [f"answer {i}" for i in range(8)]


def test_9112_9_3_2_pipelined_behind_a_body(side, origin):
    one = side.fill(b"POST @P@/b HTTP/1.1\r\nHost: @H@\r\nContent-Length: 3\r\n\r\nabc")
    two = side.fill(b"POST @P@/c HTTP/1.1\r\nHost: @H@\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    mark = origin.mark()
    with Client(side.port) as c:
        c.send(one + two + one + side.fill(CONTROL))
        assert [c.response().status for _ in range(4)] == [200] * 4
    assert [r.target for r in origin.since(mark).complete] == ["/b", "/c", "/b", "/control"]


def test_row15_bytes_behind_a_refused_upgrade_are_a_request_like_any_other(side, origin):
    mark = origin.mark()
    with Client(side.port) as c:
        c.send(side.fill(b"GET @P@/x HTTP/1.1\r\nHost: @H@\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n"
                         b"GET @P@/admin HTTP/1.1\r\nHost: @H@\r\nX-Bad : 1\r\n\r\n"))
        assert c.response().status == 200
        assert c.response().status == 400
    assert b"/admin" not in origin.since(mark).raw


def test_row16_connect_early_data_never_reaches_a_refusing_origin(fwd, origin):
    """The port answers nothing: the dial fails, 502, and the early bytes are gone."""
    mark = origin.mark()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        with Client(fwd.port) as c:
            c.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n" % (port, port))
            r = c.response("CONNECT")
            assert r.status == 502
            assert c.end() in ("fin", "rst")
    assert origin.since(mark).raw == b""


def test_row16_connect_early_data_arrives_behind_the_200(fwd, origin):
    with Client(fwd.port) as c:
        c.send(fwd.fill(b"CONNECT @H@ HTTP/1.1\r\nHost: @H@\r\n\r\nGET /tunnel HTTP/1.1\r\nHost: x\r\n\r\n"))
        r = c.response("CONNECT")
        assert r.status == 200 and not r.all("Content-Length") and not r.all("Transfer-Encoding"), r
        assert c.response().body == b"ok"
    assert origin.requests[-1].target == "/tunnel"


def test_9110_9_3_6_tunnel_carries_half_close_both_ways(fwd, origin):
    origin.on("/bye", [OK, CLOSE])
    with Client(fwd.port) as c:
        c.send(fwd.fill(b"CONNECT @H@ HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        assert c.response("CONNECT").status == 200
        c.send(b"GET /bye HTTP/1.1\r\nHost: x\r\n\r\n")
        c.half_close()
        assert c.response().body == b"ok"
        assert c.end() == "fin"


@pytest.mark.parametrize("where", ["target", "user-agent", "method", "host"])
def test_row59_no_byte_of_the_request_in_an_error_body(side, where):
    evil = b"<script>alert(1)</script>"
    head = {
        "target": b"GET @P@/" + evil + b"#x HTTP/1.1\r\nHost: @H@\r\n\r\n",
        "user-agent": b"GET @P@/x HTTP/1.1\r\nHost: @H@\r\nUser-Agent: " + evil + b"\r\nBad : 1\r\n\r\n",
        "method": b"GET" + evil + b" @P@/x HTTP/1.1\r\nHost: @H@\r\n\r\n",
        "host": b"GET @P@/x HTTP/1.1\r\nHost: " + evil + b"\r\n\r\n",
    }[where]
    for accept in (b"text/html", b"application/json"):
        with Client(side.port) as c:
            r = c.request(side.fill(head.replace(b"\r\n", b"\r\nAccept: " + accept + b"\r\n", 1)), "GET")
            assert r.status == 400 and b"<script>" not in r.body, r
            assert r.get("X-Content-Type-Options") == "nosniff", r


def test_row75_a_record_is_one_line_whatever_the_client_sends(side):
    evil = "\x1b[31m\"\\\x80"
    ident = f"{side.mode}{time.monotonic_ns()}"
    with Client(side.port) as c:
        r = c.request(side.fill(f"GET @P@/{ident}?a=%0a%22 HTTP/1.1\r\nHost: @H@\r\nUser-Agent: x\"\\\x80y\r\nReferer: \"\\\xff\r\n\r\n"))
        assert r.status == 200
    refused = sum(r["status"] == 400 for r in side.proxy.all_records())
    with Client(side.port) as c:
        assert c.request(side.fill(f"GET @P@/x HTTP/1.1\r\nHost: @H@\r\nUser-Agent: {evil}\r\n\r\n")).status == 400
    side.proxy.records(lambda r: ident in str(r))
    side.proxy.records(lambda r: r["status"] == 400, refused + 1)
    raw = side.proxy.access.read_bytes()
    assert b"\x1b" not in raw and b"\x80" not in raw and b"\xff" not in raw


def test_row76_secrets_are_in_no_log(side):
    ident = f"s{side.mode}{time.monotonic_ns()}"
    with Client(side.port) as c:
        assert c.request(side.fill(f"GET @P@/{ident} HTTP/1.1\r\nHost: @H@\r\nAuthorization: Bearer canary-a\r\nCookie: s=canary-b\r\n"
                                   "Proxy-Authorization: Basic canary-c\r\n\r\n")).status == 200
    side.proxy.records(lambda r: ident in str(r))
    assert b"canary" not in side.proxy.access.read_bytes() and "canary" not in side.proxy.log()


def test_row55_a_request_that_comes_back_is_refused(fwd, origin):
    """The proxy's own address as target: 403 by policy or 508, and no second round."""
    r = get(fwd.port, f"http://127.0.0.1:{fwd.port}/x", host=f"127.0.0.1:{fwd.port}")
    assert r.status in (403, 508), r
    control(fwd)


def test_row55_own_via_seen_again_is_508(back, origin):
    assert get(back.port, "/via").status == 200
    via = [r for r in origin.requests if r.target == "/via"][-1].get("Via")
    r = get(back.port, "/loop", fields=[f"Via: {via}"])
    assert r.status == 508, r
    assert get(back.port, "/loop", fields=["Via: 1.1 other"]).status == 200
