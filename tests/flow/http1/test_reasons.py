"""Every reason token of the closed list can be reached from outside, and answers the status the list promises.

Tokens that only a broken machine reaches are named in UNREACHABLE; a token that is added needs a row here.
"""
import socket
import time

import pytest

from tests.flow.lib import reasons
from tests.flow.lib.client import Client, get
from tests.flow.lib.dns import Dns
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import EARLY, OK, Origin
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for

UNREACHABLE = {"-": "is no error", "no-memory": "needs a machine without memory", "internal": "is a broken invariant"}
SILENT = {     # end a connection that has no request, so there is no record; the counters tell
    "keepalive-end": "between requests", "proxy-header": "before the first one", "client-limit": "refused at accept", "overload": "refused at accept"}

G = "GET /x HTTP/1.1\r\nHost: a.test\r\n"
P = "POST /x HTTP/1.1\r\nHost: a.test\r\n"
T = P + "Transfer-Encoding: chunked\r\n\r\n"
WS = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

RAW = {     # to the reverse listener; the answer comes at once
    "request-line": "GET  /x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "method-bad": "GE(T /x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "target-bad": "GET /a#b HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "target-long": "GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "scheme-bad": "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "path-forbidden": "GET /a%00 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "version-bad": "GET /x HTTP/1.x\r\nHost: a.test\r\n\r\n",
    "version-unsupported": "GET /x HTTP/2.0\r\nHost: a.test\r\n\r\n",
    "head-large": G + "".join(f"X{i}: {'y' * 4000}\r\n" for i in range(9)) + "\r\n",
    "field-large": G + "X: " + "y" * 9000 + "\r\n\r\n",
    "fields-many": G + "X: y\r\n" * 101 + "\r\n",
    "field-line": G + "nocolon\r\n\r\n",
    "field-name": G + "X(: y\r\n\r\n",
    "field-value": G + "X: \x01\r\n\r\n",
    "obs-fold": G + "X: y\r\n z\r\n\r\n",
    "bare-lf": G + "X: y\nZ: w\r\n\r\n",
    "bare-cr": G + "X: y\rz\r\n\r\n",
    "host-missing": "GET /x HTTP/1.1\r\n\r\n",
    "host-duplicate": G + "Host: b.test\r\n\r\n",
    "host-bad": "GET /x HTTP/1.1\r\nHost: a,b\r\n\r\n",
    "field-duplicate": G + "Authorization: a b\r\nAuthorization: c d\r\n\r\n",
    "length-bad": P + "Content-Length: +3\r\n\r\nabc",
    "length-duplicate": P + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length-and-coding": P + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    "coding-bad": P + "Transfer-Encoding: ,chunked\r\n\r\n",
    "coding-unsupported": P + "Transfer-Encoding: gzip\r\n\r\n",
    "coding-old": "POST /x HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n",
    "connection-protected": G + "Connection: Host\r\n\r\n",
    "expect-bad": P + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n",
    "head-timeout": "GET /x HT",
    "body-large": P.replace("/x", "/small") + "Content-Length: 2000\r\n\r\n",
    "body-timeout": P + "Content-Length: 10\r\n\r\nabc",
    "chunk-size": T + "g\r\n",
    "chunk-ext": T + "1;\r\nZ\r\n",
    "chunk-end": T + "1\r\nZZZ",
    "chunk-overhead": T + "1\r\nZ\r\n" * 20000,
    "trailer-bad": T + "0\r\nHost: x\r\n\r\n",
    "method-refused": "TRACE /x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "route-none": "GET /nowhere HTTP/1.1\r\nHost: b.test\r\n\r\n",
    "host-unknown": "GET /x HTTP/1.1\r\nHost: nobody.test\r\n\r\n",
    "max-forwards": "OPTIONS /x HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n",
    "match-limit": "GET /x HTTP/1.1\r\nHost: b.test\r\nX-Slow: " + "a" * 40 + "!\r\n\r\n",
    "respond": "GET /fixed HTTP/1.1\r\nHost: b.test\r\n\r\n",
    "redirect": "GET /moved HTTP/1.1\r\nHost: b.test\r\n\r\n",
    "connect-failed": "GET /x HTTP/1.1\r\nHost: dead.test\r\n\r\n",
}
BAD_HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
ORIGIN = {  # what the origin does
    "upstream-reset": ["RST"],
    "upstream-closed": ["CLOSE"],
    "response-timeout": [2.0, OK],
    "response-line": [b"garbage\r\n\r\n"],
    "response-head": [BAD_HEAD.encode() + b"X : y\r\n\r\nok"],
    "response-large": [BAD_HEAD.encode() + b"".join(b"X%d: %s\r\n" % (i, b"y" * 7000) for i in range(12)) + b"\r\nok"],
    "response-length": [BAD_HEAD.encode() + b"Content-Length: 2\r\n\r\nok"],
    "response-interim": [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 40 + OK],
    "response-switch": [b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
}
CUT = {     # behind a relayed head
    "upstream-truncated": [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 0.05, "CLOSE"],
    "response-idle": [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 2.0],
    "response-chunk": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 0.05, b"g\r\n"],
}


def reverse(port, *targets, **more):
    return {"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"]}],
            "services": [{"name": "app", "targets": [{"addr": t} for t in targets], **more}],
            "routes": [{"name": "all", "match": {"path": "/**"}, "service": "app"}]}


