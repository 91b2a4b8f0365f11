"""Bodies of every size through both modes, identical by hash; heads cut at every byte; memory under a slow reader."""
import hashlib
import os
import subprocess
import time

import pytest

from tests.flow.lib import bodies, config, peers
from tests.flow.lib.client import Client
from tests.flow.lib.origin import BODY, EARLY, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.side import make_side
from tests.flow.lib.proxy import have

FULL = os.environ.get("FULL") == "1"
MiB = 1 << 20
SIZES = [0, 1, 4095, 65536, 65537, MiB + 3, 16 * MiB + 1] + ([1 << 30] if FULL else [64 * MiB])
UP_SIZES = [0, 1, 65537, MiB + 3, 16 * MiB + 1] + ([1 << 30] if FULL else [64 * MiB])
UNLIMITED = {"defaults": {"max_body": "0"}}


@pytest.fixture(scope="module")
def files(scratch):
    root = scratch / "www"
    root.mkdir()
    for n in sorted(set(SIZES + UP_SIZES)):
        bodies.write(root / f"b{n}", "file", n)
        (root / f"b{n}").chmod(0o644)
    return root


@pytest.fixture(scope="module")
def hashes(files):
    return {n: bodies.file_digest(files / f"b{n}") for n in set(SIZES + UP_SIZES)}


@pytest.fixture(scope="module")
def world(scratch, files, launch):
    """Three origins, a reverse proxy each, and one forward proxy."""
    started = {"nginx": peers.nginx(scratch, files), "apache": peers.apache(scratch, files), "python": peers.python(scratch, files)}
    ports = {n: free_port() for n in started}
    conf = {"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": n, "bind": [f"127.0.0.1:{p}"]} for n, p in ports.items()],
            "services": [config.service(n, p.address) for n, p in started.items()],
            "routes": [{"name": n, "match": {"hosts": [f"{n}.test"], "path": "/**"}, "service": n} for n in started], **UNLIMITED}
    launch(conf, "reverse")
    fwd = free_port()
    launch(config.forward(fwd), "forward")
    yield {"peers": started, "reverse": ports, "forward": fwd}
    for p in started.values():
        p.stop()


def curl(world, mode, origin, path, *args):
    """curl's words to reach path on that origin in that mode."""
    if mode == "reverse":
        return [have("curl"), "-sS", "--fail", "-H", f"Host: {origin}.test", *args, f"http://127.0.0.1:{world['reverse'][origin]}{path}"]
    return [have("curl"), "-sS", "--fail", "--noproxy", "", "-x", f"http://127.0.0.1:{world['forward']}", *args, f"http://{world['peers'][origin].address}{path}"]


def wget(world, mode, origin, path, *args):
    if mode == "reverse":
        return [have("wget"), "-q", "--no-proxy", f"--header=Host: {origin}.test", *args, f"http://127.0.0.1:{world['reverse'][origin]}{path}"]
    return [have("wget"), "-q", "-e", "use_proxy=yes", "-e", "no_proxy=", "-e", f"http_proxy=http://127.0.0.1:{world['forward']}", *args,
            f"http://{world['peers'][origin].address}{path}"]


def run(argv, timeout=110):
    p = subprocess.run(argv, capture_output=True, timeout=timeout)
    assert p.returncode == 0, (argv, p.returncode, p.stderr.decode(errors="replace"))
    return p.stdout


def hash_of(argv):
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    h = hashlib.sha256()
    for part in iter(lambda: p.stdout.read(MiB), b""):
        h.update(part)
    err = p.stderr.read()
    assert p.wait() == 0, (argv, err.decode(errors="replace"))
    return h.hexdigest()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("origin", ["nginx", "apache", "python"])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("client", ["curl", "wget"])
def test_get(world, hashes, client, mode, origin, size):
    argv = curl(world, mode, origin, f"/b{size}") if client == "curl" else wget(world, mode, origin, f"/b{size}", "-O", "-")
    assert hash_of(argv) == hashes[size]


