"""The access log to syslog, and only what is asked for: forms, a daemon that comes back, one that hangs, one that is not there."""
import json
import os
import re
import socket
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import run, wait_for

LOCAL = re.compile(r"<134>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d edge\[(\d+)\]: (.*)", re.S)
NETWORK = re.compile(r"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (\S+) edge (\d+) access - (.*)", re.S)


def receiver(path=None):
    s = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    if path and os.path.exists(path):
        os.unlink(path)
    s.bind(path or ("127.0.0.1", 0))
    if path:
        os.chmod(path, 0o666)
    return s


def start(launch, origin, log, name):
    port = free_port()
    p = launch(config.reverse(port, origin.address, telemetry={"access_log": {"format": "json", "tag": "edge", **log}}), name)
    p.port = port
    return p


def dropped(p):
    return p.status()["counters"]["journal_dropped_total"]


@pytest.fixture
def path(scratch):
    return str(scratch / f"log{time.monotonic_ns()}")


def test_local_socket(launch, origin, path):
    s = receiver(path)
    p = start(launch, origin, {"path": f"syslog:{path}"}, "local")
    get(p.port, "/one")
    m = LOCAL.fullmatch(s.recv(8192).decode())
    assert m and int(m[1]) in p.worker_pids(), m
    line = json.loads(m[2])
    assert line["target"] == "/one" and "\n" not in m[2]


def test_daemon_that_starts_anew_is_found(launch, origin, path):
    s = receiver(path)
    p = start(launch, origin, {"path": f"syslog:{path}"}, "anew")
    get(p.port, "/before")
    assert b"/before" in s.recv(8192)
    s.close()
    get(p.port, "/meanwhile")
    wait_for(lambda: dropped(p) == 1, 3)
    s = receiver(path)
    get(p.port, "/after")
    assert b"/after" in s.recv(8192)


def test_udp(launch, origin):
    s = receiver()
    p = start(launch, origin, {"path": "syslog://127.0.0.1:%d" % s.getsockname()[1], "facility": "daemon"}, "udp")
    for i in range(3):
        get(p.port, f"/{i}")
    got = [NETWORK.fullmatch(s.recv(8192).decode()) for _ in range(3)]
    assert all(got) and [json.loads(m[3])["target"] for m in got] == ["/0", "/1", "/2"], got
    assert got[0][1] == socket.gethostname()


def test_nobody_there_costs_lines_and_nothing_else(launch, origin, path):
    p = start(launch, origin, {"path": f"syslog:{path}"}, "nobody")
    for i in range(20):
        assert get(p.port, f"/{i}").status == 200
    wait_for(lambda: dropped(p) == 20, 3)
    assert "/19" in p.ctl("log", "-n", "1", check=True).stdout


def test_daemon_that_hangs_stalls_neither_requests_nor_live_views(launch, origin, path):
    """More than the logger holds goes nowhere; the rings are drained all the same."""
    s = receiver(path)
    p = start(launch, origin, {"path": f"syslog:{path}"}, "hangs")
    target = "/" + "x" * 1400
    sent = 0
    while dropped(p) == 0 and sent < 6000:
        with Client(p.port) as c:
            for _ in range(200):
                assert c.request(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()).status == 200
                sent += 1
    assert 0 < dropped(p) < sent
    get(p.port, "/last")
    wait_for(lambda: "/last" in p.ctl("log", "-n", "1", check=True).stdout, 3)
    s.close()


def test_when_says_which_requests(launch, origin):
    p = start(launch, origin, {"when": "target~^/a and status<500"}, "when")
    for t in ("/a1", "/b", "/a2"):
        get(p.port, t)
    assert [r["target"] for r in p.records(count=2)] == ["/a1", "/a2"]
    wait_for(lambda: "/b" in p.ctl("log", check=True).stdout, 3)


def test_reload_from_a_file_to_syslog_and_back(launch, origin, path):
    s = receiver(path)
    p = start(launch, origin, {}, "moves")
    get(p.port, "/file")
    p.records(lambda r: r["target"] == "/file")
    for place, seen in ((f"syslog:{path}", lambda t: t.encode() in s.recv(8192)),
                        (str(p.access), lambda t: p.records(lambda r: r["target"] == t)), ("off", None)):
        p.reload(config.merged(p.conf, {"telemetry": {"access_log": {"path": place}}}))
        get(p.port, f"/{len(place)}")
        assert seen is None or seen(f"/{len(place)}")
    assert dropped(p) == 0
    s.close()


