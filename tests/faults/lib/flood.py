"""Requests in an open loop (they come at their rate whatever becomes of those before, each on an idle connection or a new
one) or of many clients, each of which asks again when it has its answer; if it heeds Retry-After, a second behind a 503.

One thread, epoll, no framework: the generator has to be cheaper than what it overloads. Bodies are compared with those
that the origin has to give, byte by byte.
"""
import heapq
import random
import re
import select
import socket
import threading
import time

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
CLOSE = re.compile(rb"(?i)\r\nconnection: *close")
CHUNK = 1 << 18
LATE = 0.1


class _Conn:
    __slots__ = ("sock", "fd", "due", "sent", "head", "status", "left", "at", "closing", "size", "busy")

    def __init__(self, port):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", port))
        self.fd = self.sock.fileno()
        self.busy = False


class Flood:
    """rate None: `most` clients. aside is called twice a second in a thread of its own. bodies: path -> bytes; `done` is
    (status, seconds, bytes, at) each; `waiting`: whose answer had not come when the time was up."""

    def __init__(self, port, bodies, rate=None, most=2000, host="a.test", ramp=0.2, aside=None, heed=True, seed=1):
        self.port, self.bodies, self.rate, self.most = port, bodies, rate, most
        self.requests = {p: f"GET {p} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() for p in bodies}
        self.paths, self.random = list(bodies), random.Random(seed)
        self.poll, self.conns, self.idle, self.resting = select.epoll(), {}, [], []
        self.done, self.broken, self.wrong, self.unsent, self.late, self.offered = [], 0, 0, 0, 0.0, 0
        self.buf, self.ramp, self.aside, self.heed = bytearray(CHUNK), ramp, aside, heed

    def _drop(self, c):
        self.conns.pop(c.fd, None)
        c.sock.close()

    def _send(self, c, now):
        path = self.random.choice(self.paths)
        c.size, c.head, c.status, c.left, c.at, c.sent, c.busy = path, b"", 0, 0, 0, now, True
        try:
            c.sock.send(self.requests[path])
        except BlockingIOError:                 # not connected yet: EPOLLOUT tells
            c.busy = None
        except OSError:
            self.broken += 1
            self._drop(c)

    def _start(self, now):
        while self.idle:
            c = self.idle.pop()
            if c.fd in self.conns and not c.busy:
                self._send(c, now)
                return
        if len(self.conns) >= self.most:
            self.unsent += 1
            return
        c = _Conn(self.port)
        self.conns[c.fd] = c
        self.poll.register(c.fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        self._send(c, now)

    def _end(self, c, now):
        self.done.append((c.status, now - c.sent, c.at, now - self.began))
        c.busy = False
        if c.closing:
            self._drop(c)
        else:
            self.idle.append(c)
        if self.rate is None and self.heed and c.status == 503:
            heapq.heappush(self.resting, now + 1 + self.random.random() / 2)
        elif self.rate is None and now < self.until:
            self._start(now)

    def _take(self, c, data, now):
        """False: nothing more is expected of it."""
        if not c.status:
            c.head += data
            head, gap, rest = c.head.partition(b"\r\n\r\n")
            if not gap:
                return True
            c.status, c.left = int(head[9:12]), int(LENGTH.search(head).group(1))
            c.closing, data = CLOSE.search(head) is not None, rest
        want = self.bodies[c.size]
        if c.status == 200 and bytes(data) != want[c.at:c.at + len(data)]:
            self.wrong += 1
        c.at += len(data)
        c.left -= len(data)
        if c.left == 0:
            self._end(c, now)
            return c.fd in self.conns
        return True

    def _read(self, c, now):
        while True:
            try:
                n = c.sock.recv_into(self.buf)
            except BlockingIOError:
                return
            except OSError:
                n = 0
            if n == 0:
                if c.busy is not False:
                    self.broken += 1
                self._drop(c)
                if self.rate is None and now < self.until:
                    self._start(now)
                return
            if not self._take(c, memoryview(self.buf)[:n], now):
                return

    def _events(self, wait):
        for fd, ev in self.poll.poll(wait):
            c = self.conns.get(fd)
            if c is None:
                continue
            now = time.monotonic()
            if c.busy is None and ev & select.EPOLLOUT:
                sent = c.sent
                self._send(c, now)
                c.sent = sent
            if ev & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and c.fd in self.conns:
                self._read(c, now)

    def _beside(self, over):
        while self.aside and not over.wait(0.5):
            self.aside()

    def run(self, seconds, settle=10.0):
        start = now = time.monotonic()
        self.began, self.until, due = start, start + seconds, start
        over = threading.Event()
        beside = threading.Thread(target=self._beside, args=(over,))
        beside.start()
        if self.rate is None:
            self.resting = [now + self.ramp * self.random.random() for _ in range(self.most)]
            heapq.heapify(self.resting)
        while now < self.until:
            if self.rate is not None and now - due > LATE:       # held up itself: what it missed is not offered in one burst
                self.late += now - due
                due = now
            while self.rate is not None and due <= now:
                self._start(now)
                self.offered += 1
                due += self.random.expovariate(self.rate)
            while self.resting and self.resting[0] <= now:
                heapq.heappop(self.resting)
                self._start(now)
            self._events(0.001)
            now = time.monotonic()
        over.set()
        beside.join()
        self.elapsed = now - start
        self.in_time = len(self.done)
        self.waiting = sum(c.busy is not False for c in self.conns.values())
        while any(c.busy is not False for c in self.conns.values()) and time.monotonic() < now + settle:
            self._events(0.05)
        self.stuck = sum(c.busy is not False for c in self.conns.values())
        for c in list(self.conns.values()):
            self._drop(c)
        self.poll.close()
        return self

    def good(self, behind=0.0):
        return [d for d in self.done[:self.in_time] if d[0] == 200 and d[3] >= behind]

    def times(self, status, behind=0.0):
        """Of answers with that status that came later than `behind` seconds into the run."""
        return sorted(d[1] for d in self.done if d[0] == status and d[3] >= behind)


def quantile(values, q):
    return values[min(len(values) - 1, int(len(values) * q))] if values else 0.0
