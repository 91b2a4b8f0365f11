"""How connections end: what must still arrive, what must not look complete, and what must not linger."""
import os
import signal
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import EARLY, reply
from tests.flow.lib.proxy import wait_for
from tests.flow.lib.side import make_side

LINGER = 3.0


@pytest.fixture(scope="module")
def sides(launch, origin):
    clocks = {"linger": f"{LINGER:.0f}s", "keepalive_requests": 1}
    back = config.reverse(0, origin.address)
    service = dict(back["services"][0], outlier={"failures": 0})
    return {"reverse": make_side("reverse", launch, origin, services=[service], timeouts=clocks),
            "forward": make_side("forward", launch, origin, timeouts=clocks)}


def open_connections(side):
    return side.proxy.status()["counters"]["connections_open"]


def closed_soon(side):
    wait_for(lambda: open_connections(side) == 0, LINGER / 2)


def put(side, size, path="/x"):
    return side.fill(b"PUT @P@" + path.encode() + b" HTTP/1.1\r\nHost: @H@\r\nContent-Length: %d\r\n\r\n" % size)


class Frozen:
    """The worker stands still while both sides act, so that it finds everything at once."""

    def __init__(self, side):
        self.pids = side.proxy.worker_pids()

    def __enter__(self):
        for p in self.pids:
            os.kill(p, signal.SIGSTOP)

    def __exit__(self, *exc):
        for p in self.pids:
            os.kill(p, signal.SIGCONT)


def test_bytes_behind_the_last_request_do_not_reset_its_answer(side, origin):
    """The client could not know that its first request would be the last one."""
    body = b"y" * (2 << 20)
    origin.on("/1", reply(body))
    with Client(side.port, rcvbuf=4096) as c:
        c.send(side.fill(b"GET @P@/1 HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        time.sleep(0.2)
        c.send(side.fill(b"GET @P@/2 HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        r = c.head()
        time.sleep(0.5)
        assert c.body(r).body == body
        assert c.end() == "fin"
    closed_soon(side)


def test_connection_whose_client_has_finished_does_not_linger(side):
    with Client(side.port) as c:
        c.send(b"BAD\r\n\r\n")
        c.half_close()
        assert c.response().status == 400
        closed_soon(side)


def test_refusal_reaches_a_client_that_reads_only_when_all_is_sent(side, origin):
    """What a window of the kernel's holds is under way before any client can hear that it is refused: no reset over that."""
    origin.script = [EARLY, reply(b"no", "413 Content Too Large"), 1.0, "CLOSE"]
    with Client(side.port) as c:
        c.send(put(side, 6 << 20))
        time.sleep(0.2)
        for _ in range(6):
            assert c.send(b"x" * (1 << 20)), "reset while sending"
            time.sleep(0.02)
        assert c.response("PUT").status == 413
        assert c.end() == "fin"


def test_refused_upload_that_moved_by_splice_is_still_drained(side, origin):
    def refuse(c):
        got = len(c.reader.buf)
        while got < 300 << 10:
            got += len(c.sock.recv(65536))
        c.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        time.sleep(1)
    origin.script = [EARLY, refuse]
    with Client(side.port) as c:
        c.send(put(side, 1 << 20))
        c.send(b"x" * (100 << 10))
        time.sleep(0.1)
        c.send(b"x" * (250 << 10))
        assert c.response("PUT").status == 403
        c.send(b"x" * (20 << 10))
        c.half_close()
        closed_soon(side)


def test_answer_ahead_of_a_reset_survives_an_upload_by_splice(side, origin):
    """The worker writes into the reset connection before it has read the answer."""
    ready = []

    def refuse(c):
        got = len(c.reader.buf)
        while got < 300 << 10:
            got += len(c.sock.recv(65536))
        ready.append(c)
        wait_for(lambda: "go" in ready)
        c.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        time.sleep(0.05)
        c.close(rst=True)
        ready.append("gone")
    origin.script = [EARLY, refuse]
    with Client(side.port) as c:
        c.send(put(side, 2 << 20))
        c.send(b"x" * (100 << 10))
        time.sleep(0.1)
        c.send(b"x" * (250 << 10))
        wait_for(lambda: ready)
        time.sleep(0.1)
        with Frozen(side):
            c.send(b"x" * 50000)
            time.sleep(0.1)
            ready.append("go")
            wait_for(lambda: "gone" in ready)
        assert c.response("PUT").status == 413


def test_reset_found_by_writing_does_not_end_an_answer_cleanly(side, origin):
    """A body that only the end of the connection delimits, cut by a reset while the upload still flows."""
    ready = []

    def cut(c):
        got = len(c.reader.buf)
        while got < 10000:
            got += len(c.sock.recv(65536))
        c.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfirst part")
        ready.append(c)
        wait_for(lambda: "go" in ready)
        c.close(rst=True)
        ready.append("gone")
    origin.script = [EARLY, cut]
    with Client(side.port) as c:
        c.send(put(side, 100000))
        c.send(b"x" * 10000)
        r = c.head()
        wait_for(lambda: ready)
        with Frozen(side):
            c.send(b"x" * 10000)
            time.sleep(0.1)
            ready.append("go")
            wait_for(lambda: "gone" in ready)
        with pytest.raises(Ended):
            c.body(r)
            raise AssertionError(f"complete: {r.body!r} {r.end}")


def test_bytes_of_kept_target_connections_are_counted(side, origin):
    def moved():
        c = side.proxy.status()["counters"]
        return c["upstream_bytes_in_total"], c["upstream_bytes_out_total"]
    origin.on("/n", reply(b"n" * 10000))
    before = moved()
    for _ in range(3):
        with Client(side.port) as c:
            assert c.request(side.fill(b"GET @P@/n HTTP/1.1\r\nHost: @H@\r\n\r\n")).status == 200
    after = moved()
    assert 30000 < after[0] - before[0] < 33000 and 0 < after[1] - before[1] < 3000, (before, after)
