"""Every row of the response table, in both modes: relayed exactly, answered by 502, or visibly cut."""
import time

import pytest

from tests.flow.lib.client import Client
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import OK, reply
from tests.flow.lib.proxy import wait_for

from tests.flow.http1.response_rows import ROWS

CASES = [pytest.param(m, r, id=f"{m}-{r.id}") for r in ROWS for m in ("reverse", "forward")]


def ask(side, c, row):
    c.send(side.fill(f"{row.method} @P@/row HTTP/{row.version}\r\nHost: @H@\r\n\r\n"))


def control(side):
    with Client(side.port) as c:
        r = c.request(side.fill(b"GET @P@/control HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        assert (r.status, r.body) == (200, b"control"), r
    return [r for r in side.origin.requests if r.target == "/control"][-1].conn


@pytest.mark.parametrize("mode, row", CASES)
def test_row(mode, row, sides, origin):
    side = sides[mode]
    origin.reset()
    origin.on("/row", row.script)
    origin.on("/control", reply("control"))
    seen = []
    with Client(side.port) as c:
        ask(side, c, row)
        if row.kind == "cut":
            r = aborted(c, row.method)
            assert r.status == row.status
            assert b"half".startswith(r.body[:4]) and len(r.body) <= len(row.body), f"bytes behind the damage were passed on: {r.body}"
        else:
            r = c.response(row.method, on_interim=seen.append)
            check(row, r)
            settle(row)
            if row.kind == "bad" or row.version == "1.0" or r.closing:
                pass
            else:
                c.send(side.fill(b"GET @P@/control HTTP/1.1\r\nHost: @H@\r\n\r\n"))
                again = c.response()
                assert (again.status, again.body) == (200, b"control"), again
    used = [r for r in origin.requests if r.target == "/row"][-1].conn
    settle(row)
    after = control(side)
    if row.reuse is True:
        assert after is used, "a clean upstream connection was not used again"
    elif row.reuse is False:
        assert after is not used, "the upstream connection was used again"


def aborted(c, method="GET"):
    """The response so far; it must not have ended as if it were complete."""
    try:
        r = c.response(method)
    except Ended as e:
        return e.response
    assert r.framing == "close" and r.end == "rst", f"looks complete: {r} {r.framing} {r.end}"
    return r


def settle(row):
    """Lets a script that goes on behind its response come to its end."""
    if row.reuse is False and len(row.script) > 1:
        time.sleep(0.06)


def check(row, r):
    if row.status is None:      # either verdict is right; what arrives must be whole (the strict reader saw to that)
        return
    assert r.status == row.status, r
    if row.kind == "bad":
        assert b"evil" not in r.body and b"ok" != r.body, r
        assert r.get("Cache-Control") == "no-store", r
    else:
        assert r.body == row.body, r
    if row.interim is not None:
        assert [i.status for i in r.interim] == list(row.interim)
    text = r.head.raw.decode("latin-1")
    lines = text.split("\r\n")
    for line in row.has:
        assert line in lines, f"{line!r} missing in {lines}"
    for part in row.hasnt:
        assert part not in text, f"{part!r} arrived: {lines}"


def test_a_reset_inside_the_response_is_never_a_clean_end_of_a_close_delimited_one(side, origin):
    """A 1.0 client has no framing but the end: an upstream cut must reach it as RST."""
    origin.on("/cut", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 0.05, "RST"])
    with Client(side.port) as c:
        c.send(side.fill(b"GET @P@/cut HTTP/1.0\r\nHost: @H@\r\n\r\n"))
        try:
            r = c.response()
        except Ended as e:
            assert e.how == "rst" or e.response.framing != "close"
        else:
            assert r.end == "rst", r


def test_row11_idle_connection_that_became_readable_is_not_used(side, origin):
    """Bytes that come while the connection idles end it; the next client must not get them."""
    kept = []
    origin.on("/first", [lambda conn: kept.append(conn), OK])
    with Client(side.port) as c:
        assert c.request(side.fill(b"GET @P@/first HTTP/1.1\r\nHost: @H@\r\n\r\n")).status == 200
    kept[0].send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    time.sleep(0.05)
    origin.on("/control", reply("control"))
    assert control(side) is not kept[0]


def test_retry_a_pooled_connection_closed_at_the_moment_of_use(side, origin):
    """GET is tried again on another connection; the client notices nothing. POST is not, it gets 502."""
    origin.on("/control", reply("control"))
    hits = []

    def drop_once(conn):
        hits.append(conn)
        if len(hits) == 1:
            conn.close()
        else:
            conn.send(reply("second"))
    control(side)
    origin.on("/flaky", [drop_once])
    with Client(side.port) as c:
        r = c.request(side.fill(b"GET @P@/flaky HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        assert (r.status, r.body) == (200, b"second"), r
    assert len(hits) == 2 and hits[0] is not hits[1]
    hits.clear()
    control(side)
    with Client(side.port) as c:
        r = c.request(side.fill(b"POST @P@/flaky HTTP/1.1\r\nHost: @H@\r\nContent-Length: 1\r\n\r\nx"))
        assert r.status == 502, r
    assert len(hits) == 1


def test_retry_not_on_a_fresh_connection_that_failed_behind_the_request(side, origin):
    hits = []
    origin.on("/fresh", [lambda conn: hits.append(conn), "CLOSE"])
    for c in list(origin.conns):
        c.close()
    time.sleep(0.05)
    with Client(side.port) as c:
        assert c.request(side.fill(b"GET @P@/fresh HTTP/1.1\r\nHost: @H@\r\n\r\n")).status == 502
    assert len(hits) == 1


def test_slow_head_and_slow_body_arrive_as_they_come(side, origin):
    """Streaming, not store and forward: the first piece is there before the last was sent."""
    gate = []
    origin.on("/stream", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", 0.3,
                          lambda conn: gate.append(time.monotonic()), b"4\r\nlast\r\n0\r\n\r\n"])
    with Client(side.port) as c:
        c.send(side.fill(b"GET @P@/stream HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        r = c.head()
        assert r.status == 200
        c.reader.until(b"first")
        assert not gate, "the first chunk came with the last"
        c.reader.until(b"last")


def test_client_that_leaves_frees_the_upstream(side, origin):
    """A client gone in the middle of a big response: the upstream connection ends soon, not after the whole body."""
    origin.on("/big", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"] + [b"x" * 65536] * 200 + [5.0])
    c = Client(side.port, rcvbuf=4096)
    c.send(side.fill(b"GET @P@/big HTTP/1.1\r\nHost: @H@\r\n\r\n"))
    assert c.head().status == 200
    conn = [r for r in origin.requests if r.target == "/big"][-1].conn
    c.reset()

    def ended():
        """the upstream connection ends with its client"""
        try:
            conn.sock.send(b"x")
        except OSError:
            return True
        return conn.closed
    wait_for(ended, 3)
