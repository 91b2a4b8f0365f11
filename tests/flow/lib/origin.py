"""A scripted origin: records the raw bytes of every connection and answers as told.

A script is a list of steps, run when a request's head has come:
    bytes       sent as they are
    float       seconds to wait
    BODY        read the request's body first (otherwise done before the first step, see EARLY)
    EARLY       as the first step: do not read the body on our own
    FIN RST CLOSE   half close, reset, or close the connection
    callable    called with the connection
The script is looked up by the request-target (`on`), then `script`, then a plain 200 with body "ok".
"""
import fcntl
import array
import os
import socket
import struct
import termios
import threading
import time

from .message import REQUEST, Ended, Malformed, Reader, framing

BODY, EARLY, FIN, RST, CLOSE = "BODY", "EARLY", "FIN", "RST", "CLOSE"
OK = b"HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2026 12:00:00 GMT\r\nContent-Length: 2\r\n\r\nok"


def reply(body=b"ok", status="200 OK", fields=()):
    if isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status}", "Date: Mon, 27 Jul 2026 12:00:00 GMT", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Request:
    def __init__(self, head, conn):
        m = REQUEST.match(head.line)
        if not m:
            raise Malformed(f"request line {head.line!r}")
        self.head, self.conn = head, conn
        self.method, self.target, self.version = m.group(1).decode(), m.group(2).decode("latin-1"), int(m.group(3))
        self.framing, self.size = framing(head, request=True)
        self.body = bytearray()
        self.length = 0
        self.trailers = []
        self.chunk_lines = []
        self.complete = self.framing == "none" or (self.framing == "length" and self.size == 0)
        self.at = time.monotonic()

    def get(self, name, default=None):
        return self.head.get(name, default)

    def all(self, name):
        return self.head.all(name)

    def __repr__(self):
        return f"<{self.head.line!r} {self.head.fields} body={bytes(self.body)[:100]!r} complete={self.complete}>"


class Conn:
    def __init__(self, origin, sock, peer):
        self.origin, self.sock, self.peer = origin, sock, peer
        self.seen = bytearray()
        self.reader = Reader(sock.recv, self.seen)
        self.requests = []
        self.proxy_header = None
        self.error = None
        self.end = None
        self.closed = False
        self.opened = time.monotonic()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.close()

    def body(self, r, limit=None):
        """Reads the rest of the request's body; what came is kept (the first MiB) and counted."""
        if r.complete:
            return

        def sink(data):
            r.length += len(data)
            if self.origin.sink:
                self.origin.sink(r, data)
            if len(r.body) < 1 << 20:
                r.body += data
        if r.framing == "length":
            self.reader.sized(r.size, sink)
        else:
            r.trailers, r.chunk_lines = self.reader.chunked(sink)
        r.complete = True

    def close(self, rst=False):
        if self.closed:
            return
        self.closed = True
        try:
            if rst:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        except OSError:
            pass

    def fin(self):
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def pending(self):
        if self.closed:
            return 0
        n = array.array("i", [0])
        try:
            fcntl.ioctl(self.sock, termios.FIONREAD, n)
        except (OSError, ValueError):
            return 0
        return n[0]

    def play(self, r, script):
        if not script or script[0] != EARLY:
            self.body(r)
        for step in script:
            if self.closed:
                return
            if isinstance(step, (bytes, bytearray)):
                self.send(step)
            elif isinstance(step, float):
                time.sleep(step)
            elif callable(step):
                step(self)
            elif step == BODY:
                self.body(r)
            elif step == FIN:
                self.fin()
            elif step == RST:
                self.close(rst=True)
            elif step == CLOSE:
                self.close()

    def run(self):
        try:
            if self.origin.proxied:
                self.proxy_header = self.reader.proxy_header()
            while not self.closed:
                r = Request(self.reader.head(), self)
                self.requests.append(r)
                with self.origin.lock:
                    self.origin.requests.append(r)
                self.play(r, self.origin.find(r))
                if not r.complete and not self.closed:
                    self.body(r)
        except Ended as e:
            self.end = e.how
        except Malformed as e:
            self.error = str(e)
        except (OSError, ValueError) as e:
            self.end = self.end or type(e).__name__
        finally:
            self.close()


class Origin:
    """Listens at once; `requests` and `conns` are everything since the start, `mark`/`since` cut out one test's part.

    path: a UNIX socket that everybody may use; proxied: every connection begins with a PROXY header (conn.proxy_header).
    """

    def __init__(self, host="127.0.0.1", port=0, name="origin", path=None, proxied=False):
        self.name, self.path, self.proxied = name, path, proxied
        family = socket.AF_UNIX if path else socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(str(path) if path else (host, port))
        if path:
            os.chmod(path, 0o666)
        self.sock.listen(512)
        self.host, self.port = host, None if path else self.sock.getsockname()[1]
        self.lock = threading.Lock()
        self.conns, self.requests = [], []
        self.table, self.script, self.sink = {}, None, None
        self.stopped = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def on(self, target, script):
        self.table[target] = script if isinstance(script, list) else [script]

    def find(self, r):
        if r.target in self.table:
            return self.table[r.target]
        if self.script is not None:
            return self.script(r) if callable(self.script) else self.script
        return [OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if r.method == "HEAD" else OK]

    def reset(self):
        self.table, self.script, self.sink = {}, None, None

    def _accept(self):
        while True:
            try:
                sock, peer = self.sock.accept()
            except OSError:
                return
            if self.stopped:
                sock.close()
                return
            if not self.path:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = Conn(self, sock, peer)
            with self.lock:
                self.conns.append(conn)
            threading.Thread(target=conn.run, daemon=True).start()

    def settle(self):
        """Waits until no connection has unread bytes, so that a byte on its way is not missed."""
        time.sleep(0.005)
        for _ in range(200):
            with self.lock:
                if not any(c.pending() for c in self.conns):
                    return
            time.sleep(0.005)

    def mark(self):
        with self.lock:
            return len(self.requests), len(self.conns), {id(c): len(c.seen) for c in self.conns}

    def since(self, mark):
        self.settle()
        with self.lock:
            return Since(self.requests[mark[0]:], self.conns[mark[1]:],
                         [(c, bytes(c.seen[mark[2].get(id(c), 0):])) for c in self.conns])

    def stop(self):
        self.stopped = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        with self.lock:
            for c in self.conns:
                c.close()


class Since:
    def __init__(self, requests, conns, bytes_by_conn):
        self.requests, self.conns = requests, conns
        self.raw = b"".join(b for _, b in bytes_by_conn)
        self.errors = [c.error for c, b in bytes_by_conn if b and c.error]

    @property
    def complete(self):
        return [r for r in self.requests if r.complete]


class Counter:
    """Accepts and counts; for addresses that must not be dialled."""

    def __init__(self, host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.sock.bind((host, port))
        self.sock.listen(64)
        self.host, self.count = host, 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            self.count += 1
            try:
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nleaked")
            except OSError:
                pass
            s.close()
