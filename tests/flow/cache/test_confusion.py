"""An answer is for the request that it was given to, and for none that is another: keys, and bytes behind a hit."""
import pytest

from tests.flow.lib.cache import answer, cached, fill, hit
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import Origin
from tests.flow.lib.ports import free_port

FRESH = "Cache-Control: max-age=60"


def mirror(*names):
    """An answer for all that says what was asked for, and with which fields."""
    def script(c):
        r = c.requests[-1]
        c.send(answer(" ".join([r.method, r.target, *(str(r.get(n)) for n in names)]), FRESH))
    return [script]


def asked(origin, target):
    return [r for r in origin.requests if r.target == target]


def test_hosts_and_ports_share_nothing(site):
    port, origin, _ = site
    origin.on("/same", mirror("Host"))
    hosts = ["a.test", "b.test", "a.test:81", "a.test.b.test", "a"]
    for host in hosts:
        first, second = fill(port, "/same", host=host)
        assert not hit(first) and first.body == second.body == f"GET /same {host}".encode()
    for host in hosts:
        r = get(port, "/same", host=host)
        assert hit(r) and r.body == f"GET /same {host}".encode()


def test_a_host_is_the_same_in_any_case_and_with_the_port_it_has_anyway(site):
    port, origin, _ = site
    origin.on("/host-case", mirror())
    fill(port, "/host-case", host="case.test")
    n = len(asked(origin, "/host-case"))
    for host in ("CASE.test", "case.test:80"):
        assert hit(get(port, "/host-case", host=host))
    assert len(asked(origin, "/host-case")) == n


@pytest.mark.parametrize("other", ["/p/A", "/p/a?", "/p/a?x", "/p/a?x=1&y=2", "/p/a?y=2&x=1", "/p/a/", "/p//a", "/p/a;x.css",
                                   "/p/a%2Fb", "/p/a%00", "/p/a%0a"])
def test_paths_and_queries_that_differ_are_others(site, other):
    port, origin, _ = site
    origin.script = lambda r: mirror()
    fill(port, "/p/a")
    first = get(port, other)
    assert not hit(first)
    if first.status == 200:         # some are refused
        _, second = fill(port, other)
        assert second.body == first.body != b"GET /p/a"
    assert get(port, "/p/a").body == b"GET /p/a"
    origin.script = None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"])
def test_another_method_is_not_answered_by_what_get_was_given(site, method):
    port, origin, _ = site
    target = f"/method/{method}"
    origin.on(target, mirror())
    fill(port, target)
    r = get(port, target, method=method)
    assert not hit(r) and r.body != f"GET {target}".encode()


def test_origins_of_a_forward_proxy_share_nothing(launch, scratch):
    folder = scratch / "store-forward"
    folder.mkdir()
    folder.chmod(0o777)
    origins = [Origin(), Origin()]
    port = free_port()
    launch(cached(folder, port, None, mode="forward"), "confusion-forward")
    try:
        for o in origins:
            o.on("/same", mirror("Host"))
        for _ in range(2):
            for o in origins:
                _, second = fill(port, f"http://{o.address}/same", host=o.address)
                assert second.body == f"GET /same {o.address}".encode()
        # a Host that says something else does not pick the key
        r = get(port, f"http://{origins[0].address}/same", host=origins[1].address)
        assert r.body == f"GET /same {origins[0].address}".encode() or r.status == 400
    finally:
        for o in origins:
            o.stop()


@pytest.mark.parametrize("framing", ["Content-Length: {n}\r\n\r\n{body}", "Transfer-Encoding: chunked\r\n\r\n{n:x}\r\n{body}\r\n0\r\n\r\n"],
                         ids=["length", "chunked"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_body_of_a_request_that_hits_is_no_request(site, framing, method):
    port, origin, _ = site
    origin.on("/c", mirror())
    origin.on("/smuggled", mirror())
    origin.on("/after", mirror())
    fill(port, "/c")
    before = len(asked(origin, "/smuggled"))
    body = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"
    with Client(port) as c:
        c.send(f"{method} /c HTTP/1.1\r\nHost: a.test\r\n" + framing.format(n=len(body), body=body))
        first = c.response(method)
        assert first.status in (200, 400)
        # what follows is the next request's answer, or the end
        if not first.closing:
            c.send("GET /after HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            assert c.response().body == b"GET /after"
    assert len(asked(origin, "/smuggled")) == before
