"""What a service manager sees and gives: notifications, the watchdog, the main process, sockets handed in."""
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import TOP, wait_for
from tests.flow.lib.upgrade import Handed, Manager, Upgraded, listening

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def made(instances):
    """made(port, ...): an instance that is not started yet."""
    return lambda port, **extra: instances(Upgraded, "man", extra, port=port, start=False)


@pytest.fixture(params=["path", "abstract"])
def manager(request, scratch):
    name = f"@proxyd-test-{os.getpid()}-{time.monotonic_ns()}" if request.param == "abstract" else \
        str(scratch / f"notify-{time.monotonic_ns()}")
    m = Manager(name)
    m.name = name
    yield m
    m.close()


def managed(p, manager, **env):
    p.extra_env = {"NOTIFY_SOCKET": manager.name, **env}
    return p


def test_a_life_as_the_manager_hears_it(made, manager):
    p = managed(made(free_port()), manager).start()
    at, pid, fields = manager.wait("READY", "1")
    assert pid == p.pid and fields["STATUS"].startswith("generation 1 serves with 2 workers"), fields
    assert all(sender == p.pid for sender, _ in manager.read()), "a child spoke"

    assert p.reload(config.merged(p.conf, {"process": {"drain": "7s"}})).returncode == 0
    now = time.clock_gettime(time.CLOCK_MONOTONIC) * 1e6
    at, _, fields = manager.wait("RELOADING", "1", at)
    assert 0 < now - int(fields["MONOTONIC_USEC"]) < 20e6, (now, fields)
    at, _, fields = manager.wait("READY", "1", at)
    assert "generation 2" in fields["STATUS"], fields

    p.file.write_text("nonsense")
    assert p.reload().returncode == 1
    at, _, _ = manager.wait("RELOADING", "1", at)
    at, _, fields = manager.wait("READY", "1", at)
    assert "generation 2" in fields["STATUS"] and "rejected" in fields["STATUS"], fields
    p.stop()
    manager.wait("STOPPING", "1", at)


def test_diff_is_no_reload(made, manager):
    p = managed(made(free_port()), manager).start()
    manager.wait("READY", "1")
    assert p.ctl("config", "diff").returncode == 0
    assert not [f for _, f in manager.read() if "RELOADING" in f]


def test_main_process_is_named_by_the_old_one_before_the_new_one_speaks(made, manager):
    p = managed(made(free_port()), manager).start()
    old = p.pid
    at, _, _ = manager.wait("READY", "1")
    bad = p.folder / "bad"
    bad.write_text("#!/bin/sh\nexit 1\n")
    bad.chmod(0o755)
    assert p.upgrade(bad).returncode == 1
    assert len(manager.read()) == at, "a failed upgrade is nothing to tell"
    assert p.upgrade().returncode == 0
    at, pid, _ = manager.wait("MAINPID", str(p.pid), at)
    assert pid == old
    at, pid, fields = manager.wait("READY", "1", at)
    assert pid == p.pid and "generation 2" in fields["STATUS"], fields
    wait_for(lambda: p.ended(old))
    assert [f for s, f in manager.read()[at:] if s == old] == [], "the old one has nothing to say any more"
    p.stop()
    manager.wait("STOPPING", "1", at)


@pytest.mark.parametrize("manager", ["abstract"], indirect=True)
def test_watchdog_hears_a_living_master_only(made, manager):
    p = managed(made(free_port()), manager, WATCHDOG_USEC="600000").start()
    at, _, _ = manager.wait("WATCHDOG", "1")
    at, pid, _ = manager.wait("WATCHDOG", "1", at)
    assert pid == p.pid
    assert p.upgrade().returncode == 0
    at, _, _ = manager.wait("MAINPID", str(p.pid), at)
    _, pid, _ = manager.wait("WATCHDOG", "1", at)
    assert pid == p.pid
    os.kill(p.pid, signal.SIGSTOP)
    time.sleep(0.3)
    at = len(manager.read())
    time.sleep(1)
    assert len(manager.read()) == at
    os.kill(p.pid, signal.SIGCONT)


