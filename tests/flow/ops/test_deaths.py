"""A worker that dies with requests in its hands: what it held on endpoints is given back, and its report is in the log."""
import os
import signal
import threading

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import Origin, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import Proxy, wait_for

HANGING = 3

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def origins():
    """Two origins that answer /hang when their `go` is set: the first at the end of the test."""
    pair = Origin(name="first"), Origin(name="second")
    for o in pair:
        o.go = threading.Event()
        o.on("/hang", [lambda conn, go=o.go: go.wait(30), reply("late")])
    yield pair
    for o in pair:
        o.go.set()
        o.stop()


@pytest.fixture
def proxy(scratch, origins, request):
    port = free_port()
    p = Proxy(scratch / request.node.name[:48], config.reverse(port, origins[0].address, services=[
        config.service("app", *(o.address for o in origins), balance="least_request")]), name="deaths")
    p.port = port
    p.deaths_expected = True
    yield p.start()
    p.stop()


def inflight(p):
    return [e["inflight"] for s in p.status()["services"] for e in s["endpoints"]]


def hang(p, origins):
    """Clients whose requests hang at the first origin; the other half was answered by the second."""
    clients = [Client(p.port) for _ in range(2 * HANGING)]
    for c in clients:
        c.send(b"GET /hang HTTP/1.1\r\nHost: a.test\r\n\r\n")
    wait_for(lambda: inflight(p) == [HANGING, HANGING], 3, 0.05)
    origins[1].go.set()
    wait_for(lambda: inflight(p) == [HANGING, 0], 3, 0.05)
    return clients


def bury(p, sig):
    """Kills the only worker and waits for the next one."""
    victim = p.worker_pids()[0]
    os.kill(victim, sig)
    wait_for(lambda: p.worker_pids() and victim not in p.worker_pids(), 5)
    wait_for(lambda: [w for w in p.workers() if w["role"] == "worker" and w["state"] == "ready"], 5)
    return victim


def test_killed_worker_leaves_no_load_on_its_endpoints(proxy, origins):
    clients = hang(proxy, origins)
    bury(proxy, signal.SIGKILL)
    wait_for(lambda: inflight(proxy) == [0, 0], 3)
    marks = [o.mark() for o in origins]
    for _ in range(20):
        assert get(proxy.port, "/x").status == 200
    assert [len(o.since(m).requests) for o, m in zip(origins, marks)] == [10, 10]
    for c in clients:
        c.close()


def test_load_stays_right_over_a_reload_and_a_death_of_the_older_worker(proxy, origins):
    clients = hang(proxy, origins)
    old = proxy.worker_pids()
    conf = dict(proxy.conf, routes=[{"name": "hello", "match": {"path": "/hello"}, "respond": {"body": "hello"}},
                                    *proxy.conf["routes"]])
    proxy.write(conf)
    proxy.ctl("reload", check=True)
    assert get(proxy.port, "/hello").status == 200
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not set(old) & set(proxy.child_pids()), 3)
    assert inflight(proxy) == [0, 0]
    for c in clients:
        c.close()


@pytest.mark.parametrize("sig", [signal.SIGSEGV, signal.SIGABRT])
def test_crash_report_names_signal_step_and_fetch(proxy, origins, sig):
    clients = hang(proxy, origins)
    proxy.alarms_expected = True
    victim = bury(proxy, sig)
    log = [x for x in proxy.log().splitlines() if f"worker 0[{victim}]" in x]
    assert any(f"killed by signal {int(sig)}" in x for x in log), log
    report = [x.partition("report: ")[2] for x in log if "report: " in x]
    assert any(f"signal={int(sig)} " in x and "ip=0x" in x for x in report), log
    assert sum(x.startswith("waiting request in step fetch, fetch ") for x in report) == HANGING, log
    for c in clients:
        c.close()
