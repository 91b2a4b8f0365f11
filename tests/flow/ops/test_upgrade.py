"""Binary upgrades: a new master takes over under load, or fails in every way and nobody notices."""
import collections
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.load import Load
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYD, wait_for
from tests.flow.lib.upgrade import Upgraded

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def instance(instances):
    """With a time limit that a test can wait for."""
    return lambda files=None, **extra: instances(
        Upgraded, "up", config.merged({"process": {"upgrade_timeout": "2s"}}, extra), files)


def script(p, name, text):
    """An executable that is no proxyd."""
    path = p.folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def counters(p):
    return p.status()["counters"]


# ------------------------------------------------------------------ under load

FAILURES = [
    ("exits at once", "echo missing library >&2; exit 3", "status 3", "missing library"),
    ("crashes", "kill -SEGV $$", "signal 11", ""),
    ("hangs", "exec sleep 600", "not ready within 2000 ms", ""),
]


def test_ten_upgrades_under_load_of_which_three_fail(instance, origin, figure):
    p = instance()
    bad = {2: FAILURES[0], 5: FAILURES[1], 8: FAILURES[2]}
    totals, verdicts = [], []
    with Load(p.port, clients=8) as load:
        load.wait_for(100)
        for i in range(1, 11):
            before, sent = p.pid, load.done
            if i in bad:
                name, text, why, said = bad[i]
                r = p.upgrade(script(p, f"bad{i}", text))
                assert r.returncode == 1 and why in r.stderr and said in r.stderr, (name, r)
                assert p.pid == before and p.status()["pid"] == before
            else:
                r = p.upgrade()
                assert r.returncode == 0, (i, r, p.log()[-3000:])
                assert p.pid != before
            load.wait_for(100)
            verdicts.append(load.done - sent)
            totals.append(counters(p)["requests_total"])
    assert not load.failed, (load.done, load.failed[:5], p.log()[-3000:])
    assert totals == sorted(totals), "a counter went back"
    assert len(load.raced) <= 7 * 8, load.raced
    sent = {r.target for r in origin.requests}
    assert not [i for i in load.refused if f"/load?post={i}" in sent], "a POST was carried out and its answer lost"
    wait_for(lambda: len(p.masters()) == 1, 10)
    figure(f"{load.done} requests over 10 upgrades, 3 of them failing: {len(load.failed)} failed, "
           f"{len(load.raced)} met a kept connection just closed")
    # every answered request was counted and logged once, whichever process did it
    answered = load.done
    wait_for(lambda: counters(p)["requests_total"] >= answered, 5)
    rows = [r for r in p.records(lambda r: r["target"].startswith("/load"), answered) if r["status"] == 200]
    assert len({r["request_id"] for r in rows}) == len(rows), "a record was written twice"
    figure(f"{counters(p)['requests_total']} requests counted, {len(rows)} records with status 200 for "
           f"{answered} answers, {counters(p)['journal_dropped_total']} dropped")
    assert len(rows) == answered and counters(p)["journal_dropped_total"] == 0


# ------------------------------------------------------------------ what an operator set

def test_a_drained_target_stays_drained(instance, origin):
    p = instance()
    p.ctl("drain", f"app/{origin.address}", check=True)
    assert p.upgrade().returncode == 0
    assert p.status()["services"][0]["endpoints"][0]["state"] == "drained"
    p.ctl("drain", origin.address, "--undo", check=True)
    assert p.upgrade().returncode == 0
    assert p.status()["services"][0]["endpoints"][0]["state"] == "up"


def test_no_upgrade_of_a_configuration_on_trial(instance):
    p = instance()
    p.ctl("reload", "--confirm", "60s", check=True)
    r = p.upgrade()
    assert r.returncode == 1 and "not confirmed" in r.stderr, r
    p.ctl("confirm", check=True)
    assert p.upgrade().returncode == 0
    rows = json.loads(p.ctl("config", "history", "--json", check=True).stdout)
    assert [(x["generation"], x["by"]) for x in rows] == [(3, "upgrade")], rows


# ------------------------------------------------------------------ what survives