@pytest.fixture(scope="module")
def site(launch, origin):
    port = free_port()
    conf = reverse(port, origin.address, timeout={"connect": "500ms", "response": "500ms", "idle": "500ms"}, outlier={"failures": 0})
    conf["services"].append({"name": "dead", "targets": [{"addr": f"127.0.0.1:{free_port()}"}], "outlier": {"failures": 0}})
    conf["routes"] = [
        {"name": "small", "match": {"hosts": ["a.test"], "path": "/small"}, "service": "app", "max_body": "1KiB"},
        {"name": "app", "match": {"hosts": ["a.test"], "path": "/**"}, "service": "app"},
        {"name": "dead", "match": {"hosts": ["dead.test"], "path": "/**"}, "service": "dead"},
        {"name": "fixed", "match": {"hosts": ["b.test"], "path": "/fixed"}, "respond": {"body": "x"}},
        {"name": "slow", "match": {"hosts": ["b.test"], "path": "/x", "header": {"X-Slow": "^(a+)+$"}}, "service": "app"},
        {"name": "moved", "match": {"hosts": ["b.test"], "path": "/moved"}, "redirect": {"status": 302, "to": "/fixed"}},
    ]
    conf["timeouts"] = {"head": "500ms", "body_idle": "500ms", "body_grace": "1s", "body_rate": "512", "write_idle": "600ms", "tunnel_idle": "500ms",
                        "tunnel_life": "900ms", "keepalive": "30s", "linger": "300ms"}
    proxy = launch(conf, "site")
    proxy.port = port
    return proxy


def newest(proxy, token, since):
    """The record behind `since` that carries the token."""
    def there():
        rows = [r for r in proxy.all_records()[since:] if r["reason"] == token]
        return rows and rows[-1]
    try:
        return wait_for(there, 4)
    except AssertionError:
        raise AssertionError(f"no record with {token}; came: {[(r['status'], r['reason']) for r in proxy.all_records()[since:]]}")


@pytest.mark.parametrize("token", RAW)
def test_by_a_request(site, origin, token):
    origin.reset()
    since, promised = len(site.all_records()), reasons.tokens()[token]
    with Client(site.port) as c:
        c.send(RAW[token])
        r = c.response(RAW[token].split(" ", 1)[0])
        assert r.status == promised, r
    assert newest(site, token, since)["status"] == promised


@pytest.mark.parametrize("token", ORIGIN)
def test_by_an_origin(site, origin, token):
    origin.on("/o", ORIGIN[token])
    for c in list(origin.conns):            # a fresh connection: a kept one would be tried again
        c.close()
    time.sleep(0.05)
    since, promised = len(site.all_records()), reasons.tokens()[token]
    assert get(site.port, "/o").status == promised
    assert newest(site, token, since)["status"] == promised


@pytest.mark.parametrize("token", CUT)
def test_by_an_origin_that_ends_inside_its_body(site, origin, token):
    origin.on("/cut", CUT[token])
    since = len(site.all_records())
    with Client(site.port) as c:
        c.send("GET /cut HTTP/1.1\r\nHost: a.test\r\n\r\n")
        with pytest.raises(Ended):
            c.response()
    assert newest(site, token, since)["status"] == 200


