"""curl as it is used: through the forward proxy in absolute-form and by CONNECT, plain and TLS, and to the reverse proxy; nginx and
an ASGI application behind. Judged by hashes, curl's own figures, the server's record and the access log."""
import hashlib
import json

import pytest

from tests.flow.lib import bodies
from tests.flow.lib.proxy import have

MiB = 1 << 20
SIZE = 5 * MiB + 7
WAYS = ["absolute", "connect", "tls", "reverse"]


@pytest.fixture(scope="module")
def world(place):
    place.files, place.app = place.server("nginx"), place.server("uvicorn")
    bodies.write(place.files.root / "big", "big", SIZE)
    (place.files.root / "text.txt").write_text("words and words " * 4000)
    for i in range(30):
        bodies.write(place.files.root / f"part{i}", f"part{i}", 10000 + 997 * i)
    place.before = {place.files: place.reverse(place.files, defaults={"max_body": "0"}), place.app: place.reverse(place.app, defaults={"max_body": "0"})}
    return place


def words(world, way, server, path):
    """curl's arguments for a path of a server, that way."""
    if way == "reverse":
        return ["--noproxy", "*", world.before[server].url + path]
    proxy = ["--noproxy", "", "-x", world.forward.url]
    if way == "connect":
        return [*proxy, "-p", server.url(path)]
    return [*proxy, "--cacert", world.ca.cert, server.url(path, tls=way == "tls")]


def curl(world, way, server, path, *args, **kw):
    return world.run(have("curl"), "-sS", "--max-time", 40, *args, *words(world, way, server, path), **kw)


def logged(world, way, server, path, **want):
    """That transfer's line in the access log; there has to be one."""
    if way in ("connect", "tls"):
        host = f"{server.name}.test:{server.tls if way == 'tls' else server.port}"
        rows = world.forward.records(lambda r: r["method"] == "CONNECT" and r["target"] == host)
        assert rows[-1]["rule"] == "lab" and rows[-1]["status"] == 200, rows[-1]
        return rows[-1]
    proxy = world.before[server] if way == "reverse" else world.forward
    want = {"route" if way == "reverse" else "rule": "all" if way == "reverse" else "lab", **want}
    return proxy.records(lambda r: r["target"].endswith(path) and all(r.get(k) == v for k, v in want.items()))[-1]


@pytest.mark.parametrize("way", WAYS)
def test_download_is_whole(world, way):
    out = curl(world, way, world.files, "/big", "-o", "out", "-w", "%{http_code} %{size_download}").stdout
    assert out == f"200 {SIZE}"
    assert bodies.file_digest(world.home / "out") == bodies.digest("big", SIZE)
    row = logged(world, way, world.files, "/big")
    assert row["bytes_out"] == SIZE if way in ("absolute", "reverse") else row["bytes_out"] > SIZE, row
    assert ("1.1 " in world.files.record("/big")[-1]["via"]) == (way in ("absolute", "reverse"))


@pytest.mark.parametrize("way", WAYS)
def test_thirty_requests_one_connection(world, way):
    argv = []
    for i in range(30):
        argv += ["-o", f"part{i}", words(world, way, world.files, f"/part{i}")[-1]]
    out = curl(world, way, world.files, "/part0", *argv, "-o", "last", "-w", "%{http_code} %{num_connects}\\n").stdout
    assert out.split("\n")[:31] == ["200 1"] + ["200 0"] * 30, out
    for i in range(30):
        assert bodies.file_digest(world.home / f"part{i}") == bodies.digest(f"part{i}", 10000 + 997 * i)


@pytest.mark.parametrize("way", WAYS)
def test_parallel(world, way):
    argv = []
    for i in range(30):
        argv += ["-o", f"z{i}", words(world, way, world.files, f"/part{i}")[-1]]
    out = curl(world, way, world.files, "/part0", "-Z", "--parallel-max", 10, *argv, "-o", "last", "-w", "%{http_code}\\n").stdout
    assert out == "200\n" * 31
    for i in range(30):
        assert bodies.file_digest(world.home / f"z{i}") == bodies.digest(f"part{i}", 10000 + 997 * i)


