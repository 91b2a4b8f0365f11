"""Who may go where: the shipped policy against every spelling of an inner address, and rules as people write them.

The first half runs in a network of its own, where every forbidden address has a listener that counts connections and a
public-looking one is the control: none may be dialled while the control is, in the same run.
"""
import datetime
import time

import pytest

from tests.flow.lib import config, lab
from tests.flow.lib.client import Client, get
from tests.flow.lib.dns import Dns
from tests.flow.lib.origin import Origin, reply
from tests.flow.lib.ports import free_port

PUBLIC = "93.184.216.34"
INNER = ["127.0.0.1", "127.0.0.2", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "169.254.169.254", "100.64.0.1",
         "198.18.0.1", "192.0.0.8", "192.0.2.1", "203.0.113.10", "::1", "fd00::1", "fc00::1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::1",
         "2001:0:7f00:1::1", "100::1"]

SPELLINGS = {
    "loopback": "127.0.0.1", "loopback-other": "127.0.0.2", "loopback-last": "127.255.255.254", "loopback-dot": "127.0.0.1.",
    "short-2": "127.1", "short-3": "127.0.1", "decimal": "2130706433", "hex": "0x7f000001", "hex-parts": "0x7f.0x0.0x0.0x1", "hex-upper": "0X7F.1",
    "octal": "0177.0.0.1", "octal-whole": "017700000001", "octal-long": "0000177.0.0.01", "mixed": "0x7f.0.0.01", "zero": "0.0.0.0", "zero-short": "0",
    "ip6-loopback": "[::1]", "ip6-loopback-long": "[0:0:0:0:0:0:0:1]", "ip6-any": "[::]", "mapped": "[::ffff:127.0.0.1]", "mapped-hex": "[::ffff:7f00:1]",
    "mapped-private": "[::ffff:10.0.0.1]", "compatible": "[::127.0.0.1]", "nat64": "[64:ff9b::7f00:1]", "nat64-dotted": "[64:ff9b::10.0.0.1]",
    "6to4": "[2002:7f00:1::1]", "teredo": "[2001:0:7f00:1::1]", "link-local-6": "[fe80::1]", "unique-local": "[fd00::1]", "unique-local-fc": "[fc00::1]",
    "private-10": "10.0.0.1", "private-10-decimal": "167772161", "private-172": "172.16.0.1", "private-172-last": "172.31.255.254",
    "private-192": "192.168.1.1", "metadata": "169.254.169.254", "metadata-decimal": "2852039166", "metadata-short": "169.254.43518", "cgnat": "100.64.0.1",
    "benchmark-net": "198.18.0.1", "ietf-net": "192.0.0.8", "test-net-1": "192.0.2.1", "test-net-3": "203.0.113.10", "multicast": "224.0.0.1",
    "reserved": "240.0.0.1", "broadcast": "255.255.255.255", "discard-6": "[100::1]",
    "name-localhost": "localhost", "name-localhost-upper": "LOCALHOST", "name-localhost-dot": "localhost.",
    "dns-loopback": "loop.test", "dns-loopback-dot": "loop.test.", "dns-loopback-6": "loop6.test", "dns-private": "inner.test", "dns-metadata": "meta.test",
    "dns-mapped": "mapped.test", "dns-nat64": "nat64.test", "dns-cgnat": "cgnat.test", "dns-link-local": "ll.test", "dns-many-inner": "many.test",
    "dns-looks-like-an-address": "127.0.0.1.nip.test",
}
NAMES = {"good.test": [PUBLIC], "loop.test": ["127.0.0.1"], "loop6.test": ["::1"], "inner.test": ["10.0.0.1"], "meta.test": ["169.254.169.254"],
         "mapped.test": ["::ffff:127.0.0.1"], "nat64.test": ["64:ff9b::7f00:1"], "cgnat.test": ["100.64.0.1"], "ll.test": ["169.254.1.1", "fe80::1"],
         "many.test": ["10.0.0.1", "192.168.1.1", "::1", "127.0.0.1"], "127.0.0.1.nip.test": ["127.0.0.1"], "split.test": [PUBLIC, "10.0.0.1", "::1"]}
PORTS = {"connect-22": ("CONNECT", 22), "connect-25": ("CONNECT", 25), "connect-80": ("CONNECT", 80), "connect-8443": ("CONNECT", 8443),
         "get-22": ("GET", 22), "get-25": ("GET", 25), "get-110": ("GET", 110)}


