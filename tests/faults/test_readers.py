"""Who reads what proxyd says may stop reading, and nobody else notices: F20 of SECURITY.md 3."""
import os
import signal
import socket
import subprocess
import time

from tests.faults.lib.rig import Rig, modes
from tests.faults.lib.size import pick
from tests.flow.lib.proxy import PROXYCTL, wait_for

GAP_S = 0.5                             # requests end all the time, or something stalls
LOGGER_KIB = 24 << 10                   # what the logger may have grown to


def longest_gap(book, begin, end):
    ends = sorted([begin, end, *(r.at for r in book.of("ok") if begin < r.at < end)])
    return max(b - a for a, b in zip(ends, ends[1:]))


class Stopped:
    """A pipe, or a FIFO at a path, that is open for reading and not read."""

    def __init__(self, path=None):
        if path is None:
            self.rd, self.wr = os.pipe()
            os.set_blocking(self.rd, False)
        else:
            os.mkfifo(path)
            os.chmod(path, 0o666)
            self.rd, self.wr = os.open(path, os.O_RDONLY | os.O_NONBLOCK), -1

    def read(self):
        out = b""
        try:
            while data := os.read(self.rd, 1 << 16):
                out += data
        except BlockingIOError:
            pass
        return out

    def close(self):
        for fd in (self.rd, self.wr):
            if fd >= 0:
                os.close(fd)


@modes("forward")
def test_f20_readers_that_stop_stall_nobody(scratch, mode, figure):
    folder = scratch / f"f20-{mode}"
    folder.mkdir()
    event, access = Stopped(), Stopped(folder / "access.fifo")
    r = Rig(folder, mode, start=False, process={"log_level": "debug"},
            telemetry={"access_log": {"path": str(folder / "access.fifo"), "format": "json"}})
    r.proxy.prefix, r.proxy.pass_fds = ["/bin/bash", "-c", f'exec "$@" 2>&{event.wr}', "bash"], (event.wr,)
    stuck, follower = [], None
    try:
        r.proxy.start()
        follower = subprocess.Popen([PROXYCTL, "-s", r.proxy.socket, "log", "--follow"], stdout=subprocess.DEVNULL)
        r.warm()
        os.kill(follower.pid, signal.SIGSTOP)
        while True:                     # no room is left for another line
            try:
                os.set_blocking(event.wr, False)
                os.write(event.wr, b"x" * 512)
            except BlockingIOError:
                break
        os.set_blocking(event.wr, True)                         # of all that share it
        with r.load() as load:
            begin = time.monotonic()
            for _ in range(8):          # ask for much and take nothing
                s = socket.socket(socket.AF_UNIX)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                s.connect(str(r.proxy.socket))
                s.sendall(b"conn ls --limit 2000\n")
                stuck.append(s)
            slowest, until = 0, begin + pick(4, 20)
            while time.monotonic() < until:
                at = time.monotonic()
                assert r.proxy.ctl("reload", "--wait", "10").returncode == 0        # the master logs, and has to go on
                r.proxy.status()
                slowest = max(slowest, time.monotonic() - at)
                time.sleep(0.5)
            end = time.monotonic()
        gap, status = longest_gap(load.book, begin + 0.2, end), r.proxy.status()
        logger = max(m for _, _, m in r.processes()["logger"])
        dropped = status["counters"]["journal_dropped_total"]
        assert access.read().count(b"\n") < len(load.book.rows), "the log had room for all: this showed nothing"
        event.read()
        r.proxy.ctl("reload", check=True)

        def told():
            """the event log tells what it lost"""
            return b" lines of this log were lost" in event.read()
        wait_for(told, 5, 0.05)
        lost = r.origin.applied(f.id for f in load.book.lost_posts())
        figure(f"F20 {mode}: event log, access log, log --follow and 8 admin clients not read for {end - begin:.0f} s: "
               f"{len(load.book.failed())} of {len(load.book.rows)} failed, longest gap between two answers {gap * 1e3:.0f} ms, "
               f"reload and status {slowest * 1e3:.0f} ms at most, {dropped} records dropped, logger {logger >> 10} KiB; "
               f"POSTs applied and not answered: {sum(lost.values())}")
        assert not load.book.failed(), load.book.failed()[:5]
        assert gap <= GAP_S and slowest <= 2 and logger <= LOGGER_KIB << 10 and not any(lost.values())
        for s in stuck:
            s.close()
        os.kill(follower.pid, signal.SIGCONT)
    finally:
        if follower:
            follower.kill()
            follower.wait(5)
        r.stop()
        event.close()
        access.close()
