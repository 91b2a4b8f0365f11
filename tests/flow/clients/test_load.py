"""The load generators people reach for, run clean: ab, wrk and h2load over kept and closing connections, both modes, before nginx, Apache
httpd and uvicorn; and one HTTP/1.0 WSGI server. Clean: every answer 200 and whole, no error of any kind, the log as long as the load."""
import re
import sys

import pytest

from tests.flow.lib import bodies
from tests.flow.lib.peers import Peer
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import have

SIZE = 20011
WSGI = r'''
import socketserver, sys, wsgiref.simple_server as s
class Server(socketserver.ThreadingMixIn, s.WSGIServer):
    daemon_threads, request_queue_size = True, 128
class Quiet(s.WSGIRequestHandler):
    def log_message(self, *a): pass
def app(environ, start):
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start("200 OK", [("Content-Type", "text/plain")])       # no length: to the end of the connection
    return iter([environ["REQUEST_METHOD"].encode(), b" ", str(len(data)).encode(), b" " + b"x" * 50000])
s.make_server("127.0.0.1", int(sys.argv[1]), app, Server, Quiet).serve_forever()
'''


class Wsgi:
    """wsgiref: HTTP/1.0, a connection for each request."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        (folder / "server.py").write_text(WSGI)
        self.name, self.port = "wsgi", free_port()
        self.peer = Peer([sys.executable, str(folder / "server.py"), str(self.port)], folder, self.port)
        self.address = self.peer.address


@pytest.fixture(scope="module")
def world(place):
    for name in ("nginx", "apache"):
        bodies.write(place.server(name).root / "page", "page", SIZE)
    wsgi = Wsgi(place.folder / "wsgi")
    place.targets = {"nginx": place.server("nginx"), "apache": place.server("apache"), "uvicorn": place.server("uvicorn"), "wsgi": wsgi}
    place.before = {n: place.reverse(s) for n, s in place.targets.items()}
    yield place
    wsgi.peer.stop()


def logged(proxy, agent, count):
    """As many lines as requests, all 200, none cut or retried."""
    rows = proxy.records(lambda r: (r["agent"] or "").startswith(agent), count, 10)
    assert {(r["status"], r["reason"], r["tries"]) for r in rows} == {(200, "-", 1)}, rows[:3]
    return rows


@pytest.mark.parametrize("target", ["nginx", "apache", "uvicorn", "wsgi"])
@pytest.mark.parametrize("kept", ["kept", "closing"])
def test_ab(world, target, kept):
    count, proxy, agent = 400 if target in ("nginx", "apache") else 100, world.before[target], f"ab-{kept}-{target}"
    out = world.run(have("ab"), "-q", "-n", count, "-c", 10, *(["-k"] if kept == "kept" else []), "-H", f"User-Agent: {agent}", f"{proxy.url}/page").stdout
    assert f"Complete requests:      {count}\n" in out and "Failed requests:        0\n" in out and "Non-2xx" not in out and "Write errors" not in out, out
    if kept == "kept" and target != "wsgi":         # an HTTP/1.0 client is told of keep-alive where the length is known
        assert int(re.search(r"Keep-Alive requests: +(\d+)", out)[1]) == count, out
    assert len(logged(proxy, agent, count)) == count


@pytest.mark.parametrize("kept", ["kept", "closing"])
def test_ab_through_the_forward_proxy(world, kept):
    agent, server = f"ab-forward-{kept}", world.targets["nginx"]
    out = world.run(have("ab"), "-q", "-n", 400, "-c", 10, *(["-k"] if kept == "kept" else []), "-H", f"User-Agent: {agent}",
                    "-X", world.forward.url.removeprefix("http://"), server.url("/page")).stdout
    assert "Complete requests:      400\n" in out and "Failed requests:        0\n" in out and "Non-2xx" not in out, out
    rows = logged(world.forward, agent, 400)
    assert len(rows) == 400 and {r["bytes_out"] for r in rows} == {SIZE}


@pytest.mark.parametrize("target", ["nginx", "apache"])
def test_wrk(world, target, figure):
    out = world.run(have("wrk"), "-t", 1, "-c", 16, "-d", 1, "-H", "User-Agent: wrk", f"{world.before[target].url}/page").stdout
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    done = int(re.search(r"(\d+) requests in", out)[1])
    assert done > 50
    rows = world.before[target].records(lambda r: r["agent"] == "wrk", done, 10)
    bad = [r for r in rows if (r["status"], r["reason"]) != (200, "-")]
    assert len(bad) <= 16 and {r["reason"] for r in bad} <= {"client-gone"}, bad[:3]       # wrk leaves in mid-answer when time is up
    figure(f"{done} requests by wrk before {target}")


@pytest.mark.parametrize("target", ["nginx", "apache", "uvicorn"])
def test_h2load_with_http1(world, target):
    out = world.run(have("h2load"), "--h1", "-n", 600, "-c", 12, "-t", 1, "-H", "User-Agent: h2load", f"{world.before[target].url}/page").stdout
    assert "600 total, 600 started, 600 done, 600 succeeded, 0 failed, 0 errored, 0 timeout" in out, out
    assert "status codes: 600 2xx, 0 3xx, 0 4xx, 0 5xx" in out, out
    assert len(logged(world.before[target], "h2load", 600)) == 600


@pytest.mark.parametrize("target", ["nginx", "apache"])
def test_h2load_pipelining(world, target):
    """Eight requests out at a time on each connection."""
    out = world.run(have("h2load"), "--h1", "-n", 600, "-c", 4, "-t", 1, "-m", 8, "-H", "User-Agent: deep", f"{world.before[target].url}/page").stdout
    assert "600 succeeded, 0 failed, 0 errored" in out and "status codes: 600 2xx" in out, out
    assert len(logged(world.before[target], "deep", 600)) == 600


@pytest.mark.parametrize("way", ["absolute", "reverse"])
@pytest.mark.parametrize("version", ["--http1.0", "--http1.1"])
def test_old_server(world, way, version):
    """HTTP/1.0 behind, whatever is in front: a body to the end of the connection, whole; an upload with its length."""
    target = world.targets["wsgi"]
    words = ["--noproxy", "*", f"{world.before['wsgi'].url}/page"] if way == "reverse" else ["--noproxy", "", "-x", world.forward.url, f"http://{target.address}/page"]
    for method, data, size in (("GET", [], 0), ("POST", ["-d", "y" * 3000], 3000)):
        out = world.run(have("curl"), "-sS", version, *data, *words).stdout
        assert out == f"{method} {size} " + "x" * 50000, out[:200]