def plain(host, port=80, path="/x"):
    where = host if port == 80 else f"{host}:{port}"
    return f"GET http://{where}{path} HTTP/1.1\r\nHost: {where}\r\nConnection: close\r\n\r\n"


def connect(host, port=443):
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"


def conf(port, **extra):
    base = {"mode": "forward", "process": {"workers": 1}, "listeners": [{"name": "front", "bind": [f"127.0.0.1:{port}"]}],
            "dns": {"servers": ["127.0.0.1:53"], "min_ttl": "0", "timeout": "500ms", "total": "2s", "negative": "1s"},
            "forward": {"timeout": {"connect": "2s"}}}
    return config.merged(base, extra)


needs_namespace = pytest.mark.skipif(not lab.available(), reason="no network namespaces for this user")


@pytest.fixture(scope="module")
def defaults(scratch):
    """One run of the shipped policy: every spelling by GET and CONNECT, controls before, between and behind."""
    port = 3128
    steps = [{"id": "control-first", "raw": plain(PUBLIC)}]
    for name, host in SPELLINGS.items():
        steps.append({"id": f"get-{name}", "raw": plain(host)})
        steps.append({"id": f"connect-{name}", "raw": connect(host), "method": "CONNECT"})
    steps.append({"id": "control-name", "raw": plain("good.test")})
    steps.append({"id": "control-connect", "raw": connect(PUBLIC), "method": "CONNECT"})
    for name, (method, p) in PORTS.items():
        steps.append({"id": f"port-{name}", "raw": plain(PUBLIC, p) if method == "GET" else connect(PUBLIC, p), "method": method})
    steps.append({"id": "port-get-8080", "raw": plain(PUBLIC, 8080)})
    steps += [{"id": f"rebind-{i}", "raw": plain("rebind.test")} for i in range(12)]
    steps += [{"id": f"rebind-connect-{i}", "raw": connect("rebind.test"), "method": "CONNECT"} for i in range(6)]
    steps += [{"id": f"split-{i}", "raw": plain("split.test")} for i in range(6)]
    steps.append({"id": "own", "raw": plain("127.0.0.1", port)})
    steps.append({"id": "host-field", "raw": f"GET http://{PUBLIC}/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"})
    steps.append({"id": "browser", "raw": plain("10.0.0.1").replace("\r\n\r\n", "\r\nAccept: text/html\r\n\r\n")})
    steps.append({"id": "control-last", "raw": plain(PUBLIC)})
    plan = {"addresses": INNER, "ports": [80, 443], "origins": [[PUBLIC, p] for p in (80, 443, 8080, 22, 25, 110, 8443)],
            "names": NAMES, "rebinding": {"rebind.test": [PUBLIC, "127.0.0.1"]}, "conf": conf(port), "port": port, "steps": steps, "none_dialled": True}
    return lab.run(plan, scratch / "policy-lab")


@needs_namespace
@pytest.mark.parametrize("step", ["control-first", "control-name", "control-connect", "control-last", "port-get-8080", "host-field"])
def test_the_allowed_control_is_dialled(defaults, step):
    r = defaults[step]
    assert r["status"] == 200 and r["body"] == "control" and r["reached"] == 1, r


