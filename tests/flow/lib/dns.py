"""A scripted DNS server on UDP (and TCP): answers A and AAAA from a function, so that a name can change its mind."""
import socket
import struct
import threading

A, AAAA = 1, 28


def question(packet):
    labels, at = [], 12
    while packet[at]:
        n = packet[at]
        labels.append(packet[at + 1:at + 1 + n].decode("latin-1"))
        at += n + 1
    kind = struct.unpack("!H", packet[at + 1:at + 3])[0]
    return ".".join(labels).lower(), kind, packet[12:at + 5]


def answer(packet, addresses, ttl=0, rcode=0):
    _, kind, q = question(packet)
    family = socket.AF_INET if kind == A else socket.AF_INET6
    data = [socket.inet_pton(family, a) for a in addresses if (":" in a) == (kind == AAAA)]
    if kind not in (A, AAAA):
        data = []
    out = packet[:2] + struct.pack("!HHHHH", 0x8180 | rcode, 1, len(data), 0, 0) + q
    for d in data:
        out += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(d)) + d
    return out


class Dns:
    """table: name -> list of addresses, or a callable(name, kind, nth) -> list | None (NXDOMAIN) | bytes | "drop"."""

    def __init__(self, table, host="127.0.0.1", port=0):
        self.table, self.asked = table, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, port))
        self.host, self.port = host, self.sock.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def _run(self):
        while True:
            try:
                packet, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            try:
                name, kind, _ = question(packet)
            except (IndexError, struct.error):
                continue
            nth = sum(1 for n, k in self.asked if (n, k) == (name, kind))
            self.asked.append((name, kind))
            v = self.table.get(name)
            if callable(v):
                v = v(name, kind, nth)
            if v == "drop":
                continue
            if isinstance(v, bytes):
                out = v
            elif v is None:
                out = answer(packet, [], rcode=3)
            else:
                out = answer(packet, v)
            try:
                self.sock.sendto(out, peer)
            except OSError:             # stopped meanwhile
                return

    def stop(self):
        self.sock.close()
