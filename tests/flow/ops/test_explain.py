"""proxyctl explain: what it foretells is what a request then meets, and it sends nothing and counts nothing.

Cases are generated (a fixed seed): URL x method x client x time x headers, in both modes. Clients come by PROXY header,
so that any address can ask; everything else is on loopback.
"""
import datetime
import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.dns import Dns
from tests.flow.lib.origin import Origin
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import data_of, wait_for

CASES = 160
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CLIENTS = ["10.1.0.5"] * 3 + ["10.2.0.9", "10.2.0.9", "192.0.2.7", "172.16.0.1", "127.0.0.1", "2001:db8::5"]
NAMES = {"a.test": ["127.0.0.1"], "b.test": ["127.0.0.2"], "inner.test": ["127.0.0.3"], "many.test": ["127.0.0.3", "127.0.0.1"],
         "private.test": ["10.9.9.9"], "www.blocked.test": ["127.0.0.1"], "ads.test": ["127.0.0.1"], "partner.test": ["127.0.0.2"]}
HEADERS = [[]] * 12 + [
    ["User-Agent: bad-bot/1"], ["X-Beta: 1"], ["X-Beta: 2"], ["Cookie: plan=gold; x=1"], ["Content-Length: 5"], ["Content-Length: 4000"],
    ["Transfer-Encoding: chunked"], ["Connection: Upgrade", "Upgrade: websocket"], ["X-Forwarded-For: 10.1.0.9"], ["Host: other.test"],
    ["Bad Header: x"], ["Content-Length: x"], ["Connection: close, X-Drop", "X-Drop: 1"], ["Via: 1.0 other"], ["Max-Forwards: 0"],
    ["Accept: text/html"], ["TE: trailers", "Connection: TE"]]
FORWARD_PATHS = ["/", "/x?y=1", "/secret/a", "/%2e%2e/x", "/a%00", "/a/./b", "?q", ""]
REVERSE_PATHS = ["/", "/u/42", "/u/42?plan=gold", "/u/a%2fb", "/old/x/y?z", "/pot", "/gone", "/u/1/2", "/admin/x", "/x//admin/../a", "//admin/y", "/%61dmin/z", "/small",
                 "/../x", "/plain/a?b", "/deep/./x"]
METHODS = ["GET"] * 6 + ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"]


def day(offset):
    return DAYS[(datetime.datetime.now().weekday() + offset) % 7]


def forward_part(folder, dns):
    (folder / "ads.txt").write_text("# names\nother.test\nads.test\n")
    (folder / "ads.txt").chmod(0o644)
    return {
        "dns": {"servers": [dns.address], "min_ttl": "0", "timeout": "1s", "total": "2s"},
        "lists": {"ads": {"file": str(folder / "ads.txt"), "kind": "domains"}},
        "acls": {"office": {"src": ["10.1.0.0/16"]}, "lab": {"src": ["10.2.0.0/16"]}, "six": {"src": ["2001:db8::/32"]}, "local": {"src": ["127.0.0.0/8"]},
                 "today": {"time": [f"{day(0)},{day(1)}"]}, "other-day": {"time": [day(3)]}, "blocked": {"domain": [".blocked.test"]}, "ads": {"domain": ["@ads"]},
                 "reads": {"method": ["GET", "HEAD"]}, "inner": {"dst": ["127.0.0.3"]}, "partner": {"domain": ["partner.test", "b.test"]},
                 "bots": {"header": {"User-Agent": "(?i)bad-bot"}}, "secret": {"url": ["/secret"]}},
        "rules": [{"id": "blocked", "deny": True, "all": ["blocked"]}, {"id": "ads", "deny": True, "all": ["ads"]},
                  {"id": "closed", "deny": True, "all": ["lab", "other-day"]}, {"id": "writes", "deny": True, "all": ["lab", "today", "!reads"]},
                  {"id": "inner", "deny": True, "all": ["inner", "!office"]}, {"id": "bots", "deny": True, "all": ["bots"]},
                  {"id": "secret", "deny": True, "all": ["secret"]}, {"id": "office", "allow": True, "all": ["office"], "open": ["127.0.0.0/8"]},
                  {"id": "lab", "allow": True, "all": ["lab", "today", "partner"], "open": ["127.0.0.0/8"]}, {"id": "six", "allow": True, "all": ["six"]},
                  {"id": "local", "allow": True, "all": ["local"], "open": ["127.0.0.1"]}],
        "forward": {"default_rules": False, "max_body": "1KiB"},
    }


