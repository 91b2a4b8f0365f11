"""proxyctl top: requests per key over a window, one report or a screen that refreshes."""
import json
import os
import pty
import signal
import subprocess
import threading
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL, wait_for


@pytest.fixture(scope="module")
def p(launch, origin):
    origin.on("/broken", ["CLOSE"])
    origin.on("/api/none", [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])
    port = free_port()
    proxy = launch(config.reverse(port, origin.address, process={"workers": 2}, routes=[
        {"name": "api", "match": {"path": "/api/**"}, "service": "app"},
        {"name": "all", "match": {"path": "/**"}, "service": "app"}]), "topped")
    proxy.port = port
    for path in ["/api/a?x=1"] * 6 + ["/api/a?x=2", "/api/none", "/broken", "/plain"]:
        get(port, path)
    proxy.records(count=10)
    return proxy


def report(p, *args):
    return json.loads(p.ctl("top", "--json", *args, check=True).stdout)


def rows(d):
    return {r["key"]: r for r in d["rows"]}


def test_one_report_is_about_what_the_rings_hold(p):
    d = report(p)
    assert d["by"] == "route" and d["name"] == "topped" and d["mode"] == "reverse" and d["lost"] == 0, d
    r = rows(d)
    assert r["api"]["requests"] == 8 and r["api"]["status_4xx"] == 1 and r["api"]["status_5xx"] == 0, d
    assert r["all"]["requests"] == 2 and r["all"]["status_5xx"] == 1, d
    assert d["total"]["requests"] == d["records"] == 10 and 0 < d["window_s"] <= 61
    assert abs(d["total"]["rps"] - 10 / d["window_s"]) < 0.01 and abs(sum(x["share"] for x in d["rows"]) - 1) < 0.01
    assert 0 < r["api"]["p50_ms"] <= r["api"]["p99_ms"] and r["api"]["bytes_out"] > 8 * 40


@pytest.mark.parametrize("by,keys", [
    ("target", {"/api/a": 7, "/api/none": 1, "/broken": 1, "/plain": 1}),
    ("client", {"127.0.0.1": 10}), ("status", {"200": 8, "404": 1, "502": 1}),
    ("method", {"GET": 10}), ("listener", {"front": 10}), ("rule", {"-": 10}),
])
def test_by(p, by, keys):
    assert {k: r["requests"] for k, r in rows(report(p, "--by", by, "-q", "target like *")).items()} == keys


def test_query_sort_and_rows(p):
    d = report(p, "--by", "status", "-q", "status>=400", "--sort", "errors", "-n", "1")
    assert [r["key"] for r in d["rows"]] == ["502"] and d["others"]["keys"] == 1 and d["others"]["requests"] == 1, d
    assert d["total"]["requests"] == 2 and d["records"] == 10


def test_report_for_people(p):
    out = p.ctl("top", check=True).stdout
    assert out.startswith("topped  reverse") and "ROUTE" in out and "api" in out and "\x1b" not in out and "others" not in out, out


def test_window_is_what_came_since_the_last_report(p):
    f = subprocess.Popen([str(PROXYCTL), "-s", str(p.socket), "top", "--json", "--watch", "0.3"], stdout=subprocess.PIPE)
    first = json.loads(f.stdout.readline())
    assert first["records"] >= 10
    for _ in range(3):
        get(p.port, "/api/later")
    seen = 0
    while seen < 3:
        d = json.loads(f.stdout.readline())
        assert d["window_s"] < 2
        seen += d["records"]
    assert seen == 3
    f.send_signal(signal.SIGINT)
    assert f.wait(5) == 0


def test_terminal_gets_a_screen_again_and_again(p):
    top, tty = pty.openpty()
    f = subprocess.Popen([str(PROXYCTL), "-s", str(p.socket), "top", "--watch", "0.1"], stdout=tty)
    os.close(tty)
    out = b""
    while out.count(b"\x1b[H\x1b[2J") < 3:
        out += os.read(top, 4096)
    assert b"topped" in out and b"\x1b[1m" in out
    f.send_signal(signal.SIGINT)
    assert f.wait(5) == 0
    os.close(top)


def test_nothing_is_missed_under_load(p):
    """Every request of a busy second is in one window or the other."""
    f = subprocess.Popen([str(PROXYCTL), "-s", str(p.socket), "top", "--json", "--watch", "0.2", "-q", "target=/load"], stdout=subprocess.PIPE)
    f.stdout.readline()
    sent = [0] * 4
    end = time.monotonic() + 1

    def load(i):
        while time.monotonic() < end:
            with Client(p.port) as c:
                for _ in range(50):
                    c.request(b"GET /load HTTP/1.1\r\nHost: a\r\n\r\n")
                    sent[i] += 1
    threads = [threading.Thread(target=load, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    got = lost = 0

    def all_seen():
        nonlocal got, lost
        d = json.loads(f.stdout.readline())
        got, lost = got + d["total"]["requests"], lost + d["lost"]
        return got >= sum(sent)
    wait_for(all_seen, 5, 0)
    assert got == sum(sent) > 100 and lost == 0
    f.send_signal(signal.SIGINT)
    f.wait(5)


@pytest.mark.parametrize("args", [["--by", "nothing"], ["--by", "total_ms"], ["--sort", "size"], ["-q", "status>"], ["-n", "x"], ["x"],
                                  ["--watch", "0"]], ids=" ".join)
def test_usage(p, args):
    r = p.ctl("top", *args)
    assert r.returncode == 2 and r.stderr, r


def test_not_running(tmp_path):
    r = subprocess.run([str(PROXYCTL), "-s", str(tmp_path / "nobody.sock"), "top"], capture_output=True, text=True)
    assert r.returncode == 3, r
