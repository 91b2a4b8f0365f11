"""The rig itself: with nothing broken nothing fails, and what it is to notice it notices."""
import asyncio
import re
import time

import pytest

from tests.faults.lib.book import NEVER
from tests.faults.lib.rig import Load, Origin, Rig
from tests.faults.lib.size import pick

MODES = ("reverse", "forward")


@pytest.mark.parametrize("mode", MODES)
def test_without_a_fault_nothing_fails(scratch, mode, figure):
    rig = Rig(scratch / f"none-{mode}", mode)
    try:
        rig.warm()
        with rig.load() as load:
            time.sleep(pick(3, 20))
        assert not load.book.failed(), load.book.failed()[:5]
        text = rig.judge(load.book)
        figure(f"I0 {mode}: capacity {rig.capacity:.0f}/s, {load.rate:.0f}/s for {load.end - load.begin:.0f} s: {text}; "
               f"{load.total['raced']} raced, {load.total['unsent']} unsent, {load.total['bytes'] >> 20} MiB")
    finally:
        rig.stop()


# ------------------------------------------------------------------ a proxy that does what none may

LENGTH = re.compile(rb"Content-Length: (\d+)\r\n")


def flip(data):
    """One bit of a body."""
    return data[:-1] + bytes([data[-1] ^ 1]) if LENGTH.search(data) and not data.endswith(b"\r\n") else data


def shorten(data):
    """A body's end is missing, and the head says so as if that were right."""
    m = LENGTH.search(data)
    if m is None or len(data) - data.index(b"\r\n\r\n") - 4 != int(m[1]) or int(m[1]) < 2:
        return data
    return (data[:m.start()] + b"Content-Length: %d\r\n" % (int(m[1]) - 1) + data[m.end():])[:-1]


def swap(data):
    """Another request's answer."""
    return re.sub(rb"X-Id: (\d+)", lambda m: b"X-Id: %d" % (int(m[1]) - 1), data)


def same(data):
    return data


class Liar:
    """A relay between the clients and the origin; `twice` sends what a POST brought a second time, elsewhere."""

    def __init__(self, origin, down, twice=False):
        self.origin, self.down, self.twice = origin, down, twice

    async def pump(self, reader, writer, change):
        while data := await reader.read(1 << 20):
            if self.twice and change is None and data.startswith(b"POST"):
                _, again = await asyncio.open_connection(self.origin.host, self.origin.port)
                again.write(data)
            writer.write(change(data) if change else data)
            await writer.drain()
        writer.close()

    async def on_client(self, reader, writer):
        back, forth = await asyncio.open_connection(self.origin.host, self.origin.port)
        await asyncio.gather(self.pump(reader, forth, None), self.pump(back, writer, self.down), return_exceptions=True)

    async def play(self, folder):
        server = await asyncio.start_server(self.on_client, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with Load(folder, port, rate=300, conns=8, T=2, m=800) as load:
            await asyncio.sleep(1)
            await asyncio.get_running_loop().run_in_executor(None, load.finish)
        server.close()
        return load


@pytest.mark.parametrize("down, twice, client, origin", [
    (same, False, None, None), (flip, False, "wrong", None), (shorten, False, "short", None), (swap, False, "crossed", None),
    (same, True, None, "twice")], ids=["nothing", "flip", "shorten", "swap", "twice"])
def test_the_ledgers_see_what_no_proxy_may_do(scratch, down, twice, client, origin):
    o = Origin()
    load = asyncio.run(Liar(o, down, twice).play(scratch))
    told = o.ledger()
    o.stop()
    assert sum(load.total[w] for w in ("ok", *NEVER)) > 20, load.total
    assert {w for w in NEVER if load.total[w]} == ({client} if client else set()), load.total
    assert {w for w in ("twice", "corrupted") if told[w]} == ({origin} if origin else set()), told
