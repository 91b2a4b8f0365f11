"""What is one user's stays his: pages that look like files, credentials, cookies, and many who ask at once."""
import threading

import pytest

from tests.flow.lib.cache import answer, fill, hit
from tests.flow.lib.client import get

FRESH = "Cache-Control: max-age=60"


def page(*fields):
    """A page for whoever asks, by his cookie or name."""
    return [lambda c: c.send(answer(f"for {c.requests[-1].get('Cookie') or c.requests[-1].get('Authorization')}", *fields))]


LOOKS = ["/me/a.css", "/me/a.js?v=1", "/me%0aa.css", "/me;a.js", "/me/a.png", "/me/robots.txt", "/me/%2e%2e/a.css", "/me%3fa.ico"]
PRIVATE = [["Cache-Control: private"], ["Cache-Control: no-store"], [FRESH, "Set-Cookie: s=1"], [],
           ["Cache-Control: max-age=60, private"], ["Cache-Control: no-cache"], ["Pragma: no-cache", "Expires: 0"]]


@pytest.mark.parametrize("target", LOOKS)
def test_the_name_of_a_page_makes_it_nobody_elses(site, target):
    port, origin, _ = site
    for fields in PRIVATE:
        origin.script = lambda r, fields=fields: page(*fields)
        for user in ("victim", "attacker", "nobody"):
            r = get(port, target, fields=[f"Cookie: id={user}"])
            assert r.status != 200 or (not hit(r) and r.body == f"for id={user}".encode())
    origin.script = None


# Authorization in the request; the response's fields; may another have it?
AUTHORIZED = [
    ([FRESH], False),
    (["Cache-Control: max-age=60, public"], True),
    (["Cache-Control: s-maxage=60"], True),
    (["Cache-Control: max-age=60, must-revalidate"], True),
    (["Cache-Control: max-age=60, proxy-revalidate"], False),
    (["Cache-Control: max-age=60, immutable"], False),
    (["Cache-Control: public, private, max-age=60"], False),
    (["Cache-Control: s-maxage=60, no-store"], False),
    (["Cache-Control: public, no-cache, max-age=60", 'ETag: "a"'], False),
    (["Cache-Control: public, max-age=60", "Set-Cookie: a=b"], False),
    (["Cache-Control: public, max-age=60", "Vary: *"], False),
    (["Expires: Thu, 01 Jan 2099 00:00:00 GMT"], False),
]


@pytest.mark.parametrize("n", range(len(AUTHORIZED)))
def test_what_was_given_to_one_with_credentials(site, n):
    port, origin, _ = site
    fields, shared = AUTHORIZED[n]
    target = f"/authorized/{n}"
    origin.on(target, page(*fields))
    who = ["Authorization: Basic Zmlyc3Q6eA=="]
    if shared:
        fill(port, target, fields=who)
    else:
        for _ in range(3):
            assert not hit(get(port, target, fields=who))
    r = get(port, target, fields=["Authorization: Basic c2Vjb25kOng="])
    assert r.body == (b"for Basic Zmlyc3Q6eA==" if shared else b"for Basic c2Vjb25kOng=")


def test_many_who_ask_at_once_do_not_share_a_cookie(site):
    port, origin, _ = site
    lock, count = threading.Lock(), [0]

    def script(c):
        with lock:
            count[0] += 1
            n = count[0]
        c.send(answer(f"for {n}", FRESH, f"Set-Cookie: session={n}"))
    origin.on("/at-once", [script])
    got = []

    def ask():
        got.append(get(port, "/at-once", timeout=30))
    threads = [threading.Thread(target=ask) for _ in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(got) == 100 and all(r.status == 200 for r in got)
    assert len({r.body for r in got}) == len({r.get("Set-Cookie") for r in got}) == count[0] == 100


def test_each_variant_is_for_who_asks_that_way(site):
    port, origin, _ = site
    origin.on("/agents", [lambda c: c.send(answer(f"for {c.requests[-1].get('User-Agent')}", FRESH, "Vary: User-Agent"))])
    for i in range(150):            # more than there may be variants of one URL
        assert get(port, "/agents", fields=[f"User-Agent: a{i}"]).body == f"for a{i}".encode()
    for i in range(149, 100, -1):
        assert get(port, "/agents", fields=[f"User-Agent: a{i}"]).body == f"for a{i}".encode()
    _, second = fill(port, "/agents", fields=["User-Agent: last"])
    assert second.body == b"for last"
