"""A network of its own for a play of tests/faults/plays.py: three targets on addresses of lo, packet filters before them.

Loss and silence are iptables rules. Delay is a relay in user space (netem is a module that many kernels lack): it holds each
piece of a stream back for a while of its own, so that pieces of different connections overtake each other; within a connection
TCP gives their order, whatever a network does.
"""
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import threading

from tests.flow.lib.proxy import TOP


def _unshare():
    return ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-Urn"]


def play(name, folder, timeout=240):
    """Runs the play in a network namespace; what it returns."""
    p = subprocess.run([*_unshare(), sys.executable, "-m", "tests.faults.plays", name, str(folder)], cwd=TOP, text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    assert p.returncode == 0, f"{name}:\n{p.stderr[-6000:]}"
    return json.loads(p.stdout.splitlines()[-1])


def network(*addresses):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for a in addresses:
        subprocess.run(["ip", "addr", "add", f"{a}/32", "dev", "lo"], check=True)


class Filter:
    """with Filter("-d", "10.9.0.1"): such packets are dropped. Everything passes loopback's INPUT."""

    program = shutil.which("iptables") or "/usr/sbin/iptables"

    def __init__(self, *matches):
        self.rules = [m if isinstance(m, (list, tuple)) else list(matches) for m in matches] if isinstance(matches[0], (list, tuple)) \
            else [list(matches)]

    def _each(self, verb):
        for r in self.rules:
            subprocess.run([self.program, "-w", verb, "INPUT", *r, "-j", "DROP"], check=True, stdout=sys.stderr)

    def __enter__(self):
        self._each("-I")
        return self

    def __exit__(self, *exc):
        self._each("-D")


class Relay:
    """Between the proxy and a target: every piece comes `delay` seconds later, give or take `spread`."""

    def __init__(self, target, host, delay, spread):
        self.target, self.host, self.delay, self.spread = target, host, delay, spread
        self.ready, self.port = threading.Event(), 0
        threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True).start()
        assert self.ready.wait(5)

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    async def _pump(self, reader, writer):
        queue = asyncio.Queue(256)
        clock = asyncio.get_running_loop().time

        async def late():
            while (item := await queue.get())[1]:
                await asyncio.sleep(max(0.0, item[0] - clock()))
                writer.write(item[1])
                await writer.drain()
            writer.close()
        out = asyncio.create_task(late())
        try:
            while data := await reader.read(1 << 17):
                await queue.put((clock() + self.delay + self.spread * (2 * random.random() - 1), data))
        except OSError:
            pass
        await queue.put((0, b""))
        await out

    async def _client(self, reader, writer):
        try:
            back, forth = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(reader, forth), self._pump(back, writer), return_exceptions=True)

    async def _main(self):
        server = await asyncio.start_server(self._client, self.host, 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await server.serve_forever()
