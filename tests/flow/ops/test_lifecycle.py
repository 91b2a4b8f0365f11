"""An instance from start to stop: reload good and broken under load, a worker killed, graceful stop, logs without loss."""
import datetime
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.load import Load
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import Proxy, run, wait_for

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def instance(instances):
    return lambda **extra: instances(Proxy, "life", extra)


def with_route(p, name, body):
    """The instance's configuration plus a fixed response at /name."""
    conf = dict(p.conf)
    conf["routes"] = [{"name": name, "match": {"path": f"/{name}"}, "respond": {"body": body}}] + [r for r in p.conf["routes"] if r["name"] == "all"]
    return conf


# ------------------------------------------------------------------ reload

def test_good_reload_takes_effect_and_says_so(instance):
    p = instance()
    assert get(p.port, "/new").body == b"ok"
    r = p.reload(with_route(p, "new", "fresh"))
    assert r.returncode == 0, r
    assert get(p.port, "/new").body == b"fresh"


def test_good_reload_by_sighup(instance):
    p = instance()
    p.reload(with_route(p, "new", "fresh"), how="hup")
    wait_for(lambda: get(p.port, "/new").body == b"fresh", 5)


def test_broken_reload_is_refused_with_file_and_line_and_changes_nothing(instance):
    p = instance()
    workers = p.worker_pids()
    p.file.write_text(p.file.read_text() + "\nnonsense = 1;\n")
    r = p.ctl("reload", "--wait", "20")
    assert r.returncode == 1 and "proxyd.conf:" in r.stdout + r.stderr and "nonsense" in r.stdout + r.stderr, r
    assert get(p.port, "/x").status == 200 and p.worker_pids() == workers
    p.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "nonsense" in p.log(), 5)
    assert get(p.port, "/x").status == 200 and p.worker_pids() == workers


def test_good_reloads_under_load_fail_no_request(instance, origin, figure):
    p = instance()
    with Load(p.port) as load:
        load.wait_for(200)
        for i in range(5):
            r = p.reload(with_route(p, f"r{i}", "x"))
            assert r.returncode == 0, r
            load.wait_for(100)
    assert not load.failed, (load.done, load.failed[:5])
    figure(f"{load.done} requests over 5 reloads, {len(load.failed)} failed, {len(load.raced)} met a kept connection just closed")
    assert len(load.raced) <= 5 * 8, load.raced
    sent = {r.target for r in origin.requests}
    assert not [i for i in load.refused if f"/load?post={i}" in sent], "a POST was carried out and its answer lost"
    assert get(p.port, "/r4").body == b"x"


def test_broken_reloads_under_load_fail_no_request(instance, figure):
    p = instance()
    good = p.file.read_text()
    with Load(p.port) as load:
        load.wait_for(200)
        for i in range(5):
            p.file.write_text(good + f"\nnonsense{i} = 1;\n")
            assert p.ctl("reload", "--wait", "20").returncode == 1
            load.wait_for(50)
        p.file.write_text(good)
    figure(f"{load.done} requests over 5 broken reloads, {len(load.failed)} failed, {len(load.raced)} met a kept connection just closed")
    assert not load.failed and not load.raced, (load.failed[:5], load.raced[:5])


def test_old_generation_finishes_its_requests_and_goes(instance, origin):
    p = instance()
    origin.on("/slow", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 1.0, b"lf"])
    old = set(p.worker_pids())
    with Client(p.port) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        assert p.reload(with_route(p, "new", "fresh")).returncode == 0
        assert c.reader.exactly(4) == b"half"
    wait_for(lambda: not old & set(p.worker_pids()), 8)
    assert len(p.worker_pids()) == 2


def test_r4_an_old_generation_goes_with_its_last_connection(instance):
    """The next reload waits for it: idle clients have a second to ask once more, and it stayed for all of that."""
    p, took = instance(), []
    p.deaths_expected = True
    for _ in range(8):                      # a busy machine is late now and then; who stays for the second is never early
        old = p.worker_pids()
        with Client(p.port) as c:
            assert c.request("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n").status == 200
            begin = time.monotonic()
            p.ctl("reload", check=True)         # --wait would end with the old generation
            try:
                assert c.request("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n").closing
            except (Ended, OSError):        # too late: the second was over
                continue
        wait_for(lambda: not set(old) & set(p.child_pids()), 10)
        took.append(time.monotonic() - begin)
        if took[-1] < 0.9:
            return
    raise AssertionError(f"the old generation stayed for {took} s")


