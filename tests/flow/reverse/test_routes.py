"""Routes: which request goes where, and what is changed on the way; answers the proxy gives itself."""
import json

import pytest

from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import Origin, reply
from tests.flow.lib.ports import free_port


def route(name, path="/**", service=None, hosts=None, methods=None, **more):
    match = {"path": path}
    if hosts:
        match["hosts"] = hosts
    if methods:
        match["methods"] = methods
    out = {"name": name, "match": match, **more}
    if service:
        out["service"] = service
    return out


@pytest.fixture(scope="module")
def site(launch, scratch):
    """One proxy with a route of every kind; answers carry the name of the origin that gave them."""
    origins = {n: Origin(name=n) for n in ("main", "api", "wild", "shop")}
    for o in origins.values():
        o.script = lambda r, o=o: [reply(b"" if r.method == "HEAD" else o.name.encode(), fields=["X-Powered-By: PHP", "X-Keep: 1"])]
    port = free_port()
    page = scratch / "404.html"
    page.write_text("<h1>own page</h1>")
    gone = scratch / "503.json"
    gone.write_text('{"own": 503}')
    for p in (page, gone):
        p.chmod(0o644)
    dead = free_port()
    routes = [
        route("main", "/**", "main", ["www.a.test"]),
        route("wild", "/**", "wild", ["*.a.test"]),
        route("user", "/v1/{id}", "api", ["api.test"]),
        route("me", "/v1/me", "main", ["api.test"]),
        route("verb", "/v1/{id}:archive", "wild", ["api.test"]),
        route("deep", "/v1/{id}/orders/{order}", "shop", ["api.test"]),
        route("static", "/static/**", "wild", ["api.test"]),
        route("read", "/doc", "api", ["api.test"], ["GET", "HEAD"]),
        route("write", "/doc", "shop", ["api.test"], ["PUT"]),
        route("strip", "/old/**", "main", ["rewrite.test"], request={"strip_prefix": "/old"}),
        route("replace", "/before/**", "main", ["rewrite.test"], request={"strip_prefix": "/before", "add_prefix": "/after"}),
        route("template", "/t/{a}/x/{b=**}", "main", ["rewrite.test"], request={"path": "/new/${path.b}/of/${path.a}"}),
        route("host", "/host", "main", ["rewrite.test"], request={"host": "inner.example"}),
        route("head", "/head", "main", ["rewrite.test"], request={"set": {"X-Source": "gateway", "Accept": "text/plain"}, "remove": ["Cookie", "X-Drop"]},
              response={"set": {"X-Frame-Options": "DENY", "X-Keep": "2"}, "remove": ["X-Powered-By"]}),
        route("moved", "/moved/{rest=**}", hosts=["redirect.test"], redirect={"status": 301, "to": "https://new.test/${path.rest}"}),
        route("moved-query", "/q", hosts=["redirect.test"], redirect={"status": 302, "to": "https://${host}${path}?${query}"}),
        route("moved-307", "/keep", hosts=["redirect.test"], redirect={"status": 307, "to": "/elsewhere"}),
        route("fixed", "/robots.txt", hosts=["redirect.test"], respond={"status": 200, "body": "User-agent: *\n", "type": "text/plain", "headers": {"X-Fixed": "yes"}}),
        route("teapot", "/pot", hosts=["redirect.test"], respond={"status": 418, "body": "short"}),
        route("empty", "/empty", hosts=["redirect.test"], respond={"status": 204}),
        route("dead", "/**", "dead", ["dead.test"], error_pages=[{"status": 502, "file": str(gone), "type": "application/json"}]),
        route("small", "/small", "main", ["limit.test"], max_body="1KiB"),
        route("large", "/large", "main", ["limit.test"], max_body="20MiB"),
        route("any", "/any", "main", ["limit.test"], max_body="0"),
        route("secret", "/admin/**", "shop", ["deny.test"]),
        route("open", "/**", "main", ["deny.test"]),
    ]
    conf = {"mode": "reverse", "process": {"workers": 1},
            "listeners": [{"name": "front", "bind": [f"127.0.0.1:{port}"]}],
            "services": [{"name": n, "targets": [{"addr": o.address}]} for n, o in origins.items()] + [{"name": "dead", "targets": [{"addr": f"127.0.0.1:{dead}"}]}],
            "routes": routes, "defaults": {"error_pages": [{"status": 404, "file": str(page), "type": "text/html"}]}}
    proxy = launch(conf, "site")
    yield port, origins, proxy
    for o in origins.values():
        o.stop()


