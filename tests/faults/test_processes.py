"""Processes that are killed, stopped, replaced: F1, F2, F11, F12, F17 of SECURITY.md 3."""
import hashlib
import os
import re
import signal
import socket
import threading
import time

import pytest

from tests.faults.lib.book import p99
from tests.faults.lib.rig import Rig, log_since, mark, modes
from tests.faults.lib.size import pick
from tests.faults.lib.sockets import clients_of
from tests.flow.lib.proxy import processes, wait_for

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may see which connections a worker holds")
RESTART_S = 1                           # RestartSec of master/proxyd.service


@pytest.fixture
def rig(scratch, request):
    started = []

    def go(mode, **kw):
        r = Rig(scratch / request.node.name.replace("[", "-").strip("]")[:60], mode, **kw)
        started.append(r)
        return r.warm()
    yield go
    for r in started:
        r.stop()


def ready_after(proxy, since, timeout=10):
    """When a worker became ready, as the log tells it."""
    def told():
        """a worker is ready"""
        return re.search(r"worker \d+\[\d+\]: ready after", log_since(proxy, since))
    wait_for(told, timeout, 0.004)
    return time.monotonic()


# ---------------------------------------------------------------------------- F1

@modes("reverse")
def test_f1_a_killed_worker_takes_only_its_own_requests_with_it(rig, mode, figure):
    r = rig(mode)
    kills = []
    with r.load() as load:
        time.sleep(1)
        for i in range(pick(3, 20)):
            victim = r.proxy.worker_pids()[i % 2]
            since, at = mark(r.proxy), time.monotonic()
            held = clients_of(victim, r.port)
            os.kill(victim, signal.SIGKILL)
            dead = time.monotonic()
            kills.append((at, held, dead, ready_after(r.proxy, since) - dead))
            time.sleep(pick(1.5, 5) - (time.monotonic() - dead))
    failed, windows = load.book.of("status", "refused", "reset", "cut", "stuck", "raced"), []
    assert failed, "nobody was hit: this showed nothing"
    for (at, held, dead, _), until in zip(kills, [k[0] for k in kills[1:]] + [load.end + 60]):
        mine = [f for f in failed if at <= f.at < until]
        others = [f for f in mine if f.port not in held and f.at - f.age < at - 0.05]
        assert not others, f"connections of another worker failed: {others[:5]}"
        windows.append(max([f.at - dead for f in mine], default=0))
    assert not [f for f in failed if f.at < kills[0][0]], failed[:3]
    assert not load.book.of("refused", "status", "stuck"), load.book.of("refused", "status", "stuck")[:5]
    respawn = max(k[3] for k in kills)
    figure(f"F1 {mode}: {len(kills)} kills: respawn at most {respawn * 1e3:.0f} ms, errors for at most {max(windows) * 1e3:.0f} ms, "
           f"{len(failed)} requests of {len(load.book.rows)} failed, none of another worker; {r.judge(load.book)}")
    assert respawn <= 0.25 and max(windows) <= 0.5


# ---------------------------------------------------------------------------- F2

def slow_transfer(r, ident, n, begun, out):
    """Reads a long body in small steps, over the master's death."""
    host = "a.test" if r.mode == "reverse" else r.origin.address
    target = f"/f/{ident}/{n}" if r.mode == "reverse" else f"http://{host}/f/{ident}/{n}"
    with socket.create_connection(("127.0.0.1", r.port)) as s:
        s.settimeout(20)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        got = b""
        while len(got.partition(b"\r\n\r\n")[2]) < n:
            data = s.recv(65536)
            if not data:
                break
            got += data
            begun.set()
            time.sleep(0.01)
    out.append(hashlib.sha256(got.partition(b"\r\n\r\n")[2]).hexdigest())


