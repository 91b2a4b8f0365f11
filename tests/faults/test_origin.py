"""F4: a target that breaks every rule, in both modes, while 200 other connections are served by one that keeps them.

What is broken before an answer began gets 502 or 504; behind its head the client sees an end that nobody can take for a clean
one. The connection is never used again, and the others notice nothing: I0 is theirs.
"""
import collections
import concurrent.futures
import gzip
import time

from tests.faults.lib.book import p99
from tests.faults.lib.rig import Rig, modes
from tests.faults.lib.size import pick
from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import EARLY, OK, Origin, reply

SECONDS, THREADS = pick(4, 30), 8
TIMEOUT = {"connect": "2s", "response": "1s", "idle": "1s"}

HEAD = b"HTTP/1.1 200 OK\r\n"
SIZED, CHUNKED, CLOSED = HEAD + b"Content-Length: 8\r\n\r\nhalf", HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", HEAD + b"\r\nhalf"
BOMB = gzip.compress(bytes(64 << 20), 9)        # 64 MiB of nothing in 64 KiB

BEFORE = {      # the answer has not begun: 502, or 504 by the clock
    "reset before the head": (502, ["RST"]),
    "end before the head": (502, ["CLOSE"]),
    "reset inside the head": (502, [HEAD + b"Content-Le", 0.01, "RST"]),
    "end inside the head": (502, [HEAD + b"Content-Le", 0.01, "CLOSE"]),
    "garbage": (502, [bytes(range(256)) * 8, 0.01, "CLOSE"]),
    "two lengths": (502, [HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nhalf", 0.01, "CLOSE"]),
    "a length that is none": (502, [HEAD + b"Content-Length: -1\r\n\r\nhalf", 0.01, "CLOSE"]),
    "a thousand interim answers": (502, [b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000 + OK]),
    "a head at a byte a second": (504, [x for b in HEAD for x in (bytes([b]), 1.0)]),
    "silence": (504, [3.0]),
}
BEHIND = {      # the head is out: the rest is missing, and that shows
    "reset inside a sized body": [SIZED, 0.01, "RST"],
    "end inside a sized body": [SIZED, 0.01, "CLOSE"],
    "reset inside a chunked body": [CHUNKED, 0.01, "RST"],
    "end inside a chunked body": [CHUNKED, 0.01, "CLOSE"],
    "reset inside a body without an end": [CLOSED, 0.01, "RST"],
    "garbage for a chunk": [CHUNKED, 0.01, b"zz\r\n", 0.01, "CLOSE"],
    "silence inside a body": [SIZED, 3.0],
}
WHOLE = {       # odd, and yet an answer
    "surplus bytes": (b"ok", [OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 0.02]),
    # its end is told: behind the last byte the connection would be good for another request until FIN comes
    "a body at a byte a second": (b"slo", [HEAD + b"Connection: close\r\nContent-Length: 3\r\n\r\n", b"s", 0.9, b"l", 0.9, b"o", "CLOSE"]),
    "a gzip bomb": (BOMB, [reply(BOMB, fields=["Content-Encoding: gzip", "Connection: close"]), "CLOSE"]),
    "an answer before the body came": (b"early", [EARLY, reply("early"), 0.1, "CLOSE"]),
}
NAMES = [*BEFORE, *BEHIND, *WHOLE]


def script(r):
    name = NAMES[int(r.target.rpartition("/")[2])]
    return BEHIND[name] if name in BEHIND else (BEFORE.get(name) or WHOLE[name])[1]


def once(port, host, prefix, name):
    """What the client saw, or what was wrong with it."""
    target = f"{prefix}/bad/{NAMES.index(name)}"
    early = name == "an answer before the body came"
    with Client(port, timeout=15) as c:
        c.send(f"POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n" + "x" * 1000 if early else
               f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
        try:
            r = c.response()
        except Ended as e:
            return "cut" if e.response.status == 200 and b"half".startswith(e.response.body) else f"ended {e.how} {e.response}"
    if name in BEHIND:
        return "cut" if r.end == "rst" else f"looks complete: {r}"
    if name in BEFORE:
        return r.status if r.get("Cache-Control") == "no-store" else f"not ours: {r}"
    return r.status if r.body == WHOLE[name][0] else f"another body: {r}"


def want(name):
    return "cut" if name in BEHIND else BEFORE[name][0] if name in BEFORE else 200


def beside(rig, bad):
    """The reverse rig with one more service, on /bad."""
    conf = rig.proxy.conf
    conf["services"].append(config.service("bad", bad.address, timeout=TIMEOUT, outlier={"failures": 0}))
    conf["routes"].insert(0, {"name": "bad", "match": {"path": "/bad/**"}, "service": "bad"})
    rig.proxy.write(conf)


@modes("reverse")
def test_f4_a_target_that_breaks_every_rule(scratch, mode, figure):
    bad = Origin()
    bad.script = script
    extra = {"forward": {"timeout": TIMEOUT}} if mode == "forward" else {}
    rig = Rig(scratch / f"f4-{mode}", mode, start=False, **extra)
    if mode == "reverse":
        beside(rig, bad)
    rig.proxy.start()
    try:
        seen = collections.defaultdict(collections.Counter)
        prefix, host = ("", "a.test") if mode == "reverse" else (f"http://{bad.address}", bad.address)

        def client(first):
            n = first
            while time.monotonic() < until or n < first + 2 * len(NAMES):
                name = NAMES[n % len(NAMES)]
                seen[name][once(rig.port, host, prefix, name)] += 1
                n += 1

        def play(seconds):
            nonlocal until
            until = time.monotonic() + seconds
            with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
                for f in [pool.submit(client, i * 3) for i in range(THREADS)]:
                    f.result()
        until = 0.0
        with rig.load(rate=500):        # memory is compared with that of a proxy that has seen all this
            play(0)
        rig.warm()
        with rig.load() as quiet:
            time.sleep(pick(2, 10))
        with rig.load() as load:
            play(SECONDS)
        wrong = {n: dict(v) for n, v in seen.items() if set(v) != {want(n)}}
        assert not wrong, wrong
        assert set(seen) == set(NAMES)
        again = [c for c in bad.conns if len(c.requests) > 1]
        assert not again, f"used again behind {[r.target for r in again[0].requests]}"
        assert not load.book.failed(), load.book.failed()[:5]
        text = rig.judge(quiet.book, load.book)
        figure(f"F4 {mode}: {sum(sum(v.values()) for v in seen.values())} broken answers of {len(seen)} kinds as the table has it, "
               f"{len(bad.conns)} connections, none used twice; p99 of the others {p99(quiet.book.of('ok')):.1f} -> "
               f"{p99(load.book.of('ok')):.1f} ms; {text}")
    finally:
        rig.stop()
        bad.stop()
