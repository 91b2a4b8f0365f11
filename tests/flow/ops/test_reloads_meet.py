"""Reloads that meet: at most two generations take requests, one waits, the newest wins, and everybody hears a verdict."""
import signal
import socket
import subprocess
import threading

import pytest

from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import reply
from tests.flow.lib.proxy import PROXYCTL, Proxy, wait_for
from tests.flow.lib.upgrade import Upgraded

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def gate(origin, instances):
    """/slow is answered when the gate opens; behind `instances`, which takes the origin's script for itself."""
    opened = threading.Event()

    def hold(conn):
        opened.wait(15)
        conn.send(reply("slow"))
    origin.on("/slow", [hold])
    opened.origin = origin
    yield opened
    opened.set()


def with_answer(p, name):
    conf = dict(p.conf)
    conf["routes"] = [{"name": "which", "match": {"path": "/which"}, "respond": {"body": name}}] + [
        r for r in p.conf["routes"] if r["name"] != "which"]
    p.write(conf)


def asking(p, *args):
    return subprocess.Popen([str(PROXYCTL), "-s", str(p.socket), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def verdict(ctl, timeout=20):
    out, err = ctl.communicate(timeout=timeout)
    return ctl.returncode, out, err


def waiting_reload(p, gate):
    """One reload is done and its predecessor has a request in flight; a second one waits for that to end."""
    c = Client(p.port, timeout=20)
    c.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
    wait_for(lambda: any(r.target == "/slow" for r in gate.origin.requests), 5)
    with_answer(p, "one")
    p.deaths_expected = True
    assert p.ctl("reload").returncode == 0
    with_answer(p, "two")
    ctl = asking(p, "reload")
    wait_for(lambda: "waits for an older generation" in p.log(), 5)
    return c, ctl


def test_of_those_that_wait_the_newest_wins_and_everybody_is_told(instances, gate):
    p = instances(Proxy, "meet", {"process": {"drain": "30s"}})
    slow, second = waiting_reload(p, gate)
    third = asking(p, "reload")
    wait_for(lambda: p.ctl("status").returncode == 0, 2)
    r = p.ctl("config", "diff")
    assert r.returncode == 1 and "a reload is in progress: ask again when it is over" in r.stderr, r
    with_answer(p, "four")
    fourth = asking(p, "reload")
    code, _, err = verdict(third)
    assert code == 1 and "superseded by a newer reload" in err
    assert get(p.port, "/which").body == b"one", "the second began before the older generation was gone"
    gate.set()
    assert slow.response("GET").body == b"slow"
    assert verdict(second)[0] == 0 and verdict(fourth)[0] == 0
    assert get(p.port, "/which").body == b"four"
    assert p.status()["generation"] == 4


def test_an_upgrade_waits_for_no_reload(instances, gate):
    p = instances(Upgraded, "meet", {"process": {"drain": "30s"}})
    slow, second = waiting_reload(p, gate)
    r = p.upgrade()
    assert r.returncode == 1 and "a reload is in progress: ask again when it is over" in r.stderr, r
    gate.set()
    assert slow.response("GET").body == b"slow" and verdict(second)[0] == 0
    assert p.upgrade().returncode == 0


def test_a_stop_ends_those_that_wait_with_a_reason(instances, gate):
    p = instances(Proxy, "meet", {"process": {"drain": "30s"}})
    slow, second = waiting_reload(p, gate)
    third = asking(p, "reload")
    wait_for(lambda: p.ctl("config", "diff").returncode == 1, 5)
    p.process.send_signal(signal.SIGTERM)
    for ctl in (second, third):
        code, out, err = verdict(ctl)
        assert code != 0 and "stop" in err, (code, out, err)
    gate.set()
    assert slow.response("GET").body == b"slow"
    assert p.process.wait(10) == 0


def test_generations_of_tunnels_pile_up_until_their_room_is_needed(instances, gate, figure):
    """A tunnel may outlive many reloads; when there is no room for more processes, the oldest generation is cut off."""
    with socket.socket() as behind:
        behind.bind(("127.0.0.1", 0))
        behind.listen(64)
        port = behind.getsockname()[1]
        p = instances(Proxy, "meet", {
            "mode": "forward", "process": {"workers": 2, "drain": "0s"}, "routes": [], "services": [],
            "forward": {"default_rules": False}, "rules": [{"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}]})
        tunnels = []
        for i in range(40):
            c = Client(p.port, timeout=15)
            c.send(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
            assert c.response("CONNECT").status == 200
            tunnels.append(c)
            p.conf["rules"][0]["id"] = f"lab{i}"
            p.write(p.conf)
            p.deaths_expected = True
            r = p.ctl("reload")
            assert r.returncode == 0, (i, r, p.log()[-2000:])
            if "cut off to make room for a reload" in p.log():
                break
        assert "generation 1: cut off to make room for a reload" in p.log(), p.log()[-3000:]
        figure(f"{i + 1} generations of tunnels before the first was cut off")
        assert i >= 2, "generations that hold nothing but tunnels are no burden"
        wait_for(lambda: ended(tunnels[0]), 5)
        alive = [not ended(c) for c in tunnels[-2:]]
        assert all(alive), "the youngest tunnels live on"
        for c in tunnels:
            c.close()


def ended(c):
    c.sock.setblocking(False)
    try:
        return c.sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
