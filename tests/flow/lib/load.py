"""Steady load in the background, with an account of every failure: what failed, when, and for how long."""
import threading
import time

from . import bodies
from .client import Client
from .message import Ended, Malformed


class Load:
    """`clients` threads, kept connections, GET and POST; every answer is checked."""

    def __init__(self, port, clients=8, target="/load", host="a.test", size=2000, fresh_every=20):
        self.port, self.target, self.host, self.size, self.fresh_every = port, target, host, size, fresh_every
        self.want = bodies.body("load", size)
        self.done, self.failed, self.stop_flag = 0, [], False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(clients)]
        self.posts = 0
        self.raced = []         # requests on a kept connection that ended without a byte of an answer
        self.refused = []       # the POSTs among them

    def __enter__(self):
        self.start = time.monotonic()
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *exc):
        self.stop_flag = True
        for t in self.threads:
            t.join(15)

    def _one(self, c, i, n):
        if n % 5 == 4:
            with self.lock:
                self.posts += 1
                ident = self.posts
            c.post = ident
            c.send(f"POST {self.target}?post={ident} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: 3\r\n\r\nabc")
        else:
            c.post = None
            c.send(f"GET {self.target} HTTP/1.1\r\nHost: {self.host}\r\n\r\n")
        r = c.response()
        if r.status != 200 or r.body != self.want:
            raise Malformed(f"status {r.status}, {len(r.body)} bytes")
        return r.closing

    def _run(self, i):
        c, n = None, 0
        while not self.stop_flag:
            fresh = c is None
            try:
                if fresh:
                    c = Client(self.port, timeout=10)
                closing = self._one(c, i, n)
                n += 1
                with self.lock:
                    self.done += 1
                if closing or n % self.fresh_every == 0:
                    c.close()
                    c = None
            except (OSError, Ended, Malformed) as e:
                # a kept connection that ends while idle: a GET is the client's to send again (RFC 9112 9.3.1)
                raced = not fresh and isinstance(e, Ended) and not e.got
                with self.lock:
                    (self.raced if raced else self.failed).append((time.monotonic() - self.start, "fresh" if fresh else "kept", repr(e)))
                    if raced and c.post:
                        self.refused.append(c.post)
                if c:
                    c.close()
                c = None

    def wait_for(self, n, timeout=10):
        target, end = self.done + n, time.monotonic() + timeout
        while self.done < target:
            assert time.monotonic() < end, f"{self.done} of {target} requests; failures: {self.failed[:3]}"
            time.sleep(0.01)
