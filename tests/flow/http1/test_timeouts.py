"""Every clock of the catalogue, set short: what is answered, what is cut, and what must not be cut."""
import select
import socket
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import BODY, EARLY, OK
from tests.flow.lib.ports import free_port
from tests.flow.lib.side import make_side

CLOCKS = {
    "timeouts": {"head": "800ms", "body_idle": "700ms", "body_grace": "1s", "body_rate": 512, "write_idle": "1s", "keepalive": "700ms",
                 "linger": "500ms", "tunnel_idle": "900ms"},
}
UP = {"timeout": {"connect": "500ms", "response": "700ms", "idle": "700ms"}}
GET = b"GET @P@/t HTTP/1.1\r\nHost: @H@\r\n\r\n"


@pytest.fixture(scope="module")
def sides(launch, origin):
    back = config.reverse(0, origin.address)
    service = dict(back["services"][0], **UP)
    return {"reverse": make_side("reverse", launch, origin, services=[service], **CLOCKS),
            "forward": make_side("forward", launch, origin, forward={"default_rules": False, **UP}, **CLOCKS)}


def ended_within(c, low, high):
    start = time.monotonic()
    how = c.end(high + 2)
    took = time.monotonic() - start
    assert how in ("fin", "rst"), how
    assert low <= took <= high, took


def test_head_that_never_completes_is_408(side):
    with Client(side.port) as c:
        start = time.monotonic()
        c.send(side.fill(b"GET @P@/t HTTP/1.1\r\nHo"))
        r = c.response()
        assert r.status == 408 and "close" in r.head.members("Connection"), r
        assert 0.6 < time.monotonic() - start < 2.5
        assert c.end() in ("fin", "rst")


def test_head_that_trickles_is_408_all_the_same(side):
    """The deadline is absolute: a byte now and then does not move it."""
    with Client(side.port) as c:
        start = time.monotonic()
        for b in side.fill(GET)[:12]:
            if not c.send(bytes([b])):
                break
            time.sleep(0.15)
        r = c.response()
        assert r.status == 408
        assert time.monotonic() - start < 3


def test_slow_but_timely_head_is_served(side):
    with Client(side.port) as c:
        raw = side.fill(GET)
        c.send_pieces([raw[:10], raw[10:20], raw[20:]], 0.1)
        assert c.response().status == 200


def test_body_that_stops_is_408_or_cut(side, origin):
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/t HTTP/1.1\r\nHost: @H@\r\nContent-Length: 10\r\n\r\nhello"))
        start = time.monotonic()
        r = c.response()
        assert r.status == 408, r
        assert 0.5 < time.monotonic() - start < 2.5
    got = [r for r in origin.requests if r.target == "/t" and r.method == "POST"]
    assert not [r for r in got if r.complete]


def test_body_below_the_rate_is_408(side, origin):
    with Client(side.port) as c:
        start = time.monotonic()
        c.send(side.fill(b"POST @P@/t HTTP/1.1\r\nHost: @H@\r\nContent-Length: 100000\r\n\r\n"))
        for _ in range(40):
            if not c.send(b"x" * 10):
                break
            time.sleep(0.1)
            if c.sock in select.select([c.sock], [], [], 0)[0]:
                break
        r = c.response()
        assert r.status == 408 and 0.8 < time.monotonic() - start < 4, r


def test_body_above_the_rate_is_served(side):
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/t HTTP/1.1\r\nHost: @H@\r\nContent-Length: 20000\r\n\r\n"))
        for _ in range(20):
            c.send(b"x" * 1000)
            time.sleep(0.08)
        assert c.response().status == 200


def test_idle_kept_connection_is_closed_without_a_word(side):
    with Client(side.port) as c:
        assert c.request(side.fill(GET)).status == 200
        ended_within(c, 0.4, 2.5)


