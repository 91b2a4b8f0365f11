"""A small strict HTTP/1 reader, shared by the raw client and the scripted origin.

It accepts what RFC 9112 lets a sender produce and nothing else: whatever proxyd writes must pass here.
"""
import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"[\x20-\x7e\x80-\xff\t]*\Z")
STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) ([\x20-\x7e\x80-\xff\t]*)\Z")
REQUEST = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP/1\.([01])\Z")


class Malformed(Exception):
    pass


class Ended(Exception):
    """The peer ended the connection inside a message; how is 'fin' or 'rst'."""

    def __init__(self, how, got=b""):
        super().__init__(f"connection ended by {how} behind {bytes(got)[-200:]!r}")
        self.how = how
        self.got = bytes(got)


class Head:
    def __init__(self, raw):
        self.raw = raw
        lines = raw[:-4].split(b"\r\n")
        self.line = lines[0]
        self.fields = [field(x) for x in lines[1:]]

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name, default=None):
        v = self.all(name)
        return v[0] if v else default

    def members(self, name):
        return [m.strip().lower() for v in self.all(name) for m in v.split(",") if m.strip()]


def field(line):
    name, colon, value = line.partition(b":")
    if not colon or not TOKEN.match(name) or not VALUE.match(value):
        raise Malformed(f"field line {line!r}")
    return name.decode(), value.strip(b" \t").decode("latin-1")


class Reader:
    """Buffered strict reading from anything with recv(n); keeps every byte it saw."""

    def __init__(self, recv, seen=None):
        self.recv = recv
        self.buf = bytearray()
        self.seen = seen if seen is not None else bytearray()

    def fill(self):
        try:
            data = self.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            raise Ended("rst", self.buf)
        if not data:
            raise Ended("fin", self.buf)
        self.buf += data
        self.seen += data

    def take(self, n):
        out = bytes(self.buf[:n])
        del self.buf[:n]
        return out

    def exactly(self, n):
        while len(self.buf) < n:
            self.fill()
        return self.take(n)

    def until(self, mark, limit=1 << 20):
        while True:
            at = self.buf.find(mark)
            if at >= 0:
                return self.take(at + len(mark))
            if len(self.buf) > limit:
                raise Malformed(f"no {mark!r} within {limit} bytes")
            self.fill()

    def proxy_header(self):
        """The bytes of one PROXY header, v1 or v2 by its beginning."""
        if self.exactly(6) == b"PROXY ":
            return b"PROXY " + self.until(b"\r\n", 107)
        rest = self.exactly(10)
        return b"\r\n\r\n\0\r" + rest + self.exactly(int.from_bytes(rest[8:10], "big"))

    def head(self):
        return Head(self.until(b"\r\n\r\n"))

    def chunked(self, sink):
        """Reads a chunked body into sink(bytes); returns the trailer fields and the chunk lines seen."""
        lines = []
        while True:
            line = self.until(b"\r\n")[:-2]
            lines.append(line)
            if not re.match(rb"[0-9A-Fa-f]{1,16}\Z", line):
                raise Malformed(f"chunk line {line!r}")
            size = int(line, 16)
            if size == 0:
                break
            left = size
            while left:
                if not self.buf:
                    self.fill()
                part = self.take(min(left, len(self.buf)))
                left -= len(part)
                sink(part)
            if self.exactly(2) != b"\r\n":
                raise Malformed("chunk data not followed by CRLF")
        trailers = []
        while True:
            line = self.until(b"\r\n")[:-2]
            if not line:
                return trailers, lines
            trailers.append(field(line))

    def sized(self, n, sink):
        while n:
            if not self.buf:
                self.fill()
            part = self.take(min(n, len(self.buf)))
            n -= len(part)
            sink(part)

    def to_end(self, sink):
        """Reads until the peer ends the connection; returns how."""
        if self.buf:
            sink(self.take(len(self.buf)))
        try:
            while True:
                self.fill()
                sink(self.take(len(self.buf)))
        except Ended as e:
            return e.how


def framing(head, *, request, method=None, status=None):
    """('none', 0), ('length', n), ('chunked', 0) or ('close', 0), strictly (RFC 9112 6.3)."""
    te, cl = head.all("Transfer-Encoding"), head.all("Content-Length")
    if te and cl:
        raise Malformed("Transfer-Encoding and Content-Length together")
    if len(cl) > 1 or (cl and not re.match(r"[0-9]{1,19}\Z", cl[0])):
        raise Malformed(f"Content-Length {cl}")
    if te and te != ["chunked"]:
        raise Malformed(f"Transfer-Encoding {te}")
    if not request and (method == "HEAD" or status // 100 == 1 or status in (204, 304)):
        if te and (status // 100 == 1 or status == 204):
            raise Malformed(f"Transfer-Encoding in a {status}")
        return "none", 0
    if te:
        return "chunked", 0
    if cl:
        return "length", int(cl[0])
    return ("none", 0) if request else ("close", 0)
