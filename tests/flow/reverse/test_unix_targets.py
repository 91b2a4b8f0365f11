"""Targets behind UNIX sockets: like any other target, but for their address."""
import os
import socket
import threading
import time

import pytest

from tests.flow.lib import bodies, config
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import OK, Origin, reply
from tests.flow.lib.ports import free_port


def conf(port, *targets, **service):
    return config.reverse(port, "", services=[config.service("app", *targets, **service)])


@pytest.fixture
def place(scratch, request):
    """A folder that workers may enter."""
    folder = scratch / request.node.name[:40]
    folder.mkdir()
    folder.chmod(0o755)
    return folder


@pytest.fixture
def local(place):
    """local(name) makes an origin behind a UNIX socket."""
    started = []

    def make(name="app"):
        started.append(Origin(path=place / f"{name}.sock", name=name))
        return started[-1]
    yield make
    for o in started:
        o.stop()


def test_a_request_and_its_record(launch, local):
    o, port = local(), free_port()
    proxy = launch(conf(port, o.address), "one")
    for i in range(10):
        assert get(port, f"/{i}", host="shop.test").status == 200
    assert [r.get("Host") for r in o.requests] == ["shop.test"] * 10 and len(o.conns) == 1
    assert proxy.records(lambda r: r["target"] == "/9")[0]["upstream"] == o.address
    assert proxy.status()["services"][0]["endpoints"][0]["address"] == o.address


def test_a_request_without_host_names_no_path(launch, local):
    o, port = local(), free_port()
    launch(conf(port, o.address), "nohost")
    assert get(port, "/x", host=None, version="1.0").status == 200
    assert o.requests[-1].all("Host") == ["localhost"]


def test_bodies_and_tunnels(launch, local):
    """Long ones go by splice, both ways."""
    o, port = local(), free_port()
    n = 3 << 20
    launch(conf(port, o.address), "bodies")
    o.on("/down", [f"HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n".encode(), *bodies.pieces("d", n)])
    r = get(port, "/down")
    assert (r.length, r.sha256) == (n, bodies.digest("d", n))
    assert get(port, "/up", method="PUT", body=bodies.body("u", n)).status == 200
    assert o.requests[-1].complete and o.requests[-1].length == n

    def echo(c):
        c.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        got = 0
        while got < n:
            data = c.sock.recv(65536)
            got += len(data)
            c.send(data)
        c.close()
    o.on("/ws", [echo])
    with Client(port) as c:
        c.send(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert c.response().status == 101
        t = threading.Thread(target=c.send, args=(bodies.body("t", n),))
        t.start()
        assert c.reader.exactly(n) == bodies.body("t", n)
        t.join()


def test_one_that_is_gone_is_passed_over_and_ejected(launch, local, place):
    o, port = local(), free_port()
    gone = f"unix:{place}/gone.sock"
    proxy = launch(conf(port, gone, o.address, retry={"min": 100}, outlier={"failures": 2, "base": "20s"}), "gone")
    assert [get(port, "/x", method="POST", body=b"abc").status for _ in range(8)] == [200] * 8
    states = {e["address"]: e["state"] for e in proxy.status()["services"][0]["endpoints"]}
    assert states[gone] == "ejected" and states[o.address] != "ejected", states


def test_one_that_may_not_be_used_is_502(launch, local):
    if os.getuid() != 0:
        pytest.skip("workers have the test's own user")
    o, port = local(), free_port()
    os.chmod(o.path, 0o600)
    proxy = launch(conf(port, o.address), "denied")
    assert get(port, "/x").status == 502
    assert proxy.records(lambda r: r["target"] == "/x")[0]["reason"] == "connect-failed"


def test_a_full_queue_is_waited_for(launch, place):
    """The server is slow to accept: a burst beyond its backlog is served all the same, as over TCP."""
    path, port, answers = place / "slow.sock", free_port(), []
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        path.chmod(0o666)
        s.listen(0)
        launch(conf(port, f"unix:{path}"), "queue")
        threads = [threading.Thread(target=lambda: answers.append(get(port, "/x").status)) for _ in range(6)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        assert answers == []
        for _ in threads:
            c, _ = s.accept()
            c.recv(65536)
            c.sendall(OK)
            c.close()
        for t in threads:
            t.join()
    assert answers == [200] * 6


def test_balance_with_a_tcp_target(launch, local):
    o, tcp, port = local("unix"), Origin(name="tcp"), free_port()
    o.script, tcp.script = [reply("unix")], [reply("tcp")]
    launch(conf(port, o.address, tcp.address), "mixed")
    assert sorted(get(port, "/x").body for _ in range(10)) == [b"tcp"] * 5 + [b"unix"] * 5
    tcp.stop()


def abstract(name):
    """An HTTP server behind an abstract name that answers with it and keeps its connections."""
    s = socket.socket(socket.AF_UNIX)
    s.bind("\0" + name)
    s.listen(16)

    def serve(c):
        with c:
            while c.recv(4096):
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name.encode()))

    def accept():
        while True:
            try:
                c, _ = s.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(c,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    return s


def test_abstract_names_are_targets_and_keep_their_connections_apart(launch):
    names = [f"proxyd-test-{os.getpid()}-{x}" for x in "ab"]
    servers, port = [abstract(n) for n in names], free_port()
    try:
        proxy = launch(conf(port, *[f"unix:@{n}" for n in names]), "abstract")
        got = [get(port, f"/{i}").body.decode() for i in range(12)]
        assert sorted(set(got)) == names and got.count(names[0]) == 6, got
        rows = proxy.records(count=12)
        assert [r["upstream"] for r in rows] == ["unix:@" + n for n in got]
        assert {e["address"] for e in proxy.status()["services"][0]["endpoints"]} == {f"unix:@{n}" for n in names}
        assert any(r["reused"] for r in rows)
    finally:
        for s in servers:
            s.shutdown(socket.SHUT_RDWR)
            s.close()
