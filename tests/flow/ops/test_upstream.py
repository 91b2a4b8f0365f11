"""proxyctl upstream ls: every target, its addresses, its state and what was counted there."""
import os
import signal

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import Origin
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import data_of, wait_for


def rows(proxy, *args):
    return data_of(proxy.ctl("upstream", "ls", *args, "--json", check=True).stdout)


def row(proxy, target):
    return next(r for r in rows(proxy) if r["target"] == target)


@pytest.fixture(scope="module")
def lab(launch, origin):
    port, spare, gone = free_port(), Origin(), f"127.0.0.1:{free_port()}"
    proxy = launch({
        "mode": "reverse", "process": {"workers": 2},
        "dns": {"servers": ["127.0.0.1:9"], "timeout": "50ms", "tries": 1},
        "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"]}],
        "services": [config.service("app", origin.address, config.target(spare.address, weight=3, backup=True), retry={"min": 100}),
                     config.service("bad", gone, outlier={"failures": 2, "base": "60s", "max_ejected": "100%"}),
                     config.service("named", "nowhere.test:80")],
        "routes": [{"name": s, "match": {"hosts": [f"{s}.test"]}, "service": s} for s in ("app", "bad", "named")]}, "up")
    proxy.port, proxy.gone, proxy.spare = port, gone, spare.address
    proxy.deaths_expected = True
    yield proxy
    spare.stop()


def test_rows_in_the_order_of_the_file(lab, origin):
    assert [(r["service"], r["target"], r["weight"], r["backup"]) for r in rows(lab)] == [
        ("app", origin.address, 1, False), ("app", lab.spare, 3, True), ("bad", lab.gone, 1, False), ("named", "nowhere.test:80", 1, False)]


def test_a_name_without_address_is_unresolved(lab):
    r = row(lab, "nowhere.test:80")
    assert r["state"] == "unresolved" and "address" not in r, r
    assert "unresolved" in lab.ctl("upstream", "ls", "named").stdout


def test_requests_and_idle_connections_are_counted(lab, origin):
    before = row(lab, origin.address)
    for _ in range(5):
        assert get(lab.port, "/x", host="app.test").status == 200
    after = row(lab, origin.address)
    assert after["requests"] == before["requests"] + 5 and after["inflight"] == 0 and after["state"] == "ok", after
    assert 1 <= after["idle"] <= 2 and after["failures"] == 0, after
    assert row(lab, lab.spare)["requests"] == 0


def test_what_is_in_flight(lab, origin):
    origin.on("/wait", [0.6, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    with Client(lab.port) as c:
        c.send(b"GET /wait HTTP/1.1\r\nHost: app.test\r\n\r\n")
        wait_for(lambda: row(lab, origin.address)["inflight"] == 1)
        assert c.response().status == 200
    wait_for(lambda: row(lab, origin.address)["inflight"] == 0)


def test_failures_and_ejection(lab):
    assert {get(lab.port, "/x", host="bad.test").status for _ in range(3)} <= {502, 503}
    r = row(lab, lab.gone)
    assert r["state"] == "ejected" and 50000 < r["ejected_ms"] <= 60000 and r["failures"] >= 2 and r["ejections"] == 1, r
    out = lab.ctl("upstream", "ls", "bad", check=True).stdout
    assert "ejected for 60s" in out and "app" not in out, out
    assert "(backup)" in lab.ctl("upstream", "ls").stdout


def test_a_drained_target_is_told_as_one(lab):
    lab.ctl("drain", f"app/{lab.spare}", check=True)
    assert row(lab, lab.spare)["state"] == "drained" and "drained (backup)" in lab.ctl("upstream", "ls").stdout
    lab.ctl("drain", "--undo", f"app/{lab.spare}", check=True)
    assert row(lab, lab.spare)["state"] == "ok"


def test_counts_outlive_a_worker_and_a_reload(lab, origin):
    before = row(lab, origin.address)
    old = lab.worker_pids()
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(set(lab.worker_pids()) - set(old)) == 2 and row(lab, origin.address)["idle"] == 0)
    assert row(lab, origin.address)["requests"] == before["requests"]
    lab.write(config.merged(lab.conf, {"timeouts": {"head": "7s"}}))
    lab.ctl("reload", "--wait", "10", check=True)
    assert row(lab, origin.address)["requests"] == before["requests"] and row(lab, lab.gone)["state"] == "ejected"


def test_an_unknown_service_is_told(lab):
    r = lab.ctl("upstream", "ls", "nonsense")
    assert r.returncode == 1 and "there is no service 'nonsense'" in r.stderr, r
    assert lab.ctl("upstream", "ls", "a", "b").returncode == 2
