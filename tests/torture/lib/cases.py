"""One run of a scenario with its n-th allocation failing, and the verdict."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import namedtuple
from pathlib import Path

from tests.flow.lib import config
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import ALARM, PROXYD, wait_for
from tests.flow.lib.upgrade import Upgraded

from .control import FOREVER, NTH, SPARING, Control
from .scenarios import LIVE, POLITE, World, ready

# verdict: "unnoticed", "refused" (one part, or the start), "defect"; outcomes: the parts' that were not ok
Case = namedtuple("Case", "n fired spared count verdict outcomes why live fds")


MASTERS = ("master", "next+1")          # load a configuration that a child found good
REPLACED = ("agent", "logger")          # serve no connection: may end when memory is out, and another one starts


class Tortured(Upgraded):
    """With the shim in all its processes, and none of it in proxyctl."""

    def __init__(self, folder, conf, shim):
        super().__init__(folder, conf, name="torture")
        self.control = Control(folder / "control")
        os.chmod(self.control.path, 0o666)
        self.preload = {"LD_PRELOAD": str(shim), "TORTURE": str(self.control.path)}

    def ports(self):
        return []       # a connection at the start would warm up what shall be cold

    def start(self, wait=True):
        self.extra_env = self.preload
        try:
            return super().start(wait)
        finally:
            self.extra_env = {}


def folder():
    d = Path(tempfile.mkdtemp(prefix="proxyd-torture-"))
    d.chmod(0o755)
    return d


def fds(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return -1


def settle(control):
    """Until the aim has made no call for 60 ms."""
    last, since, end = -1, time.monotonic(), time.monotonic() + 3
    while time.monotonic() < min(since + 0.06, end):
        if control.count != last:
            last, since = control.count, time.monotonic()
        time.sleep(0.01)
    return last


def number_of(p, aim):
    """The shim's number of that process, and its pid when it lives."""
    kind, _, more = aim.partition("+")
    if kind == "next":
        return p.control.processes + int(more or 0), None
    pid = p.pid if aim == "master" else p.role_pids(aim)[0]
    return p.control.pids()[pid], pid


def judge_live(first, second, gone):
    failed = [o for o in first if o != "ok"]
    wrong = [o for o in failed if o not in POLITE]
    if wrong:
        return wrong[0]
    if len(failed) > 1:
        return f"{len(failed)} parts failed: {failed}"
    if any(o != "ok" for o in second):
        return f"afterwards {second}"
    if gone:
        return f"children died: {gone}"
    return None


def live(world, shim, name, aim, n, bound=None):
    """The act with the n-th call failing, then again with none. bound: (live, fds) of a run without failure."""
    scn, d = LIVE[name], folder()
    port = free_port()
    p = Tortured(d, scn.conf(world, port), shim)
    p.port, why, died = port, None, False
    p.deaths_expected = scn.changes
    scn.prepare(d)
    fired = spared = count = blocks = files = 0
    first = []
    try:
        p.start()
        number, pid = number_of(p, aim)
        children = set(p.child_pids())
        if pid is not None:
            p.control.arm(number, FOREVER)
            settle(p.control)
        start = p.control.live(number), fds(pid)
        p.control.arm(number, n, SPARING if aim in MASTERS else NTH)
        first = scn.act(p, world)
        count = settle(p.control)
        fired, spared = p.control.failed, p.control.spared
        p.control.disarm()
        second = scn.act(p, world)
        gone = [c for c in children if c not in p.child_pids()]
        died = aim in REPLACED and gone == [pid]
        p.deaths_expected |= died
        why = judge_live(first, second, [] if died or scn.changes else gone)
        if why is None and not scn.changes and not died:
            until = time.monotonic() + 2
            while True:
                blocks, files = p.control.live(number) - start[0], fds(pid) - start[1]
                if bound is None or (blocks <= bound[0] and files <= bound[1]) or time.monotonic() > until:
                    break
                time.sleep(0.02)
    except (AssertionError, subprocess.TimeoutExpired, IndexError, KeyError, OSError) as e:
        why = f"{type(e).__name__}: {e}"
    why = end(p, why, scn.changes)
    if why and fired:
        why += f"\n      at {p.control.where(PROXYD)}"
    shutil.rmtree(d, ignore_errors=True)
    failed = [o for o in first if o != "ok"]
    verdict = "defect" if why else "replaced" if died else "refused" if failed else "unnoticed"
    return Case(n, fired, spared, count, verdict, failed, why, blocks, files)