@modes("forward")
def test_f2_a_killed_master_leaves_transfers_to_their_end_and_no_orphans(rig, mode, figure):
    r = rig(mode)
    ident, n, want = (1 << 40) + 1, 8 << 20, []                 # not divisible by four: it has a length
    slow_transfer(r, ident, n, threading.Event(), want)
    kills, sids = [], set()
    with r.load() as load:
        time.sleep(1)
        for _ in range(pick(2, 5)):
            begun, out = threading.Event(), []
            t = threading.Thread(target=slow_transfer, args=(r, ident, n, begun, out))
            t.start()
            assert begun.wait(5)
            time.sleep(0.2)
            old = r.proxy.process
            sids.add(r.proxy.sid)
            at = time.monotonic()
            old.kill()
            old.wait(5)
            time.sleep(RESTART_S)
            r.proxy.start()
            kills.append((at, time.monotonic() - at))
            t.join(20)
            assert out == want, "an established transfer did not come to its end"
            time.sleep(pick(1, 5))
    windows = []
    for (at, _), until in zip(kills, [k[0] for k in kills[1:]] + [load.end + 60]):
        refused = [f.at - at for f in load.book.of("refused") if at <= f.at < until]
        windows.append(max(refused, default=0))
        under_way = [f for f in load.book.rows if f.at - f.ms / 1e3 < at <= f.at and f.what not in ("ok", "raced", "refused")]
        assert not under_way, f"requests under way failed: {under_way[:5]}"
    other = load.book.of("status", "cut", "stuck")
    assert not other, other[:5]
    lost = r.origin.applied(f.id for f in load.book.lost_posts())
    assert not any(lost.values()), f"POSTs that were applied and not answered: {lost}"

    def no_orphans():
        """nobody of a dead master's is left"""
        return not [p for p, s in processes().items() if s[1] in sids and s[2] != "Z"]
    wait_for(no_orphans, 35 - (time.monotonic() - kills[-1][0]), 0.1)
    orphans = time.monotonic() - kills[-1][0]
    figure(f"F2 {mode}: {len(kills)} kills: refused for at most {max(windows) * 1e3:.0f} ms, transfers whole, orphans gone "
           f"{orphans:.1f} s behind; {len(load.book.of('refused'))} refused, {len(load.book.of('reset'))} reset before an answer, "
           f"{len(load.book.of('raced'))} raced; {r.judge(load.book)}")
    assert max(windows) <= 1.5


# ---------------------------------------------------------------------------- F11

