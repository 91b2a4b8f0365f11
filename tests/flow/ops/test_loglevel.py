"""loglevel: shown, set in every process, those that start later included, until a reload."""
import os
import signal
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import data_of, wait_for


@pytest.fixture(scope="module")
def p(launch):
    """Every request fails and ejects one of its two targets, which is worth a warning of the worker."""
    port = free_port()
    conf = config.reverse(port, "127.0.0.1:1", process={"workers": 1})
    conf["services"] = [config.service("app", "127.0.0.1:1", "127.0.0.1:2", outlier={"failures": 1, "base": "10ms", "max": "10ms", "max_ejected": "100%"})]
    proxy = launch(conf, "level")
    proxy.port, proxy.deaths_expected = port, True
    return proxy


def worker_warns(p):
    """Does a worker's warning reach the log? Ejections last 10 ms."""
    before = p.log().count("ejected for")
    for _ in range(5):
        assert get(p.port, "/x").status == 502
        time.sleep(0.02)
    return p.log().count("ejected for") > before


def test_it_is_set_in_all_processes_until_a_reload(p):
    assert p.ctl("loglevel", check=True).stdout == "info, as configured\n" and worker_warns(p)
    assert p.ctl("loglevel", "error", check=True).stdout == "error until the next reload, then info as configured\n"
    assert not worker_warns(p)
    os.kill(p.worker_pids()[0], signal.SIGKILL)         # its successor is no louder
    wait_for(lambda: len(p.worker_pids()) == 1 and get(p.port, "/x").status == 502)
    assert not worker_warns(p)
    d = data_of(p.ctl("loglevel", "warn", "--json", check=True).stdout)
    assert d == {"processes": 4, "level": "warn", "configured": "info"} and worker_warns(p), d
    assert p.reload().returncode == 0
    assert data_of(p.ctl("loglevel", "--json", check=True).stdout) == {"level": "info", "configured": "info"}
    assert "ready after" in p.log().rpartition("SIGKILL")[2]
    p.ctl("loglevel", "debug", check=True)
    assert "log level debug, by user" in p.log()


def test_misuse(p):
    r = p.ctl("loglevel", "loud")
    assert r.returncode == 1 and "error, warn, info or debug" in r.stderr, r
    assert p.ctl("loglevel", "info", "warn").returncode == 2