def test_kept_connection_in_use_stays(side):
    with Client(side.port) as c:
        for _ in range(5):
            assert c.request(side.fill(GET)).status == 200
            time.sleep(0.25)


def test_new_connection_without_a_byte_is_closed(side):
    with Client(side.port) as c:
        start = time.monotonic()
        try:
            r = c.response()
            assert r.status == 408
        except Ended:
            pass
        assert time.monotonic() - start < 3


def test_origin_that_does_not_answer_is_504(side, origin):
    origin.on("/t", [2.5, OK])
    with Client(side.port) as c:
        start = time.monotonic()
        r = c.request(side.fill(GET))
        assert r.status == 504, r
        assert 0.5 < time.monotonic() - start < 2.2


def test_origin_that_stalls_inside_its_head_is_504(side, origin):
    origin.on("/t", [b"HTTP/1.1 200 OK\r\nContent-", 2.5, b"Length: 2\r\n\r\nok"])
    with Client(side.port) as c:
        assert c.request(side.fill(GET)).status == 504


def test_origin_that_stalls_inside_its_body_is_cut(side, origin):
    origin.on("/t", [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 2.5, b"x" * 6])
    with Client(side.port) as c:
        c.send(side.fill(GET))
        with pytest.raises(Ended) as e:
            c.response()
        assert e.value.response.status == 200


def test_origin_that_takes_its_time_in_small_steps_is_not_cut(side, origin):
    origin.on("/t", [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"] + [x for _ in range(5) for x in (b"ab", 0.4)])
    with Client(side.port) as c:
        assert c.request(side.fill(GET)).body == b"ab" * 5


def test_response_clock_starts_when_the_request_is_out(side, origin):
    """A client that uploads for longer than the response timeout is not answered 504."""
    origin.on("/t", [EARLY, BODY, OK])
    with Client(side.port) as c:
        c.send(side.fill(b"POST @P@/t HTTP/1.1\r\nHost: @H@\r\nContent-Length: 12000\r\n\r\n"))
        for _ in range(12):
            c.send(b"x" * 1000)
            time.sleep(0.1)
        assert c.response().status == 200


def test_client_that_does_not_read_is_cut(side, origin):
    origin.on("/t", [b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n"] + [b"x" * 65536] * 300)
    with Client(side.port, rcvbuf=4096) as c:
        c.send(side.fill(GET))
        time.sleep(3.0)
        total = 0
        try:
            c.reader.until(b"\r\n\r\n")
            while True:
                c.reader.fill()
                total += len(c.reader.take(len(c.reader.buf)))
        except Ended:
            pass
        assert total < 50000000


def test_tunnel_idle_is_closed(fwd):
    with Client(fwd.port) as c:
        c.send(fwd.fill(b"CONNECT @H@ HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        assert c.response("CONNECT").status == 200
        ended_within(c, 0.5, 3.5)


def test_connect_timeout_is_504(launch, origin):
    """An address that swallows SYNs: a listening socket whose queue is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fill = [socket.socket() for _ in range(4)]
        for s in fill:
            s.setblocking(False)
            try:
                s.connect(("127.0.0.1", port))
            except BlockingIOError:
                pass
        time.sleep(0.1)
        front = free_port()
        conf = config.reverse(front, f"127.0.0.1:{port}")
        conf["services"][0].update(UP)
        launch(conf, "connect")
        with Client(front) as c:
            start = time.monotonic()
            r = c.request(b"GET /t HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert r.status == 504, r
            assert time.monotonic() - start < 3
        for s in fill:
            s.close()


def test_refused_connection_is_502(launch):
    front, dead = free_port(), free_port()
    launch(config.reverse(front, f"127.0.0.1:{dead}"), "refused")
    with Client(front) as c:
        r = c.request(b"GET /t HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert r.status == 502, r
        assert c.request(b"GET /t HTTP/1.1\r\nHost: a.test\r\n\r\n").status in (502, 503), "the client's connection was not kept"
