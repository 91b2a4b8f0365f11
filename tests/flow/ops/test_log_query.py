"""proxyctl log -q EXPR: which records an expression is true of, in every format, and what a wrong one is told."""
import json
import os
import subprocess

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL, wait_for


@pytest.fixture(scope="module")
def p(launch, origin):
    origin.on("/missing", [b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n"])
    origin.on("/dropped", ["CLOSE"])
    port = free_port()
    conf = config.reverse(port, origin.address, process={"workers": 2}, routes=[
        {"name": "api", "match": {"path": "/api/**"}, "service": "app"},
        {"name": "all", "match": {"path": "/**"}, "service": "app"}])
    proxy = launch(conf, "queried")
    proxy.port = port
    for path in ("/api/a", "/api/b", "/plain", "/missing", "/dropped"):
        get(port, path)
    proxy.records(lambda r: r["target"] == "/dropped")
    return proxy


def found(p, query, *more):
    out = p.ctl("log", "-q", query, "--format", "json", *more, check=True).stdout
    return [json.loads(x)["target"] for x in out.splitlines()]


@pytest.mark.parametrize("query,targets", [
    ("status>=500", ["/dropped"]),
    ("status>=500 and route=api", []),
    ("route=api", ["/api/a", "/api/b"]),
    ("route=api or status=404", ["/api/a", "/api/b", "/missing"]),
    ("not (route=api or status in (404, 502))", ["/plain"]),
    ("target like /api/* and client=127.0.0.0/8 and total_ms<1h", ["/api/a", "/api/b"]),
    ("client=10.0.0.0/8", []),
    ("upstream_status=0", ["/dropped"]),
    ("reason=upstream", ["/missing"]),
], ids=str)
def test_query(p, query, targets):
    assert found(p, query) == targets


def test_every_field_of_a_json_line_can_be_asked_for(p):
    line = json.loads(p.ctl("log", "-n", "1", "--json", check=True).stdout)
    for name in line:
        p.ctl("log", "-q", f"{name} or not {name}", check=True)


def test_n_counts_what_was_found(p):
    assert found(p, "route=api", "-n", "1") == ["/api/b"]


@pytest.mark.parametrize("format,words", [("combined", '"GET /api/b HTTP/1.1" 200'), ("common", '"GET /api/b HTTP/1.1" 200'),
                                          ("squid", "TCP_MISS/200"), ("json", '"target":"/api/b"')])
def test_formats(p, format, words):
    line = p.ctl("log", "-q", "target=/api/b", "--format", format, check=True).stdout
    assert words in line and line.count("\n") == 1, line


def test_a_wrong_expression_is_told_where(p):
    r = p.ctl("log", "-q", "status>=500 adn route=api")
    assert r.returncode == 2 and 'column 13: expected "and", "or" or the end, found adn' in r.stderr, r
    r = p.ctl("log", "-q", "stat=1")
    assert r.returncode == 2 and "no field 'stat'" in r.stderr and "status" in r.stderr, r


def test_follow_shows_only_what_is_asked_for(p):
    f = subprocess.Popen([str(PROXYCTL), "-s", str(p.socket), "log", "--follow", "-n", "0", "-q", "target~wanted", "--json"],
                         stdout=subprocess.PIPE)
    try:
        os.set_blocking(f.stdout.fileno(), False)
        got = []

        def seen():
            get(p.port, "/other")
            get(p.port, "/wanted")
            got.append(f.stdout.read() or b"")
            return b"/wanted" in b"".join(got)
        wait_for(seen, 5, 0.1)
        assert b"/other" not in b"".join(got)
    finally:
        f.terminate()
        f.wait(5)