def seen(site, name):
    return site[1][name].requests[-1]


HOSTS = [   # host, path, origin or status
    ("exact", "www.a.test", "/x", "main"),
    ("exact-beats-wildcard", "WWW.A.TEST", "/x", "main"),
    ("exact-with-port", "www.a.test:8080", "/x", "main"),
    ("exact-trailing-dot", "www.a.test.", "/x", "main"),
    ("wildcard", "other.a.test", "/x", "wild"),
    ("wildcard-not-itself", "a.test", "/x", 421),
    ("wildcard-not-a-suffix-of-a-label", "xa.test", "/x", 421),
    ("unknown", "nobody.test", "/x", 421),
    ("address", "127.0.0.1", "/x", 421),
    ("template", "api.test", "/v1/42", "api"),
    ("template-literal-wins", "api.test", "/v1/me", "main"),
    ("template-verb-wins", "api.test", "/v1/42:archive", "wild"),
    ("template-one-segment-only", "api.test", "/v1/42/x", 404),
    ("template-not-empty", "api.test", "/v1/", 404),
    ("template-deep", "api.test", "/v1/42/orders/7", "shop"),
    ("template-escaped-slash-is-data", "api.test", "/v1/a%2fb", "api"),
    ("rest", "api.test", "/static/a/b/c.css", "wild"),
    ("rest-empty", "api.test", "/static/", "wild"),
    ("no-route", "api.test", "/nothing", 404),
    ("normalised-for-matching", "api.test", "/%76%31/me", "main"),
    ("dots-resolved-for-matching", "api.test", "/static/../v1/me", "main"),
    ("case-of-a-path-counts", "api.test", "/V1/me", 404),
    ("query-does-not-match", "api.test", "/v1/me?x=/static/", "main"),
]


@pytest.mark.parametrize("ident, host, path, want", HOSTS, ids=[h[0] for h in HOSTS])
def test_which_route(site, ident, host, path, want):
    r = get(site[0], path, host)
    if isinstance(want, int):
        assert r.status == want, r
    else:
        assert (r.status, r.body.decode()) == (200, want), r


@pytest.mark.parametrize("method, want", [("GET", "api"), ("HEAD", ""), ("PUT", "shop")])
def test_method_picks_the_route(site, method, want):
    r = get(site[0], "/doc", "api.test", method=method)
    assert (r.status, r.body.decode()) == (200, want), r


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "BREW"])
def test_other_method_is_405_with_allow(site, method):
    with Client(site[0]) as c:
        r = c.request(f"{method} /doc HTTP/1.1\r\nHost: api.test\r\n\r\n")
        assert r.status == 405
        assert {m.strip() for m in r.get("Allow").split(",")} >= {"GET", "HEAD", "PUT"}, r
        assert c.request("GET /doc HTTP/1.1\r\nHost: api.test\r\n\r\n").status == 200, "405 must keep the connection"


@pytest.mark.parametrize("path, out", [("/old/a/b?c", "/a/b?c"), ("/old/", "/"), ("/old", "/"), ("/before/x", "/after/x"), ("/before/a%2fb", "/after/a%2fb"),
                                       ("/t/1/x/2/3", "/new/2/3/of/1"), ("/old/a/../b", "/b"), ("/old//a", "//a")])
def test_rewritten_path(site, path, out):
    r = get(site[0], path, "rewrite.test")
    assert r.status == 200, r
    assert seen(site, "main").target.lower() == out.lower(), "escapes may change their case, nothing else"


@pytest.mark.parametrize("path", ["/old/..%2f..%2fx", "/t/a/x/%0d%0aX:y", "/t/%00/x/y"])
def test_row28_rewriting_makes_nothing_that_is_no_uri(site, path):
    r = get(site[0], path, "rewrite.test")
    if r.status == 200:
        assert all(0x21 <= b < 0x7f for b in seen(site, "main").target.encode()), seen(site, "main")
    else:
        assert r.status in (400, 404)


def test_host_sent_on(site):
    assert get(site[0], "/host", "rewrite.test").status == 200
    assert seen(site, "main").all("Host") == ["inner.example"]
    assert get(site[0], "/x", "www.a.test").status == 200
    assert seen(site, "main").all("Host") == ["www.a.test"]