def reverse_part(origins):
    hosts = ["a.test", "*.b.test"]

    def route(name, path, service="app", **more):
        return {"name": name, "match": {"hosts": hosts, "path": path, **more.pop("match", {})}, **({"service": service} if service else {}), **more}
    return {
        "services": [config.service("app", *[config.target(o.address, weight=w) for o, w in zip(origins, (3, 1, 2))], timeout={"connect": "1s"}),
                     config.service("one", origins[0].address, balance="least_request")],
        "routes": [route("user", "/u/{id}", "one", match={"methods": ["GET", "HEAD"]}, request={"path": "/users/${path.id}", "set": {"X-A": "1"}, "remove": ["Cookie"]}),
                   route("user-beta", "/u/{id}", match={"header": {"X-Beta": "^1$"}}, request={"host": "beta.internal"}),
                   route("user-gold", "/u/{id}", "one", match={"cookie": {"plan": "^gold$"}}),
                   route("user-plan", "/u/{id}", "one", match={"query": {"plan": "gold"}}),
                   route("user-put", "/u/{id}", None, match={"methods": ["PUT"]}, respond={"status": 403, "body": "no\nway\n", "headers": {"X-Why": "put"}}),
                   route("old", "/old/{rest=**}", None, redirect={"status": 301, "to": "https://new.test/${path.rest}?${query}"}),
                   route("pot", "/pot", None, respond={"status": 418, "body": "short"}),
                   route("admin", "/admin/**", None, respond={"status": 403}),
                   route("small", "/small", "one", max_body="100"),
                   route("plain", "/plain/**", "one", request={"strip_prefix": "/plain", "add_prefix": "/new"}),
                   route("rest", "/**", match={"methods": ["GET", "HEAD", "POST", "OPTIONS"]}, upgrade=[])],
    }


class Site:
    def __init__(self, launch, folder):
        self.dns = Dns(NAMES)
        first = Origin("127.0.0.1")
        self.origins = [first, Origin("127.0.0.2", first.port), Origin("127.0.0.3", first.port)]
        self.ports = {"forward": free_port(), "reverse": free_port()}
        front = {"proxy_protocol": ["127.0.0.1"], "trusted_proxies": ["192.0.2.0/24"]}
        conf = {"mode": "forward", "process": {"workers": 1},
                "listeners": [{"name": m, "mode": m, "bind": [f"127.0.0.1:{p}"], **front} for m, p in self.ports.items()],
                **forward_part(folder, self.dns), **reverse_part(self.origins)}
        self.proxy = launch(conf, "explain")
        self.seen = 0

    def explain(self, *args, check=True):
        r = self.proxy.ctl("explain", *args, "--json")
        assert not check or r.returncode == 0, (args, r.stdout, r.stderr)
        return data_of(r.stdout)

    def state(self):
        """Everything explain must leave alone."""
        counters = {k: v for k, v in self.proxy.status()["counters"].items() if not k.startswith("dns_")}
        return counters, [(len(o.conns), len(o.requests)) for o in self.origins], len(self.proxy.all_records())

    def ask(self, case):
        """The request itself: its answer, and its record."""
        with Client(self.ports[case["listener"]]) as c:
            c.send(case["raw"])
            answer = c.response(case["method"])
        wait_for(lambda: self.proxy.status()["counters"]["connections_open"] == 0)      # its end is no trace of what follows
        self.seen += 1
        return answer, wait_for(lambda: (rows := self.proxy.all_records()) and len(rows) == self.seen and rows[-1])

    def stop(self):
        self.dns.stop()
        for o in self.origins:
            o.stop()