def test_idle_connections_of_the_old_generation_are_closed(instance):
    p = instance()
    with Client(p.port) as c:
        assert c.request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
        assert p.reload(with_route(p, "new", "x")).returncode == 0
        assert c.end(5) == "fin"


def test_reload_changes_listeners(instance):
    p = instance()
    extra = free_port()
    conf = dict(p.conf)
    conf["listeners"] = p.conf["listeners"] + [{"name": "extra", "bind": [f"127.0.0.1:{extra}"]}]
    assert p.reload(conf).returncode == 0
    assert get(extra, "/x").status == 200 and get(p.port, "/x").status == 200
    conf = dict(p.conf)
    conf["listeners"] = [x for x in p.conf["listeners"] if x["name"] != "extra"]
    assert p.reload(conf).returncode == 0

    def closed():
        try:
            socket.create_connection(("127.0.0.1", extra), 1).close()
            return False
        except ConnectionRefusedError:
            return True
    wait_for(closed, 8)
    assert get(p.port, "/x").status == 200


def test_reload_that_cannot_bind_is_refused(instance):
    p = instance()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        conf = dict(p.conf)
        conf["listeners"] = p.conf["listeners"] + [{"name": "extra", "bind": [f"127.0.0.1:{taken.getsockname()[1]}"]}]
        r = p.reload(conf)
        assert r.returncode == 1, r
    assert get(p.port, "/x").status == 200


def test_reload_changes_the_number_of_workers(instance):
    p = instance()
    for n in (3, 1, 2):
        conf = config.merged(p.conf, {"process": {"workers": n}})
        assert p.reload(conf).returncode == 0
        wait_for(lambda: len(p.worker_pids()) == n, 8)
        for _ in range(20):
            assert get(p.port, "/x").status == 200, "a queue without a worker"


# ------------------------------------------------------------------ deaths

def ready_at(p, pid):
    """When the master heard from a child, by its own clock: this process is busy making load."""
    line = re.compile(rf"^(\S+)Z .*\[{pid}\]: ready after", re.M)
    wait_for(lambda: line.search(p.log()), 5)
    stamp = line.search(p.log()).group(1)
    return datetime.datetime.fromisoformat(stamp).replace(tzinfo=datetime.timezone.utc).timestamp()


def test_killed_worker_loses_only_its_requests_and_is_replaced(instance, figure):
    p = instance()
    p.deaths_expected = p.alarms_expected = True
    with Load(p.port, clients=8) as load:
        load.wait_for(200)
        for _ in range(3):
            victim, children = p.worker_pids()[0], set(p.child_pids())
            killed, wall = time.monotonic() - load.start, time.time()
            before = len(load.failed), len(load.raced)
            os.kill(victim, signal.SIGKILL)
            wait_for(lambda: set(p.child_pids()) - children, 3)
            heir = (set(p.child_pids()) - children).pop()
            took = ready_at(p, heir) - wall
            load.wait_for(200)
            lost = load.failed[before[0]:] + load.raced[before[1]:]
            assert len(lost) <= 8, lost
            assert all(f[0] - killed <= 0.75 for f in lost), (killed, lost)
            figure(f"{len(lost)} of 8 clients lost a request, replaced after {took * 1000:.0f} ms, "
                   f"last failure after {max([0.0] + [f[0] - killed for f in lost]) * 1000:.0f} ms")
            assert took < 0.5, took
            wait_for(lambda: len(p.worker_pids()) == 2, 5)
    assert load.done > 800