def test_body_slow(site, origin):
    origin.reset()
    since = len(site.all_records())
    with Client(site.port) as c:
        c.send(P + "Content-Length: 100000\r\n\r\n")
        for _ in range(20):
            if not c.send("x"):
                break
            time.sleep(0.1)
    newest(site, "body-slow", since)


def test_body_truncated(site, origin):
    origin.reset()
    since = len(site.all_records())
    with Client(site.port) as c:
        c.send(P + "Content-Length: 10\r\n\r\nabc")
        c.half_close()
        try:
            assert c.response().status == 400
        except Ended:
            pass
    newest(site, "body-truncated", since)


def test_client_gone(site, origin):
    origin.on("/gone", [0.3, OK])
    since = len(site.all_records())
    with Client(site.port) as c:
        c.send("GET /gone HTTP/1.1\r\nHost: a.test\r\n\r\n")
        time.sleep(0.1)
        c.reset()
    wait_for(lambda: any(r["target"] == "/gone" for r in site.all_records()[since:]))
    assert [(r["status"], r["reason"]) for r in site.all_records()[since:] if r["target"] == "/gone"] == [(499, "client-gone")]


def test_client_slow(site, origin):
    origin.on("/big", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"] + [b"x" * 65536] * 300 + [3.0])
    since = len(site.all_records())
    with Client(site.port, rcvbuf=4096) as c:
        c.send("GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n")
        newest(site, "client-slow", since)


def test_upgrade_data(site, origin):
    origin.on("/ws", [EARLY, 0.4, OK])
    since = len(site.all_records())
    with Client(site.port) as c:
        c.send("GET /ws HTTP/1.1\r\nHost: a.test\r\n" + WS + "x" * 20000)
        newest(site, "upgrade-data", since)


@pytest.mark.parametrize("token", ["tunnel-idle", "tunnel-life"])
def test_tunnel(site, origin, token):
    origin.on("/ws", [ORIGIN["response-switch"][0]] + ([x for _ in range(15) for x in (b"x", 0.1)] if token == "tunnel-life" else [3.0]))
    since = len(site.all_records())
    with Client(site.port) as c:
        c.send("GET /ws HTTP/1.1\r\nHost: a.test\r\n" + WS)
        assert c.response().status == 101
        assert newest(site, token, since)["status"] == 101


def test_loop(site, origin):
    origin.reset()
    get(site.port, "/via")
    since = len(site.all_records())
    assert get(site.port, "/via", fields=[f"Via: {origin.requests[-1].get('Via')}"]).status == 508
    newest(site, "loop", since)


# ------------------------------------------------------------------ instances of their own

def test_connect_timeout(launch):
    with socket.socket() as full:           # a queue that is full swallows SYNs
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        held = [socket.socket() for _ in range(4)]
        for s in held:
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        time.sleep(0.1)
        port = free_port()
        p = launch(reverse(port, f"127.0.0.1:{full.getsockname()[1]}", timeout={"connect": "300ms"}), "connect")
        assert get(port, "/x").status == 504
        newest(p, "connect-timeout", 0)
        for s in held:
            s.close()


def test_target_none(launch):
    """A service whose only name does not resolve."""
    names, port = Dns({}), free_port()
    p = launch({**reverse(port, "gone.test:80"), "dns": {"servers": [names.address], "timeout": "200ms", "total": "400ms"}}, "none")
    r = get(port, "/x")
    assert r.status == 503 and r.get("Retry-After"), r
    newest(p, "target-none", 0)
    names.stop()


def test_queue(launch):
    o, port = Origin(), free_port()
    o.script = [2.5, OK]
    p = launch(reverse(port, o.address, queue={"max_requests": 1, "max_pending": 1, "wait": "1200ms"}), "queue")
    first, second = Client(port), Client(port)
    for n, c in enumerate((first, second), 1):
        c.send(G + "\r\n")
        wait_for(lambda: p.status()["counters"]["requests_active"] == n)
    r = get(port, "/x")
    assert r.status == 503 and r.get("Retry-After"), r
    assert second.response().status == 503
    assert first.response().status == 200
    newest(p, "queue-full", 0)
    newest(p, "queue-timeout", 0)
    o.stop()


def test_client_limit(launch, origin):
    port = free_port()
    conf = reverse(port, origin.address)
    conf["listeners"][0]["max_per_client"] = 2
    p = launch(conf, "limit")
    wait_for(lambda: get(port, "/x").status == 200)
    wait_for(lambda: p.status()["counters"]["connections_open"] == 0)      # one that is about to close is counted
    with Client(port), Client(port):
        wait_for(lambda: p.status()["counters"]["connections_open"] == 2)
        with Client(port) as c:
            c.send(G + "\r\n")
            r = c.response()
            assert r.status == 429 and r.get("Retry-After"), r
    assert p.status()["counters"]["connections_refused_total"] == 1


def test_overload(launch, origin):
    port = free_port()
    conf = reverse(port, origin.address)
    conf["process"]["connections"] = 16
    conf["listeners"][0]["max_per_client"] = 0
    p = launch(conf, "overload")
    held = [Client(port) for _ in range(16)]
    for c in held:
        try:
            c.request(G + "\r\n")
        except (Ended, OSError):
            pass
    refused = []
    for _ in range(6):
        c = Client(port)
        held.append(c)
        try:
            refused.append(c.response().status)
        except (Ended, OSError):
            pass
    for c in held:
        c.close()
    assert 503 in refused, refused
    assert p.status()["counters"]["connections_refused_total"] == len(refused)


def test_stopping(launch, origin):
    """Patience ends: what is still in progress is cut, and the log says why."""
    origin.on("/stuck", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 6.0])
    port = free_port()
    conf = reverse(port, origin.address)
    conf["process"]["drain"] = "500ms"
    p = launch(conf, "stopping")
    with Client(port) as c:
        c.send("GET /stuck HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert c.head().status == 200
        p.ctl("stop", check=True)
        p.process.wait(8)
    newest(p, "stopping", 0)


@pytest.fixture(scope="module")
def outward(launch, origin):
    names = Dns({"gone.test": None, "silent.test": lambda *a: "drop", "denied.test": ["127.0.0.1"]})
    port = free_port()
    p = launch({"mode": "forward", "process": {"workers": 1}, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"]}],
                "dns": {"servers": [names.address], "timeout": "300ms", "tries": 1, "total": "500ms"}, "forward": {"default_rules": False},
                "acls": {"denied": {"domain": ["denied.test"]}, "lab": {"port": [str(origin.port), str(port)]}},
                "rules": [{"id": "no", "deny": True, "all": ["denied"]}, {"id": "lab", "allow": True, "all": ["lab"], "open": ["127.0.0.0/8"]},
                          {"id": "rest", "allow": True}]}, "outward")
    p.port = port
    yield p
    names.stop()


@pytest.mark.parametrize("token, target", [("denied", "http://denied.test/x"), ("address-denied", "http://10.9.9.9/x"), ("address-own", "http://127.0.0.1:@/x"),
                                           ("dns-failed", "http://gone.test/x"), ("dns-timeout", "http://silent.test/x"), ("not-proxy", "/x")])
def test_forward(outward, token, target):
    since = len(outward.all_records())
    r = get(outward.port, target.replace("@", str(outward.port)), host="a.test")
    assert r.status == reasons.tokens()[token], r
    newest(outward, token, since)


def test_connect_body(outward, origin):
    since = len(outward.all_records())
    with Client(outward.port) as c:
        c.send(f"CONNECT {origin.address} HTTP/1.1\r\nHost: {origin.address}\r\nContent-Length: 3\r\n\r\nabc")
        assert c.response("CONNECT").status == 400
    newest(outward, "connect-body", since)


def test_every_token_has_a_row():
    here = {"body-slow", "body-truncated", "client-gone", "client-slow", "upgrade-data", "tunnel-idle", "tunnel-life", "loop", "connect-timeout", "target-none",
            "queue-full", "queue-timeout", "client-limit", "overload", "stopping", "denied", "address-denied", "address-own", "dns-failed", "dns-timeout",
            "not-proxy", "connect-body",
            "killed", "target-drained",       # ops/test_conn.py, ops/test_drain.py
            "only-if-cached",                 # cache/test_hits.py
            "cache-damaged",                  # tests/faults/test_cache.py, F9
            "shed"}                           # ops/test_overload.py
    covered = set(RAW) | set(ORIGIN) | set(CUT) | here | set(UNREACHABLE) | set(SILENT)
    assert covered == set(reasons.tokens()), covered ^ set(reasons.tokens())