@pytest.mark.parametrize("size", UP_SIZES)
@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_upload_to_python(world, files, hashes, mode, method, coding, size):
    path = f"{files}/b{size}"
    if coding == "length":
        out = run(curl(world, mode, "python", "/up", "-X", method, "-T", path, "-H", "Expect:"))
    else:
        with open(path, "rb") as f:
            argv = curl(world, mode, "python", "/up", "-X", method, "-T", "-", "-H", "Transfer-Encoding: chunked", "-H", "Expect:")
            p = subprocess.run(argv, stdin=f, capture_output=True, timeout=110)
        assert p.returncode == 0, p.stderr
        out = p.stdout
    assert out.decode() == f"{size} {hashes[size]}"


# nginx's DAV module refuses an empty chunked body, with or without a proxy before it.
DAV_CASES = [(o, c, s) for o in ("nginx", "apache") for c in ("length", "chunked") for s in (0, 65537, 16 * MiB + 1)
             if (o, c, s) != ("nginx", "chunked", 0)]


@pytest.mark.parametrize("origin, coding, size", DAV_CASES)
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_put_to_a_dav_server(world, files, hashes, mode, origin, coding, size):
    name = f"/dav/{mode}-{origin}-{coding}-{size}"
    if coding == "length":
        run(curl(world, mode, origin, name, "-T", f"{files}/b{size}", "-H", "Expect:"))
    else:
        with open(files / f"b{size}", "rb") as f:
            p = subprocess.run(curl(world, mode, origin, name, "-T", "-", "-H", "Expect:"), stdin=f, capture_output=True, timeout=110)
        assert p.returncode == 0, p.stderr
    assert bodies.file_digest(str(files) + name) == hashes[size]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_expect_of_a_real_client(world, files, hashes, mode):
    """curl asks for 100-continue by itself above a megabyte."""
    out = run(curl(world, mode, "python", "/up", "-X", "PUT", "--data-binary", f"@{files}/b{MiB + 3}", "-H", "Expect: 100-continue"))
    assert out.decode() == f"{MiB + 3} {hashes[MiB + 3]}"


@pytest.mark.parametrize("origin", ["nginx", "apache"])
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_range_and_conditional_of_real_servers(world, mode, origin):
    out = run(curl(world, mode, origin, f"/b{MiB + 3}", "-r", "1000-1999"))
    assert out == bodies.body("file", 4096)[1000:2000]
    code = run(curl(world, mode, origin, "/b1", "-o", "/dev/null", "-w", "%{http_code}", "-z", "Tue, 01 Jan 2030 00:00:00 GMT"))
    assert code in (b"304", b"200")


@pytest.mark.parametrize("origin", ["nginx", "apache", "python"])
def test_many_on_one_connection(world, hashes, origin):
    argv = [have("curl"), "-sS", "--fail", "-H", f"Host: {origin}.test"]
    for _ in range(10):
        argv += ["-o", "/dev/null", f"http://127.0.0.1:{world['reverse'][origin]}/b65537"]
    out = run(argv + ["-w", "%{num_connects} %{size_download}\\n"]).decode().split("\n")
    assert out[0] == "1 65537" and set(out[1:10]) == {"0 65537"}


# ------------------------------------------------------------------ cut anywhere

HEAD = b"POST @P@/split?q=1 HTTP/1.1\r\nHost: @H@\r\nX-Long: abc def\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"


def test_request_split_at_every_byte(side, origin):
    raw = side.fill(HEAD)
    with Client(side.port) as c:
        for i in range(1, len(raw)):
            c.send(raw[:i])
            time.sleep(0.0005)
            c.send(raw[i:])
            assert c.response().status == 200, i
            last = origin.requests[-1]
            assert (last.target, bytes(last.body), last.get("X-Long")) == ("/split?q=1", b"hello", "abc def"), i


def test_request_byte_by_byte(side, origin):
    with Client(side.port) as c:
        for b in side.fill(HEAD):
            c.send(bytes([b]))
        assert c.response().status == 200
    assert bytes(origin.requests[-1].body) == b"hello"


