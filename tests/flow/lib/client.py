"""A raw client: sends exactly the bytes it is told, reads strictly, and tells FIN from RST."""
import hashlib
import socket
import struct
import time

from .message import STATUS, Ended, Malformed, Reader, framing


class Response:
    def __init__(self, head, interim):
        m = STATUS.match(head.line)
        if not m:
            raise Malformed(f"status line {head.line!r}")
        self.head = head
        self.version = int(m.group(1))
        self.status = int(m.group(2))
        self.reason = m.group(3).decode("latin-1")
        self.interim = interim
        self.body = b""
        self.length = 0
        self.sha256 = None
        self.trailers = []
        self.chunk_lines = []
        self.framing = None
        self.end = None         # how the connection ended inside or right behind this message

    def get(self, name, default=None):
        return self.head.get(name, default)

    def all(self, name):
        return self.head.all(name)

    @property
    def closing(self):
        return "close" in self.head.members("Connection") or self.framing == "close"

    def __repr__(self):
        return f"<{self.status} {self.head.fields} body={self.body[:200]!r}>"


class Client:
    """port: a number, or the path of a UNIX socket."""

    def __init__(self, port, host="127.0.0.1", timeout=8, rcvbuf=None, source=None):
        local = not isinstance(port, int)
        family = socket.AF_UNIX if local else socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        if source:
            self.sock.bind(source if local else (source, 0))
        self.sock.connect(str(port) if local else (host, port))
        if not local:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock.recv)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send(self, data):
        """Sends everything; a peer that closed meanwhile is not an error here, it shows when reading."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def send_pieces(self, pieces, delay=0.0):
        for p in pieces:
            if not self.send(p):
                return False
            if delay:
                time.sleep(delay)
        return True

    def head(self):
        """The next head, interim or final, as it comes."""
        return Response(self.reader.head(), [])

    def response(self, method="GET", keep=True, on_interim=None):
        """One final response with its body; interim ones are collected. 101 counts as final."""
        interim = []
        while True:
            r = Response(self.reader.head(), interim)
            if r.status >= 200 or r.status == 101:
                break
            framing(r.head, request=False, method=method, status=r.status)
            interim.append(r)
            if on_interim:
                on_interim(r)
        return self.body(r, method, keep)

    def body(self, r, method="GET", keep=True):
        kept, hashed = [], hashlib.sha256()

        def sink(data):
            r.length += len(data)
            hashed.update(data)
            if keep:
                kept.append(data)
        try:
            r.framing, n = framing(r.head, request=False, method=method, status=r.status)
            if r.status == 101 or (method == "CONNECT" and r.status // 100 == 2):
                r.framing = "tunnel"
            elif r.framing == "length":
                self.reader.sized(n, sink)
            elif r.framing == "chunked":
                r.trailers, r.chunk_lines = self.reader.chunked(sink)
            elif r.framing == "close":
                r.end = self.reader.to_end(sink)
        except Ended as e:
            r.end = e.how
            sink(e.got)
            e.response = r
            raise
        finally:
            r.body, r.sha256 = b"".join(kept), hashed.hexdigest()
        return r

    def end(self, timeout=3.0):
        """'fin' or 'rst' when the peer ended the connection, 'open' when it did not, or the surplus bytes it sent."""
        if self.reader.buf:
            return bytes(self.reader.buf)
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(4096)
        except (ConnectionResetError, BrokenPipeError):
            return "rst"
        except (TimeoutError, socket.timeout):
            return "open"
        self.reader.buf += data
        return data if data else "fin"

    def request(self, data, method=None, **kw):
        self.send(data)
        if method is None:
            raw = data.encode() if isinstance(data, str) else data
            method = raw.split(b" ", 1)[0].decode()
        return self.response(method, **kw)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def get(port, target="/", host="a.test", fields=(), method="GET", version="1.1", body=b"", addr="127.0.0.1", timeout=8):
    """One whole exchange on a connection of its own; returns the response."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f"{method} {target} HTTP/{version}"] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    if body:
        lines.append(f"Content-Length: {len(body)}")
    with Client(port, addr, timeout) as c:
        return c.request("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body, method)
