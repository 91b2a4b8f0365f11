"""A reload that is not confirmed comes back by itself and harms no connection; the history, rollback, show and diff of its rows."""
import re
import socket
import threading
import time

import pytest

from tests.flow.lib import bodies, config
from tests.flow.lib.client import Client, get
from tests.flow.lib.load import Load
from tests.flow.lib.origin import EARLY, Origin, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import Proxy, data_of, wait_for

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
SLOW = bodies.body("slow", 60 * 1000)


def echo(conn):
    while data := conn.sock.recv(4096):
        conn.sock.sendall(data)


@pytest.fixture(scope="module")
def origin():
    o = Origin()
    o.on("/ws", [EARLY, SWITCH, echo])
    head, body = reply(SLOW).split(b"\r\n\r\n", 1)
    o.on("/download", [head + b"\r\n\r\n"] + [x for i in range(60) for x in (body[i * 1000:(i + 1) * 1000], 0.05)])
    o.script = lambda r: [reply(bodies.body("load", 2000))] if r.target.startswith("/load") else [reply("ok")]
    yield o
    o.stop()


@pytest.fixture
def p(scratch, origin, request):
    """Two workers behind a reverse and a forward listener."""
    port, out = free_port(), free_port()
    conf = config.reverse(port, origin.address, process={"workers": 2, "drain": "5s"}, forward={"default_rules": False},
                          rules=[{"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}],
                          listeners=[{"name": "front", "bind": [f"127.0.0.1:{port}"]},
                                     {"name": "out", "mode": "forward", "bind": [f"127.0.0.1:{out}"]}])
    proxy = Proxy(scratch / f"history-{request.node.name[:40]}", conf, name="history")
    proxy.port, proxy.out = port, out
    proxy.start()
    proxy.deaths_expected = True
    yield proxy
    proxy.stop()


def with_answer(p, body, name="new"):
    """The instance's configuration with a fixed answer at /NAME, written to its file."""
    conf = dict(p.conf)
    conf["routes"] = [{"name": name, "match": {"path": f"/{name}"}, "respond": {"body": body}}] + [r for r in p.conf["routes"] if r["name"] != name]
    p.write(conf)


def history(p):
    return data_of(p.ctl("config", "history", "--json", check=True).stdout)


def becomes(p, body, path="/new"):
    """An old worker that has not heard yet may still accept for a moment."""
    wait_for(lambda: get(p.port, path).body == body, 9)


class Downloads(threading.Thread):
    """One slow download begun before everything, judged at its end."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client, self.body, self.error = Client(port, timeout=20), None, None
        self.client.send("GET /download HTTP/1.1\r\nHost: a.test\r\n\r\n")
        self.start()

    def run(self):
        try:
            self.body = self.client.response().body
        except Exception as e:
            self.error = e


def tunnel(p, kind, origin):
    """An open tunnel that echoes."""
    if kind == "ws":
        c = Client(p.port)
    else:
        c = Client(p.out)
        assert c.request(f"CONNECT {origin.address} HTTP/1.1\r\nHost: {origin.address}\r\n\r\n", "CONNECT").status == 200
    assert c.request("GET /ws HTTP/1.1\r\nHost: a.test\r\n" + UPGRADE).status == 101
    return c


def echoes(c, text):
    c.send(text)
    got = b""
    while len(got) < len(text):
        got += c.reader.buf or c.sock.recv(100)
        c.reader.buf.clear()
    return got == text.encode()


def test_unconfirmed_comes_back_under_load_and_every_connection_lives(p, origin, figure):
    with Load(p.port) as load:
        tunnels = [tunnel(p, "ws", origin), tunnel(p, "connect", origin)]
        download = Downloads(p.port)
        load.wait_for(200)
        with_answer(p, "new")
        r = p.ctl("reload", "--confirm", "1500ms", check=True)
        assert "generation 2 is in force" in r.stdout and "not confirmed: returns to generation 1 in 2 s" in r.stdout, r
        becomes(p, b"new")
        s = p.status()["unconfirmed"]
        assert s["generation"] == 2 and s["returns_to"] == 1 and 0 < s["left_s"] <= 2, s
        assert "generation 2 is NOT CONFIRMED: returns to 1 in" in p.ctl("status", check=True).stdout
        assert [x["state"] for x in history(p)] == ["kept", "unconfirmed"]
        assert all(echoes(t, "between") for t in tunnels)
        began = time.monotonic()
        wait_for(lambda: p.status()["generation"] == 3, 4)       # process.drain is 5 s: it does not wait for that
        figure(f"returned {time.monotonic() - began:.1f} s after the checks, {load.done} requests, {len(load.failed)} failed, {len(load.raced)} raced")
        becomes(p, b"ok")
        load.wait_for(100)
        assert all(echoes(t, "after both") for t in tunnels)
        download.join(15)
    assert download.body == SLOW, download.error
    assert not load.failed, (load.done, load.failed[:5])
    assert len(load.raced) <= 2 * 8, load.raced
    assert "unconfirmed" not in p.status() and "new" in p.file.read_text()
    rows = history(p)
    assert [x["generation"] for x in rows] == [1, 2, 3] and rows[2]["digest"] == rows[0]["digest"] != rows[1]["digest"], rows
    assert rows[2]["by"] == "return to generation 1: 2 was not confirmed" and rows[2]["state"] == "serves", rows
    assert "returning to generation 1" in p.log()
    [t.close() for t in tunnels]


def test_confirmed_stays(p):
    with_answer(p, "new")
    d = data_of(p.ctl("reload", "--confirm", "1s", "--json", check=True).stdout)
    assert d["generation"] == 2 and d["unconfirmed"] == {"generation": 2, "returns_to": 1, "left_s": 1}, d
    assert p.ctl("confirm", check=True).stdout == "generation 2 is confirmed\n"
    r = p.ctl("confirm")
    assert r.returncode == 1 and "nothing to confirm" in r.stderr, r
    time.sleep(1.5)
    becomes(p, b"new")
    assert p.status()["generation"] == 2 and [x["state"] for x in history(p)] == ["kept", "serves"]


def test_while_unconfirmed_plain_reloads_are_refused_and_another_trial_keeps_the_way_back(p):
    with_answer(p, "one")
    p.ctl("reload", "--confirm", "60s", check=True)
    r = p.ctl("reload")
    assert r.returncode == 1 and "generation 2 is not confirmed" in r.stderr and "rollback 1" in r.stderr, r
    p.reload(how="hup")
    wait_for(lambda: p.log().count("generation 2 is not confirmed") == 2)
    with_answer(p, "two")
    d = data_of(p.ctl("reload", "--confirm", "1s", "--json", check=True).stdout)
    assert d["unconfirmed"]["generation"] == 3 and d["unconfirmed"]["returns_to"] == 1, d
    becomes(p, b"two")
    becomes(p, b"ok")
    assert history(p)[-1]["by"] == "return to generation 1: 3 was not confirmed"


def test_a_broken_file_on_trial_changes_nothing(p):
    p.file.write_text(p.file.read_text() + "\nnonsense = 1;\n")
    r = p.ctl("reload", "--confirm", "60s")
    assert r.returncode == 1 and "nonsense" in r.stderr, r
    assert p.ctl("confirm").returncode == 1 and [x["generation"] for x in history(p)] == [1]


def test_rollback_needs_no_file_and_settles_a_trial(p):
    with_answer(p, "new")
    p.ctl("reload", "--confirm", "60s", check=True)
    p.file.rename(p.file.with_suffix(".gone"))
    r = p.ctl("config", "rollback", "1", check=True)
    assert r.stdout.startswith("generation 3 is in force\n") and "new" in r.stdout, r
    becomes(p, b"ok")
    assert "unconfirmed" not in p.status()
    assert re.fullmatch(r"rollback to generation 1 by user \d+", history(p)[-1]["by"]), history(p)
    d = data_of(p.ctl("config", "rollback", "2", "--confirm", "1s", "--json", check=True).stdout)
    assert d["unconfirmed"]["returns_to"] == 3, d
    becomes(p, b"new")
    becomes(p, b"ok")
    for bad in (["9"], ["x"], []):
        r = p.ctl("config", "rollback", *bad)
        assert r.returncode == 1 and "config history" in r.stderr, r


def test_rollback_takes_included_files_and_pages_as_they_were(p):
    more, page = p.folder / "more.conf", p.folder / "404.html"
    more.write_text('defaults = { error_pages = ( { status = 404; file = "404.html"; } ); };\n')
    page.write_text("first page")
    conf = dict(p.conf)
    conf["routes"] = [{"name": "new", "match": {"path": "/new"}, "respond": {"body": "ok"}}]
    p.file.write_text(config.text(conf) + '@include "more.conf"\n')
    p.ctl("reload", check=True)
    becomes(p, b"first page", "/other")
    page.write_text("second page")
    p.ctl("reload", check=True)
    becomes(p, b"second page", "/other")
    more.unlink()
    page.unlink()
    p.ctl("config", "rollback", "2", check=True)
    becomes(p, b"first page", "/other")


def test_a_return_that_fails_is_tried_until_it_succeeds(p):
    """The trial leaves the old port, and somebody else is there when it is to come back."""
    conf, moved = dict(p.conf), free_port()
    conf["listeners"] = [{"name": "front", "bind": [f"127.0.0.1:{moved}"]}, p.conf["listeners"][1]]
    old = p.conf
    p.write(conf)
    p.ctl("reload", "--confirm", "2s", check=True)
    assert get(moved, "/new").body == b"ok"
    other = socket.socket()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def taken():
        try:
            other.bind(("127.0.0.1", p.port))
        except OSError:
            return False
        other.listen(1)
        return True
    wait_for(taken, 2)
    wait_for(lambda: "the return to 1 failed" in p.log(), 4)
    assert p.status()["unconfirmed"] == {"generation": 2, "returns_to": 1, "left_s": 0} and get(moved, "/new").body == b"ok"
    other.close()
    wait_for(lambda: p.status()["generation"] > 2, 6)
    assert get(p.port, "/new").body == b"ok"
    p.conf = old


def test_show_and_diff_of_what_was(p):
    with_answer(p, "new")
    p.ctl("reload", check=True)
    assert '"new"' in p.ctl("config", "show", check=True).stdout
    first = p.ctl("config", "show", "1", check=True).stdout
    assert "front" in first and '"new"' not in first
    assert p.ctl("config", "show", "2", check=True).stdout == p.ctl("config", "show", check=True).stdout
    there = p.ctl("config", "diff", "1", check=True).stdout
    assert "new" in there and there == p.ctl("config", "diff", "1", "2", check=True).stdout
    assert data_of(p.ctl("config", "diff", "2", "1", "--json", check=True).stdout)["changes"] >= 1
    assert p.ctl("config", "diff", "2", "2", check=True).stdout == "no changes\n"
    assert p.ctl("config", "show", "7").returncode == 1


def test_history_for_people(p):
    with_answer(p, "new")
    p.reload(how="hup")
    becomes(p, b"new")
    lines = p.ctl("config", "history", check=True).stdout.splitlines()
    assert lines[0].split() == ["GENERATION", "SINCE", "STATE", "CHANGES", "DIGEST", "BY"], lines
    assert lines[1].split()[2:4] == ["kept", "0"] and lines[1].endswith("start") and lines[2].split()[0] == "2" and lines[2].endswith("SIGHUP"), lines
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[1])


def test_history_is_bounded_in_bytes(p):
    p.write(config.merged(p.conf, {"process": {"history": "1k"}}))
    p.ctl("reload", "--confirm", "60s", check=True)
    assert [x["state"] for x in history(p)] == ["kept", "unconfirmed"], "the way back is kept whatever its size"
    assert data_of(p.ctl("confirm", "--json", check=True).stdout) == {"generation": 2}
    with_answer(p, "new")
    p.ctl("reload", check=True)
    assert [x["state"] for x in history(p)] == ["dropped", "dropped", "serves"]
    r = p.ctl("config", "rollback", "1")
    assert r.returncode == 1 and "process.history" in r.stderr, r


def test_a_stop_in_the_time_of_trial_is_a_stop(p):
    with_answer(p, "new")
    p.ctl("reload", "--confirm", "1s", check=True)
    p.ctl("stop", check=True)
    assert p.process.wait(8) == 0


def test_a_time_that_is_none_is_refused(p):
    for text, why in (("0s", "from 1s to 1d"), ("500ms", "from 1s"), ("2d", "to 1d"), ("60", "unit is missing"), ("x", "duration")):
        r = p.ctl("reload", "--confirm", text)
        assert r.returncode == 1 and why in r.stderr, r
    assert p.ctl("reload", "--confirm").returncode == 2 and p.status()["generation"] == 1
