"""Nobody makes the answer that others get: fields that are no part of the key, and errors that one request provokes."""
import pytest

from tests.flow.lib.cache import answer, fill, hit
from tests.flow.lib.client import get

FRESH = "Cache-Control: max-age=60"
EVIL = "evil.test"

# Each says where the client claims to have been, or would be, and is read by some framework.
UNKEYED = ["X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-Proto", "X-Forwarded-Port",
           "X-Forwarded-Prefix", "X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "X-Host", "X-HTTP-Host-Override",
           "Forwarded"]


def mirror(name):
    return [lambda c: c.send(answer(f"seen: {c.requests[-1].get(name)}", FRESH))]


@pytest.mark.parametrize("name", UNKEYED)
def test_a_field_that_no_key_has_is_not_in_what_others_get(site, name):
    port, origin, _ = site
    target = f"/unkeyed/{name}"
    origin.on(target, mirror(name))
    value = f"for=1.2.3.4;host={EVIL}" if name == "Forwarded" else EVIL
    first = get(port, target, fields=[f"{name}: {value}"])
    assert first.status == 200
    if EVIL.encode() in first.body:
        pytest.fail(f"{name} reaches the origin, which may answer by it, but is no part of the key")
    _, second = fill(port, target)
    assert EVIL.encode() not in second.body


PROVOKED = [
    ("bad-request", "400 Bad Request", ["X-Thing: \x80"]),
    ("too-large", "431 Request Header Fields Too Large", ["X-Big: " + "y" * 6000]),
    ("override", "405 Method Not Allowed", ["X-HTTP-Method-Override: DELETE"]),
    ("missing", "404 Not Found", ["X-Thing: gone"]),
    ("broken", "500 Internal Server Error", ["X-Thing: crash"]),
    ("unavailable", "503 Service Unavailable", ["X-Thing: busy"]),
]


@pytest.mark.parametrize("name,status,fields", PROVOKED, ids=[p[0] for p in PROVOKED])
def test_an_error_that_one_request_provokes_is_its_own(site, name, status, fields):
    port, origin, _ = site
    target = f"/provoked/{name}"

    def script(c):
        r = c.requests[-1]
        bad = r.get("X-Thing") or r.get("X-Big") or r.get("X-HTTP-Method-Override")
        c.send(answer(b"error", status=status) if bad else answer(b"good", FRESH))
    origin.on(target, [script])
    for _ in range(3):
        assert get(port, target, fields=fields).status == int(status[:3])
    r = get(port, target)
    assert r.status == 200 and r.body == b"good" and not hit(r)
    fill(port, target)
    # nor does it take the place of what is there
    assert get(port, target, fields=[*fields, "Cache-Control: no-cache"]).body in (b"error", b"good")
    assert get(port, target).body == b"good"


OURS = [
    ("field", ["X-Big: " + "y" * 200_000], {}),
    ("fields", [f"X-{i}: y" for i in range(5000)], {}),
    ("framing", ["Content-Length: 1", "Transfer-Encoding: chunked"], {}),
    ("control", ["X-Meta: a\x01b"], {}),
    ("hosts", ["Host: b.test"], {}),
]


@pytest.mark.parametrize("name,fields,how", OURS, ids=[p[0] for p in OURS])
def test_a_refusal_of_ours_is_for_nobody_else(site, name, fields, how):
    port, origin, _ = site
    target = f"/ours/{name}"
    origin.on(target, answer(b"good", FRESH))
    r = get(port, target, fields=fields, **how)
    assert 400 <= r.status < 500 and "no-store" in r.get("Cache-Control", "")
    r = get(port, target)
    assert r.status == 200 and r.body == b"good" and not hit(r)


def test_an_origin_that_cannot_be_reached_is_asked_again(site):
    port, origin, _ = site
    origin.on("/gone", ["RST"])
    r = get(port, "/gone")
    assert r.status == 502 and "no-store" in r.get("Cache-Control", "")
    origin.on("/gone", answer(b"back", FRESH))
    assert get(port, "/gone").body == b"back"
