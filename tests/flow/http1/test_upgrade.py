"""Upgrade: WebSocket through both modes with an independent implementation, and what must not be tunnelled."""
import asyncio
import base64
import os
import threading
import time

import pytest
import websockets

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import EARLY, OK
from tests.flow.lib.ports import free_port

HANDSHAKE = (b"GET @P@/ws HTTP/1.1\r\nHost: @H@\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


class EchoServer:
    def __init__(self):
        self.port = free_port()
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()

        async def main():
            async def echo(ws, *_):
                async for m in ws:
                    await ws.send(m)
            self.server = await websockets.serve(echo, "127.0.0.1", self.port, max_size=1 << 24, compression=None)
            ready.set()
            await self.server.wait_closed()
        threading.Thread(target=lambda: self.loop.run_until_complete(main()), daemon=True).start()
        ready.wait(5)

    def stop(self):
        self.loop.call_soon_threadsafe(self.server.close)


@pytest.fixture(scope="module")
def echo():
    s = EchoServer()
    yield s
    s.stop()


async def talk(sock_or_uri, messages, **kw):
    async with websockets.connect(sock_or_uri, max_size=1 << 24, compression=None, **kw) as ws:
        out = []
        for m in messages:
            await ws.send(m)
            out.append(await ws.recv())
        return out

MESSAGES = ["hello", "", "x" * 200, os.urandom(70000), os.urandom(1 << 20), "\u00e4" * 100]


def test_websocket_echo_through_reverse(launch, echo):
    port = free_port()
    launch(config.reverse(port, f"127.0.0.1:{echo.port}"), "ws")
    assert asyncio.run(talk(f"ws://127.0.0.1:{port}/ws", MESSAGES)) == MESSAGES


def test_websocket_echo_through_forward_by_connect(fwd, echo):
    """What clients do: a CONNECT tunnel to the server's port."""
    with Client(fwd.port) as c:
        c.send(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (echo.port, echo.port))
        assert c.response("CONNECT").status == 200
        c.sock.setblocking(False)
        sock = c.sock.dup()
        assert asyncio.run(talk(f"ws://127.0.0.1:{echo.port}/ws", MESSAGES, sock=sock)) == MESSAGES


def test_websocket_echo_through_forward_by_absolute_form(fwd, echo):
    """And what few do, but the protocol allows: Upgrade with an absolute target."""
    key = base64.b64encode(os.urandom(16))
    with Client(fwd.port) as c:
        c.send(b"GET http://127.0.0.1:%d/ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % (echo.port, echo.port, key))
        r = c.response()
        assert r.status == 101, r
        c.send(b"\x81\x85\x00\x00\x00\x00hello")
        assert c.reader.exactly(7) == b"\x81\x05hello"


def test_101_keeps_its_connection_fields(side, origin):
    origin.on("/ws", [SWITCH, b"hi"])
    with Client(side.port) as c:
        r = c.request(side.fill(HANDSHAKE))
        assert r.status == 101 and "upgrade" in r.head.members("Connection") and r.get("Upgrade").lower() == "websocket", r
        assert c.reader.exactly(2) == b"hi"
    sent = [x for x in origin.requests if x.target == "/ws"][-1]
    assert sent.get("Upgrade").lower() == "websocket" and "upgrade" in sent.head.members("Connection")


def test_row15_bytes_behind_the_handshake_are_held_until_101(side, origin):
    got = []
    origin.on("/ws", [EARLY, 0.25, lambda conn: got.append(bytes(conn.reader.buf) + bytes([conn.pending() and 1 or 0])), SWITCH,
                      lambda conn: (conn.reader.exactly(5), got.append("all"), conn.send(b"done"))])
    with Client(side.port) as c:
        c.send(side.fill(HANDSHAKE) + b"early")
        assert c.response().status == 101
        assert c.reader.exactly(4) == b"done"
    assert got == [b"\0", "all"], got


def test_row15_bytes_behind_a_handshake_that_was_not_accepted_never_reach_the_origin_raw(side, origin):
    origin.on("/ws", [OK])
    mark = origin.mark()
    with Client(side.port) as c:
        c.send(side.fill(HANDSHAKE) + side.fill(b"GET @P@/next HTTP/1.1\r\nHost: @H@\r\nBad : 1\r\n\r\n"))
        assert c.response().status == 200
        assert c.response().status == 400
    assert b"/next" not in origin.since(mark).raw


def test_row15_too_many_bytes_behind_an_unanswered_upgrade(side, origin):
    origin.on("/ws", [EARLY, 1.0, OK])
    with Client(side.port) as c:
        c.send(side.fill(HANDSHAKE) + b"x" * 100000)
        try:
            r = c.response()
        except Exception as e:          # the connection may be reset while 100 000 bytes are on their way
            assert getattr(e, "how", "") == "rst" or isinstance(e, OSError), e
        else:
            assert r.status in (200, 400), r
            while c.end() not in ("fin", "rst"):
                assert c.response().status // 100 == 4, "junk behind a handshake was taken for a request"


@pytest.mark.parametrize("token", ["foo", "h2c", "TLS/1.0", "websocket2", "web socket", "IRC/6.9"])
def test_row15_other_protocols_are_not_offered_upstream(side, origin, token):
    with Client(side.port) as c:
        r = c.request(side.fill(HANDSHAKE.replace(b"/ws", b"/other").replace(b"Upgrade: websocket", b"Upgrade: " + token.encode())))
    if r.status == 400:
        return
    sent = [x for x in origin.requests if x.target == "/other"][-1]
    assert sent.get("Upgrade") is None and "upgrade" not in sent.head.members("Connection"), sent


def test_row15_list_of_protocols_keeps_only_websocket(side, origin):
    with Client(side.port) as c:
        c.request(side.fill(HANDSHAKE.replace(b"/ws", b"/list").replace(b"Upgrade: websocket", b"Upgrade: h2c, websocket")))
    sent = [x for x in origin.requests if x.target == "/list"][-1]
    assert sent.get("Upgrade", "websocket").lower() == "websocket"


def test_101_for_a_request_that_asked_for_nothing_is_502(side, origin):
    origin.on("/plain", [SWITCH, b"junk"])
    with Client(side.port) as c:
        assert c.request(side.fill(b"GET @P@/plain HTTP/1.1\r\nHost: @H@\r\n\r\n")).status == 502


def test_101_to_another_protocol_than_asked_is_502(side, origin):
    origin.on("/ws", [SWITCH.replace(b"Upgrade: websocket", b"Upgrade: h2c"), b"junk"])
    with Client(side.port) as c:
        assert c.request(side.fill(HANDSHAKE)).status == 502


def test_tunnel_ends_when_the_origin_ends(side, origin):
    origin.on("/ws", [SWITCH, b"bye", "CLOSE"])
    with Client(side.port) as c:
        assert c.request(side.fill(HANDSHAKE)).status == 101
        assert c.reader.exactly(3) == b"bye"
        assert c.end() == "fin"


def test_tunnel_ends_when_the_client_ends(side, origin):
    kept = []
    origin.on("/ws", [lambda conn: kept.append(conn), SWITCH])
    with Client(side.port) as c:
        assert c.request(side.fill(HANDSHAKE)).status == 101
    end = time.monotonic() + 3
    while not kept[0].closed and time.monotonic() < end:
        time.sleep(0.02)
    assert kept[0].closed


def test_upgrade_of_a_1_0_client_is_ignored(side, origin):
    with Client(side.port) as c:
        r = c.request(side.fill(HANDSHAKE.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"/ws", b"/old")))
        assert r.status == 200
    assert [x for x in origin.requests if x.target == "/old"][-1].get("Upgrade") is None


def test_route_without_upgrade_strips_it(launch, origin):
    origin.reset()
    port = free_port()
    conf = config.reverse(port, origin.address)
    conf["routes"][0]["upgrade"] = []
    launch(conf, "noupgrade")
    r = get(port, "/none", fields=["Connection: Upgrade", "Upgrade: websocket"])
    assert r.status == 200
    assert [x for x in origin.requests if x.target == "/none"][-1].get("Upgrade") is None
