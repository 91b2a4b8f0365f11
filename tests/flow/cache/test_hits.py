"""What is stored is served again, by every worker, as RFC 9111 and RFC 9110 have it; judged on what the origin was asked."""
import hashlib
import os
import socket
import threading
import time

import pytest

from tests.flow.lib.cache import answer, cached, fill, hit, http_date
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import Origin
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for

FRESH = "Cache-Control: max-age=60"


@pytest.fixture(scope="module")
def site(launch, scratch):
    folder = scratch / "store"
    folder.mkdir()
    folder.chmod(0o777)
    origin = Origin()
    port = free_port()
    proxy = launch(cached(folder, port, origin.address), "hits")
    origin.on("/warm", answer(b"", FRESH))
    fill(port, "/warm")             # a worker serves before its keeper has opened the store
    yield port, origin, proxy
    origin.stop()


def now(*args):
    """An answer of the moment it is sent: one that was made before is old already where it is fresh for a second."""
    return [lambda c: c.send(answer(*args))]


def asked(site, target):
    return [r for r in site[1].requests if r.target == target]


def test_a_hit_is_what_the_origin_gave(site):
    port, origin, _ = site
    origin.on("/plain", answer(b"x" * 1000, FRESH, "ETag: \"a\"", "X-Thing: 1", "Content-Type: text/plain"))
    first, second = fill(port, "/plain")
    assert first.status == second.status == 200 and first.body == second.body == b"x" * 1000
    assert not hit(first) and "fwd=uri-miss; stored" in first.get("Cache-Status")
    assert second.get("X-Thing") == "1" and second.get("ETag") == '"a"' and second.get("Content-Type") == "text/plain"
    assert 0 <= int(second.get("Age")) <= 10 and first.get("Age") is None
    assert second.get("Date") == first.get("Date")
    n = len(asked(site, "/plain"))
    for _ in range(20):
        assert hit(get(port, "/plain"))
    assert len(asked(site, "/plain")) == n


def test_every_worker_has_it(site):
    port, origin, proxy = site
    origin.on("/workers", answer(b"shared", FRESH))
    fill(port, "/workers")
    n = len(asked(site, "/workers"))
    seen = set()
    deadline = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < deadline:
        assert get(port, "/workers").body == b"shared"
        seen = {r["pid"] for r in proxy.all_records() if r["target"] == "/workers" and r["cache"] == "hit"}
    assert len(seen) == 2 and len(asked(site, "/workers")) == n


@pytest.mark.parametrize("size", [0, 1, 16363, 16364, 16365, 100_000, 3_000_000])
def test_bodies_of_every_size(site, size):
    port, origin, _ = site
    body = hashlib.shake_128(str(size).encode()).digest(size)
    target = f"/size/{size}"
    origin.on(target, answer(body, FRESH))
    first, second = fill(port, target)
    assert first.body == body and second.body == body


