"""An independent WebSocket client (python3-websockets): wss by CONNECT and ws to the reverse proxy, compressed frames, pings, closing
codes, many connections at once, and a reload under them."""
import asyncio
import os
import random
import ssl

import pytest
import websockets

from tests.flow.lib.client import Client

WAYS = ["connect", "tls", "reverse"]
MESSAGES = ["hello", "", "\u00e4" * 300, "again " * 50000, os.urandom(1), os.urandom(70001), os.urandom(900000)]


@pytest.fixture(scope="module")
def world(place):
    place.app = place.server("uvicorn")
    place.before = place.reverse(place.app)
    return place


def dial(world, way, **kw):
    """A connection to the echo, that way."""
    if way == "reverse":
        return websockets.connect(f"ws://127.0.0.1:{world.before.port}/ws", max_size=1 << 22, **kw)
    port = world.app.tls if way == "tls" else world.app.port
    c = Client(world.forward.port)
    c.send(f"CONNECT app.test:{port} HTTP/1.1\r\nHost: app.test:{port}\r\n\r\n")
    assert c.response("CONNECT").status == 200
    c.sock.setblocking(False)
    if way == "tls":
        kw.update(ssl=ssl.create_default_context(cafile=world.ca.cert), server_hostname="app.test")
    return websockets.connect(f"{'wss' if way == 'tls' else 'ws'}://app.test:{port}/ws", sock=c.sock, max_size=1 << 22, **kw)


async def talk(connection, messages):
    async with connection as ws:
        for m in messages:
            await ws.send(m)
            assert await ws.recv() == m
            await asyncio.wait_for(await ws.ping(), 5)
    return ws.close_code


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("compression", ["deflate", None])
def test_echo(world, way, compression):
    async def run():
        return await talk(dial(world, way, compression=compression), MESSAGES)
    assert asyncio.run(run()) == 1000


@pytest.mark.parametrize("way", WAYS)
def test_many_at_once(world, way):
    async def one(seed):
        rng = random.Random(seed)
        await talk(dial(world, way), [rng.randbytes(rng.randint(0, 20000)) for _ in range(10)])

    async def run():
        await asyncio.gather(*(one(i) for i in range(40)))
    asyncio.run(run())


@pytest.mark.parametrize("way", WAYS)
def test_a_conversation_outlives_a_reload(world, way):
    proxy = world.before if way == "reverse" else world.forward
    proxy.deaths_expected, before = True, proxy.status()["generation"]

    async def run():
        async with dial(world, way) as ws:
            await ws.send("before")
            assert await ws.recv() == "before"
            await asyncio.get_running_loop().run_in_executor(None, lambda: proxy.ctl("reload", check=True))
            assert proxy.status()["generation"] > before, "no reload happened"
            for _ in range(5):
                await ws.send("behind")
                assert await ws.recv() == "behind"
                await asyncio.sleep(0.1)
    asyncio.run(run())
