"""PROXY headers towards targets: the bytes of proxy-protocol.txt, and a connection that speaks for one client only."""
import socket
import struct

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.origin import Origin
from tests.flow.lib.peers import haproxy, nginx_echo
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for

SIG = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET /p HTTP/1.1\r\nHost: a.test\r\n\r\n"
VERSIONS = ["v1", "v2"]


def told(version, src, dst):
    """The header for two (ip, port); None: it does not know."""
    six = src is not None and ":" in src[0]
    if version == "v1":
        return b"PROXY UNKNOWN\r\n" if src is None else \
            f"PROXY TCP{6 if six else 4} {src[0]} {dst[0]} {src[1]} {dst[1]}\r\n".encode()
    if src is None:
        return SIG + b"\x21\0\0\0"
    family = socket.AF_INET6 if six else socket.AF_INET
    body = socket.inet_pton(family, src[0]) + socket.inet_pton(family, dst[0]) + struct.pack("!HH", src[1], dst[1])
    return SIG + bytes([0x21, 0x21 if six else 0x11]) + struct.pack("!H", len(body)) + body


class Lab:
    """One proxy with all its kinds of listeners, a service per version, and one without."""

    def __init__(self, launch, folder):
        self.port, self.six, self.dual, self.inner = (free_port() for _ in range(4))
        self.path = folder / "web.sock"
        self.origin = {v: Origin(proxied=True) for v in VERSIONS}
        self.plain = Origin()
        self.proxy = launch({
            "mode": "reverse", "process": {"workers": 1},
            "listeners": [{"name": "four", "bind": [f"127.0.0.1:{self.port}", f"[::1]:{self.six}", f"*:{self.dual}", f"unix:{self.path}"]},
                          {"name": "inner", "bind": [f"127.0.0.1:{self.inner}"], "proxy_protocol": ["127.0.0.0/8"]}],
            "services": [*(config.service(v, o.address, proxy_protocol=v, retry={"min": 100}) for v, o in self.origin.items()),
                         config.service("plain", self.plain.address)],
            "routes": [{"name": v, "match": {"hosts": [f"{v}.test"], "path": "/**"}, "service": v} for v in [*VERSIONS, "plain"]],
        }, "told")

    def ask(self, c, version, target="/p", before=b""):
        r = c.request(before + f"GET {target} HTTP/1.1\r\nHost: {version}.test\r\n\r\n".encode(), "GET")
        assert r.status == 200, r

    def last(self, version):
        return self.origin[version].conns[-1].proxy_header


@pytest.fixture(scope="module")
def lab(launch, tmp_path_factory):
    lab = Lab(launch, tmp_path_factory.mktemp("told"))      # who connects there is the test itself
    yield lab
    for o in [*lab.origin.values(), lab.plain]:
        o.stop()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", ["four", "six", "dual", "unix"])
def test_bytes(lab, version, way):
    at = {"four": (lab.port, "127.0.0.1"), "six": (lab.six, "::1"), "dual": (lab.dual, "127.0.0.1"), "unix": (lab.path, None)}[way]
    with Client(*at) as c:
        lab.ask(c, version)
        want = told(version, None, None) if way == "unix" else told(version, c.sock.getsockname()[:2], c.sock.getpeername()[:2])
    assert lab.last(version) == want


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("src, dst", [(("198.51.100.7", 4711), ("203.0.113.1", 443)), (("2001:db8::7", 4711), ("2001:db8::1", 443))], ids=["4", "6"])
def test_what_a_balancer_told_us_is_told_on(lab, version, src, dst):
    """The client and the address it connected to, not our own."""
    with Client(lab.inner) as c:
        lab.ask(c, version, before=told("v1", src, dst))
    assert lab.last(version) == told(version, src, dst)
    with Client(lab.inner) as c:
        lab.ask(c, version, before=b"PROXY UNKNOWN\r\n")
        assert lab.last(version) == told(version, c.sock.getsockname(), c.sock.getpeername())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_connection_speaks_for_one_client_only(lab, version):
    """Kept for the client's next request, never given to another, closed when the client is gone."""
    o = lab.origin[version]
    before = len(o.conns)
    with Client(lab.port) as a, Client(lab.port) as b:
        for _ in range(3):
            for c in (a, b):
                lab.ask(c, version)
        own = o.conns[before:]
        assert len(own) == 2 and [len(c.requests) for c in own] == [3, 3]
        assert [c.proxy_header for c in own] == [told(version, c.sock.getsockname(), c.sock.getpeername()) for c in (a, b)]
        a.close()
        wait_for(lambda: own[0].closed, 3)
        assert not own[1].closed
        lab.ask(b, version)
        assert len(own[1].requests) == 4
    with Client(lab.port) as c:
        lab.ask(c, version)
        assert len(o.conns) == before + 3
    wait_for(lambda: all(c.closed for c in o.conns[before:]), 3)


