"""A name server that lies, on UDP and TCP: what a name gets is a function (packet, send, tcp), which may send anything."""
import socket
import struct
import threading

from tests.flow.lib.dns import A, answer, question

TRUNCATED = 0x0200


def addresses(*v, ttl=60):
    return lambda packet, send, tcp: send(answer(packet, v, ttl=ttl))


def rcode(n):
    return lambda packet, send, tcp: send(answer(packet, [], rcode=n))


def nothing(packet, send, tcp):
    pass


def empty(packet, send, tcp):
    send(b"")


def cut_short(packet, send, tcp):
    send(answer(packet, ["127.0.0.1"])[:20])


def _alias(packet, owner, target):
    """owner, target: offsets of names in the message."""
    return struct.pack("!HHHIH", 0xc000 | owner, 5, 1, 60, 2) + struct.pack("!H", 0xc000 | target)


def loop(packet, send, tcp):
    """The name is an alias of itself."""
    _, _, q = question(packet)
    send(packet[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + q + _alias(packet, 12, 12))


def spoofed(packet, send, tcp, honest="127.0.0.1", forged="127.0.0.2", late=False):
    """Answers of others come first: another id, another question, another port. late: nobody honest answers at all."""
    wrong_id = bytes([packet[0] ^ 0xff, packet[1]]) + packet[2:]
    send(answer(wrong_id, [forged], ttl=60))
    send(answer(packet.replace(b"\x05spoof", b"\x05spoox").replace(b"\x06forged", b"\x06forgex"), [forged], ttl=60))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(answer(packet, [forged], ttl=60), send.peer)
    if not late:
        send(answer(packet, [honest], ttl=60))


def forged(packet, send, tcp):
    spoofed(packet, send, tcp, late=True)


def large(packet, send, tcp):
    """Truncated by UDP; 64 KiB by TCP."""
    _, kind, _ = question(packet)
    if not tcp:
        out = answer(packet, [])
        send(out[:2] + struct.pack("!H", 0x8180 | TRUNCATED) + out[4:])
    else:
        send(answer(packet, ["127.0.0.1"] * 4080 if kind == A else [], ttl=60))


def stalled(packet, send, tcp):
    """Truncated by UDP; by TCP half an answer and then nothing."""
    if not tcp:
        large(packet, send, tcp)
    else:
        send.sock.sendall(struct.pack("!H", 60000) + answer(packet, ["127.0.0.1"]))
        threading.Event().wait(5)


class _Udp:
    def __init__(self, sock, peer):
        self.sock, self.peer = sock, peer

    def __call__(self, data):
        self.sock.sendto(data, self.peer)


class _Tcp:
    def __init__(self, sock):
        self.sock = sock

    def __call__(self, data):
        self.sock.sendall(struct.pack("!H", len(data)) + data)


class Resolver:
    """table: name -> function; changed by the test as it likes. asked counts packets by name."""

    def __init__(self, table, host="127.0.0.1"):
        self.table, self.asked, self.host = dict(table), {}, host
        while True:
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((host, 0))
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self.tcp.bind((host, self.port))
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        self.tcp.listen(64)
        threading.Thread(target=self._datagrams, daemon=True).start()
        threading.Thread(target=self._streams, daemon=True).start()

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def _play(self, packet, send, tcp):
        name = question(packet)[0]
        self.asked[name] = self.asked.get(name, 0) + 1
        try:
            self.table.get(name, rcode(3))(packet, send, tcp)
        except OSError:
            pass

    def _datagrams(self):
        while True:
            try:
                packet, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            self._play(packet, _Udp(self.udp, peer), False)

    def _stream(self, sock):
        with sock:
            while len(head := sock.recv(2, socket.MSG_WAITALL)) == 2:
                self._play(sock.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL), _Tcp(sock), True)

    def _streams(self):
        while True:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(sock,), daemon=True).start()

    def stop(self):
        self.udp.close()
        self.tcp.close()
