"""An instance whose master may be replaced: follows the process that serves. And what a service manager does."""
import json
import os
import signal
import socket
import sys

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

    def mine(self):
        """Living processes of this instance, of whichever master."""
        return {p: s for p, s in processes().items() if s[1] == self.sid and s[2] != "Z"}

    def masters(self):
        mine = self.mine()
        return sorted(p for p, s in mine.items() if p in (self.sid, self.pid) or s[0] not in mine)

    def ended(self, pid):
        if pid == self.process.pid:
            return self.process.poll() is not None
        return pid not in self.mine()

    def stop(self, sig=signal.SIGTERM, timeout=20):
        if self.process is None or self.master is None:
            super().stop(sig, timeout)
            return
        wrong = []
        if not self.ended(self.master):
            os.kill(self.master, sig)
        try:
            wait_for(lambda: not self.mine(), timeout)
        except AssertionError:
            wrong.append(f"processes left over {timeout} s behind signal {sig}: {self.mine()}")
            for p in self.mine():
                os.kill(p, signal.SIGKILL)
        if self.process.wait(5) not in (0, -signal.SIGKILL if self.alarms_expected else 0):
            wrong.append(f"the first master's exit status is {self.process.returncode}")
        if self.socket.exists() and not self.alarms_expected:
            wrong.append("the admin socket's path is left over")
        wrong += self.alarms()
        self.process = None
        assert not wrong, "\n".join(wrong) + "\n---- log\n" + self.log()[-6000:]


class Manager:
    """The receiving end of $NOTIFY_SOCKET: every datagram with the process that sent it."""

    def __init__(self, name):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.sock.bind("\0" + name[1:] if name[0] == "@" else name)
        if name[0] == "/":
            os.chmod(name, 0o777)
        self.got = []

    def read(self):
        self.sock.setblocking(False)
        while True:
            try:
                data, anc, _, _ = self.sock.recvmsg(4096, socket.CMSG_SPACE(12))
            except BlockingIOError:
                return self.got
            pid = int.from_bytes(anc[0][2][:4], "little")
            self.got.append((pid, dict(line.split("=", 1) for line in data.decode().splitlines())))

    def wait(self, key, value=None, after=0, timeout=5.0):
        """The first message with that assignment behind the first `after` ones: (place, pid, fields)."""
        def found():
            for i, (pid, fields) in enumerate(self.read()):
                if i >= after and key in fields and value in (None, fields[key]):
                    return i + 1, pid, fields
            return None
        try:
            return wait_for(found, timeout)
        except AssertionError:
            raise AssertionError(f"no {key}={value} behind {after}: {self.got}") from None

    def close(self):
        self.sock.close()


GIVE = """
import json, os, sys
high = [os.dup2(fd, 200 + i) for i, fd in enumerate(json.loads(sys.argv[1]))]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(high), 300)
os.environ.update(json.loads(sys.argv[2]), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
"""


class Handed:
    """Listening sockets as a service manager hands them in: descriptors from 3 on."""

    def __init__(self, *socks, names=()):
        self.socks = socks
        for s in socks:
            s.set_inheritable(True)
        env = {"LISTEN_FDS": str(len(socks)), "LISTEN_FDNAMES": ":".join(names)}
        self.prefix = [sys.executable, "-c", GIVE, json.dumps([s.fileno() for s in socks]), json.dumps(env)]

    def give(self, proxy):
        proxy.prefix = self.prefix
        proxy.pass_fds = tuple(s.fileno() for s in self.socks)
        return proxy


def listening(host="127.0.0.1", port=0):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(64)
    return s
