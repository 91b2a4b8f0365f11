"""What every fault is played on: an origin and clients that keep ledgers, the proxy between them, and the invariants I0.

    rig = Rig(folder, "reverse")
    rig.warm()                          # capacity is measured, and what idle looks like
    with rig.load() as load:            # 200 connections at 60 % of it
        ...                             # the fault
    rig.judge(load.book)                # I0 of SECURITY.md 3
"""
import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.lib.book import NEVER, Book
from tests.faults.lib.size import pick
from tests.flow.lib import config
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYD, follow_parent, wait_for
from tests.flow.lib.upgrade import Upgraded

BIN = Path(os.environ.get("FAULTS_BIN", PROXYD.parent / "tests/faults/src"))
CONNS = 200
SHARE = 0.6
IDLE_S = pick(4, 30)                    # nothing happens so long before descriptors and memory are compared
RSS_MORE = 1.05
KEPT = 1 << 20                          # freed memory that mem_trim leaves with the allocator (TRIM_AFTER)
PIPES = 2 * 64                          # descriptors that a worker keeps for the next large bodies (worker/io/splice.c)
SANITIZED = b"__asan_init" in PROXYD.read_bytes() if PROXYD.exists() else False


def modes(short):
    """Marks a test to run in both modes; the short form in one of them."""
    return pytest.mark.parametrize("mode", pick([short], ["reverse", "forward"]))


class Origin:
    """tests/faults/src/origin.c; its ledger is asked by lines."""

    def __init__(self, host="127.0.0.1", port=None):
        self.host, self.port = host, port or free_port()
        self.process = subprocess.Popen([BIN / "origin", host, str(self.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1, preexec_fn=follow_parent)
        self.ledger()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def _ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ledger(self):
        return self._ask("tell")

    def applied(self, ids):
        """How often each POST was carried out."""
        out = {}
        ids = list(ids)
        for i in range(0, len(ids), 1000):
            out.update({int(k): n for k, n in self._ask("applied " + " ".join(map(str, ids[i:i + 1000]))).items()})
        return out

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class Load:
    """tests/faults/src/load.c for the length of a with block; `book` is its ledger from then on."""

    first = 1

    def __init__(self, folder, port, origin_port=0, rate=0.0, conns=CONNS, **options):
        self.path = Path(folder) / f"load-{Load.first}"
        argv = [BIN / "load", "-p", port, "-o", self.path, "-F", origin_port, "-r", rate, "-c", conns, "-i", Load.first]
        for k, v in options.items():
            argv += [f"-{k}", v]
        self.argv, self.book, self.total, self.rate = list(map(str, argv)), None, None, rate

    def __enter__(self):
        self.begin = time.monotonic()
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=follow_parent)
        return self

    def __exit__(self, *exc):
        if self.book is None:
            self.finish()

    def finish(self):
        self.end = time.monotonic()
        try:
            out, _ = self.process.communicate("", timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, f"the load ended with {self.process.returncode}"
        self.total = json.loads(out)
        self.ids = range(Load.first, self.total["next_id"])
        Load.first = self.total["next_id"]
        self.book = Book(self.path)

    def so_far(self):
        return Book(self.path)


class Rig:
    def __init__(self, folder, mode="reverse", workers=2, prefix=(), env=(), start=True, **extra):
        self.mode, self.folder = mode, Path(folder)
        self.origin, self.port = Origin(), free_port()
        pool = {"idle": "2s"}
        base = {"process": {"workers": workers, "drain": "5s"}, "timeouts": {"keepalive": "2s"},
                "overload": {"delay": "0s"}}      # a machine that others use is no fault; F15 tries the shedding
        base["telemetry"] = {"access_log": {"path": str(self.folder / "access.log")}}
        if mode == "reverse":
            conf = config.reverse(self.port, self.origin.address, **config.merged(base, extra))
            conf["services"][0].setdefault("pool", pool)
        else:
            conf = config.forward(self.port, **config.merged({**base, "forward": {"pool": pool}}, extra))
        self.proxy = Upgraded(self.folder, conf, name="faults", prefix=prefix)
        self.proxy.extra_env.update(env)
        self.proxy.deaths_expected = True
        self.capacity, self.before = 0.0, None
        if start:
            self.proxy.start()

    def load(self, rate=None, **options):
        if rate is None:
            rate = round(self.capacity * SHARE, 1)
        return Load(self.folder, self.port, self.origin.port if self.mode == "forward" else 0, rate, **options)

    def warm(self, seconds=None):
        """Everything was used once: what is idle then is what idle looks like."""
        with self.load(rate=0) as load:
            time.sleep(seconds or pick(1.5, 5))
        span = load.end - load.begin
        ok = [r for r in load.book.of("ok") if r.at <= load.end]
        assert not load.book.failed(), load.book.failed()[:5]
        self.capacity = len(ok) / span
        self.before = self.idle()
        return self

    # ---- descriptors and memory

    def descriptors(self, pid):
        """How many; the pipes that a worker keeps for the next large body count once there are more than those."""
        to = []
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                to.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
            except FileNotFoundError:
                pass
        pipes = sum(x.startswith("pipe:") for x in to)
        return len(to) - min(pipes, PIPES)

    def processes(self):
        """role -> [(pid, descriptors, anonymous bytes)] of every living process of it."""
        roles = {w["pid"]: w["role"] for w in self.proxy.workers()}
        out = {}
        for pid in self.proxy.mine():
            role = "master" if pid == self.proxy.pid else roles.get(pid, "other")
            try:
                out.setdefault(role, []).append((pid, self.descriptors(pid), self.proxy.rss(pid)))
            except OSError:
                pass
        return out

    def idle(self):
        """As it is when nothing has happened for a while."""
        def quiet():
            """no connection, no request, nothing draining"""
            c = self.proxy.status()["counters"]
            return not any(c[g] for g in ("connections_open", "requests_active", "upstream_idle"))
        wait_for(quiet, 20, 0.1)
        time.sleep(IDLE_S)
        return self.processes()

    def judge(self, *books, fds=0):
        """I0. fds: how many more descriptors a process may have; returns a text of figures."""
        sick = [r for b in books for r in b.of(*NEVER)]
        assert not sick, f"{len(sick)}: {sick[:5]}"
        told = self.origin.ledger()
        assert told["corrupted"] == told["twice"] == told["malformed"] == 0, told
        lost = [r.id for b in books for r in b.lost_posts()]
        after = self.idle()
        grown = []
        for role, rows in after.items():
            old = self.before.get(role, [])
            if len(rows) != len(old):
                grown.append(f"{role}: {len(rows)} processes, {len(old)} before")
                continue
            most, had = max(n for _, n, _ in rows), max(n for _, n, _ in old)
            if most > had + fds:
                grown.append(f"{role}: {most} descriptors, {had} before")
            most, had = max(m for _, _, m in rows), max(m for _, _, m in old)
            if most > had * RSS_MORE + KEPT and not SANITIZED:
                grown.append(f"{role}: {most >> 10} KiB, {had >> 10} before")
        assert not grown, (grown, self.before, after)
        assert not self.proxy.alarms(), self.proxy.alarms()
        counted = sum((len(b.of("ok")) for b in books))
        return f"{counted} bodies verified, {told['posts']} POSTs applied, none twice, {len(lost)} lost with a closed connection"

    def stop(self):
        try:
            self.proxy.stop()
        finally:
            self.origin.stop()


def log_since(proxy, mark):
    return proxy.stderr_path.read_bytes()[mark:].decode(errors="replace")


def mark(proxy):
    return proxy.stderr_path.stat().st_size