@pytest.fixture(scope="module")
def site(launch, scratch):
    s = Site(launch, scratch)
    yield s
    s.stop()


# ------------------------------------------------------------------ the cases

def proxy_header(client):
    family = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {family} {client} {client} 4711 80\r\n"


def body_of(headers):
    for h in headers:
        if h.startswith("Content-Length: ") and h[16:].isdigit():
            return "b" * int(h[16:])
        if h.startswith("Transfer-Encoding"):
            return "5\r\nhello\r\n0\r\n\r\n"
    return ""


def raw_request(mode, method, url, headers):
    """As a client would put it."""
    authority, path = re.match(r"http://([^/?]*)(.*)", url).groups() if method != "CONNECT" else (url, "")
    if mode == "forward":
        target = url
    else:
        target = path if path.startswith("/") else "/" + path
    lines = [f"{method} {target} HTTP/1.1"] + ([] if any(h.startswith("Host:") for h in headers) else [f"Host: {authority}"]) + headers
    return "\r\n".join(lines) + "\r\n\r\n" + body_of(headers)


def forward_url(site, rnd, method):
    port = site.origins[0].port
    host = rnd.choice(list(NAMES) + ["a.test", "b.test", "many.test"] * 3 + ["A.Test.", "nobody.test", "127.0.0.1", "127.1", "0x7f.0.0.2", "10.0.0.1", "[::1]", "127.0.0.3"])
    if rnd.random() < 0.05:
        host, port = "127.0.0.1", site.ports["forward"]
    return f"{host}:{port}" if method == "CONNECT" else f"http://{host}:{port}{rnd.choice(FORWARD_PATHS)}"


def make_cases(site):
    rnd, now = random.Random(8385), datetime.datetime.now()
    for i in range(CASES):
        mode = ("forward", "reverse")[i % 2]
        method = "CONNECT" if mode == "forward" and rnd.random() < 0.2 else rnd.choice(METHODS)
        host = rnd.choice(["a.test", "a.test", "a.test", "x.b.test", "b.test", "A.TEST:80"])
        url = forward_url(site, rnd, method) if mode == "forward" else f"http://{host}{rnd.choice(REVERSE_PATHS)}"
        headers, client = rnd.choice(HEADERS), rnd.choice(CLIENTS)
        at = rnd.choice([[], ["--at", now.strftime("%H:%M")], ["--at", now.strftime("%a %H:%M")], ["--at", now.strftime("%Y-%m-%d %H:%M")]])
        args = [method, url, "--client", client, "--listener", mode, *at]
        for h in headers:
            args += ["-H", h]
        yield {"listener": mode, "method": method, "args": args, "headers": headers,
               "raw": proxy_header(client) + raw_request(mode, method, url, headers)}


# ------------------------------------------------------------------ agreement

def foretold(d):
    """What the record of the request will say."""
    v = d["verdict"]
    out = {"rule": (d.get("rule") or {}).get("id"), "route": (d.get("route") or {}).get("name"), "upstream": None, "reason": "-"}
    if v["action"] == "answer":
        out |= {"status": v["status"], "reason": v["reason"]}
    else:
        out |= {"status": 200, "upstream": v["target"], "reused": v["reused"]}
    return out


def same_head(said, got):
    """Lines as the origin saw them; the request's id and the via's receiver are new with every request."""
    def plain(line):
        return re.sub(r"(X-Request-Id: ).*", r"\1*", line)
    return [plain(x) for x in said] == [plain(x.decode("latin-1")) for x in got.raw[:-4].split(b"\r\n")]


