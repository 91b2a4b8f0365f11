"""Every verb of proxyctl, its output for people and programs, and its exit codes: 0 ok, 1 failed, 2 usage, 3 not running."""
import json
import os
import socket
import subprocess
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL, Proxy, data_of, wait_for


@pytest.fixture(scope="module")
def p(scratch, origin):
    port = free_port()
    proxy = Proxy(scratch / "ctl", config.reverse(port, origin.address, process={"workers": 2}), name="ctl")
    proxy.port = port
    proxy.start()
    proxy.deaths_expected = True
    yield proxy
    proxy.stop()


def test_status_for_people(p):
    get(p.port, "/s")
    out = p.ctl("status", check=True).stdout
    assert "front" in out and "app" in out and "reverse" in out, out


def test_status_for_programs(p):
    d = p.status()
    assert d["name"] == "ctl" and d["mode"] == "reverse" and d["pid"] == p.pid, d
    assert [x["name"] for x in d["listeners"]] == ["front"] and [x["name"] for x in d["services"]] == ["app"]
    before = d["listeners"][0]["requests"]
    for _ in range(10):
        get(p.port, "/counted")
    wait_for(lambda: p.status()["listeners"][0]["requests"] >= before + 10, 3)
    assert p.status()["services"][0]["endpoints"][0]["state"], p.status()


def test_status_counts_errors(p, origin):
    before = p.status()["listeners"][0]["errors"]
    origin.on("/dropped", ["CLOSE"])
    assert get(p.port, "/dropped").status == 502
    wait_for(lambda: p.status()["listeners"][0]["errors"] > before, 3)


def test_workers(p):
    out = p.ctl("workers", check=True).stdout
    rows = data_of(p.ctl("workers", "--json", check=True).stdout)
    workers = [r for r in rows if r["role"] == "worker"]
    assert sorted(r["pid"] for r in workers) == p.worker_pids() and len(workers) == 2, rows
    assert {r["role"] for r in rows} >= {"worker", "agent", "logger"}, rows
    assert all(str(r["pid"]) in out for r in workers)


def test_config_show_is_a_configuration(p, tmp_path):
    out = p.ctl("config", "show", check=True).stdout
    assert "front" in out and "keepalive" in out, "defaults are missing"
    f = tmp_path / "shown.conf"
    f.write_text(out)
    r = subprocess.run([str(PROXYCTL), "check", str(f)], capture_output=True, text=True)
    assert r.returncode == 0, r
    assert "front" in data_of(p.ctl("config", "show", "--json", check=True).stdout)["text"]


def test_config_diff(p):
    old = p.file.read_text()
    assert data_of(p.ctl("config", "diff", "--json", check=True).stdout)["changes"] == 0
    try:
        conf = config.merged(p.conf, {"timeouts": {"head": "7s"}})
        p.file.write_text(config.text(conf))
        r = p.ctl("config", "diff", check=True)
        assert "head" in r.stdout and "7s" in r.stdout, r
        assert data_of(p.ctl("config", "diff", "--json", check=True).stdout)["changes"] >= 1
    finally:
        p.file.write_text(old)


def test_reload_tells_the_generation(p):
    before = p.status()["generation"]
    d = data_of(p.ctl("reload", "--json", check=True).stdout)
    assert d["generation"] >= before
    conf = config.merged(p.conf, {"timeouts": {"head": "6s"}})
    p.write(conf)
    d = data_of(p.ctl("reload", "--wait", "20", "--json", check=True).stdout)
    assert d["generation"] > before and p.status()["generation"] == d["generation"]


def test_reload_of_a_broken_file_is_1_with_the_reason(p):
    old = p.file.read_text()
    try:
        p.file.write_text(old + "\nnonsense = 1;\n")
        r = p.ctl("reload")
        assert r.returncode == 1 and "nonsense" in r.stdout + r.stderr and "proxyd.conf:" in r.stdout + r.stderr, r
        r = p.ctl("reload", "--json")
        assert r.returncode == 1 and json.loads(r.stdout)["ok"] is False, r
    finally:
        p.file.write_text(old)


