"""Runs the real proxyd on free ports, and tells what was wrong with it afterwards."""
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import config, valgrind

TOP = Path(__file__).resolve().parents[3]
PROXYD = Path(os.environ.get("PROXYD", TOP / ".build/release/proxyd")).resolve()
PROXYCTL = Path(os.environ.get("PROXYCTL", PROXYD.with_name("proxyctl"))).resolve()

SANITIZER_EXIT = 99

OWNER = {"user": "nobody", "group": "nogroup"}     # what children of a root become

ALARM = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:|SUMMARY: .*Sanitizer|[Aa]ssertion|ASSERT|NEVER\b"
                   r"|crash report|ended with status 99|stack smashing|buffer overflow detected|double free|corrupted|SOFT\b", re.M)


_libc = ctypes.CDLL(None)


def follow_parent():
    """In a new process: ends when the test run does, however that ends."""
    _libc.prctl(1, signal.SIGTERM)      # PR_SET_PDEATHSIG


def _stat(pid):
    """(ppid, session, state) of a process, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    f = text.rpartition(")")[2].split()
    return int(f[1]), int(f[3]), f[0]


def processes():
    return {int(p): s for p in os.listdir("/proc") if p.isdigit() and (s := _stat(int(p)))}


def wait_for(what, timeout=5.0, step=0.01):
    """Polls what() until it is true; returns its value, or raises."""
    end = time.monotonic() + timeout
    while True:
        v = what()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {getattr(what, '__doc__', None) or what}")
        time.sleep(step)


class Proxy:
    """One instance. `conf` is a dict of lib/config.py; log places and the admin socket are filled in here."""

    def __init__(self, folder, conf, name="t", prefix=()):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.file = self.folder / "proxyd.conf"
        self.access = self.folder / "access.json"
        self.stderr_path = self.folder / "stderr"
        self.socket = self.folder / "admin.sock"
        self.name, self.prefix = name, list(prefix)
        self.extra_env, self.pass_fds = {}, ()
        self.process = None
        self.children = set()
        self.deaths_expected = False
        self.alarms_expected = False
        self.write(conf)

    # ---- configuration

    def complete(self, conf):
        base = {
            "name": self.name,
            "process": {"admin_socket": str(self.socket), "log": "stderr", "log_level": "info", "drain": "6s"},
            "telemetry": {"access_log": {"path": str(self.access), "format": "json"}},
        }
        if os.getuid() == 0:
            base["process"].update(OWNER)
        out = config.merged(base, conf)
        return {k: out[k] for k in sorted(out, key=lambda k: k not in ("name", "mode"))}

    def write(self, conf):
        if isinstance(conf, str):
            self.conf = None
            self.file.write_text(conf)
            return
        self.conf = self.complete(conf)
        self.file.write_text(config.text(self.conf))

    def ports(self):
        out = []
        for listener in (self.conf or {}).get("listeners", []):
            for b in listener["bind"]:
                if b.startswith("unix:"):
                    continue
                host, _, port = b.rpartition(":")
                out.append((host.strip("[]") or "127.0.0.1", int(port)))
        return out

    # ---- life

    def environ(self, leaks=False):
        env = {**os.environ, **self.extra_env}
        reports = self.folder / "reports"       # children that dropped root write there too
        reports.mkdir(exist_ok=True)
        reports.chmod(0o777)
        san = f"log_path={reports}/sanitizer:exitcode={SANITIZER_EXIT}"
        env["ASAN_OPTIONS"] = f"{san}:detect_leaks={int(leaks)}:abort_on_error=0"
        env["UBSAN_OPTIONS"] = f"print_stacktrace=1:halt_on_error=1:{san}"
        return env

    def start(self, wait=True):
        assert PROXYD.exists(), f"{PROXYD} is not built"
        self.err = open(self.stderr_path, "ab")
        self.process = subprocess.Popen([*self.prefix, *valgrind.prefix(self.folder), str(PROXYD), "-f", "-c", str(self.file)], env=self.environ(leaks=True),
                                        stdin=subprocess.DEVNULL, stdout=self.err, stderr=self.err,
                                        start_new_session=True, cwd=self.folder, preexec_fn=follow_parent,
                                        pass_fds=self.pass_fds)
        self.sid = self.process.pid
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=60 if valgrind.ON else 15):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f"proxyd ended with {self.process.returncode} at its start:\n{self.log()}")
            if not self.socket.exists():
                return False
            for host, port in self.ports():
                try:
                    socket.create_connection((host, port), 1).close()
                except OSError:
                    return False
            return len(self.worker_pids()) >= 1
        wait_for(answers, timeout)
        self.children = set(self.child_pids())

    @property
    def pid(self):
        return self.process.pid

    def child_pids(self):
        return sorted(p for p, s in processes().items() if s[0] == self.pid and s[2] != "Z")

    def workers(self):
        """What `proxyctl workers` tells, or nothing while it cannot."""
        r = self.ctl("workers", "--json")
        return data_of(r.stdout) if r.returncode == 0 else []

    def role_pids(self, role):
        """Living children in that role; of every generation."""
        alive = self.child_pids()
        return sorted(w["pid"] for w in self.workers() if w["role"] == role and w["pid"] in alive)

    def worker_pids(self):
        return self.role_pids("worker")

    def stop(self, sig=signal.SIGTERM, timeout=90 if valgrind.ON else 20):
        """Stops and judges. Raises AssertionError with everything that was wrong."""
        if self.process is None:
            return
        wrong = []
        if self.process.poll() is None:
            if not self.deaths_expected:
                gone = [p for p in self.children if p not in self.child_pids()]
                if gone:
                    wrong.append(f"children died: {gone}")
            started = time.monotonic()
            self.process.send_signal(sig)
            try:
                self.process.wait(timeout)
                if time.monotonic() - started > (60 if valgrind.ON else 5) and not self.deaths_expected:
                    wrong.append(f"the stop took {time.monotonic() - started:.1f} s: requests hung whose clients were gone")
            except subprocess.TimeoutExpired:
                wrong.append(f"still running {timeout} s behind signal {sig}")
                self.kill()
        if self.process.returncode not in (0, -signal.SIGKILL if self.alarms_expected else 0):
            wrong.append(f"exit status {self.process.returncode}")
        left = [p for p, s in processes().items() if s[1] == self.sid and p != self.sid and s[2] != "Z"]
        if left:
            time.sleep(0.3)
            left = [p for p in left if _stat(p) and _stat(p)[1] == self.sid]
        if left:
            wrong.append(f"processes left over: {left}")
            for p in left:
                os.kill(p, signal.SIGKILL)
        wrong += self.alarms()
        self.process = None
        assert not wrong, "\n".join(wrong) + "\n---- log\n" + self.log()[-6000:]

    def kill(self):
        """All of it at once: stopped first, so that none has time to see that another one is gone, and to leave cleanly."""
        for sig in (signal.SIGSTOP, signal.SIGKILL):
            for p, s in processes().items():
                if s[1] == self.sid:
                    try:
                        os.kill(p, sig)
                    except ProcessLookupError:
                        pass
        self.process.wait(5)

    def alarms(self):
        if self.alarms_expected:
            return []
        found = [x for x in self.log().splitlines() if ALARM.search(x)]
        for f in self.folder.glob("reports/sanitizer*"):
            found.append(f"{f.name}:\n{f.read_text(errors='replace')[:6000]}")
        found += valgrind.findings(self.folder, self.process.pid)
        return found

    # ---- looking at it

    def log(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def records(self, match=None, count=1, timeout=3.0):
        """Access log records (dicts), waiting until `count` of them match."""
        def have():
            rows = self.all_records()
            rows = [r for r in rows if match is None or match(r)]
            return rows if len(rows) >= count else None
        try:
            return wait_for(have, timeout)
        except AssertionError:
            raise AssertionError(f"fewer than {count} matching records; last ones:\n"
                                 + "\n".join(map(json.dumps, self.all_records()[-5:])))

    def all_records(self):
        if not self.access.exists():
            return []
        lines = self.access.read_text(errors="replace").split("\n")[:-1]
        return [json.loads(x) for x in lines]

    def ctl(self, *args, timeout=20, check=False):
        r = subprocess.run([str(PROXYCTL), "-s", str(self.socket), *map(str, args)], capture_output=True, text=True,
                           timeout=timeout, cwd=self.folder, env=self.environ())
        if check:
            assert r.returncode == 0, (args, r.returncode, r.stdout, r.stderr)
        return r

    def status(self):
        return data_of(self.ctl("status", "--json", check=True).stdout)

    def reload(self, conf=None, how="ctl"):
        if conf is not None:
            self.write(conf)
        self.deaths_expected = True
        if how == "ctl":
            return self.ctl("reload", "--wait", "20", timeout=30)
        self.process.send_signal(signal.SIGHUP)
        return None

    def rss(self, pid):
        """Bytes of memory of its own that a process has in use; shared segments are not its own."""
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"/proc/{pid}/status has no RssAnon")


def stop_all(proxies):
    """Stops each and judges its end; what was wrong with any of them is one failure."""
    wrong = []
    for p in proxies:
        try:
            p.stop()
        except AssertionError as e:
            wrong.append(f"{p.folder}: {e}")
    assert not wrong, "\n".join(wrong)


def run(*args, timeout=20, cwd=None, env=None):
    """The binary with options, to its end."""
    return subprocess.run([str(PROXYD), *map(str, args)], capture_output=True, text=True, timeout=timeout, cwd=cwd,
                          env=env)


def have(program):
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def data_of(text):
    """What proxyctl --json printed: the data alone or the whole answer."""
    v = json.loads(text)
    return v["data"] if isinstance(v, dict) and "data" in v else v