@pytest.mark.parametrize("way", WAYS)
def test_resume_and_ranges(world, way):
    whole = bodies.body("big", SIZE)
    (world.home / "part").write_bytes(whole[:3 * MiB + 1])
    out = curl(world, way, world.files, "/big", "-C", "-", "-o", "part", "-w", "%{http_code}").stdout
    assert out == "206" and (world.home / "part").read_bytes() == whole
    out = curl(world, way, world.files, "/big", "-r", "100-299,-50", text=False).stdout
    assert out.count(b"Content-Range: bytes") == 2 and whole[100:300] in out and whole[-50:] in out
    out = curl(world, way, world.files, "/big", "-r", f"{SIZE}-", "-o", "/dev/null", "-w", "%{http_code}").stdout
    assert out == "416"
    if way in ("absolute", "reverse"):
        logged(world, way, world.files, "/big", status=416, reason="upstream")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_upload(world, way, coding):
    source = ["-T", world.files.root / "big"] if coding == "length" else ["-T", "-", "-H", "Transfer-Encoding: chunked"]
    with open(world.files.root / "big", "rb") as f:
        out = curl(world, way, world.app, f"/up-{way}-{coding}", *source, stdin=f).stdout
    assert out == f"{SIZE} {bodies.digest('big', SIZE)}"
    got = world.app.record(f"/up-{way}-{coding}")
    assert len(got) == 1 and got[0]["method"] == "PUT"
    assert ("transfer-encoding" in got[0]["fields"]) == (coding == "chunked"), got
    if way in ("absolute", "reverse"):
        logged(world, way, world.app, f"/up-{way}-{coding}", bytes_in=SIZE, status=200)


REFUSED = {"at-once": ["-H", "Expect:"], "chunked": ["-H", "Expect:", "-H", "Transfer-Encoding: chunked"], "asked": ["-H", "Expect: 100-continue", "--expect100-timeout", 20]}


@pytest.mark.parametrize("way", ["absolute", "tls", "reverse"])
@pytest.mark.parametrize("manner", REFUSED)
def test_upload_that_the_server_refuses_early(world, way, manner):
    """nginx says 413 while megabytes are on their way, and closes: curl hears the 413, not a reset."""
    out = curl(world, way, world.files, "/small/f", "-T", world.files.root / "big", *REFUSED[manner], "-o", "/dev/null", "-w", "%{http_code} %{size_upload}").stdout
    code, sent = out.split()
    assert code == "413" and (manner != "asked" or sent == "0"), out
    if way in ("absolute", "reverse"):
        logged(world, way, world.files, "/small/f", status=413, reason="upstream", upstream_status=413)


@pytest.mark.parametrize("way", WAYS)
def test_100_continue_comes_before_the_body(world, way):
    """curl waits 20 s for the word to go on; it comes, or this takes longer than it may."""
    out = curl(world, way, world.app, "/expect", "-d", "x" * 100, "-H", "Expect: 100-continue", "--expect100-timeout", 20, "-w", " %{time_total}", "-D", "heads").stdout
    n, digest, seconds = out.split()
    assert (int(n), digest) == (100, hashlib.sha256(b"x" * 100).hexdigest()) and float(seconds) < 10, out
    assert "100 Continue" in (world.home / "heads").read_text()


@pytest.mark.parametrize("way", ["absolute", "connect", "reverse"])
def test_old_protocol(world, way):
    out = curl(world, way, world.app, "/stream/5", "--http1.0", "-D", "heads").stdout
    assert out == "".join(f"line {i}\n" for i in range(5))
    assert "transfer-encoding" not in (world.home / "heads").read_text().lower()
    out = curl(world, way, world.files, "/big", "--http1.0", "-o", "out", "-w", "%{http_code} %{size_download}").stdout
    assert out == f"200 {SIZE}"


def test_old_protocol_to_the_proxy(world):
    """CONNECT by HTTP/1.0."""
    out = world.run(have("curl"), "-sS", "--noproxy", "", "--proxy1.0", world.forward.url.removeprefix("http://"), "-p", "--cacert", world.ca.cert,
                    world.files.url("/part1", tls=True), text=False).stdout
    assert out == bodies.body("part1", 10997)


@pytest.mark.parametrize("way", WAYS)
def test_head(world, way):
    out = curl(world, way, world.files, "/big", "-I").stdout
    assert f"Content-Length: {SIZE}\n" in out and "200 OK\n" in out, out
    assert out.count("Content-Length") == 1
    if way in ("absolute", "reverse"):
        logged(world, way, world.files, "/big", method="HEAD", bytes_out=0)


@pytest.mark.parametrize("way", WAYS)
def test_conditional(world, way):
    curl(world, way, world.files, "/part2", "-o", "kept", "--etag-save", "etag")
    out = curl(world, way, world.files, "/part2", "-o", "kept", "--etag-compare", "etag", "-w", "%{http_code}").stdout
    assert out == "304" and bodies.file_digest(world.home / "kept") == bodies.digest("part2", 11994)


@pytest.mark.parametrize("way", WAYS)
def test_compressed(world, way):
    out = curl(world, way, world.files, "/text.txt", "--compressed", "-D", "heads").stdout
    assert out == "words and words " * 4000 and "content-encoding: gzip" in (world.home / "heads").read_text().lower()


@pytest.mark.parametrize("way", WAYS)
def test_redirect_is_followed(world, way):
    out = curl(world, way, world.files, "/old/part3", "-L", "-o", "moved", "-w", "%{http_code} %{num_redirects}").stdout
    assert out == "200 1" and bodies.file_digest(world.home / "moved") == bodies.digest("part3", 12991)