def test_services_without_it_share_their_connections(lab):
    before = len(lab.plain.conns)
    for _ in range(3):
        with Client(lab.port) as c:
            lab.ask(c, "v1")
            lab.ask(c, "plain")
    assert len(lab.plain.conns) == before + 1 and lab.plain.conns[-1].proxy_header is None


@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_try_tells_it_again(lab, version):
    """The kept connection was closed meanwhile: the new one begins with the header too."""
    o, hits = lab.origin[version], []

    def first_time_closes(conn):
        hits.append(conn)
        if len(hits) == 1:
            conn.close()
        else:
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    with Client(lab.port) as c:
        lab.ask(c, version)
        o.on("/again", [first_time_closes])
        lab.ask(c, version, "/again")
        assert len(hits) == 2 and hits[0] is not hits[1]
        assert hits[1].proxy_header == hits[0].proxy_header == told(version, c.sock.getsockname(), c.sock.getpeername())


def test_an_upgrade_begins_with_it(lab):
    o = lab.origin["v2"]
    o.on("/ws", [b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
                 lambda c: c.send(c.reader.exactly(4)), "CLOSE"])
    with Client(lab.port) as c:
        c.send(b"GET /ws HTTP/1.1\r\nHost: v2.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nping")
        assert c.response().status == 101 and c.reader.exactly(4) == b"ping"
        assert lab.last("v2") == told("v2", c.sock.getsockname(), c.sock.getpeername())


# ------------------------------------------------------------------ real peers

@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peers")
    started = {"nginx": nginx_echo(folder, proxied=True), "haproxy": haproxy(folder, proxied=True)}
    yield started
    for p in started.values():
        p.stop()


@pytest.mark.parametrize("peer, version", [("nginx", "v1"), ("nginx", "v2"), ("haproxy", "v1"), ("haproxy", "v2")])
def test_real_servers_see_the_client(launch, peers, peer, version):
    port = free_port()
    launch(config.reverse(port, "", services=[config.service("app", peers[peer].address, proxy_protocol=version)]), f"{peer}-{version}")
    with Client(port) as c:
        for _ in range(3):
            assert c.request(GET).body.decode().split() == ["127.0.0.1", str(c.sock.getsockname()[1])]
        with Client(port, source="127.0.0.9") as other:
            assert other.request(GET).body.decode().split() == ["127.0.0.9", str(other.sock.getsockname()[1])]
    with Client(peers[peer].port) as bare:
        bare.send(GET)
        assert bare.end() in ("fin", "rst"), "the peer would do without the header"


@pytest.mark.parametrize("version", VERSIONS)
def test_proxyd_behind_proxyd(launch, origin, version):
    front, back = free_port(), free_port()
    inner = config.reverse(back, origin.address)
    inner["listeners"][0]["proxy_protocol"] = ["127.0.0.0/8"]
    behind = launch(inner, f"behind-{version}")
    launch(config.reverse(front, "", services=[config.service("app", f"127.0.0.1:{back}", proxy_protocol=version)]), f"front-{version}")
    with Client(front, source="127.0.0.77") as c:
        assert c.request(GET).status == 200
    assert behind.records(lambda r: r["target"] == "/p")[0]["client"] == "127.0.0.77"


def test_over_a_unix_socket(launch, scratch, origin):
    port, path = free_port(), scratch / "send-proxy.sock"
    inner = config.reverse(0, origin.address, listeners=[{"name": "l", "bind": [f"unix:{path}"], "unix_mode": "0666", "proxy_protocol": ["unix"]}])
    behind = launch(inner, "behind-unix")
    launch(config.reverse(port, "", services=[config.service("app", f"unix:{path}", proxy_protocol="v2")]), "front-unix")
    with Client(port, source="127.0.0.78") as c:
        assert c.request(GET).status == 200
    assert behind.records(lambda r: r["target"] == "/p")[0]["client"] == "127.0.0.78"