def test_reload_wait_without_a_number(p):
    assert p.ctl("reload", "--wait").returncode == 0


def test_check_of_the_running_file(p):
    assert p.ctl("check", p.file).returncode == 0


def test_log_shows_the_last_requests(p):
    for i in range(5):
        get(p.port, f"/last{i}")
    out = wait_for(lambda: (o := p.ctl("log", "-n", "5").stdout) and "/last4" in o and o, 3)
    assert [f"/last{i}" in out for i in range(5)] == [True] * 5, out
    rows = [json.loads(x) for x in p.ctl("log", "-n", "5", "--format", "json", check=True).stdout.splitlines()]
    assert [r["target"] for r in rows] == [f"/last{i}" for i in range(5)], rows
    rows = [json.loads(x) for x in p.ctl("log", "-n", "2", "--json", check=True).stdout.splitlines()]
    assert len(rows) == 2


def test_log_follow_is_live(p):
    f = subprocess.Popen([str(PROXYCTL), "-s", str(p.socket), "log", "--follow", "--format", "json"], stdout=subprocess.PIPE)
    try:
        time.sleep(0.4)
        get(p.port, "/followed")
        os.set_blocking(f.stdout.fileno(), False)
        got = []

        def seen():
            got.append(f.stdout.read() or b"")
            return b"/followed" in b"".join(got)
        wait_for(seen, 3)
        assert f.poll() is None
    finally:
        f.terminate()
        f.wait(5)


def test_version(p):
    out = p.ctl("version", check=True).stdout
    assert any(c.isdigit() for c in out)
    assert data_of(p.ctl("version", "--json", check=True).stdout)


def test_help_lists_every_verb(p):
    out = p.ctl("help", check=True).stdout
    for verb in ("check", "config show", "config diff", "status", "reload", "stop", "workers", "log", "version"):
        assert verb in out, out


@pytest.mark.parametrize("args", [["nonsense"], ["status", "extra"], ["log", "-n"], ["log", "--format", "xml"], ["reload", "--nonsense"], ["config"], []], ids=" ".join)
def test_usage_is_2(p, args):
    r = p.ctl(*args)
    assert r.returncode == 2 and r.stderr, r


@pytest.mark.parametrize("verb", [["status"], ["workers"], ["reload"], ["stop"], ["config", "show"], ["log"], ["status", "--json"]], ids=" ".join)
def test_not_running_is_3(tmp_path, verb):
    r = subprocess.run([str(PROXYCTL), "-s", str(tmp_path / "nobody.sock"), *verb], capture_output=True, text=True)
    assert r.returncode == 3 and (r.stderr or r.stdout), r


def test_row67_admin_socket_is_private(p):
    assert p.socket.stat().st_mode & 0o777 in (0o600, 0o660), oct(p.socket.stat().st_mode)


def test_row67_long_line_is_refused(p):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(str(p.socket))
    try:
        s.sendall(b"[\"" + b"x" * (1 << 20))
        out = b""
        while chunk := s.recv(65536):
            out += chunk
    except OSError:
        pass
    s.close()
    assert p.status()["pid"] == p.pid


@pytest.mark.parametrize("junk", [b"\n", b"{}\n", b"[]\n", b"[1]\n", b"\0\0\0\n", b"[\"status\"", b"[\"\\u0000\"]\n", b"[" * 1000 + b"\n"])
def test_row67_junk_is_survived(p, junk):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(2)
    s.connect(str(p.socket))
    s.sendall(junk)
    try:
        s.recv(65536)
    except OSError:
        pass
    s.close()
    assert p.status()["pid"] == p.pid


def test_stop(scratch, origin):
    port = free_port()
    q = Proxy(scratch / "ctlstop", config.reverse(port, origin.address), name="stop").start()
    assert q.ctl("stop").returncode == 0
    assert q.process.wait(10) == 0
    assert q.ctl("status").returncode == 3
    q.stop()