@pytest.mark.parametrize("log,said", [
    ({"path": "syslog://loghost"}, "syslog://IP:PORT"), ({"when": "status>="}, "column 9: expected a value"),
    ({"tag": "two words"}, "letters"), ({"facility": "kern"}, "local0"),
], ids=str)
def test_mistakes_of_the_access_log_are_told_with_their_place(tmp_path, log, said):
    f = tmp_path / "x.conf"
    f.write_text(config.text(config.forward(free_port(), telemetry={"access_log": log})))
    r = run("-t", "-c", f)
    assert r.returncode != 0 and said in r.stdout + r.stderr and f"{f.name}:" in r.stdout + r.stderr, r


EVENT = re.compile(r"<(\d+)>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d proxyd\[(\d+)\]: (\w+) (.*)", re.S)
EVENT_NETWORK = re.compile(r"<30>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ proxyd (\d+) event - (info .*)", re.S)


def events(s, match):
    """Reads messages until one matches; all of them, as EVENT's groups."""
    got = []
    while not got or not match(got[-1]):
        m = EVENT.fullmatch(s.recv(8192).decode())
        assert m, "not the form of a local message"
        got.append((int(m[1]), int(m[2]), m[3], m[4]))
    return got


def test_event_log_of_every_process(launch, origin, path):
    s = receiver(path)
    p = launch(config.reverse(free_port(), origin.address, process={"log": f"syslog:{path}", "log_level": "debug"}), "events")
    got = events(s, lambda e: "ready" in e[3] and e[1] == p.pid)
    p.ctl("loglevel", "info", check=True)
    assert p.log() == "" and all("\n" not in e[3] for e in got)
    assert {e[0] for e in got} <= {27, 28, 30, 31} and all((e[0], e[2]) in ((27, "error"), (28, "warn"), (30, "info"), (31, "debug")) for e in got)
    os.kill(p.role_pids("worker")[0], 9)
    p.deaths_expected = True
    wait_for(lambda: p.worker_pids())
    assert events(s, lambda e: e[2] in ("warn", "error"))[-1][0] in (27, 28)


def test_event_log_finds_a_daemon_that_starts_anew_and_tells_what_was_lost(launch, origin, path):
    s = receiver(path)
    p = launch(config.reverse(free_port(), origin.address, process={"log": f"syslog:{path}"}), "events-anew")
    events(s, lambda e: e[1] == p.pid)
    s.close()
    for level in ("error", "info"):
        p.ctl("loglevel", level, check=True)
    p.reload()
    s = receiver(path)
    p.reload()
    lost = [e[3] for e in events(s, lambda e: e[1] == p.pid) if "lines before this one were lost) " in e[3]]
    assert lost and lost[0].startswith("master: ("), lost


def test_event_log_by_udp_and_moved_by_reloads(launch, origin, path):
    s, local = receiver(), receiver(path)
    p = launch(config.reverse(free_port(), origin.address), "events-move")
    place = "syslog://127.0.0.1:%d" % s.getsockname()[1]
    assert p.reload(config.merged(p.conf, {"process": {"log": place}})).returncode == 0
    before = p.log()
    assert p.reload().returncode == 0
    m = EVENT_NETWORK.fullmatch(s.recv(8192).decode())
    assert m and p.log() == before, m
    assert p.reload(config.merged(p.conf, {"process": {"log": f"syslog:{path}"}})).returncode == 0
    events(local, lambda e: e[1] == p.pid)
    assert p.reload(config.merged(p.conf, {"process": {"log": "stderr"}})).returncode == 0
    assert p.reload().returncode == 0 and len(p.log()) > len(before)


def test_event_log_of_a_wrong_place_is_refused(tmp_path):
    f = tmp_path / "x.conf"
    f.write_text(config.text(config.forward(free_port(), process={"log": "syslog://loghost"})))
    r = run("-t", "-c", f)
    assert r.returncode != 0 and "syslog://IP:PORT" in r.stdout + r.stderr and f"{f.name}:" in r.stdout + r.stderr, r
