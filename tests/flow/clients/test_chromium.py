"""Chromium, headless: a page with sub-resources, a form, uploads, streams, server-sent events and a WebSocket, through both modes.
The page judges what it sees and posts its report (pages/visit.js); the application's record and the access log are the other sides."""
import base64
import hashlib
import json
import os
import signal
import subprocess

import pytest

from tests.flow.lib.proxy import follow_parent, have, wait_for

QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-domain-reliability", "--no-pings",
         "--disable-features=OptimizationHints,MediaRouter,Translate,DialMediaRouteProvider"]
WAYS = ["absolute", "tls", "reverse"]


@pytest.fixture(scope="module")
def world(place):
    place.app = place.server("uvicorn")
    place.before = place.reverse(place.app)
    place.pin = key_digest(place)
    return place


def key_digest(world):
    """The server's key as --ignore-certificate-errors-spki-list names it: that one is trusted, nothing else."""
    pem = world.run(have("openssl"), "x509", "-in", world.ca.server_cert, "-noout", "-pubkey").stdout
    der = base64.b64decode("".join(x for x in pem.splitlines() if not x.startswith("-")))
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def chromium(world, way, *args):
    """The words that start it; by default it takes no proxy for loopback, hence the bypass list."""
    proxy = ["--no-proxy-server"] if way == "reverse" else [f"--proxy-server={world.forward.url}", "--proxy-bypass-list=<-loopback>"]
    return [have("chromium"), *QUIET, f"--user-data-dir={world.home}/chromium-{way}", f"--ignore-certificate-errors-spki-list={world.pin}", *proxy, *args]


class Browser:
    """One that stays until the test has what it came for; ended by its pid, and its group with it."""

    def __init__(self, world, argv):
        self.log = open(world.home / "chromium.log", "ab")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=world.home, env=world.environ(),
                                        start_new_session=True, preexec_fn=follow_parent)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(5)
        self.log.close()


def visit(world, way):
    """The page's report."""
    at = len(world.app.record())
    url = f"{world.before.url}/visit.html" if way == "reverse" else world.app.url("/visit.html", tls=way == "tls")
    with Browser(world, chromium(world, way, url)):
        wait_for(lambda: [r for r in world.app.record()[at:] if r["path"] == "/report"], 40, 0.1)
    rows = world.app.record()[at:]
    return rows, json.loads([r for r in rows if r["path"] == "/report"][0]["body"].encode("latin-1"))


@pytest.mark.parametrize("way", WAYS)
def test_a_page_lives_behind_a_proxy(world, way):
    rows, report = visit(world, way)
    pattern = bytes(i % 251 for i in range(251)) * (1 + (1 << 20) // 251)
    assert report["pictures"] == [11] * 30 and report["style"] == "rgb(1, 2, 3)", report
    assert report["stream"]["text"] == "".join(f"line {i}\n" for i in range(10)) and report["stream"]["ahead"] > 300, report["stream"]
    assert report["upload"] == f"{1 << 20} {hashlib.sha256(pattern[:1 << 20]).hexdigest()}"
    assert report["events"] == list("01234") and report["abort"] == 200 and report["cookie"] == "seen=yes; other=1"
    assert report["websocket"] == {"got": ["hello", "", "ä" * 200, 300000], "code": 1000, "clean": True}, report["websocket"]
    form = next(r for r in rows if r["path"] == "/form")
    assert form["body"] == "who=Zo%C3%AB+%26+co&n=7" and report["form"] == f"{form['length']} {form['sha256']}", (form, report["form"])
    assert next(r for r in rows if r["path"] == "/ws")["messages"] == 4
    assert [r for r in rows if r.get("left_at", 1000) < 100], "the server did not hear that the browser gave its stream up"
    assert all(("via" in r["fields"]) == (way in ("absolute", "reverse")) for r in rows if r["method"] != "WS" or way == "reverse")
    seen_by_proxy(world, way)


def seen_by_proxy(world, way):
    tunnel = f"app.test:{world.app.tls if way == 'tls' else world.app.port}"
    if way != "reverse":        # ws:// goes by CONNECT too
        row = world.forward.records(lambda r: r["method"] == "CONNECT" and r["target"] == tunnel and r["bytes_in"] > 300000)[-1]
        assert (row["rule"], row["status"]) == ("lab", 200) and "Chrom" in row["agent"], row
    if way != "tls":
        proxy = world.before if way == "reverse" else world.forward
        rows = proxy.records(lambda r: "/image/" in r["target"], 30)
        assert {(r["status"], r.get("route", r.get("rule"))) for r in rows} == {(200, "all" if way == "reverse" else "lab")}
        proxy.records(lambda r: r["target"].endswith("/upload") and r["bytes_in"] == 1 << 20 and r["status"] == 200)
        proxy.records(lambda r: r["target"].endswith("/pour") and r["reason"] == "client-gone")
    if way == "reverse":
        world.before.records(lambda r: r["target"] == "/ws" and r["status"] == 101 and r["bytes_in"] > 300000)


def test_denied_site_shows_our_page(world):
    p = world.run(*chromium(world, "absolute", "--dump-dom", "http://denied.test/secret"))
    assert "<h1>403 Forbidden</h1>" in p.stdout and "rule: no-games" in p.stdout, p.stdout
    row = world.forward.records(lambda r: r["host"] == "denied.test")[-1]
    assert (row["status"], row["rule"], row["reason"]) == (403, "no-games", "denied"), row


def test_denied_tls_site_is_not_reached(world):
    """A browser shows no page of a proxy that refuses CONNECT; the log tells."""
    p = world.run(*chromium(world, "absolute", "--dump-dom", "https://denied.test/secret"))
    assert "no-games" not in p.stdout, p.stdout[-500:]
    row = world.forward.records(lambda r: r["method"] == "CONNECT" and r["target"] == "denied.test:443")[-1]
    assert (row["status"], row["rule"]) == (403, "no-games"), row
