"""An instance whose master may be replaced: follows the process that serves."""
import os
import signal
import time

from .proxy import Proxy, processes, wait_for


class Upgraded(Proxy):
    """`pid` is the serving master's. The first one is a child of the test, the later ones are not."""

    master = None

    @property
    def pid(self):
        return self.master or self.process.pid

    def upgrade(self, *args, timeout=60):
        """proxyctl upgrade; on success the new master is followed."""
        self.deaths_expected = True
        r = self.ctl("upgrade", *args, timeout=timeout)
        if r.returncode == 0:
            self.master = int(r.stdout.split()[1])
        return r

    def masters(self):
        """Living masters of this instance, the one that serves among them."""
        mine = {p: s for p, s in processes().items() if s[1] == self.sid and s[2] != "Z"}
        return sorted(p for p, s in mine.items() if p == self.sid or s[0] not in mine or p == self.pid)

    def wait_gone(self, pid, timeout=10):
        def gone():
            if pid == self.process.pid:
                return self.process.poll() is not None
            s = processes().get(pid)
            return s is None or s[2] == "Z"
        wait_for(gone, timeout)

    def stop(self, sig=signal.SIGTERM, timeout=20):
        if self.process is None or self.master is None:
            super().stop(sig, timeout)
            return
        wrong = []
        started = time.monotonic()
        try:
            os.kill(self.master, sig)
            self.wait_gone(self.master, timeout)
            self.wait_gone(self.process.pid, timeout)
        except (AssertionError, ProcessLookupError) as e:
            wrong.append(f"the stop failed {time.monotonic() - started:.1f} s behind signal {sig}: {e}")
        if self.process.poll() != 0:
            wrong.append(f"the first master's exit status is {self.process.poll()}")
        left = [p for p, s in processes().items() if s[1] == self.sid and s[2] != "Z"]
        for p in left:
            os.kill(p, signal.SIGKILL)
        if left:
            wrong.append(f"processes left over: {left}")
        if self.socket.exists():
            wrong.append("the admin socket's path is left over")
        wrong += self.alarms()
        self.process = None
        assert not wrong, "\n".join(wrong) + "\n---- log\n" + self.log()[-6000:]
