"""Rules that match URLs and header fields by regular expressions, and what a peer can do to the matching."""
import re

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.dns import Dns
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for

SLOW = "a" * 48 + "!"


@pytest.fixture(scope="module")
def site(launch, origin):
    """A proxy that lets everything pass but what its regexes deny, and one that lets pass only what they allow."""
    dns = Dns({n: ["127.0.0.1"] for n in ("a.test", "b.test", "ads.test")})
    lo = ["127.0.0.0/8"]
    acls = {
        "advert": {"url": ["^http://ads\\.", "/adverts?/", "[?&]ad=[0-9]+", "(?i)/BANNER"]},
        "bots": {"header": {"User-Agent": "(?i)bot"}},
        "both": {"header": {"X-One": "^1$", "X-Two": ""}},
        "tunnel": {"url": [f"^b\\.test:{origin.port}$"]},
        "slow-url": {"domain": ["b.test"], "url": ["/(a+)+$"]},
        "slow-head": {"header": {"X-Slow": "^(a+)+$"}},
        "inside": {"dst": lo},
    }
    ports = {"denies": free_port(), "allows": free_port()}
    base = {"mode": "forward", "process": {"workers": 1}, "dns": {"servers": [dns.address]}, "acls": acls}
    denies = launch({**base, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{ports['denies']}"]}], "forward": {"default_rules": False}, "rules": [
        {"id": "no-adverts", "deny": True, "all": ["advert"]},
        {"id": "no-bots", "deny": True, "all": ["bots"]},
        {"id": "no-both", "deny": True, "all": ["both"]},
        {"id": "no-tunnel", "deny": True, "all": ["tunnel"]},
        {"id": "no-slow", "deny": True, "all": ["slow-url"]},
        {"id": "no-slow-heads", "deny": True, "all": ["inside", "slow-head"]},
        {"id": "rest", "allow": True, "open": lo}]}, "denies")
    allows = launch({**base, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{ports['allows']}"]}], "forward": {"default_rules": False}, "rules": [
        {"id": "adverts", "allow": True, "all": ["advert"], "open": lo},
        {"id": "not-slow", "allow": True, "all": ["!slow-head", "bots"], "open": lo}]}, "allows")
    yield ports, {"denies": denies, "allows": allows}
    dns.stop()


def ask(site, which, origin, host, path, fields=(), method="GET"):
    where = f"{host}:{origin.port}"
    lines = "".join(f"{f}\r\n" for f in fields)
    with Client(site[0][which]) as c:
        return c.request(f"{method} http://{where}{path} HTTP/1.1\r\nHost: {where}\r\n{lines}Connection: close\r\n\r\n")


ROWS = [    # id, host, path, fields, the rule that denies or None
    ("plain", "a.test", "/x", [], None),
    ("host", "ads.test", "/x", [], "no-adverts"),
    ("host-any-case", "ADS.test", "/x", [], "no-adverts"),
    ("path", "a.test", "/adverts/1", [], "no-adverts"),
    ("path-escaped", "a.test", "/%61dverts/1", [], "no-adverts"),
    ("path-dots", "a.test", "/x/../adverts/1", [], "no-adverts"),
    ("path-as-a-lax-server-reads-it", "a.test", "/x%2fadvert%2f1", [], "no-adverts"),
    ("path-merged", "a.test", "/advert;v=1/1", [], "no-adverts"),
    ("path-other", "a.test", "/advert", [], None),
    ("query", "a.test", "/x?b=1&ad=7", [], "no-adverts"),
    ("query-other", "a.test", "/x?bad=7", [], None),
    ("case-folded-by-the-flag", "a.test", "/banner", [], "no-adverts"),
    ("case-kept-without", "a.test", "/ADVERTS/", [], None),
    ("header", "a.test", "/x", ["User-Agent: GoogleBot/2"], "no-bots"),
    ("header-second-line", "a.test", "/x", ["X-One: 0", "X-One: 1", "X-Two: y"], "no-both"),
    ("header-empty-is-there", "a.test", "/x", ["X-One: 1", "X-Two:"], "no-both"),
    ("header-one-of-two", "a.test", "/x", ["X-One: 1"], None),
    ("header-anchored", "a.test", "/x", ["X-One: 11", "X-Two: y"], None),
]


@pytest.mark.parametrize("ident, host, path, fields, rule", ROWS, ids=[r[0] for r in ROWS])
def test_deny(site, origin, ident, host, path, fields, rule):
    mark = origin.mark()
    r = ask(site, "denies", origin, host, path, fields)
    assert r.status == (403 if rule else 200), r
    assert len(origin.since(mark).requests) == (0 if rule else 1)
    if rule:
        assert f'"rule":"{rule}"' in r.body.decode() and '"reason":"denied"' in r.body.decode(), r


def test_allow(site, origin):
    assert ask(site, "allows", origin, "a.test", "/adverts/1").status == 200
    assert ask(site, "allows", origin, "a.test", "/x").status == 403
    assert ask(site, "allows", origin, "a.test", "/x%2fadverts%2f1").status == 403, "what only a lax server reads allows nothing"


@pytest.mark.parametrize("host, status", [("a.test", 200), ("b.test", 403)])
def test_connect_is_matched_as_host_and_port(site, origin, host, status):
    with Client(site[0]["denies"]) as c:
        c.send(f"CONNECT {host}:{origin.port} HTTP/1.1\r\nHost: {host}:{origin.port}\r\n\r\n")
        assert c.response("CONNECT").status == status


LIMITS = [  # which proxy, host, path, fields
    ("denies", "b.test", "/" + SLOW, []),
    ("denies", "a.test", "/x", ["X-Slow: " + SLOW]),                        # a term needs the address first
    ("allows", "a.test", "/x", ["User-Agent: bot", "X-Slow: " + SLOW]),     # "!": not matched is not known either
]


@pytest.mark.parametrize("which, host, path, fields", LIMITS, ids=["deny", "deny-by-address", "allow-negated"])
def test_row28_a_match_at_its_limits_lets_nothing_through(site, origin, which, host, path, fields):
    proxy, mark = site[1][which], origin.mark()
    before = len(proxy.all_records())
    r = ask(site, which, origin, host, path, fields)
    assert r.status == 403 and '"reason":"match-limit"' in r.body.decode(), r
    assert not origin.since(mark).requests
    wait_for(lambda: [x for x in proxy.all_records()[before:] if x["reason"] == "match-limit"])
    wait_for(lambda: re.search(r"a regex of rule (no-slow|no-slow-heads|not-slow) \(\S+:\d+\) came to its limits", proxy.log()))


def test_what_is_near_the_limits_is_matched(site, origin):
    assert ask(site, "denies", origin, "b.test", "/" + "a" * 4000).status == 403
    assert ask(site, "denies", origin, "a.test", "/" + "a" * 4000).status == 200
    assert ask(site, "allows", origin, "a.test", "/x", ["User-Agent: bot", "X-Slow: no"]).status == 200


def test_a_wrong_regex_is_refused_with_its_place(scratch, launch):
    port = free_port()
    p = launch(config.forward(port), "wrong")
    conf = config.forward(port, acls={"a": {"url": ["ok", "a(b"]}, "h": {"header": {"X": "[a-"}}})
    r = p.reload(conf)
    assert r.returncode != 0, r
    told = r.stdout + r.stderr
    assert 'the regex "a(b" is wrong at column 4: missing closing parenthesis' in told, told
    assert re.search(r"proxyd\.conf:\d+: \"header\": the regex \"\[a-\" is wrong at column 4", told), told
    p.write(config.forward(port))