def judge(site, case, d, answer, record):
    want = foretold(d)
    got = {k: record.get(k) for k in want}
    if got["reason"] is None:
        got["reason"] = "-"
    assert (got, answer.status) == (want, want["status"]), (case, d["verdict"], record)
    if d["verdict"]["action"] == "send":
        r = max((o.requests[-1] for o in site.origins if o.requests), key=lambda r: r.at)
        assert r.conn.origin.address == d["verdict"]["target"]
        assert same_head(d["sent"]["head"], r.head), (d["sent"]["head"], r.head.raw)
    elif d["verdict"]["action"] == "answer":
        mask = [re.sub(r"^(Date|Content-Length): .*", r"\1", f) for f in d["answer"]["fields"]]
        seen = [re.sub(r"^(Date|Content-Length): .*", r"\1", f"{n}: {v}") for n, v in answer.head.fields if n not in ("Connection",)]
        assert sorted(mask) == sorted(seen), (mask, seen)
        if case["method"] != "HEAD" and d["answer"]["reason"] in ("respond", "redirect"):
            assert d["answer"]["body"].encode() == answer.body


def test_what_is_foretold_is_what_happens(site, figure):
    """And nothing is sent, counted or logged by asking."""
    met = {}
    for case in make_cases(site):
        before = site.state()
        d = site.explain(*case["args"])
        assert site.state() == before, (case, "explain left a trace")
        answer, record = site.ask(case)
        judge(site, case, d, answer, record)
        key = f"{case['listener']} {d['verdict'].get('reason') or d['verdict']['action']}"
        met[key] = met.get(key, 0) + 1
    figure(f"{sum(met.values())} of {CASES} agree: " + ", ".join(f"{k} {n}" for k, n in sorted(met.items())))
    sent = sum(n for k, n in met.items() if k.split()[1] in ("send", "tunnel"))
    assert len(met) >= 18 and sent >= CASES // 4, met
    assert len(site.proxy.all_records()) == site.seen


def rule_of(d, name):
    return next(r for r in d["rules"] if r["id"] == name)


def test_another_time_is_judged_as_that_time(site):
    """A rule for another day, and the end of today's."""
    url = f"http://partner.test:{site.origins[0].port}/"
    now = site.explain("GET", url, "--client", "10.2.0.9", "--listener", "forward")
    then = site.explain("GET", url, "--client", "10.2.0.9", "--listener", "forward", "--at", f"{day(3)} 09:00")
    assert now["verdict"]["action"] == "send" and now["rule"]["id"] == "lab" and not now["time_given"]
    assert then["verdict"] == {"action": "answer", "status": 403, "reason": "denied"} and then["rule"]["id"] == "closed" and then["time_given"]
    assert then["time"].lower().startswith(day(3)) and then["time"].endswith("09:00:00")
    assert rule_of(now, "closed")["verdict"] == "no" and rule_of(now, "closed")["terms"]["other-day"]["kind"] == "time"


def test_what_a_rule_came_upon_is_named(site):
    """The line of a list, the expression, the kind that said no; every rule with where it is written."""
    url = f"http://ads.test:{site.origins[0].port}/secret/x"
    ads = rule_of(site.explain("GET", url, "--client", "10.1.0.5"), "ads")
    assert ads["verdict"] == "match" and (ads["terms"]["ads"]["list"], ads["terms"]["ads"]["line"]) == ("ads", 3)
    d = site.explain("GET", url.replace("ads.test", "a.test"), "--client", "10.1.0.5")
    assert d["rule"]["id"] == "secret" and d["rules"][-1]["id"] == "secret" and "addresses" not in d
    assert d["rules"][-1]["terms"]["secret"]["url"] == "/secret"
    assert rule_of(d, "writes")["terms"]["lab"]["kind"] == "src"
    assert (rule_of(d, "inner")["term"], rule_of(d, "inner")["terms"]["!office"]["says"]) == ("!office", "match")
    lines = site.proxy.file.read_text().split("\n")
    for r in d["rules"]:
        file, _, line = r["at"].rpartition(":")
        assert file == str(site.proxy.file) and f'id = "{r["id"]}"' in "".join(lines[int(line) - 1:int(line) + 1]), r