def test_a_chunked_answer_comes_back_with_its_length(site):
    port, origin, _ = site
    origin.on("/chunked", b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
    _, second = fill(port, "/chunked")
    assert second.body == b"hello world" and second.get("Content-Length") == "11"


def test_what_breaks_is_not_stored(site):
    port, origin, _ = site
    origin.on("/broken", [b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nshort", "CLOSE"])
    for _ in range(3):
        with Client(port) as c:
            c.send(b"GET /broken HTTP/1.1\r\nHost: a.test\r\n\r\n")
            with pytest.raises(Exception):
                c.response()
    assert len(asked(site, "/broken")) == 3


def test_a_slow_reader_gets_every_byte(site):
    """The socket fills up, so the body goes on in later turns, by id."""
    port, origin, _ = site
    body = os.urandom(3_000_000)
    origin.on("/slow", answer(body, FRESH))
    fill(port, "/slow")
    with Client(port, rcvbuf=65536, timeout=30) as c:
        c.send(b"GET /slow HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        time.sleep(0.3)
        r = c.response()
    assert hashlib.sha256(r.body).digest() == hashlib.sha256(body).digest()


def test_head_is_answered_from_a_stored_get(site):
    port, origin, _ = site
    origin.on("/head", answer(b"twelve bytes", FRESH))
    fill(port, "/head")
    n = len(asked(site, "/head"))
    r = get(port, "/head", method="HEAD")
    assert r.status == 200 and r.body == b"" and r.get("Content-Length") == "12" and hit(r)
    assert len(asked(site, "/head")) == n


def test_conditions_are_answered_from_the_store(site):
    port, origin, _ = site
    modified = http_date(-1000)
    origin.on("/cond", answer(b"body", FRESH, 'ETag: "v1"', f"Last-Modified: {modified}", "Content-Language: en"))
    fill(port, "/cond")
    n = len(asked(site, "/cond"))
    for fields, status in [(['If-None-Match: "v1"'], 304), (['If-None-Match: W/"v1"'], 304), (["If-None-Match: *"], 304),
                           (['If-None-Match: "v2"'], 200), ([f"If-Modified-Since: {modified}"], 304),
                           ([f"If-Modified-Since: {http_date(-2000)}"], 200),
                           (['If-None-Match: "v2"', f"If-Modified-Since: {modified}"], 200)]:
        r = get(port, "/cond", fields=fields)
        assert (r.status, hit(r)) == (status, True), fields
        assert r.get("ETag") == '"v1"' and (r.get("Content-Language") is None) == (status == 304)
        assert r.body == (b"" if status == 304 else b"body")
    assert len(asked(site, "/cond")) == n


def test_ranges_are_cut_from_the_store(site):
    port, origin, _ = site
    body = hashlib.shake_128(b"ranges").digest(50_000)
    origin.on("/range", answer(body, FRESH, 'ETag: "r"', "Content-Type: image/x"))
    fill(port, "/range")
    n = len(asked(site, "/range"))
    for spec, start, end in [("0-0", 0, 1), ("100-199", 100, 200), ("16360-16370", 16360, 16371), ("-5", 49_995, 50_000), ("49999-", 49_999, 50_000),
                             ("0-49999", 0, 50_000), ("40000-99999", 40_000, 50_000)]:
        r = get(port, "/range", fields=[f"Range: bytes={spec}"])
        assert r.status == 206 and r.body == body[start:end], spec
        assert r.get("Content-Range") == f"bytes {start}-{end - 1}/50000"
    r = get(port, "/range", fields=["Range: bytes=50000-"])
    assert r.status == 416 and r.get("Content-Range") == "bytes */50000"
    r = get(port, "/range", fields=["Range: bytes=0-9", 'If-Range: "other"'])
    assert r.status == 200 and r.body == body
    r = get(port, "/range", fields=["Range: bytes=0-9", 'If-Range: "r"'])
    assert r.status == 206 and r.body == body[:10]
    assert len(asked(site, "/range")) == n


def test_several_ranges_make_a_multipart(site):
    port, origin, _ = site
    body = hashlib.shake_128(b"parts").digest(60_000)
    origin.on("/parts", answer(body, FRESH, "Content-Type: image/x"))
    fill(port, "/parts")
    r = get(port, "/parts", fields=["Range: bytes=0-9,20000-50000,-1"])
    kind, _, boundary = r.get("Content-Type").partition("; boundary=")
    assert r.status == 206 and kind == "multipart/byteranges" and int(r.get("Content-Length")) == len(r.body)
    parts = r.body.split(b"--" + boundary.encode())
    assert parts[0] == b"\r\n" and parts[-1] == b"--\r\n" and len(parts) == 5
    for part, (first, last) in zip(parts[1:-1], [(0, 9), (20_000, 50_000), (59_999, 59_999)]):
        head, _, content = part.partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{last}/60000".encode() in head and b"Content-Type: image/x" in head
        assert content == body[first:last + 1] + b"\r\n"


def test_variants_by_vary(site):
    port, origin, _ = site
    origin.on("/vary", [lambda c: c.send(answer(f"lang={c.requests[-1].get('Accept-Language')}", FRESH, "Vary: Accept-Language"))])
    for lang in ("de", "en"):
        first, second = fill(port, "/vary", fields=[f"Accept-Language: {lang}"])
        assert first.body == second.body == f"lang={lang}".encode()
    n = len(asked(site, "/vary"))
    for lang in ("de", "en", "de"):
        assert get(port, "/vary", fields=[f"Accept-Language: {lang}"]).body == f"lang={lang}".encode()
    assert len(asked(site, "/vary")) == n
    assert "fwd=vary-miss" in get(port, "/vary", fields=["Accept-Language: fr"]).get("Cache-Status")


def test_stale_is_asked_about_and_renewed(site):
    port, origin, _ = site
    count = [0]

    def script(c):
        r = c.requests[-1]
        count[0] += 1
        if r.get("If-None-Match") == '"s"':
            c.send(f"HTTP/1.1 304 Not Modified\r\nDate: {http_date()}\r\nETag: \"s\"\r\nCache-Control: max-age=60\r\nX-Seen: {count[0]}\r\n\r\n".encode())
        else:
            c.send(answer(b"old but right", "Cache-Control: max-age=1", 'ETag: "s"', "X-Seen: 1"))
    origin.on("/stale", [script])
    fill(port, "/stale")
    time.sleep(2.1)
    r = get(port, "/stale")
    assert r.status == 200 and r.body == b"old but right" and r.get("X-Seen") == str(count[0]) and count[0] >= 2
    assert asked(site, "/stale")[-1].get("If-None-Match") == '"s"'

    def renewed():
        n = len(asked(site, "/stale"))
        again = get(port, "/stale")
        return hit(again) and len(asked(site, "/stale")) == n and again.get("X-Seen") == str(count[0])
    wait_for(renewed, timeout=5)


def test_an_origin_that_confirms_something_else_is_asked_once_without_conditions(site):
    port, origin, _ = site
    condition = []

    def script(c):
        condition.append(c.requests[-1].get("If-None-Match"))
        if condition[-1]:
            c.send(f"HTTP/1.1 304 Not Modified\r\nDate: {http_date()}\r\nETag: \"other\"\r\n\r\n".encode())
        else:
            c.send(answer(b"whole", "Cache-Control: max-age=1", 'ETag: "mine"'))
    origin.on("/confirms", [script])
    fill(port, "/confirms")
    time.sleep(2.1)
    condition.clear()
    r = get(port, "/confirms")
    assert r.status == 200 and r.body == b"whole" and condition == ['"mine"', None]


def test_stale_while_revalidate_is_renewed_behind_the_back(site):
    """RFC 5861 3: nobody waits for the origin, which is asked once."""
    port, origin, proxy = site
    target, release, renewed = "/behind", threading.Event(), []

    def script(c):
        if c.requests[-1].get("If-None-Match") is None:
            c.send(answer(b"old", "Cache-Control: max-age=1, stale-while-revalidate=60", 'ETag: "old"'))
            return
        renewed.append(c.requests[-1].get("If-None-Match"))
        release.wait(10)
        c.send(answer(b"new", FRESH, 'ETag: "new"'))
    origin.on(target, [script])
    fill(port, target)
    time.sleep(2.1)
    try:
        assert get(port, target).body == b"old"
        wait_for(lambda: renewed)
        for _ in range(20):
            assert get(port, target).body == b"old"
        assert renewed == ['"old"']
    finally:
        release.set()
    wait_for(lambda: get(port, target).body == b"new", timeout=10)
    assert not [r for r in proxy.all_records() if r["target"] == target and r["cache"] == "replaced"], "nobody asked for it"


def test_a_changed_answer_takes_the_place_of_the_old_one(site):
    port, origin, _ = site
    origin.on("/changes", now(b"one", "Cache-Control: max-age=1", 'ETag: "1"'))
    fill(port, "/changes")
    origin.on("/changes", answer(b"two", "Cache-Control: max-age=60", 'ETag: "2"'))
    time.sleep(2.1)
    assert get(port, "/changes").body == b"two"
    _, second = fill(port, "/changes")
    assert second.body == b"two"


def test_an_old_answer_stands_in_for_an_error(site):
    port, origin, _ = site
    origin.on("/error", now(b"good", "Cache-Control: max-age=1, stale-if-error=600", 'ETag: "e"'))
    fill(port, "/error")
    origin.on("/error", answer(b"broken", status="503 Service Unavailable"))
    time.sleep(2.1)
    r = get(port, "/error")
    assert r.status == 200 and r.body == b"good"
    origin.on("/error", ["RST"])
    assert get(port, "/error").body == b"good"


def test_by_default_what_was_fresh_once_stands_in_unless_it_forbids_that(site):
    port, origin, _ = site
    for target, directives, stands_in in (("/kept", "max-age=1", True), ("/not-kept", "max-age=1, must-revalidate", False)):
        origin.on(target, now(b"good", f"Cache-Control: {directives}", 'ETag: "e"'))
        fill(port, target)
        origin.on(target, ["RST"])
        time.sleep(2.1)
        assert (get(port, target).body == b"good") is stands_in


NOT_STORED = [
    ("no-store", ["Cache-Control: no-store"], [], "no-store"),
    ("private", ["Cache-Control: private, max-age=60"], [], "private"),
    ("cookie", [FRESH, "Set-Cookie: a=b"], [], "set-cookie"),
    ("vary-all", [FRESH, "Vary: *"], [], "vary"),
    ("authorized", [FRESH], ["Authorization: Basic eDp5"], "authorization"),
    ("client", [FRESH], ["Cache-Control: no-store"], "request-no-store"),
    ("nothing", [], [], "no-lifetime"),
]


@pytest.mark.parametrize("name,fields,request_fields,why", NOT_STORED, ids=[r[0] for r in NOT_STORED])
def test_what_must_not_be_stored(site, name, fields, request_fields, why):
    port, origin, _ = site
    origin.on(f"/not/{name}", answer(b"mine", *fields))
    for _ in range(4):
        r = get(port, f"/not/{name}", fields=request_fields)
        assert r.body == b"mine" and f"detail={why}" in r.get("Cache-Status")
    assert len(asked(site, f"/not/{name}")) == 4


def test_an_unsafe_method_makes_it_worthless(site):
    port, origin, _ = site
    origin.on("/unsafe", answer(b"before", FRESH))
    fill(port, "/unsafe")
    assert get(port, "/unsafe", method="POST", body=b"x").status == 200
    origin.on("/unsafe", answer(b"after", FRESH))
    assert get(port, "/unsafe").body == b"after"
    fill(port, "/unsafe")
    origin.on("/unsafe", answer(b"", status="500 Internal Server Error"))
    assert get(port, "/unsafe", method="DELETE").status == 500
    assert hit(get(port, "/unsafe"))


@pytest.mark.parametrize("field,value,gone", [
    ("Location", "/named", True), ("Content-Location", "/named?x=1", False), ("Content-Location", "/named", True), ("Location", "/named#part", True),
    ("Location", "http://A.test:80/named", True), ("Location", "http://other.test/named", False), ("Location", "//other.test/named", False)])
def test_what_an_unsafe_answer_names_is_worthless_too(site, field, value, gone):
    """RFC 9111 4.4: only of the same host."""
    port, origin, _ = site
    origin.on("/named", answer(b"named", FRESH))
    fill(port, "/named")
    origin.on("/names", answer(b"", f"{field}: {value}", status="201 Created"))
    assert get(port, "/names", method="POST", body=b"x").status == 201
    assert hit(get(port, "/named")) != gone


def test_only_if_cached(site):
    port, origin, _ = site
    r = get(port, "/only", fields=["Cache-Control: only-if-cached"])
    assert r.status == 504 and b"only-if-cached" in r.body
    origin.on("/only", answer(b"here", FRESH))
    fill(port, "/only")
    assert get(port, "/only", fields=["Cache-Control: only-if-cached"]).body == b"here"


def test_the_client_may_ask_for_more(site):
    port, origin, _ = site
    origin.on("/fresh", answer(b"here", FRESH))
    fill(port, "/fresh")
    n = len(asked(site, "/fresh"))
    assert not hit(get(port, "/fresh", fields=["Cache-Control: no-cache"]))
    assert len(asked(site, "/fresh")) == n + 1


def test_pipelined_hits_on_one_connection(site):
    port, origin, _ = site
    for i in range(5):
        origin.on(f"/pipe/{i}", answer(f"number {i}", FRESH))
        fill(port, f"/pipe/{i}")
    with socket.create_connection(("127.0.0.1", port), 8) as s, Client(port) as c:
        s.close()
        c.send(b"".join(f"GET /pipe/{i} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode() for i in range(5)))
        assert [c.response().body for _ in range(5)] == [f"number {i}".encode() for i in range(5)]


def test_it_is_in_the_record(site):
    port, origin, proxy = site
    origin.on("/record", answer(b"x", FRESH))
    fill(port, "/record")
    wait_for(lambda: {"miss", "hit"} <= {r["cache"] for r in proxy.all_records() if r["target"] == "/record"})