def test_a_worker_that_keeps_crashing_is_replaced_ever_more_slowly_and_its_queue_is_served(instance):
    p = instance()
    p.deaths_expected = p.alarms_expected = True
    steady, victim = p.worker_pids()
    said = None
    for _ in range(6):
        wait_for(lambda: f"[{victim}]: ready after" in p.log(), 5)
        os.kill(victim, signal.SIGSEGV)
        wait_for(lambda: f"[{victim}]: killed by signal" in p.log() or f"[{victim}]: ended with" in p.log(), 5)
        said = re.search(r"worker \d: keeps dying: next attempt in (\d+) s", p.log())
        if said:
            break
        victim = wait_for(lambda: next((w for w in p.worker_pids() if w not in (steady, victim)), None), 5)
    assert said and 1 <= int(said.group(1)) <= 30, p.log()
    assert p.worker_pids() == [steady]
    for _ in range(40):
        assert get(p.port, "/x").status == 200, "the queue of the empty seat has no server"
    wait_for(lambda: len(p.worker_pids()) == 2, int(said.group(1)) + 5)


def test_children_leave_stopping_to_the_master(instance):
    """Terminals and service managers signal a whole group; a worker that left by itself would drop its requests."""
    p = instance()
    before = p.child_pids()
    for pid in before:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
    time.sleep(0.3)
    assert p.child_pids() == before
    assert get(p.port, "/after").status == 200


def test_death_of_agent_and_logger_is_survived(instance):
    p = instance()
    p.deaths_expected = p.alarms_expected = True
    for role in ("agent", "logger"):
        pids = p.role_pids(role)
        assert len(pids) == 1, p.workers()
        os.kill(pids[0], signal.SIGKILL)
        wait_for(lambda: p.role_pids(role) not in ([], pids), 3)
        ident = f"/after-{role}"
        assert get(p.port, ident).status == 200
        p.records(lambda r: r["target"] == ident)


def test_hung_worker_is_replaced(instance):
    p = instance()
    p.deaths_expected = p.alarms_expected = True
    victim = p.worker_pids()[0]
    os.kill(victim, signal.SIGSTOP)
    for _ in range(40):             # give the stopped one something to be late for
        s = socket.create_connection(("127.0.0.1", p.port))
        s.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        s.close()
    wait_for(lambda: victim not in p.worker_pids() and len(p.worker_pids()) == 2, 12)
    assert get(p.port, "/x").status == 200


def test_death_of_the_master_takes_everybody_along(scratch, origin):
    port = free_port()
    p = Proxy(scratch / "life-master", config.reverse(port, origin.address), name="m").start()
    children = p.child_pids()
    p.alarms_expected = p.deaths_expected = True
    os.kill(p.pid, signal.SIGKILL)
    p.process.wait(5)
    wait_for(lambda: not [c for c in children if os.path.exists(f"/proc/{c}/exe")], 8)


# ------------------------------------------------------------------ stop

@pytest.mark.parametrize("how", ["SIGTERM", "proxyctl"])
def test_graceful_stop_finishes_requests(instance, origin, how):
    p = instance()
    origin.on("/slow", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 1.0, b"lf"])
    with Client(p.port) as c, Client(p.port) as idle:
        assert idle.request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        if how == "SIGTERM":
            p.process.send_signal(signal.SIGTERM)
        else:
            assert p.ctl("stop").returncode == 0
        assert idle.end(3) == "fin"
        assert c.reader.exactly(4) == b"half"
    assert p.process.wait(8) == 0


def test_fast_stop_ends_at_once(instance, origin):
    p = instance()
    origin.on("/slow", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 5.0, b"lf"])
    with Client(p.port) as c:
        c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        start = time.monotonic()
        assert p.ctl("stop", "--fast").returncode == 0
        assert p.process.wait(4) == 0 and time.monotonic() - start < 3
        with pytest.raises(Ended):
            c.reader.exactly(4)


