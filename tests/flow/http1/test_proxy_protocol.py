"""The PROXY protocol, versions 1 and 2: who may send it, what is believed, what ends the connection silently (row 66)."""
import socket
import struct
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.ports import free_port

SIG = b"\r\n\r\n\0\r\nQUIT\n"
GET = b"GET /pp HTTP/1.1\r\nHost: a.test\r\n\r\n"


def v2(command=1, family=0x11, body=None, tlv=b"", version=2, length=None):
    if body is None:
        body = socket.inet_aton("198.51.100.7") + socket.inet_aton("198.51.100.8") + struct.pack("!HH", 4711, 80)
    body += tlv
    return SIG + bytes([version << 4 | command, family]) + struct.pack("!H", len(body) if length is None else length) + body


def v6body():
    return socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "2001:db8::8") + struct.pack("!HH", 4711, 80)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def v2_crc(good=True):
    head = v2(tlv=b"\x03\x00\x04\0\0\0\0")
    crc = crc32c(head) ^ (0 if good else 1)
    return head[:-4] + struct.pack("!I", crc)


@pytest.fixture(scope="module")
def ports(launch, origin):
    p = {n: free_port() for n in ("trusted", "untrusted", "plain")}
    conf = config.reverse(p["plain"], origin.address)
    conf["timeouts"] = {"proxy": "700ms"}
    conf["listeners"] += [
        {"name": "trusted", "bind": [f"127.0.0.1:{p['trusted']}"], "proxy_protocol": ["127.0.0.0/8"]},
        {"name": "untrusted", "bind": [f"127.0.0.1:{p['untrusted']}"], "proxy_protocol": ["192.0.2.0/24"]},
    ]
    launch(conf, "pp")
    return p


GOOD = {
    "v1-tcp4": (b"PROXY TCP4 198.51.100.7 198.51.100.8 4711 80\r\n", "198.51.100.7"),
    "v1-tcp6": (b"PROXY TCP6 2001:db8::7 2001:db8::8 4711 80\r\n", "2001:db8::7"),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "v1-unknown-with-junk": (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "127.0.0.1"),
    "v2-tcp4": (v2(), "198.51.100.7"),
    "v2-tcp6": (v2(family=0x21, body=v6body()), "2001:db8::7"),
    "v2-local": (v2(command=0, family=0, body=b""), "127.0.0.1"),
    "v2-local-with-address": (v2(command=0), "127.0.0.1"),
    "v2-unspec": (v2(family=0, body=b""), "127.0.0.1"),
    "v2-tlv": (v2(tlv=b"\x04\x00\x03abc\x20\x00\x00"), "198.51.100.7"),
    "v2-crc": (v2_crc(), "198.51.100.7"),
}

BAD = {
    "plain-http": b"",
    "v1-no-crlf-within-107": b"PROXY TCP4 " + b"1" * 120 + b"\r\n",
    "v1-lf-only": b"PROXY TCP4 198.51.100.7 198.51.100.8 4711 80\n",
    "v1-lower-case": b"proxy TCP4 198.51.100.7 198.51.100.8 4711 80\r\n",
    "v1-two-blanks": b"PROXY  TCP4 198.51.100.7 198.51.100.8 4711 80\r\n",
    "v1-bad-address": b"PROXY TCP4 198.51.100.777 198.51.100.8 4711 80\r\n",
    "v1-family-mismatch": b"PROXY TCP4 2001:db8::7 198.51.100.8 4711 80\r\n",
    "v1-port-large": b"PROXY TCP4 198.51.100.7 198.51.100.8 65536 80\r\n",
    "v1-port-leading-zero": b"PROXY TCP4 198.51.100.7 198.51.100.8 04711 80\r\n",
    "v1-port-missing": b"PROXY TCP4 198.51.100.7 198.51.100.8 4711\r\n",
    "v1-trailing-blank": b"PROXY TCP4 198.51.100.7 198.51.100.8 4711 80 \r\n",
    "v1-udp": b"PROXY UDP4 198.51.100.7 198.51.100.8 4711 80\r\n",
    "v2-bad-version": v2(version=1),
    "v2-bad-command": v2(command=2),
    "v2-bad-signature": b"\r\n\r\n\0\r\nQUIX\n" + v2()[12:],
    "v2-length-short-for-tcp4": v2(body=b"\x01\x02\x03\x04"),
    "v2-length-over-536": v2(tlv=b"\x04" + struct.pack("!H", 600) + b"x" * 600),
    "v2-tlv-truncated": v2(tlv=b"\x04\x00\x09abc"),
    "v2-tlv-half-head": v2(tlv=b"\x04\x00"),
    "v2-crc-wrong": v2_crc(False),
}


def last(origin):
    return [r for r in origin.requests if r.target == "/pp"][-1]


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("way", ["whole", "bytewise"])
def test_accepted(ports, origin, name, way):
    header, address = GOOD[name]
    with Client(ports["trusted"]) as c:
        if way == "whole":
            c.send(header + GET)
        else:
            c.send_pieces([bytes([b]) for b in header + GET])
        assert c.response().status == 200
        assert c.request(GET).status == 200, "the header is expected once per connection"
    assert last(origin).get("X-Forwarded-For") == address


@pytest.mark.parametrize("name", BAD)
def test_refused_silently(ports, origin, name):
    mark = origin.mark()
    with Client(ports["trusted"]) as c:
        c.send(BAD[name] + GET)
        assert c.end() in ("fin", "rst")
    assert origin.since(mark).raw == b""
    with Client(ports["trusted"]) as c:
        c.send(GOOD["v1-tcp4"][0] + GET)
        assert c.response().status == 200


@pytest.mark.parametrize("name", ["v1-tcp4", "v2-tcp4"])
def test_untrusted_sender_is_cut(ports, origin, name):
    mark = origin.mark()
    with Client(ports["untrusted"]) as c:
        c.send(GOOD[name][0] + GET)
        try:
            r = c.response()
            assert r.status == 400, r
        except Exception as e:
            assert getattr(e, "how", None) in ("fin", "rst"), e
    assert origin.since(mark).raw == b""


@pytest.mark.parametrize("name", ["v1-tcp4", "v2-tcp4"])
def test_never_guessed_on_a_plain_listener(ports, origin, name):
    mark = origin.mark()
    with Client(ports["plain"]) as c:
        c.send(GOOD[name][0] + GET)
        assert c.response().status == 400
    assert origin.since(mark).raw == b""
    assert get(ports["plain"], "/pp").status == 200


@pytest.mark.parametrize("part", [b"", b"PROX", b"PROXY TCP4 198.51.100.7", SIG, v2()[:20]], ids=["nothing", "v1-4", "v1-half", "v2-sig", "v2-half"])
def test_truncated_header_ends_by_the_clock(ports, part):
    with Client(ports["trusted"]) as c:
        start = time.monotonic()
        c.send(part)
        assert c.end(4) in ("fin", "rst")
        assert 0.4 < time.monotonic() - start < 3
