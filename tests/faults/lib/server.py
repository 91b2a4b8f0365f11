"""An origin that is cheap enough to be loaded: a process of its own, asyncio, bodies made before the first request."""
import asyncio
import subprocess
import sys

from tests.flow.lib import bodies
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import TOP, follow_parent, wait_for

import socket


def path(size):
    return f"/s/{size}"


def body(size):
    return bodies.body("faults", size)


class Server:
    def __init__(self, sizes, host="127.0.0.1", port=None):
        self.host, self.port = host, port or free_port()
        self.bodies = {path(n): body(n) for n in sizes}
        self.process = subprocess.Popen([sys.executable, "-m", "tests.faults.lib.server", host, str(self.port), *map(str, sizes)],
                                        cwd=TOP, stdin=subprocess.DEVNULL, preexec_fn=follow_parent)
        wait_for(self._answers, 10)

    def _answers(self):
        try:
            socket.create_connection((self.host, self.port), 1).close()
        except OSError:
            return False
        return True

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait(5)


class _Peer(asyncio.Protocol):
    answers = {}

    def connection_made(self, transport):
        self.transport, self.seen = transport, b""

    def data_received(self, data):
        self.seen += data
        while b"\r\n\r\n" in self.seen:
            head, _, self.seen = self.seen.partition(b"\r\n\r\n")
            self.transport.write(self.answers[head.split(b" ", 2)[1]])


async def _main(host, port, sizes):
    for n in sizes:
        b = body(n)
        _Peer.answers[path(n).encode()] = f"HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n".encode() + b
    server = await asyncio.get_running_loop().create_server(_Peer, host, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), [int(n) for n in sys.argv[3:]]))