class Generations(threading.Thread):
    """How many generations have workers, looked at all the time of a with block: `most` at once in `looks` looks."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.proxy, self.over, self.most, self.looks, self.wrong = proxy, threading.Event(), 0, 0, None

    def run(self):
        try:
            while not self.over.wait(0.02):
                self.most = max(self.most, len({w["generation"] for w in self.proxy.workers() if w["role"] == "worker"}))
                self.looks += 1
        except Exception as e:          # a look that fails is told by the test, not by a thread that is gone
            self.wrong = e

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.over.set()
        self.join(30)


@modes("reverse")
def test_f11_reloads_fail_nothing(rig, mode, figure):
    r = rig(mode)
    good, took, n = r.proxy.conf, [], pick(8, 100)
    with r.load() as load, Generations(r.proxy) as seen:
        time.sleep(0.5)
        for i in range(n):
            at = time.monotonic()
            bad = i % 10 == 5
            if bad:
                r.proxy.file.write_text(r.proxy.file.read_text() + "\nnonsense = 1;\n")
            else:
                r.proxy.write({**good, "timeouts": {**good["timeouts"], "linger": f"{500 + i}ms"}})
            told = r.proxy.ctl("reload", "--wait", "20", timeout=30)
            assert (told.returncode == 1 and "nonsense" in told.stderr) if bad else told.returncode == 0, (i, told)
            took.append(time.monotonic() - at)
            time.sleep(max(0, at + 1 - time.monotonic()))
    lost = r.origin.applied(f.id for f in load.book.lost_posts())
    figure(f"F11 {mode}: {n} reloads ({sum(i % 10 == 5 for i in range(n))} invalid), {sorted(took)[n // 2] * 1e3:.0f} ms in the middle, "
           f"{max(took) * 1e3:.0f} at most, {seen.most} generations at most in {seen.looks} looks: {len(load.book.failed())} of {len(load.book.rows)} failed; {len(load.book.of('raced'))} met a kept connection "
           f"just closed, POSTs among them applied: {sum(lost.values())}; {r.judge(load.book, fds=2)}")
    assert not load.book.failed(), load.book.failed()[:5]
    assert seen.wrong is None and seen.looks >= n, (seen.wrong, seen.looks)
    assert not any(lost.values()) and seen.most <= 2


# ---------------------------------------------------------------------------- F12

@modes("forward")
def test_f12_upgrades_fail_nothing(rig, mode, figure):
    r = rig(mode)
    crash = r.folder / "crash"
    crash.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crash.chmod(0o755)
    n = pick(4, 20)
    bad = {1} if n < 20 else {3, 10, 16}
    with r.load() as load:
        time.sleep(0.5)
        for i in range(n):
            before = r.proxy.pid
            told = r.proxy.upgrade(*([crash] if i in bad else []))
            assert told.returncode == (1 if i in bad else 0), (i, told, r.proxy.log()[-2000:])
            assert (r.proxy.pid == before) == (i in bad)
            assert r.proxy.status()["pid"] == r.proxy.pid
            time.sleep(0.5)
    lost = r.origin.applied(f.id for f in load.book.lost_posts())
    wait_for(lambda: r.proxy.masters() == [r.proxy.pid], 35, 0.1)
    figure(f"F12 {mode}: {n} upgrades, {len(bad)} of them crash: {len(load.book.failed())} of {len(load.book.rows)} failed; "
           f"{len(load.book.of('raced'))} met a kept connection just closed, POSTs among them applied: {sum(lost.values())}; "
           f"{r.judge(load.book, fds=2)}")
    assert not load.book.failed(), load.book.failed()[:5]
    assert not any(lost.values())


# ---------------------------------------------------------------------------- F17

@modes("reverse")
def test_f17_a_stopped_worker_is_replaced_and_the_others_go_on(rig, mode, figure):
    r = rig(mode)
    ratios, took = [], []
    with r.load() as load:
        time.sleep(0.5)
        spans = []
        for i in range(pick(1, 3)):
            time.sleep(5.5)
            victim = r.proxy.worker_pids()[i % 2]
            held, since, at = clients_of(victim, r.port), mark(r.proxy), time.monotonic()
            os.kill(victim, signal.SIGSTOP)
            took.append(ready_after(r.proxy, since) - at)
            assert not os.path.exists(f"/proc/{victim}") or victim not in r.proxy.child_pids()
            spans.append((at, held))
        time.sleep(1)
    for at, held in spans:
        others = [f for f in load.book.of("ok", "cut", "reset", "stuck", "status") if f.port not in held]
        before = [f for f in others if at - 5 <= f.at < at]
        during = [f for f in others if at <= f.at - f.ms / 1e3 and f.at < at + 5]
        assert len(before) > 100 and len(during) > 100
        ratios.append(p99(during) / p99(before))
    stray = [f for f in load.book.failed() + load.book.lost_posts()
             if not any(f.port in held or f.at - f.age > at - 0.05 for at, held in spans)]
    assert not stray, stray[:5]
    ratio = sorted(ratios)[len(ratios) // 2]
    figure(f"F17 {mode}: stopped {len(took)} times, replaced within {max(took):.2f} s; others' p99 x {ratio:.2f} "
           f"({', '.join(f'{x:.2f}' for x in ratios)}); {len(load.book.failed())} of {len(load.book.rows)} failed, its own; {r.judge(load.book)}")
    assert max(took) <= 6
    assert ratio <= 1.2
