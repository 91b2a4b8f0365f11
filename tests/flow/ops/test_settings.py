"""Settings at the ends of their ranges do what the reference says of them."""
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.message import Ended
from tests.flow.lib.ports import free_port

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def run(launch, origin):
    def go(name, **extra):
        port = free_port()
        p = launch(config.reverse(port, origin.address, **extra), name)
        p.port = port
        return p
    return go


def test_keepalive_zero_closes_after_each_response_and_says_so(run):
    p = run("once", timeouts={"keepalive": "0"})
    with Client(p.port) as c:
        time.sleep(0.3)                 # a new connection still has the time of a head
        r = c.request(b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert (r.status, r.get("Connection")) == (200, "close")
        assert c.end() == "fin"


def test_keepalive_requests_are_counted(run):
    p = run("two", timeouts={"keepalive_requests": 2})
    with Client(p.port) as c:
        assert [c.request(b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n").get("Connection") for _ in range(2)] == [None, "close"]


def test_every_header_a_route_may_set_arrives(run, origin):
    """64 headers are allowed in each list, beside as many fields as a message may have."""
    sets = {f"X-Set-{i}": str(i) for i in range(64)}
    own = {f"X-Own-{i}": str(i) for i in range(64)}
    p = run("many", routes=[
        {"name": "fixed", "match": {"path": "/fixed"}, "respond": {"body": "x", "headers": own},
         "response": {"set": sets}},
        {"name": "all", "match": {"path": "/**"}, "service": "app", "request": {"set": sets}, "response": {"set": sets}}])
    r = get(p.port, "/fixed")
    assert r.status == 200 and all(r.get(f"X-Own-{i}") == r.get(f"X-Set-{i}") == str(i) for i in range(64))
    mark = origin.mark()
    r = get(p.port, "/sent", fields=[f"X-In-{i}: {i}" for i in range(97)])
    assert r.status == 200 and all(r.get(f"X-Set-{i}") == str(i) for i in range(64))
    seen = origin.since(mark).requests[0]
    assert all(seen.get(f"X-Set-{i}") == str(i) for i in range(64)) and seen.get("X-In-96") == "96"


def test_relaxed_line_endings_take_a_bare_lf_and_warn_at_the_start(run):
    bare = b"GET /x HTTP/1.1\nHost: a.test\nConnection: close\n\n"
    strict, relaxed = run("strict"), run("relaxed", http={"relaxed_line_endings": True})
    with Client(strict.port) as c:
        assert c.request(bare).status == 400
    with Client(relaxed.port) as c:
        assert c.request(bare).status == 200
    assert "relaxed_line_endings" not in strict.log()
    assert 'warning: "relaxed_line_endings"' in relaxed.log()


def test_linger_bytes_end_a_connection_that_keeps_sending(run):
    p = run("linger", timeouts={"linger": "30s", "linger_bytes": "1KiB"})
    with Client(p.port) as c:
        c.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert c.response().status == 400
        with pytest.raises((Ended, OSError)):
            for _ in range(200):
                c.sock.sendall(b"x" * 1024)
                time.sleep(0.01)