def test_stop_gives_up_on_requests_without_progress(instance, origin):
    p = instance(process={"workers": 1, "drain": "1s"})
    origin.on("/stuck", [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", 20.0])
    with Client(p.port) as c:
        c.send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.head().status == 200
        start = time.monotonic()
        p.process.send_signal(signal.SIGTERM)
        assert p.process.wait(8) == 0
        assert 0.5 < time.monotonic() - start < 6


def test_second_instance_on_the_same_socket_is_refused(instance):
    p = instance()
    r = run("-f", "-c", p.file)
    assert r.returncode == 1 and r.stderr, r
    assert get(p.port, "/x").status == 200


def test_start_behind_a_killed_master(instance):
    """A stale admin socket is no obstacle."""
    p = instance()
    p.alarms_expected = p.deaths_expected = True
    children = p.child_pids()
    os.kill(p.pid, signal.SIGKILL)
    p.process.wait(5)
    wait_for(lambda: not [c for c in children if os.path.exists(f"/proc/{c}/exe")], 8)
    p.alarms_expected = False
    p.start()
    assert get(p.port, "/x").status == 200


# ------------------------------------------------------------------ logs

def test_every_request_has_one_record(instance):
    p = instance()
    for i in range(50):
        get(p.port, f"/n{i}")
    rows = p.records(lambda r: r["target"].startswith("/n"), 50)
    assert sorted(r["target"] for r in rows) == sorted(f"/n{i}" for i in range(50))
    r = rows[0]
    assert r["status"] == 200 and r["method"] == "GET" and r["host"] == "a.test" and r["client"] == "127.0.0.1" and r["route"] == "all", r
    assert r["total_ms"] >= r["first_byte_ms"] >= 0 and r["request_id"] and r["upstream"], r


def test_every_answer_that_is_not_2xx_has_a_cause(instance, origin):
    p = instance()
    origin.on("/five", [reply("x", "500 Oops")])
    origin.on("/drop", ["CLOSE"])
    for t in ("/five", "/drop", "/a%00"):
        get(p.port, t)
    rows = p.records(lambda r: r["status"] >= 300, 3)
    assert {r["target"]: r["reason"] for r in rows} == {"/five": "upstream", "/drop": "upstream-closed", "/a%00": "path-forbidden"}, rows


def test_rotation_loses_nothing(instance):
    """Rename, SIGUSR1, again and again under load: every answered request is in one of the files."""
    p = instance()
    n, old = [0], []

    def ask():
        while not stop.is_set():
            i = n[0] = n[0] + 1
            if get(p.port, f"/rot{i}").status == 200:
                answered.add(f"/rot{i}")
    answered, stop = set(), threading.Event()
    t = threading.Thread(target=ask)
    t.start()
    for i in range(4):
        time.sleep(0.25)
        to = p.folder / f"access.{i}"
        os.rename(p.access, to)
        old.append(to)
        p.process.send_signal(signal.SIGUSR1)
        wait_for(p.access.exists, 5)
    time.sleep(0.25)
    stop.set()
    t.join()

    def logged():
        rows = [json.loads(x) for f in [*old, p.access] for x in f.read_text().splitlines()]
        got = [r["target"] for r in rows if r["target"].startswith("/rot")]
        return got if set(got) >= answered else None
    got = wait_for(logged, 5)
    assert len(got) == len(set(got)), "a record was written twice"
    assert len(answered) > 50


def test_combined_format(instance):
    p = instance(telemetry={"access_log": {"format": "combined"}})
    get(p.port, "/c?x", fields=["User-Agent: t\"est", "Referer: http://r.test/"])
    line = wait_for(lambda: p.access.exists() and p.access.read_text(), 3).splitlines()[0]
    assert line.startswith("127.0.0.1 - - [") and '"GET /c?x HTTP/1.1" 200 2 "http://r.test/" "t\\x22est"' in line, line


def test_access_log_on_stdout(instance):
    p = instance(telemetry={"access_log": {"path": "stdout"}})
    get(p.port, "/on-stdout")
    wait_for(lambda: "/on-stdout" in p.log(), 3)


def test_event_log_to_a_file(instance, scratch):
    folder = scratch / "events"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    p = instance(process={"log": str(folder / "event.log")})
    assert (folder / "event.log").exists() and get(p.port, "/x").status == 200


# ------------------------------------------------------------------ no files lost, no descriptors kept

def test_descriptors_return_to_where_they_were(instance):
    p = instance(process={"workers": 1})
    worker = p.worker_pids()[0]

    def fds():
        try:
            return len(os.listdir(f"/proc/{worker}/fd"))
        except PermissionError:
            pytest.skip("only root sees the descriptors of a process that takes no dumps")
    for _ in range(5):
        get(p.port, "/warm")
    time.sleep(0.2)
    before = fds()
    held = [Client(p.port) for _ in range(100)]
    for c in held:
        assert c.request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    for c in held[:50]:
        c.close()
    for c in held[50:]:
        c.reset()
    wait_for(lambda: fds() <= before + 2, 5)