def test_a_tunnel_lives_on_through_an_upgrade_and_keeps_the_old_master(instance, origin):
    port = free_port()
    p = instance(mode="forward", listeners=[{"name": "front", "bind": [f"127.0.0.1:{port}"]}], services=[], routes=[],
                 forward={"default_rules": False}, rules=[{"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}])
    with socket.create_server(("127.0.0.1", 0)) as echo, Client(port) as c:
        old = p.pid
        c.send(f"CONNECT 127.0.0.1:{echo.getsockname()[1]} HTTP/1.1\r\nHost: x\r\n\r\n")
        far, _ = echo.accept()
        assert c.response("CONNECT").status == 200
        for i in range(3):
            assert p.upgrade().returncode == 0
            far.sendall(b"down%d" % i)
            assert c.reader.exactly(5) == b"down%d" % i
            c.send(b"up%d" % i)
            assert far.recv(3) == b"up%d" % i
        assert old in p.masters() and p.pid != old
        open_now = [w for w in counters(p).items() if w[0] == "tunnels_open"]
        assert open_now == [("tunnels_open", 1)], "the old master's worker is counted too"
        far.close()
        assert c.end(5) == "fin"
    wait_for(lambda: p.masters() == [p.pid], 10)
    p.records(lambda r: r["method"] == "CONNECT")       # the new logger wrote what the old worker left


def test_limits_and_identity_survive(instance, origin):
    p = instance(process={"workers": 1, "connections": 4})
    before, seen = p.status(), len(origin.requests)
    get(p.port, "/via")
    assert p.upgrade().returncode == 0
    held = [Client(p.port) for _ in range(4)]
    for c in held:
        assert c.request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    with Client(p.port) as c:
        assert c.request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 503, "the limit on connections is gone"
    for c in held:
        c.close()
    after = p.status()
    assert after["generation"] == before["generation"] + 1 and after["uptime_s"] >= before["uptime_s"]
    assert after["counters"]["connections_accepted_total"] >= before["counters"]["connections_accepted_total"] + 5
    via = [r.head.get("Via") for r in origin.requests[seen:]]
    assert via[0] and set(via) == {via[0]}, "another name for the same service: loops would not be seen"


def test_what_is_known_of_targets_survives(instance, origin):
    dead = free_port()
    p = instance(services=[config.service("app", origin.address, f"127.0.0.1:{dead}")])

    def targets():
        rows = [a for t in json.loads(p.ctl("upstream", "ls", "--json", check=True).stdout) for a in t.get("addresses", [t])]
        return {a["address"]: a for a in rows}

    def is_out():
        get(p.port, "/x")
        return targets()[f"127.0.0.1:{dead}"]["state"] == "ejected"
    wait_for(is_out, 5)
    before = targets()
    assert p.upgrade().returncode == 0
    after = targets()
    assert after[f"127.0.0.1:{dead}"]["state"] == "ejected", after
    assert after[origin.address]["requests"] == before[origin.address]["requests"] > 0, (before, after)


def test_segments_of_another_size_begin_anew_and_no_record_is_lost(instance, origin):
    """More workers than the lanes were laid out for: the old master's logger writes what its workers leave."""
    p = instance(process={"workers": 1})
    origin.on("/slow", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 1.0, b"lf"])
    with Client(p.port) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        p.write(config.merged(p.conf, {"process": {"workers": 20}}))
        assert p.upgrade().returncode == 0
        assert "segments stats, journal, report: laid out for other than 20 workers" in p.log()
        assert get(p.port, "/new").status == 200
        assert c.reader.exactly(4) == b"half"
    p.records(lambda r: r["target"] == "/slow")
    p.records(lambda r: r["target"] == "/new")
    assert counters(p)["requests_total"] == 1


def test_no_request_passes_while_the_lists_are_compiled_anew(instance, origin):
    port = free_port()
    many = "".join(f"n{i}.example\n" for i in range(50000)) + "blocked.test\n"
    p = instance(files={"blocked.txt": many}, mode="forward", services=[], routes=[],
                 listeners=[{"name": "front", "bind": [f"127.0.0.1:{port}"]}],
                 process={"upgrade_timeout": "20s"}, forward={"default_rules": False}, acls={"bad": {"domain": ["@blocked"]}},
                 lists={"blocked": {"file": "blocked.txt", "kind": "domains"}},
                 rules=[{"id": "no", "deny": True, "all": ["bad"]}, {"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}])
    seen, stop = collections.Counter(), threading.Event()

    def ask():
        while not stop.is_set():
            seen[get(port, "http://blocked.test/", host="blocked.test").status] += 1
    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(3):
        assert p.upgrade().returncode == 0, p.log()[-2000:]
    stop.set()
    asking.join()
    assert set(seen) == {403} and seen[403] > 20, seen


def test_new_configuration_is_taken_with_more_and_other_listeners(instance):
    p = instance()
    extra = free_port()
    conf = config.merged(p.conf, {"process": {"workers": 3}})
    conf["listeners"] = [{"name": "front", "bind": [f"127.0.0.1:{p.port}", f"127.0.0.1:{extra}"]}]
    p.write(conf)
    assert p.upgrade().returncode == 0
    for _ in range(20):
        assert get(p.port, "/x").status == 200 and get(extra, "/x").status == 200
    wait_for(lambda: len(p.worker_pids()) == 3, 5)
    conf["listeners"] = [{"name": "front", "bind": [f"127.0.0.1:{extra}"]}]
    conf["process"]["workers"] = 1
    p.write(conf)
    assert p.upgrade().returncode == 0

    def closed():
        try:
            socket.create_connection(("127.0.0.1", p.port), 1).close()
            return False
        except ConnectionRefusedError:
            return True
    wait_for(closed, 8)
    for _ in range(20):
        assert get(extra, "/x").status == 200, "a queue without a worker"


def test_unix_listener_keeps_its_path(instance, scratch):
    path = scratch / "up.sock"
    p = instance()
    conf = dict(p.conf)
    conf["listeners"] = [{"name": "front", "bind": [f"127.0.0.1:{p.port}", f"unix:{path}"]}]
    assert p.reload(conf).returncode == 0
    inode = path.stat().st_ino
    for text in ("exit 1", None):
        r = p.upgrade(script(p, "bad", text)) if text else p.upgrade("--wait", "10")
        assert r.returncode == (1 if text else 0), r
        assert path.stat().st_ino == inode
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            s.sendall(b"GET /x HTTP/1.0\r\nHost: a\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
    p.stop()
    assert not path.exists(), "nobody removed the path at the end"


# ------------------------------------------------------------------ how it fails

def test_broken_configuration_fails_the_upgrade_with_file_and_line(instance):
    p = instance()
    good = p.file.read_text()
    p.file.write_text(good + "\nnonsense = 1;\n")
    r = p.upgrade()
    assert r.returncode == 1 and "proxyd.conf:" in r.stderr and "nonsense" in r.stderr, r
    assert get(p.port, "/x").status == 200
    p.file.write_text(good)
    assert p.upgrade().returncode == 0


def test_a_worker_that_cannot_start_fails_the_upgrade(instance):
    """The new master itself is fine and says why it cannot serve."""
    p = instance()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        conf = dict(p.conf)
        conf["listeners"] = p.conf["listeners"] + [{"name": "x", "bind": [f"127.0.0.1:{taken.getsockname()[1]}"]}]
        p.write(conf)
        r = p.upgrade()
    assert r.returncode == 1 and "another program" in r.stderr, r
    assert get(p.port, "/x").status == 200 and p.masters() == [p.pid]


def test_a_new_master_that_is_half_ready_has_served_nobody(instance, origin):
    """Its workers are up, its agent waits for a resolver that never answers: their clients would be cut."""
    p = instance(process={"workers": 2, "upgrade_timeout": "1s"})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute, Load(p.port, clients=4) as load:
        mute.bind(("127.0.0.1", 0))
        conf = config.merged(p.conf, {"dns": {"servers": [f"127.0.0.1:{mute.getsockname()[1]}"]}})
        conf["services"] = [*p.conf["services"], config.service("far", "far.test:80")]
        conf["routes"] = [{"name": "far", "match": {"path": "/far"}, "service": "far"}, *p.conf["routes"]]
        p.write(conf)
        r = p.upgrade()
        assert r.returncode == 1 and "not ready within 1000 ms" in r.stderr, r
        load.wait_for(50)
    assert p.log().count(": ready after") >= 4 + 2, "its workers were not ready: this showed nothing"
    assert not load.failed and not load.raced, (load.failed[:5], load.raced[:5])
    rows = p.records(count=load.done)
    assert {r["generation"] for r in rows} == {1}


def test_a_new_master_that_is_killed_or_hangs_in_any_state_is_forgotten(instance):
    p = instance()
    link = 'import os, socket, sys, json; t = json.load(os.fdopen(int(os.environ["PROXYD_HANDOVER"])))\n' \
           'link = socket.socket(fileno=t["link"]); link.setblocking(True)\n'
    ready = 'link.send(b"\\x01\\0" + (1).to_bytes(4, "little") + b"\\x01\\0x")\n'
    for text, why in [(link + "os.kill(os.getpid(), 9)", "signal 9"),
                      (link + ready + "link.recv(100); os.kill(os.getpid(), 9)", "signal 9"),
                      (link + ready + "import time; time.sleep(60)", "not ready within"),
                      (link + 'link.send(b"\\x04\\0" + bytes(4)); link.recv(1)', "signal 9"),
                      (link + 'link.send(b"\\x02\\0\\x05\\0sorry"); sys.exit(1)', "sorry"),
                      (link + 'link.send(b"\\xff" * 300); link.send(b"x"); sys.exit(7)', "status 7")]:
        binary = p.folder / "fake"
        binary.write_text(f"#!/usr/bin/python3\n{text}\n")
        binary.chmod(0o755)
        r = p.upgrade(binary)
        assert r.returncode == 1 and why in r.stderr, (text, r)
        ident = f"/after-{abs(hash(text))}"
        assert get(p.port, ident).status == 200
        p.records(lambda r: r["target"] == ident)       # a logger is there again
    assert p.upgrade().returncode == 0


def test_what_is_no_program_and_what_is_no_path(instance, scratch):
    p = instance()
    assert "no such program" in p.upgrade("/nonesuch").stderr
    assert "may not be executed" in p.upgrade(p.file).stderr
    (p.folder / "text").write_text("x")
    (p.folder / "text").chmod(0o755)
    assert "cannot be executed" in p.upgrade(p.folder / "text").stderr
    shutil.copy(PROXYD, p.folder / "mine")
    assert p.upgrade("mine").returncode == 0            # of proxyctl's folder
    assert os.readlink(f"/proc/{p.pid}/exe") == str(p.folder / "mine")


# ------------------------------------------------------------------ beside other things

def test_one_thing_at_a_time(instance):
    p = instance()
    slow = script(p, "slow", "sleep 1; exit 1")
    first = subprocess.Popen([os.environ.get("PROXYCTL", PROXYD.with_name("proxyctl")), "-s", p.socket, "upgrade", slow],
                             stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "upgrade: starting" in p.log(), 5)
    assert "an upgrade is in progress" in p.upgrade().stderr
    r = p.reload()
    assert r.returncode == 1 and "an upgrade is in progress" in r.stderr
    assert "status 1" in first.communicate()[1] and first.returncode == 1
    assert p.reload().returncode == 0


def test_stop_in_the_middle_ends_both(instance):
    p = instance()
    hang = script(p, "hang", "exec sleep 60")
    ctl = subprocess.Popen([os.environ.get("PROXYCTL", PROXYD.with_name("proxyctl")), "-s", p.socket, "upgrade", hang],
                           stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "upgrade: starting" in p.log(), 5)
    p.deaths_expected = True
    p.process.send_signal(signal.SIGTERM)
    assert p.process.wait(8) == 0
    ctl.communicate()
    assert not p.mine()


def test_stop_also_stops_the_old_master_that_drains(instance, origin):
    p = instance(process={"workers": 1, "drain": "30s"})
    origin.on("/slow", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 20.0])
    with Client(p.port) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        old = p.pid
        assert p.upgrade().returncode == 0
        assert old in p.masters()
        start = time.monotonic()
        assert p.ctl("stop", "--fast").returncode == 0
        wait_for(lambda: not p.mine(), 6)
        assert time.monotonic() - start < 5


def test_who_serves_waits_for_the_old_master_and_logs_what_it_leaves(instance, origin):
    p = instance(process={"workers": 1})
    origin.on("/slow", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 1.0, b"lf"])
    with Client(p.port) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        old = p.pid
        assert p.upgrade().returncode == 0
        assert p.ctl("stop").returncode == 0
        assert c.reader.exactly(4) == b"half"
    wait_for(lambda: not p.mine(), 6)
    assert re.findall(r"master\[(\d+)\]: stopped", p.log()) == [str(old), str(p.pid)], "who serves leaves last"
    p.records(lambda r: r["target"] == "/slow")


def test_upgrade_by_signal_and_in_the_background(scratch, origin):
    """Without -f the first master is nobody's child either."""
    origin.reset()
    p = Upgraded(scratch / "up-daemon", config.reverse(free_port(), origin.address), name="up")
    port = p.ports()[0][1]
    with open(p.stderr_path, "wb") as err:
        r = subprocess.run([str(PROXYD), "-c", str(p.file)], env=p.environ(), cwd=p.folder, start_new_session=True,
                           stdout=err, stderr=err, timeout=20)
    assert r.returncode == 0, p.log()
    first = p.status()["pid"]
    try:
        os.kill(first, signal.SIGUSR2)
        wait_for(lambda: p.ctl("status").returncode == 0 and p.status()["pid"] != first, 8)
        assert get(port, "/x").status == 200
    finally:
        assert p.ctl("stop").returncode == 0
        wait_for(lambda: not p.socket.exists(), 8)


def test_lanes_of_a_killed_old_master_are_folded(instance, origin):
    p = instance(process={"workers": 1})
    p.alarms_expected = True
    origin.on("/slow", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 2.0, b"lf"])
    with Client(p.port) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        old = p.pid
        assert p.upgrade().returncode == 0
        before = counters(p)["requests_total"]
        os.kill(old, signal.SIGKILL)
        assert c.reader.exactly(4) == b"half", "its worker drains although the master died"
    wait_for(lambda: re.search(rf"process \d+ of master {old}: gone", p.log()), 8)
    assert counters(p)["requests_total"] == before + 1 and counters(p)["connections_open"] == 0