def test_addresses_are_judged_one_by_one(site):
    port = site.origins[0].port
    d = site.explain("GET", f"http://many.test:{port}/", "--client", "127.0.0.1")
    assert [(a["address"], a["verdict"]) for a in d["addresses"]] == [(f"127.0.0.3:{port}", "denied"), (f"127.0.0.1:{port}", "allowed")]
    assert d["addresses"][0]["reason"] == "denied" and d["addresses"][0]["range"] == "loopback" and d["verdict"]["target"] == f"127.0.0.1:{port}"
    d = site.explain("GET", "http://private.test/", "--client", "2001:db8::5")
    assert d["addresses"][0]["reason"] == "address-denied" and d["addresses"][0]["range"] == "private" and d["verdict"]["reason"] == "address-denied"
    own = site.explain("GET", f"http://127.0.0.1:{site.ports['reverse']}/", "--client", "10.1.0.5")
    assert own["verdict"]["reason"] == "address-own" and own["addresses"][0]["verdict"] == "denied"


def test_no_dns_asks_nobody(site):
    asked = len(site.dns.asked)
    d = site.explain("GET", f"http://b.test:{site.origins[0].port}/", "--client", "127.0.0.1", "--no-dns")
    assert len(site.dns.asked) == asked and d["verdict"] == {"action": "unresolved"} and "addresses" not in d
    assert rule_of(d, "inner")["verdict"] == "unknown"


def test_https_is_asked_by_connect(site):
    d = site.explain("GET", "https://b.test/x", "--client", "10.1.0.5")
    assert d["request"]["head"][0] == "CONNECT b.test:443 HTTP/1.1" and "CONNECT" in d["note"]
    assert d["verdict"]["action"] == "tunnel" and d["verdict"]["target"] == "127.0.0.2:443"
    d = site.explain("GET", "https://a.test/x?y", "--listener", "reverse")
    assert d["request"]["head"][:2] == ["GET /x?y HTTP/1.1", "Host: a.test"] and d["note"]


def test_limits_say_where_they_come_from(site):
    d = site.explain("GET", "http://a.test/", "--listener", "reverse")
    limits = {x["name"]: x for x in d["limits"]}
    assert limits["timeout.connect"]["value"] == "1s" and limits["timeout.connect"]["from"] == "service"
    assert limits["timeout.response"]["from"] == "built in" and "at" not in limits["timeout.response"]
    d = site.explain("GET", "http://a.test/small", "--listener", "reverse")
    assert {x["name"]: x for x in d["limits"]}["max_body"] | {"at": 0} == {"name": "max_body", "value": "100", "from": "route", "at": 0}
    d = site.explain("GET", f"http://a.test:{site.origins[0].port}/", "--client", "10.1.0.5")
    assert {x["name"]: x for x in d["limits"]}["max_body"]["from"] == "forward"


def test_text_for_people(site):
    """One screen of it; what somebody wrote into a header cannot move the cursor."""
    r = site.proxy.ctl("explain", "GET", "http://a.test/u/42", "--listener", "reverse", "-H", "X-Odd: \x1b[31mred", check=True)
    assert "\x1b" not in r.stdout and "answer    400 field-value" in r.stdout
    r = site.proxy.ctl("explain", "GET", "http://a.test/u/42", "-H", "Cookie: a=b", "--listener=reverse", check=True).stdout
    for want in (r"^listener  reverse \(reverse\), given   .*:\d+$", r"^ +user  .*MATCH", r"^          \$\{path.id\} = 42$", r"^service   one \(least_request\)",
                 r"^removed   Cookie$", r"^sent      GET /users/42 HTTP/1.1$", r"^verdict   would be sent to 127.0.0.1:\d+.*, route user$"):
        assert re.search(want, r, re.M), (want, r)
    r = site.proxy.ctl("explain", "GET", f"http://many.test:{site.origins[0].port}/", "--client", "127.0.0.1", check=True).stdout
    assert re.search(r"^ +5  deny +inner +needs the address ", r, re.M) and re.search(r"\(loopback\) denied by rule inner: a rule denies this request$", r, re.M), r


