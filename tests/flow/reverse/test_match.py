"""Routes chosen by header fields, query parameters and cookies."""
import re

import pytest

from tests.flow.lib.client import get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for


def fixed(name, path, status=200, **match):
    return {"name": name, "match": {"hosts": ["a.test"], "path": path, **match}, "respond": {"status": status, "body": name}}


@pytest.fixture(scope="module")
def site(launch):
    port = free_port()
    p = launch({"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"]}], "routes": [
        fixed("plain", "/x"),
        fixed("plain-put", "/x", methods=["PUT"]),
        fixed("canary", "/x", header={"X-Canary": "^1$"}),
        fixed("agent", "/x", header={"User-Agent": "^App/[0-9]"}),
        fixed("v2", "/x", query={"v": "^2$"}),
        fixed("beta", "/x", cookie={"beta": "^1$"}),
        fixed("beta-v2", "/x", cookie={"beta": "^1$"}, query={"v": "^2$"}),
        fixed("host-cookie", "/x", cookie=["__Host-sid=^[0-9a-f]{4}$"]),
        fixed("only-canary", "/only", header={"X-Canary": ""}),
        fixed("only-get", "/only", header={"X-Canary": "^get$"}, methods=["GET"]),
        fixed("any", "/tree/**"),
        fixed("deep", "/tree/deep", query={"v": ""}),
        fixed("refuse-bots", "/guarded/**", 403, header={"User-Agent": "^(a+)+$"}),
        fixed("guarded", "/guarded/**"),
    ]}, "match")
    p.port = port
    return p


ROWS = [    # id, method, path, fields, body or status
    ("nothing", "GET", "/x", [], "plain"),
    ("method", "PUT", "/x", [], "plain-put"),
    ("header", "GET", "/x", ["X-Canary: 1"], "canary"),
    ("header-any-case", "GET", "/x", ["x-CANARY:  1  "], "canary"),
    ("header-value", "GET", "/x", ["X-Canary: 10"], "plain"),
    ("header-second", "GET", "/x", ["X-Canary: 0", "X-Canary: 1"], "canary"),
    ("header-known-name", "GET", "/x", ["User-Agent: App/3"], "agent"),
    ("two-fit-the-first-is-taken", "GET", "/x", ["User-Agent: App/3", "X-Canary: 1"], "canary"),
    ("a-condition-before-methods", "PUT", "/x", ["X-Canary: 1"], "canary"),
    ("query", "GET", "/x?v=2", [], "v2"),
    ("query-decoded", "GET", "/x?a&%76=%32", [], "v2"),
    ("query-repeated", "GET", "/x?v=1&v=2", [], "v2"),
    ("query-other", "GET", "/x?v=22&w=2", [], "plain"),
    ("cookie", "GET", "/x", ["Cookie: a=0; beta=1"], "beta"),
    ("cookie-lenient", "GET", "/x", ["Cookie: a=0;;beta = \"1\";"], "beta"),
    ("cookie-two-lines", "GET", "/x", ["Cookie: a=0", "Cookie: beta=1"], "beta"),
    ("cookie-other", "GET", "/x", ["Cookie: a=beta=1"], "plain"),
    ("cookie-not-a-key", "GET", "/x", ["Cookie: __Host-sid=12ef"], "host-cookie"),
    ("more-conditions-first", "GET", "/x?v=2", ["Cookie: beta=1", "X-Canary: 1"], "beta-v2"),
    ("present", "GET", "/only", ["X-Canary: whatever"], "only-canary"),
    ("present-but-empty", "POST", "/only", ["X-Canary:"], "only-canary"),
    ("absent", "GET", "/only", [], 404),
    ("path-before-conditions", "GET", "/tree/deep?v", [], "deep"),
    ("falls-back-to-a-wider-path", "GET", "/tree/deep", [], "any"),
    ("guarded", "GET", "/guarded/x", ["User-Agent: b"], "guarded"),
    ("refused", "GET", "/guarded/x", ["User-Agent: aaaa"], 403),
]


@pytest.mark.parametrize("ident, method, path, fields, want", ROWS, ids=[r[0] for r in ROWS])
def test_which_route(site, ident, method, path, fields, want):
    r = get(site.port, path, "a.test", method=method, fields=fields)
    assert (r.status if isinstance(want, int) else r.body.decode()) == want, r


def test_row28_a_match_at_its_limits_takes_no_other_route(site):
    before = len(site.all_records())
    r = get(site.port, "/guarded/x", "a.test", fields=["User-Agent: " + "a" * 48 + "!"])
    assert r.status == 403 and '"reason":"match-limit"' in r.body.decode(), r
    wait_for(lambda: [x for x in site.all_records()[before:] if x["reason"] == "match-limit"])
    wait_for(lambda: re.search(r"a regex of route refuse-bots \(\S+:\d+\) came to its limits", site.log()))


def test_a_parameter_repeated_beyond_reason_is_refused(site):
    assert get(site.port, "/x?" + "v=1&" * 15 + "v=2", "a.test").body == b"v2"
    assert get(site.port, "/x?" + "v=1&" * 16 + "v=2", "a.test").status == 403
