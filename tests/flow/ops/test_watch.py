"""--watch: a verb that shows something, again and again, until Ctrl-C, which is a good end."""
import json
import os
import pty
import signal
import subprocess
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL, wait_for


@pytest.fixture(scope="module")
def p(launch, origin):
    port = free_port()
    proxy = launch(config.reverse(port, origin.address), "watched")
    proxy.port = port
    return proxy


def watching(p, *args, **kw):
    return subprocess.Popen([str(PROXYCTL), "-s", str(p.socket), *args], stderr=subprocess.PIPE, **kw)


def interrupted(f):
    f.send_signal(signal.SIGINT)
    return f.wait(5)


def test_json_is_one_document_a_line(p):
    f = watching(p, "status", "--json", "--watch", "0.2", stdout=subprocess.PIPE)
    first = json.loads(f.stdout.readline())
    get(p.port, "/between")
    before = first["listeners"][0]["requests"]
    wait_for(lambda: json.loads(f.stdout.readline())["listeners"][0]["requests"] > before, 5, 0)
    assert interrupted(f) == 0


def test_pipe_gets_one_table_behind_the_other(p):
    f = watching(p, "--watch", "0.1", "workers", stdout=subprocess.PIPE)
    heads = 0
    while heads < 3:
        line = f.stdout.readline()
        assert b"\x1b" not in line
        heads += line.startswith(b"ROLE")
    assert interrupted(f) == 0


def test_terminal_is_cleared_for_each(p):
    ours, theirs = pty.openpty()
    f = watching(p, "workers", "--watch=0.1", stdout=theirs)
    os.close(theirs)
    seen = b""

    def three():
        nonlocal seen
        seen += os.read(ours, 65536)
        return seen.count(b"\x1b[H\x1b[2J") >= 3
    wait_for(three, 5, 0)
    assert interrupted(f) == 0
    os.close(ours)


@pytest.mark.parametrize("args", [["reload", "--watch", "1"], ["stop", "--watch", "1"], ["--watch", "1", "check"],
                                  ["status", "--watch"], ["status", "--watch", "0"], ["status", "--watch", "x"],
                                  ["status", "--watch", "nan"], ["status", "extra", "--watch", "1"]], ids=" ".join)
def test_usage_is_2(p, args):
    r = p.ctl(*args)
    assert r.returncode == 2 and r.stderr, r
    assert p.status()["generation"] == 1


def test_nobody_to_watch_is_3(tmp_path):
    start = time.monotonic()
    r = subprocess.run([str(PROXYCTL), "-s", str(tmp_path / "nobody"), "status", "--watch", "5"], capture_output=True)
    assert r.returncode == 3 and time.monotonic() - start < 3, r
