"""conn ls and conn kill: what a connection does is seen while it does it; a killed one is reset, counted and logged."""
import os
import signal
import socket
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import EARLY, Origin, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import data_of, wait_for

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


@pytest.fixture(scope="module")
def origin():
    o = Origin()
    o.on("/slow", [10.0])
    o.on("/half", [reply(b"x" * 10)[:-4], 10.0])
    o.on("/up", [EARLY, 10.0])
    o.on("/ws", [SWITCH, lambda conn: conn.send(conn.sock.recv(100)), 10.0])
    yield o
    o.stop()


@pytest.fixture(scope="module")
def p(launch, origin, scratch):
    port, folder = free_port(), scratch / "conn-local"
    folder.mkdir()
    folder.chmod(0o777)         # workers dropped root; the master binds
    listeners = [{"name": "front", "bind": [f"127.0.0.1:{port}"], "trusted_proxies": ["127.0.0.1/32"]},
                 {"name": "local", "bind": [f"unix:{folder}/sock"]}]
    proxy = launch(config.reverse(port, origin.address, process={"workers": 2, "drain": "1s"}, listeners=listeners), "conn")
    proxy.local = f"{folder}/sock"
    proxy.port = port
    return proxy


def conns(p, *args, all_answer=True):
    d = data_of(p.ctl("conn", "ls", *args, "--json", check=True).stdout)
    return [dict(c, pid=w["pid"]) for w in d["workers"] if all_answer or "data" in w for c in w["data"]["conns"]]


def one(p, client, state):
    """The row of this client's connection, once it is in that state. An old worker may end while it is asked."""
    at = "%s:%d" % client.sock.getsockname()

    def found():
        return next((c for c in conns(p, all_answer=False) if c["client"] == at and c["state"] == state), None)
    return wait_for(found)


def start(p, raw):
    c = Client(p.port)
    c.send(raw)
    return c


IN_STATE = {
    "idle": lambda p: start(p, ""),
    "reading": lambda p: start(p, "GET /x HT"),
    "waiting": lambda p: start(p, "GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    "sending": lambda p: start(p, "GET /half HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    "tunnel": lambda p: start(p, "GET /ws HTTP/1.1\r\nHost: a.test\r\n" + UPGRADE),
}


@pytest.mark.parametrize("state", IN_STATE)
def test_a_connection_is_seen_in_its_state_and_killed_by_name(p, origin, state):
    with IN_STATE[state](p) as c:
        row = one(p, c, state)
        assert row["listener"] == "front" and row["id"].startswith(f"{row['pid']}-") and row["age_ms"] >= 0, row
        if state in ("waiting", "sending", "tunnel"):
            assert row["request"].startswith("GET /") and row["target"] == origin.address and row["service"] == "app", row
            assert row["in"] > 20, row
        killed = data_of(p.ctl("conn", "kill", row["id"], "--json", check=True).stdout)
        assert killed == {"killed": 1, "errors": []}, killed
        if state in ("sending", "tunnel"):
            c.head()
        c.reader.buf.clear()
        assert c.end() == "rst"
        if state in ("waiting", "sending", "tunnel"):
            assert p.records(lambda r: r["reason"] == "killed")
    assert not [x for x in conns(p) if x["id"] == row["id"]]
    r = p.ctl("conn", "kill", row["id"])
    assert r.returncode == 1 and "no such connection" in r.stderr, r
    assert get(p.port, "/fine").status == 200


def test_an_upload_reads(p):
    with start(p, "POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nabc") as c:
        row = one(p, c, "reading")
        assert row["request"] == "POST /up", row


def test_kill_by_client_tells_the_exact_number(p):
    clients = [Client(p.port, source=f"127.0.0.{n}") for n in (2, 2, 2, 3)]
    [one(p, c, "idle") for c in clients]
    rows = conns(p, "--client", "127.0.0.2")
    assert len(rows) == 3, rows
    r = p.ctl("conn", "kill", "--client", "127.0.0.2/32", check=True)
    assert r.stdout == "3 connections killed\n", r
    assert [c.end(0.5) for c in clients] == ["rst"] * 3 + ["open"]
    assert data_of(p.ctl("conn", "kill", "--client", "127.0.0.2", "--json", check=True).stdout)["killed"] == 0
    [c.close() for c in clients]


def test_the_client_behind_a_trusted_proxy_is_a_client_too(p):
    with start(p, "GET /slow HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n") as c:
        row = one(p, c, "waiting")
        assert row["for"] == "192.0.2.7", row
        assert [x["id"] for x in conns(p, "--client", "192.0.2.0/24")] == [row["id"]]


def test_clients_of_a_unix_listener_have_a_name_too(p):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(p.local)
        rows = wait_for(lambda: conns(p, "--client", "unix"))
        assert [(r["client"], r["listener"]) for r in rows] == [("unix:", "local")], rows
        assert data_of(p.ctl("conn", "kill", "--client", "unix", "--json", check=True).stdout)["killed"] == 1
        assert s.recv(1) == b""


def test_a_list_has_a_bound_and_says_what_it_left_out(p):
    clients = [Client(p.port) for _ in range(8)]
    [one(p, c, "idle") for c in clients]
    d = data_of(p.ctl("conn", "ls", "--limit", "2", "--json", check=True).stdout)
    got = [len(w["data"]["conns"]) for w in d["workers"]]
    assert all(n <= 2 for n in got) and sum(got) + sum(w["data"]["left_out"] for w in d["workers"]) >= 8, d
    out = p.ctl("conn", "ls", "--limit", "2", check=True).stdout
    assert "left out (--limit)" in out and out.startswith("ID"), out
    [c.close() for c in clients]


def test_connections_of_a_draining_worker_are_seen_and_killed(p):
    with start(p, "GET /ws HTTP/1.1\r\nHost: a.test\r\n" + UPGRADE) as c:
        row = one(p, c, "tunnel")
        p.deaths_expected = True
        p.ctl("reload", check=True)
        again = one(p, c, "tunnel")
        assert again["id"] == row["id"]
        d = data_of(p.ctl("conn", "ls", "--json", check=True).stdout)
        assert {w["generation"] for w in d["workers"]} == {1, 2}, d
        p.ctl("conn", "kill", row["id"], check=True)
        c.head()
        assert c.end() == "rst"
    wait_for(lambda: {w["generation"] for w in p.workers() if w["role"] == "worker"} == {2}, 5)


def test_misuse(p):
    assert p.ctl("conn").returncode == 2
    assert p.ctl("conn", "kill").returncode == 1
    assert p.ctl("conn", "ls", "--client", "10.0.0.0/40").returncode == 1
    assert p.ctl("conn", "ls", "--limit", "5000").returncode == 1
    assert p.ctl("conn", "ls", "--nonsense").returncode == 2
    assert p.ctl("conn", "kill", "a", "b").returncode == 2


def test_a_worker_that_is_stopped_does_not_stop_the_others(p):
    victim = p.worker_pids()[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        began = time.monotonic()
        d = data_of(p.ctl("conn", "ls", "--json", check=True).stdout)
        assert time.monotonic() - began < 3.5
        bad = [w for w in d["workers"] if "error" in w]
        assert [w["pid"] for w in bad] == [victim] and "in time" in bad[0]["error"], d
    finally:
        os.kill(victim, signal.SIGCONT)
