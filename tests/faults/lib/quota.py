"""A share of one core for a running process tree: a CPU quota of a control group, either version, and where none can be
made (a container that may not) a hog of higher priority on the one core that the tree may then use.

The period is 10 ms: what the kernel's usual 100 ms would hold back for 80 ms at a stretch, no signal could see in time.
"""
import os
import subprocess
import sys
from pathlib import Path

from tests.flow.lib.proxy import follow_parent, processes, wait_for

PERIOD_US = 10000


def _v1():
    top = Path("/sys/fs/cgroup/cpu")
    return top if (top / "cpu.cfs_quota_us").exists() or (top / "cpu.shares").exists() else None


def _v2():
    for top in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")):
        try:
            if "cpu" in (top / "cgroup.subtree_control").read_text().split():
                return top
            (top / "cgroup.subtree_control").write_text("+cpu")
            return top
        except OSError:
            pass
    return None


HOG = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
busy, period, due = float(sys.argv[2]), float(sys.argv[3]), time.monotonic()
while True:
    due += period
    while time.monotonic() < due - period + busy:
        pass
    time.sleep(max(0, due - time.monotonic()))
"""


class _Hog:
    """Takes the rest of the core from the session's processes."""

    how = "a hog on their core"

    def __init__(self, sid, share):
        self.sid, self.share = sid, share

    def __enter__(self):
        core = min(os.sched_getaffinity(0))
        for pid, (_, session, _) in processes().items():
            if session == self.sid:
                os.sched_setaffinity(pid, {core})
        period = PERIOD_US / 1e6
        self.hog = subprocess.Popen([sys.executable, "-c", HOG, str(core), str(period * (1 - self.share)), str(period)],
                                    preexec_fn=follow_parent)
        return self

    def __exit__(self, *exc):
        assert self.hog.poll() is None, "the hog could not run: it needs CAP_SYS_NICE"
        self.hog.kill()
        self.hog.wait(5)


def Quota(sid, share):
    """with Quota(sid, 0.1): every process of that session gets a tenth of a core together. `how` says by what means."""
    for top, v1 in ((_v1(), True), (_v2(), False)):
        if top is not None and os.environ.get("FAULTS_QUOTA") != "hog":
            try:
                return _Group(sid, share, top, v1)
            except OSError:
                pass
    return _Hog(sid, share)


class _Group:
    how = "a quota of a control group"

    def __init__(self, sid, share, top, v1):
        self.sid, self.share, self.v1 = sid, share, v1
        self.folder = top / f"proxyd-faults-{os.getpid()}-{sid}"
        self.folder.mkdir()

    def __enter__(self):
        quota = int(PERIOD_US * self.share)
        if self.v1:
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (self.folder / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        for pid, (_, session, _) in processes().items():
            if session == self.sid:
                (self.folder / "cgroup.procs").write_text(str(pid))
        return self

    def __exit__(self, *exc):
        """Its processes go back to the top, and the group goes."""
        def gone():
            """the control group is given up"""
            for pid in (self.folder / "cgroup.procs").read_text().split():
                try:
                    (self.folder.parent / "cgroup.procs").write_text(pid)
                except OSError:
                    pass
            try:
                self.folder.rmdir()
            except OSError:
                return False
            return True
        wait_for(gone)