def end(p, why, changes):
    try:
        p.stop()
    except AssertionError as e:
        why = (why or "") + f" {e}"
    finally:
        p.control.disarm()
        if p.process is not None:
            p.kill()
    return why


def start(world, shim, aim, n):
    """A whole life: start, one request, stop; the n-th call of that process fails, wherever it is then."""
    d, port, why, verdict = folder(), free_port(), None, "unnoticed"
    p = Tortured(d, config.reverse(port, world.at), shim)
    p.port, p.deaths_expected = port, True
    p.control.arm(aim, n, SPARING if aim == 0 else NTH)
    p.start(wait=False)
    up = ready(p)
    if up is None:
        why = "neither ended nor served within 20 s"
    elif not up:
        verdict = "refused"
        if p.process.returncode <= 0:
            why = f"its start ended with {p.process.returncode}"
        elif not p.log().strip() or any(ALARM.search(x) for x in p.log().splitlines()):
            why = f"its start failed without a clear word: {p.log()[-600:]}"
        wait_for(lambda: not p.mine(), 5)
        p.process = None
    elif p.control.failed and any(w["pid"] not in p.control.pids() for w in p.workers()):
        why = "a process the shim does not know"
    if p.process is not None:
        why = end(p, why, True)
    fired, spared, count = p.control.failed, p.control.spared, p.control.count
    if why and fired:
        why += f"\n      at {p.control.where(PROXYD)}"
    p.control.disarm()
    shutil.rmtree(d, ignore_errors=True)
    return Case(n, fired, spared, count, "defect" if why else verdict, [], why, 0, 0)


BROKEN = 'mode = "reverse";\nprocess = { workers = "many"; };\nlisteners = ( { bind = [ "127.0.0.1:x" ]; } );\nrouts = ();\n'


def check(world, shim, aim, n):
    """proxyd -t of a file with several errors."""
    d, why = folder(), None
    (d / "proxyd.conf").write_text(BROKEN)
    c = Control(d / "control")
    c.arm(aim, n, SPARING if aim == 0 else NTH)
    env = {**os.environ, "LD_PRELOAD": str(shim), "TORTURE": str(c.path)}
    r = subprocess.run([str(PROXYD), "-t", "-c", str(d / "proxyd.conf")], env=env, capture_output=True, text=True, timeout=30)
    said = r.stdout + r.stderr
    if r.returncode <= 0 or not said.strip() or any(ALARM.search(x) for x in said.splitlines()):
        why = f"ended with {r.returncode} and said {said[-600:]!r}"
        if c.failed:
            why += f"\n      at {c.where(PROXYD)}"
    whole = "process.workers" in said
    out = Case(n, c.failed, c.spared, c.count, "defect" if why else "unnoticed" if whole else "refused", [], why, 0, 0)
    shutil.rmtree(d, ignore_errors=True)
    return out


def run(world, shim, name, aim, n, bound=None):
    if name == "start":
        return start(world, shim, aim, n)
    if name == "check":
        return check(world, shim, aim, n)
    return live(world, shim, name, aim, n, bound)


def roles_at_start(world, shim):
    """The number each role's process gets at a start: always the same order."""
    d, port = folder(), free_port()
    p = Tortured(d, config.reverse(port, world.at), shim)
    p.port = port
    p.start()
    numbers = {"master": 0, "judge": 1, **{w["role"]: p.control.pids()[w["pid"]] for w in p.workers()}}
    p.stop()
    shutil.rmtree(d, ignore_errors=True)
    return numbers