def test_response_split_at_every_byte(side, origin):
    raw = b"HTTP/1.1 200 OK\r\nX-Long: abc def\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"
    with Client(side.port) as c:
        for i in range(1, len(raw)):
            origin.on("/split", [raw[:i], 0.001, raw[i:]])
            r = c.request(side.fill(b"GET @P@/split HTTP/1.1\r\nHost: @H@\r\n\r\n"))
            assert (r.status, r.body, r.get("X-Long")) == (200, b"hello", "abc def"), i


# ------------------------------------------------------------------ memory

BIG = (1 << 30) if FULL else 128 * MiB
BUDGET = 4 * MiB        # far above one connection's buffers, far below the body


def test_slow_reader_never_makes_the_worker_hold_the_body(side, origin, figure):
    block = bodies.body("slow", 65536)

    def pour(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
        for _ in range(BIG // len(block)):
            if conn.closed:
                return
            conn.send(block)
    origin.on("/pour", [pour])
    worker = side.proxy.worker_pids()[0]
    before = side.proxy.rss(worker)
    with Client(side.port, rcvbuf=8192, timeout=60) as c:
        c.send(side.fill(b"GET @P@/pour HTTP/1.1\r\nHost: @H@\r\n\r\n"))
        assert c.head().status == 200
        peak, end, got = 0, time.monotonic() + 2, 0
        while time.monotonic() < end:
            c.reader.fill()
            got += len(c.reader.take(len(c.reader.buf)))
            peak = max(peak, side.proxy.rss(worker))
            time.sleep(0.02)
        sent_by_origin = "throttled" if got < BIG // 2 else "the reader was not slow"
        assert sent_by_origin == "throttled"
        figure(f"{BIG >> 20} MiB body, worker's memory grew by {(peak - before) // 1024} KiB")
        assert peak - before < BUDGET, f"{before} -> {peak}"
        while got < BIG:
            c.reader.fill()
            got += len(c.reader.take(len(c.reader.buf)))
        assert got == BIG


def test_slow_origin_never_makes_the_worker_hold_the_upload(side, origin, figure):
    size = 128 * MiB
    origin.on("/sink", [EARLY, 2.0, BODY, reply("done")])
    worker = side.proxy.worker_pids()[0]
    before = side.proxy.rss(worker)
    with Client(side.port, timeout=60) as c:
        c.send(side.fill(b"POST @P@/sink HTTP/1.1\r\nHost: @H@\r\nContent-Length: %d\r\n\r\n" % size))
        c.sock.setblocking(False)
        block, sent, peak, end = b"x" * 65536, 0, 0, time.monotonic() + 1.5
        while time.monotonic() < end:
            try:
                sent += c.sock.send(block)
            except BlockingIOError:
                time.sleep(0.01)
                peak = max(peak, side.proxy.rss(worker))
        figure(f"{size >> 20} MiB upload, worker's memory grew by {max(0, peak - before) // 1024} KiB")
        assert sent < size // 2, "the proxy or the kernel took everything while the origin read nothing"
        assert peak - before < BUDGET, f"{before} -> {peak}"
        c.sock.setblocking(True)
        c.sock.settimeout(60)
        while sent < size:
            n = min(len(block), size - sent)
            c.sock.sendall(block[:n])
            sent += n
        assert c.response().status == 200
    assert origin.requests[-1].length == size


def test_raw_bodies_of_odd_sizes_through_both_codings(side, origin):
    for n in (1, 2, 15, 16, 17, 255, 256, 4096, 8191, 16384, 65535, 200001):
        data = bodies.body("odd", n)
        origin.on("/len", [reply(data)])
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[i:i + 777]), data[i:i + 777]) for i in range(0, n, 777)) + b"0\r\n\r\n"
        origin.on("/chunks", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks])
        with Client(side.port) as c:
            for path in (b"/len", b"/chunks"):
                c.send(side.fill(b"POST @P@%s HTTP/1.1\r\nHost: @H@\r\nTransfer-Encoding: chunked\r\n\r\n" % path) + chunks)
                assert c.response().body == data, (n, path)
                assert bytes(origin.requests[-1].body) == data, (n, path)


@pytest.fixture(scope="module")
def sides(launch, origin):
    return {"reverse": make_side("reverse", launch, origin, **UNLIMITED), "forward": make_side("forward", launch, origin)}