@pytest.mark.parametrize("way", WAYS)
def test_streamed_lines_come_as_they_are_sent(world, way):
    """The first of twenty lines 50 ms apart is here long before the last."""
    out = curl(world, way, world.app, "/stream/20", "-N", "-w", "%{time_starttransfer} %{time_total}").stdout
    *lines, figures = out.split("\n")
    assert lines == [f"line {i}" for i in range(20)]
    first, total = map(float, figures.split())
    assert total > 0.9 and total - first > 0.8, figures


@pytest.mark.parametrize("way", ["absolute", "reverse"])
def test_credentials_pass(world, way):
    assert curl(world, way, world.files, "/login/part4", "-o", "/dev/null", "-w", "%{http_code}").stdout == "401"
    assert curl(world, way, world.files, "/login/part4", "-u", "alice:wonder", "-o", "/dev/null", "-w", "%{http_code}").stdout == "200"


def test_proxy_fields_stay_with_the_proxy(world):
    """--proxy-header and Proxy-Connection are for the proxy alone; ordinary fields are for the server alone."""
    for way in ("absolute", "connect"):
        curl(world, way, world.app, f"/fields-{way}", "--proxy-header", "Proxy-Note: for the proxy", "-H", "X-Note: for the server", "--proxy-header", "Proxy-Authorization: Basic YTpi")
        fields = world.app.record(f"/fields-{way}")[0]["fields"]
        assert fields["x-note"] == "for the server"
        assert "proxy-authorization" not in fields and "proxy-connection" not in fields, fields
        if way == "connect":
            assert "proxy-note" not in fields and "via" not in fields, fields


@pytest.mark.parametrize("way", ["absolute", "connect"])
def test_denied_site(world, way):
    """The rule's id is in the answer and in the log; curl fails its CONNECT with 56."""
    argv = ["-p"] if way == "connect" else []
    p = world.run(have("curl"), "-sS", "--noproxy", "", "-x", world.forward.url, *argv, "-w", "%{http_code} %{http_connect}", "http://denied.test/secret", status=56 if way == "connect" else 0)
    if way == "absolute":
        body, codes = json.loads(p.stdout.rpartition("}")[0] + "}"), p.stdout.rpartition("}")[2].split()
        assert (body["status"], body["rule"], body["reason"], codes[0]) == (403, "no-games", "denied", "403"), p.stdout
    else:
        assert p.stdout.split() == ["000", "403"] and "403" in p.stderr, (p.stdout, p.stderr)
    row = world.forward.records(lambda r: r["host"] and r["host"].startswith("denied.test"))[-1]
    assert (row["rule"], row["status"], row["reason"]) == ("no-games", 403, "denied"), row


@pytest.mark.parametrize("way", ["absolute", "tls"])
def test_name_that_nobody_has(world, way):
    scheme = "https" if way == "tls" else "http"
    p = world.run(have("curl"), "-sS", "--noproxy", "", "-x", world.forward.url, "-o", "/dev/null", "-w", "%{http_code} %{http_connect}", f"{scheme}://gone.test/", status=56 if way == "tls" else 0)
    assert p.stdout.split() == (["000", "502"] if way == "tls" else ["502", "000"]), p.stdout


@pytest.mark.parametrize("way", ["absolute", "reverse"])
def test_http2_offered_in_the_clear_is_http1(world, way):
    """curl --http2 asks for an upgrade to h2c, which uvicorn would refuse; the offer ends here."""
    out = curl(world, way, world.app, "/offer", "--http2", "-o", "/dev/null", "-w", "%{http_code} %{http_version}").stdout
    assert out == "200 1.1"
    assert not {"upgrade", "http2-settings"} & set(world.app.record("/offer")[-1]["fields"])


@pytest.mark.parametrize("url, code, reason", [
    ("ftp://files.test/x", 400, "scheme-bad"), ("http://files.test/%zz", 400, "path-forbidden"), ("http://[fe80::1]/", 403, "address-denied")])
def test_what_a_proxy_does_not_do(world, url, code, reason):
    out = world.run(have("curl"), "-sS", "-g", "--noproxy", "", "-x", world.forward.url, "-o", "/dev/null", "-w", "%{http_code}", url).stdout
    assert out == str(code)
    world.forward.records(lambda r: r["target"] == url and (r["status"], r["reason"]) == (code, reason))


def test_trailers_reach_curl(place, side, origin):
    """A chunked answer's trailer section, for a client that asked for it."""
    origin.on("/trailers", [b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n"])
    proxy = ["--noproxy", "*", f"http://127.0.0.1:{side.port}/trailers"] if side.mode == "reverse" else \
        ["--noproxy", "", "-x", f"http://127.0.0.1:{side.port}", f"http://{origin.address}/trailers"]
    out = place.run(have("curl"), "-sS", "-H", "TE: trailers", "-D", "heads", *proxy).stdout
    assert out == "hello" and "X-Sum: 42" in (place.home / "heads").read_text()