@pytest.mark.parametrize("manager", ["abstract"], indirect=True)
def test_watchdog_of_another_process_is_not_ours(made, manager):
    p = managed(made(free_port()), manager, WATCHDOG_USEC="600000", WATCHDOG_PID="1").start()
    manager.wait("READY", "1")
    time.sleep(0.8)
    assert not [f for _, f in manager.read() if "WATCHDOG" in f]
    assert get(p.ports()[0][1], "/x").status == 200


def test_nobody_listening_is_no_obstacle(made, scratch):
    p = made(free_port())
    p.extra_env = {"NOTIFY_SOCKET": str(scratch / "nobody"), "WATCHDOG_USEC": "100000"}
    p.start()
    assert get(p.ports()[0][1], "/x").status == 200


# ------------------------------------------------------------------ sockets handed in

def test_sockets_handed_in_are_used_and_go_along(made, scratch, figure):
    tcp, path = listening(), scratch / "handed.sock"
    unix, stray = socket.socket(socket.AF_UNIX), listening()
    unix.bind(str(path))
    unix.listen(16)
    port, inode = tcp.getsockname()[1], path.stat().st_ino
    p = made(port, listeners=[{"name": "front", "bind": [f"127.0.0.1:{port}", f"unix:{path}"]}])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        Handed(tcp, stray, unix, udp, names=["web", "stray", "app", "u"]).give(p).start()
    assert f"127.0.0.1:{port} was handed in (descriptor 3, web)" in p.log()
    assert f"127.0.0.1:{stray.getsockname()[1]} matches no" in p.log() and "descriptor 6 (u) was handed in and is no" in p.log()

    def works():
        for _ in range(10):
            assert get(port, "/x").status == 200
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(path))
            s.sendall(b"GET /x HTTP/1.0\r\nHost: a\r\n\r\n")
            assert s.recv(100).startswith(b"HTTP/1.1 200")
    works()
    for i in range(2):
        assert p.upgrade("--wait", "10").returncode == 0, p.log()[-2000:]
        works()
    assert p.reload(config.merged(p.conf, {"process": {"workers": 3}})).returncode == 0
    works()
    served = [w["requests"] for w in p.workers() if w["role"] == "worker"]
    figure(f"requests by worker on sockets handed in: {served}")
    p.stop()
    # the manager's own copies are as they were: it listens on, and starts us again for the next client
    assert path.exists() and path.stat().st_ino == inode
    for s, family, address in ((tcp, socket.AF_INET, ("127.0.0.1", port)), (unix, socket.AF_UNIX, str(path))):
        with socket.socket(family) as c:
            c.connect(address)
            s.accept()[0].close()
        s.close()
    stray.close()


def test_sockets_for_another_process_are_left_alone(made):
    p = made(free_port())
    p.extra_env = {"LISTEN_PID": "1", "LISTEN_FDS": "3"}
    p.start()
    assert "handed in" not in p.log() and get(p.ports()[0][1], "/x").status == 200


# ------------------------------------------------------------------ the unit file

@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_unit_file_is_sound_and_tight(tmp_path, figure):
    unit = tmp_path / "proxyd.service"
    text = (TOP / "master/proxyd.service").read_text()
    unit.write_text(text.replace("/usr/local/sbin/proxyd", "/bin/true").replace("/usr/local/bin/proxyctl", "/bin/true"))
    unit.chmod(0o644)       # whatever the umask is
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=30)
    said = [x for x in r.stderr.splitlines() if "proxyd.service" in x]
    assert r.returncode == 0 and not said, r
    r = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)], capture_output=True, text=True, timeout=30)
    line = next(x for x in r.stdout.splitlines() if "Overall exposure level" in x)
    level = float(line.split(":")[1].split()[0])
    figure(line.strip(" →"))
    assert level <= 2.2, r.stdout      # a master that is root and a network account for most of it
