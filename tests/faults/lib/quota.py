"""A share of one core for a running process tree: a CPU quota of a control group, either version.

The period is 10 ms: what the kernel's usual 100 ms would hold back for 80 ms at a stretch, no signal could see in time.
"""
import os
from pathlib import Path

from tests.flow.lib.proxy import processes, wait_for

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


class Quota:
    """with Quota(sid, 0.1): every process of that session gets a tenth of a core together."""

    def __init__(self, sid, share):
        self.sid, self.share = sid, share
        top = _v1()
        self.v1, top = top is not None, top or _v2()
        if top is None:
            raise RuntimeError("no control group for the cpu can be made here: run as root with a writable /sys/fs/cgroup")
        self.folder = top / f"proxyd-faults-{os.getpid()}-{sid}"

    def __enter__(self):
        self.folder.mkdir()
        quota = int(PERIOD_US * self.share)
        if self.v1:
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (self.folder / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        self.old = {}
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