def test_headers_set_and_removed(site):
    r = get(site[0], "/head", "rewrite.test", ["Cookie: a=b", "x-drop: 1", "X-Drop: 2", "Accept: */*", "accept: image/png", "X-Other: 3"])
    got = seen(site, "main")
    assert got.all("X-Source") == ["gateway"] and got.all("Accept") == ["text/plain"] and not got.all("Cookie") and not got.all("X-Drop")
    assert got.all("X-Other") == ["3"]
    assert r.all("X-Frame-Options") == ["DENY"] and r.all("X-Keep") == ["2"] and not r.all("X-Powered-By"), r


@pytest.mark.parametrize("path, status, location", [("/moved/a/b", 301, "https://new.test/a/b"), ("/q?a=1", 302, "https://redirect.test/q?a=1"), ("/keep", 307, "/elsewhere")])
def test_redirect(site, path, status, location):
    with Client(site[0]) as c:
        r = c.request(f"GET {path} HTTP/1.1\r\nHost: redirect.test\r\n\r\n")
        assert r.status == status and r.get("Location") == location, r
        assert c.request("GET /robots.txt HTTP/1.1\r\nHost: redirect.test\r\n\r\n").status == 200


@pytest.mark.parametrize("path", ["/moved/%0d%0aSet-Cookie:x", "/moved/a%0ab", "/moved//evil.test", "/q?a=%0d%0aX"])
def test_redirect_cannot_be_split(site, path):
    r = get(site[0], path, "redirect.test")
    assert "Set-Cookie" not in r.head.raw.decode("latin-1").split("Location", 1)[0]
    if r.status != 400:
        assert r.get("Location").startswith("https://new.test/") or r.get("Location").startswith("https://redirect.test/"), r


def test_fixed_response(site):
    r = get(site[0], "/robots.txt", "redirect.test")
    assert (r.status, r.body, r.get("Content-Type"), r.get("X-Fixed")) == (200, b"User-agent: *\n", "text/plain", "yes"), r
    r = get(site[0], "/robots.txt", "redirect.test", method="HEAD")
    assert r.status == 200 and r.get("Content-Length") == "14"
    assert get(site[0], "/pot", "redirect.test").status == 418
    r = get(site[0], "/empty", "redirect.test")
    assert r.status == 204 and not r.all("Content-Length")


def test_fixed_response_reads_a_body_or_closes(site):
    with Client(site[0]) as c:
        c.send("POST /pot HTTP/1.1\r\nHost: redirect.test\r\nContent-Length: 32\r\n\r\n" + "GET /robots.txt HTTP/1.1\r\nHost: "[:32])
        assert c.response().status == 418
        c.send("GET /robots.txt HTTP/1.1\r\nHost: redirect.test\r\n\r\n")
        end = c.end()
        assert end in ("fin", "rst") or end.startswith(b"HTTP/1.1 200"), end


def test_own_error_page(site):
    r = get(site[0], "/nothing", "api.test", ["Accept: text/html"])
    assert (r.status, r.body) == (404, b"<h1>own page</h1>") and r.get("Content-Type").startswith("text/html"), r
    r = get(site[0], "/x", "dead.test")
    assert r.status == 502 and json.loads(r.body) == {"own": 503}, r


def test_origin_errors_are_not_replaced(site):
    site[1]["main"].on("/orig404", [reply("origin's", "404 Not Found")])
    r = get(site[0], "/orig404", "www.a.test")
    assert (r.status, r.body) == (404, b"origin's")


@pytest.mark.parametrize("path, size, status", [("/small", 1024, 200), ("/small", 1025, 413), ("/large", 11 << 20, 200), ("/any", 11 << 20, 200)])
def test_body_limit_of_the_route(site, path, size, status):
    with Client(site[0]) as c:
        c.send(f"POST {path} HTTP/1.1\r\nHost: limit.test\r\nContent-Length: {size}\r\n\r\n")
        if status == 200:
            c.send(b"x" * size)
        r = c.response()
        assert r.status == status, r


def test_body_limit_counts_chunks(site):
    with Client(site[0]) as c:
        c.send("POST /small HTTP/1.1\r\nHost: limit.test\r\nTransfer-Encoding: chunked\r\n\r\n" + "100\r\n" + "x" * 256 + "\r\n")
        c.send(("100\r\n" + "x" * 256 + "\r\n") * 5)
        r = c.response()
        assert r.status == 413, r
    assert not [r for r in site[1]["main"].requests if r.target == "/small" and r.complete and r.length > 1024]


# ------------------------------------------------------------------ row 25: other spellings of a path that has its own route