@needs_namespace
@pytest.mark.parametrize("way", ["get", "connect"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_row53_inner_address_is_not_dialled(defaults, way, name):
    r = defaults[f"{way}-{name}"]
    assert r["dialled"] == [] and r["reached"] == 0, r
    assert r["status"] in (403, 400, 502), r
    if name in ("loopback", "private-10", "metadata", "ip6-loopback", "decimal", "hex", "octal", "short-2", "mapped", "nat64", "dns-loopback", "dns-private", "name-localhost"):
        assert r["status"] == 403, r


@needs_namespace
def test_row53_nothing_was_dialled_late(defaults):
    assert defaults["late"] == []


@needs_namespace
@pytest.mark.parametrize("i", range(12))
def test_row54_rebinding_name(defaults, i):
    for step in [f"rebind-{i}"] + ([f"rebind-connect-{i}"] if i < 6 else []):
        r = defaults[step]
        assert r["dialled"] == [], r
        assert (r["status"], r["reached"]) in ((403, 0), (200, 1)), r


@needs_namespace
def test_row54_rebinding_name_was_seen_both_ways(defaults):
    seen = {defaults[f"rebind-{i}"]["status"] for i in range(12)}
    assert seen == {200, 403}, "the name never changed its mind: the test saw nothing"


@needs_namespace
@pytest.mark.parametrize("i", range(6))
def test_row54_split_answer(defaults, i):
    r = defaults[f"split-{i}"]
    assert r["dialled"] == [] and r["status"] in (200, 403), r


@needs_namespace
@pytest.mark.parametrize("name", PORTS)
def test_row56_ports(defaults, name):
    r = defaults[f"port-{name}"]
    assert r["status"] == 403 and r["reached"] == 0, r


@needs_namespace
def test_own_address_is_403(defaults):
    assert defaults["own"]["status"] == 403


@needs_namespace
def test_rule_id_is_on_the_page_and_in_the_log(defaults):
    for step in ("get-private-10", "browser"):
        assert "request" in defaults[step]["body"].lower(), defaults[step]
    assert dict(defaults["browser"]["fields"])["Content-Type"].startswith("text/html")
    assert dict(defaults["get-private-10"]["fields"])["Content-Type"] == "application/problem+json"
    denied = [r for r in defaults["log"] if r["status"] == 403]
    assert denied and all(r["reason"] in ("denied", "address-denied", "address-own") for r in denied), denied[:2]
    ports = [r for r in denied if r["reason"] == "denied"]
    assert ports and all(r.get("rule") for r in ports), ports[:2]


@needs_namespace
def test_open_opens_exactly_what_it_names(scratch):
    """One line lets an intranet in: 10.0.0.0/8, and nothing beside it."""
    port = 3128
    plan = {"addresses": [a for a in INNER if a != "10.0.0.1"], "ports": [80], "origins": [["10.0.0.1", 80], [PUBLIC, 80]], "names": NAMES, "port": port,
            "conf": conf(port, rules=[{"id": "intranet", "allow": True, "open": ["10.0.0.0/8"]}]),
            "steps": [{"id": h, "raw": plain(h)} for h in ("10.0.0.1", "inner.test", PUBLIC, "192.168.1.1", "127.0.0.1", "169.254.169.254", "many.test", "[::ffff:10.0.0.1]")]}
    r = lab.run(plan, scratch / "policy-open")
    for h in ("10.0.0.1", "inner.test", PUBLIC):
        assert r[h]["status"] == 200 and r[h]["reached"] == 1, (h, r[h])
    for h in ("192.168.1.1", "127.0.0.1", "169.254.169.254"):
        assert r[h]["status"] == 403 and not r[h]["dialled"], (h, r[h])
    assert not r["many.test"]["dialled"] and not r["[::ffff:10.0.0.1]"]["dialled"]


@needs_namespace
def test_the_listeners_would_tell(scratch):
    """The same laboratory with everything opened: what the other runs say was not dialled is dialled here."""
    port, hosts = 3128, ["127.0.0.2", "10.0.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "inner.test"]
    plan = {"addresses": INNER, "ports": [80, 443], "origins": [], "names": NAMES, "port": port,
            "conf": conf(port, rules=[{"id": "all", "allow": True, "open": ["0.0.0.0/0", "::/0"]}]),
            "steps": [{"id": h, "raw": plain(h)} for h in hosts] + [{"id": "connect", "raw": connect("10.0.0.1"), "method": "CONNECT"}]}
    r = lab.run(plan, scratch / "policy-opened")
    for h in hosts:
        assert r[h]["dialled"] == [NAMES.get(h, [h.strip("[]")])[0]] and r[h]["body"] == "leaked", (h, r[h])
    assert r["connect"]["dialled"] == ["10.0.0.1"]


@needs_namespace
def test_default_configuration_serves_loopback_clients_only(scratch):
    """`mode = "forward"` alone: port 3128 on loopback, public targets, nobody else's."""
    minimal = {"mode": "forward", "dns": {"servers": ["127.0.0.1:53"]}}
    plan = {"addresses": ["10.0.0.1"], "ports": [80], "origins": [[PUBLIC, 80]], "names": NAMES, "port": 3128, "conf": minimal,
            "steps": [{"id": "public", "raw": plain(PUBLIC)}, {"id": "inner", "raw": plain("10.0.0.1")}]}
    r = lab.run(plan, scratch / "policy-minimal")
    assert r["public"]["status"] == 200 and r["inner"]["status"] == 403 and not r["inner"]["dialled"], r


# ------------------------------------------------------------------ rules as people write them

def today(offset=0):
    return ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][(datetime.datetime.now().weekday() + offset) % 7]


@pytest.fixture(scope="module")
def names():
    d = Dns({n: ["127.0.0.1"] for n in ("www.good.test", "good.test", "a.b.good.test", "notgood.test", "exact.test", "sub.exact.test", "bad.good.test",
                                        "other.test", "post.test", "hours.test", "never.test", "local.test", "closed.test")} | {"sources.test": ["127.0.0.1"]})
    yield d
    d.stop()


@pytest.fixture(scope="module")
def ruled(launch, names, origin):
    """One proxy whose rules use every kind of acl; returns its port."""
    port = free_port()
    acls = {
        "ours": {"domain": [".good.test"]},
        "exactly": {"domain": ["exact.test"]},
        "bad": {"domain": ["bad.good.test"]},
        "originport": {"port": [str(origin.port)]},
        "writes": {"method": ["POST", "PUT"]},
        "posts": {"domain": ["post.test"]},
        "hours": {"domain": ["hours.test"], "time": [today()]},
        "never": {"domain": ["never.test"], "time": [today(2)]},
        "inside": {"dst": ["127.0.0.0/8"]},
        "second": {"src": ["127.0.0.2"]},
        "sources": {"domain": ["sources.test"]},
        "localname": {"domain": ["local.test"]},
        "closedname": {"domain": ["closed.test"]},
    }
    lo = ["127.0.0.0/8"]
    rules = [
        {"id": "no-bad", "deny": True, "all": ["bad"]},
        {"id": "good-names", "allow": True, "all": ["ours", "originport"], "open": lo},
        {"id": "exact", "allow": True, "all": ["exactly"], "open": lo},
        {"id": "posts-only", "allow": True, "all": ["posts", "writes"], "open": lo},
        {"id": "not-posts", "deny": True, "all": ["posts", "!writes"]},
        {"id": "in-hours", "allow": True, "all": ["hours"], "open": lo},
        {"id": "other-day", "allow": True, "all": ["never"], "open": lo},
        {"id": "by-source", "allow": True, "all": ["sources", "second"], "open": lo},
        {"id": "by-address", "allow": True, "all": ["localname", "inside"], "open": lo},
        {"id": "allowed-but-not-opened", "allow": True, "all": ["closedname"]},
    ]
    launch({"mode": "forward", "process": {"workers": 1}, "listeners": [{"name": "front", "bind": [f"127.0.0.1:{port}"]}],
            "dns": {"servers": [names.address]}, "forward": {"default_rules": False}, "acls": acls, "rules": rules}, "ruled")
    return port


RULED = [   # id, host, method, source, status, rule
    ("suffix-below", "www.good.test", "GET", None, 200, "good-names"),
    ("suffix-itself", "good.test", "GET", None, 200, "good-names"),
    ("suffix-deep", "a.b.good.test", "GET", None, 200, "good-names"),
    ("suffix-any-case", "WWW.Good.TEST", "GET", None, 200, "good-names"),
    ("suffix-trailing-dot", "www.good.test.", "GET", None, 200, "good-names"),
    ("suffix-is-whole-labels", "notgood.test", "GET", None, 403, None),
    ("first-match-wins", "bad.good.test", "GET", None, 403, "no-bad"),
    ("exact", "exact.test", "GET", None, 200, "exact"),
    ("exact-not-below", "sub.exact.test", "GET", None, 403, None),
    ("nothing-matches", "other.test", "GET", None, 403, None),
    ("method-allowed", "post.test", "POST", None, 200, "posts-only"),
    ("method-denied", "post.test", "GET", None, 403, "not-posts"),
    ("time-today", "hours.test", "GET", None, 200, "in-hours"),
    ("time-other-day", "never.test", "GET", None, 403, None),
    ("source-right", "sources.test", "GET", "127.0.0.2", 200, "by-source"),
    ("source-wrong", "sources.test", "GET", "127.0.0.1", 403, None),
    ("dst-on-the-address-dialled", "local.test", "GET", None, 200, "by-address"),
    ("allowed-is-not-opened", "closed.test", "GET", None, 403, None),
]


@pytest.mark.parametrize("ident, host, method, source, status, rule", RULED, ids=[r[0] for r in RULED])
def test_rule(ruled, origin, launch, ident, host, method, source, status, rule):
    mark = origin.mark()
    where = f"{host}:{origin.port}"
    body = "Content-Length: 0\r\n" if method == "POST" else ""
    with Client(ruled, source=source) as c:
        r = c.request(f"{method} http://{where}/{ident} HTTP/1.1\r\nHost: {where}\r\n{body}\r\n")
    assert r.status == status, r
    assert len(origin.since(mark).requests) == (1 if status == 200 else 0)
    if status == 403 and rule:
        assert rule in r.body.decode(), r


def test_rule_that_decided_is_in_the_log(ruled, origin, launch, names):
    where = f"bad.good.test:{origin.port}"
    ident = f"/logged{time.monotonic_ns()}"
    r = get(ruled, f"http://{where}{ident}", host=where)
    assert r.status == 403
    assert "no-bad" in r.body.decode()


def test_implicit_deny_is_named(ruled, origin):
    where = f"other.test:{origin.port}"
    assert "implicit-deny" in get(ruled, f"http://{where}/x", host=where).body.decode()


def test_connect_obeys_the_rules(ruled, origin):
    for host, status in (("www.good.test", 200), ("other.test", 403), ("bad.good.test", 403)):
        with Client(ruled) as c:
            c.send(f"CONNECT {host}:{origin.port} HTTP/1.1\r\nHost: {host}:{origin.port}\r\n\r\n")
            assert c.response("CONNECT").status == status, host


def test_port_acl_of_another_port(ruled, origin):
    other = Origin()
    try:
        where = f"www.good.test:{other.port}"
        assert get(ruled, f"http://{where}/x", host=where).status == 403
        assert not other.requests
    finally:
        other.stop()


# ------------------------------------------------------------------ names (row 58)

@pytest.fixture(scope="module")
def resolved(launch, origin):
    table = {"ok.test": ["127.0.0.1"], "gone.test": None, "silent.test": lambda *a: "drop", "empty.test": [], "zero.test": lambda *a: b"",
             "second.test": ["127.0.0.9", "127.0.0.1"], "servfail.test": lambda *a: b"\0" * 12}
    d = Dns(table)
    port = free_port()
    launch(config.forward(port, dns={"servers": [d.address], "timeout": "300ms", "tries": 2, "total": "1s", "negative": "10s"}), "dns")
    yield port, d
    d.stop()


@pytest.mark.parametrize("name, statuses", [("ok.test", [200]), ("gone.test", [502]), ("silent.test", [504, 502]), ("empty.test", [502]), ("zero.test", [502, 504]),
                                            ("servfail.test", [502, 504])])
def test_row58_answers(resolved, origin, name, statuses):
    port, _ = resolved
    start = time.monotonic()
    r = get(port, f"http://{name}:{origin.port}/x", host=f"{name}:{origin.port}")
    assert r.status in statuses, r
    assert time.monotonic() - start < 4


def test_names_are_kept_for_their_time_and_negative_answers_too(resolved, origin):
    port, d = resolved
    for name, status in (("ok.test", 200), ("gone.test", 502)):
        get(port, f"http://{name}:{origin.port}/x", host=name)
        before = len(d.asked)
        assert get(port, f"http://{name}:{origin.port}/x", host=name).status == status
        assert len(d.asked) == before, f"{name} was asked again"


def test_next_address_is_tried_when_the_first_refuses(resolved, origin):
    port, _ = resolved
    assert get(port, f"http://second.test:{origin.port}/x", host="second.test").status == 200


def test_literals_are_never_asked(resolved, origin):
    port, d = resolved
    before = len(d.asked)
    assert get(port, f"http://127.0.0.1:{origin.port}/x", host="127.0.0.1").status == 200
    get(port, f"http://2130706433:{origin.port}/x", host="2130706433")
    assert len(d.asked) == before


def test_source_address_to_dial_from(launch, origin):
    port = free_port()
    launch(config.forward(port, forward={"default_rules": False, "source": ["127.0.0.7"]}), "source")
    origin.script = [reply("ok")]
    assert get(port, f"http://{origin.address}/source", host=origin.address).status == 200
    assert [r for r in origin.requests if r.target == "/source"][-1].conn.peer[0] == "127.0.0.7"


def test_contact_is_on_error_pages(launch, origin):
    port = free_port()
    launch({"mode": "forward", "process": {"workers": 1}, "listeners": [{"name": "front", "bind": [f"127.0.0.1:{port}"]}], "forward": {"contact": "help@example.test"}}, "contact")
    r = get(port, "http://10.9.9.9/x", host="10.9.9.9", fields=["Accept: text/html"])
    assert r.status == 403 and b"help@example.test" in r.body, r