@pytest.mark.parametrize("args, why", [
    (["GET"], "name a method and a URL"), (["GET", "http://a.test/", "--client", "nobody"], "write an address"),
    (["GET", "http://a.test/", "--at", "soon"], 'write "Mon 09:00"'), (["GET", "http://a.test/", "--at", "2026-02-30 09:00"], "no day of the calendar"),
    (["GET", "http://a.test/", "--listener", "nowhere"], "there is no listener 'nowhere'"), (["GET", "http://a.test/", "-H", "A: b\r\n\r\nGET /"], "empty line"),
    (["GET", "http://a.test/", "-H"], "needs a value"), (["GET", "http://a.test/", "x"], "unknown argument"),
    (["GET", "http://a.test/", "-H", "A: " + "x" * 9000], "too long")], ids=lambda v: v if isinstance(v, str) else "")
def test_what_cannot_be_asked(site, args, why):
    r = site.proxy.ctl("explain", *args)
    assert r.returncode != 0 and why in r.stderr, (r.stdout, r.stderr)


def test_a_resolver_that_is_silent_is_waited_for_by_few(site):
    """As a request would wait; no more than four questions at a time, and the worker serves on."""
    site.dns.table["silent.test"] = "drop"
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(site.proxy.ctl, "explain", "GET", "http://silent.test/", "--client", "10.1.0.5", "--json") for _ in range(7)]
        wait_for(lambda: sum(f.done() for f in waiting) == 3)
        with Client(site.ports["reverse"]) as c:
            c.send(proxy_header("10.1.0.5") + "GET /pot HTTP/1.1\r\nHost: a.test\r\n\r\n")
            assert c.response().status == 418
        done = [f.result() for f in waiting]
    good = [data_of(r.stdout)["verdict"] for r in done if r.returncode == 0]
    assert good == [{"action": "answer", "status": 504, "reason": "dns-timeout"}] * 4, done
    assert all("being explained" in r.stdout for r in done if r.returncode != 0)
    assert site.explain("GET", "http://a.test/pot", "--listener", "reverse")["verdict"]["status"] == 418


def test_an_ejected_target_is_passed_over(launch):
    """Its state is shown, and who is chosen in its place; the service's queue too."""
    alive, port = Origin(), free_port()
    dead = f"127.0.0.1:{free_port()}"
    conf = config.reverse(port, dead, services=[config.service("app", dead, alive.address, outlier={"failures": 1, "base": "60s"}, retry={"min": 10})])
    p = launch(conf, "ejected")
    targets = set()
    for _ in range(4):
        targets.add(data_of(p.ctl("explain", "GET", "http://a.test/", "--json", check=True).stdout)["verdict"]["target"])
        with Client(port) as c:
            assert c.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n") and c.response().status == 200
    d = data_of(p.ctl("explain", "GET", "http://a.test/", "--json", check=True).stdout)
    assert {e["address"]: e["state"] for e in d["service"]["endpoints"]} == {dead: "ejected", alive.address: "ok"}
    assert d["verdict"]["target"] == alive.address and d["service"]["gate"] == "open" and targets <= {dead, alive.address}
    alive.stop()


def test_a_worker_that_ends_says_so(launch):
    """Who waits for a resolver when the worker has to go hears that, at once."""
    dns, port = Dns({"silent.test": "drop"}), free_port()
    p = launch(config.forward(port, dns={"servers": [dns.address], "timeout": "20s", "total": "30s"}), "ending")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(p.ctl, "explain", "GET", "http://silent.test/")
        wait_for(lambda: dns.asked)
        assert p.reload().returncode == 0
        r = waiting.result()
    assert r.returncode != 0 and "stopping" in r.stderr, (r.stdout, r.stderr)
    dns.stop()