ADMIN = ["/admin/x", "/%61dmin/x", "/admi%6E/x", "/./admin/x", "/x/../admin/x", "/%2e/admin/x", "/x/%2e%2e/admin/x", "/x/y/../../admin/x", "/admin/./x", "/admin/y/../x"]


@pytest.mark.parametrize("path", ADMIN)
def test_row25_every_spelling_takes_the_route(site, path):
    r = get(site[0], path, "deny.test")
    assert (r.status, r.body) == (200, b"shop"), r


# ------------------------------------------------------------------ configurations that must be refused or accepted

def test_default_server_takes_unknown_hosts(launch, origin):
    port = free_port()
    launch({"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"]}],
            "services": [{"name": "app", "targets": [{"addr": origin.address}]}],
            "routes": [route("one", "/**", "app", ["one.test"]), {"name": "rest", "match": {"hosts": ["rest.test"], "path": "/**"}, "respond": {"status": 200, "body": "default"}}],
            "defaults": {"server": "rest"}}, "default")
    assert get(port, "/x", "unknown.test").body == b"default"
    assert get(port, "/x", "one.test").body == b"ok"


def test_two_listeners_and_ipv6(launch, origin):
    a, b = free_port(), free_port("::1")
    launch({"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": "a", "bind": [f"127.0.0.1:{a}"]}, {"name": "b", "bind": [f"[::1]:{b}"]}],
            "services": [{"name": "app", "targets": [{"addr": origin.address}]}], "routes": [route("all", "/**", "app")]}, "two")
    assert get(a, "/x").status == 200
    assert get(b, "/x", addr="::1").status == 200


def test_both_modes_in_one_process(launch, origin):
    rev, fwd = free_port(), free_port()
    launch({"mode": "reverse", "process": {"workers": 1},
            "listeners": [{"name": "r", "bind": [f"127.0.0.1:{rev}"]}, {"name": "f", "bind": [f"127.0.0.1:{fwd}"], "mode": "forward"}],
            "services": [{"name": "app", "targets": [{"addr": origin.address}]}], "routes": [route("all", "/**", "app")],
            "forward": {"default_rules": False}, "rules": [{"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}]}, "both")
    assert get(rev, "/x").status == 200
    assert get(fwd, f"http://{origin.address}/x", host=origin.address).status == 200
    with Client(rev) as c:
        assert c.request(f"CONNECT {origin.address} HTTP/1.1\r\nHost: x\r\n\r\n", "GET").status == 405


def test_trusted_hops(launch, origin):
    """X-Forwarded-For of a trusted peer is continued, of another replaced."""
    port = free_port()
    launch({"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"], "trusted_proxies": ["127.0.0.1/32"]}],
            "services": [{"name": "app", "targets": [{"addr": origin.address}]}], "routes": [route("all", "/**", "app")], "defaults": {"forwarded": True}}, "trusted")
    fields = ["X-Forwarded-For: 198.51.100.1, 198.51.100.2", "X-Forwarded-Proto: https", "Forwarded: for=198.51.100.1;proto=https"]
    assert get(port, "/hops", fields=fields).status == 200
    r = [r for r in origin.requests if r.target == "/hops"][-1]
    assert r.get("X-Forwarded-For").replace(" ", "") == "198.51.100.1,198.51.100.2,127.0.0.1" and r.get("X-Forwarded-Proto") == "https", r
    assert "for=198.51.100.1" in r.get("Forwarded") and "127.0.0.1" in r.get("Forwarded"), r
    with Client(port, source="127.0.0.2") as c:
        c.request("GET /hops HTTP/1.1\r\nHost: a.test\r\n" + "".join(f + "\r\n" for f in fields) + "\r\n")
    r = [r for r in origin.requests if r.target == "/hops"][-1]
    assert r.get("X-Forwarded-For") == "127.0.0.2" and r.get("X-Forwarded-Proto") == "http" and "198.51.100" not in r.get("Forwarded"), r


def test_x_forwarded_can_be_switched_off(launch, origin):
    port = free_port()
    launch({"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"]}],
            "services": [{"name": "app", "targets": [{"addr": origin.address}]}], "routes": [route("all", "/**", "app")],
            "defaults": {"x_forwarded": False, "via": False, "request_id": ""}}, "off")
    assert get(port, "/off", fields=["X-Forwarded-For: 6.6.6.6"]).status == 200
    r = [r for r in origin.requests if r.target == "/off"][-1]
    assert not any(r.get(n) for n in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Via", "X-Request-Id")), r
