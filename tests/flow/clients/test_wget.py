"""wget: files, a tree of them, resumed and posted ones; in absolute-form, by CONNECT to a TLS server, and from the reverse proxy."""
import pytest

from tests.flow.lib import bodies
from tests.flow.lib.proxy import have

SIZE = 3 * (1 << 20) + 11
WAYS = ["absolute", "tls", "reverse"]


@pytest.fixture(scope="module")
def world(place):
    place.files, place.app = place.server("nginx"), place.server("uvicorn")
    bodies.write(place.files.root / "big", "big", SIZE)
    tree = place.files.root / "tree"
    tree.mkdir()
    for i in range(25):
        bodies.write(tree / f"leaf{i}.bin", f"leaf{i}", 1000 * i)
    (tree / "index.html").write_text("".join(f'<a href="leaf{i}.bin">leaf</a>\n' for i in range(25)))
    place.before = {place.files: place.reverse(place.files), place.app: place.reverse(place.app)}
    return place


def wget(world, way, server, path, *args, **kw):
    proxy = ["-e", "use_proxy=yes", "-e", f"http_proxy={world.forward.url}", "-e", f"https_proxy={world.forward.url}"]
    if way == "reverse":
        proxy = ["--no-proxy"]
    url = world.before[server].url + path if way == "reverse" else server.url(path, tls=way == "tls")
    return world.run(have("wget"), "-nv", "--tries=1", "--timeout=20", f"--ca-certificate={world.ca.cert}", *proxy, *args, url, **kw)


@pytest.mark.parametrize("way", WAYS)
def test_file_and_its_time(world, way):
    wget(world, way, world.files, "/big", "-O", "out")
    assert bodies.file_digest(world.home / "out") == bodies.digest("big", SIZE)


@pytest.mark.parametrize("way", WAYS)
def test_resume(world, way):
    whole = bodies.body("big", SIZE)
    (world.home / "big").write_bytes(whole[:1 << 20])
    wget(world, way, world.files, "/big", "-c")
    assert (world.home / "big").read_bytes() == whole
    assert world.files.record("/big")[-1]["range"] == f"bytes={1 << 20}-"
    wget(world, way, world.files, "/big", "-c")       # all there: 416, and that is no failure
    assert (world.home / "big").read_bytes() == whole


@pytest.mark.parametrize("way", WAYS)
def test_newer_only(world, way):
    (world.home / "leaf3.bin").unlink(missing_ok=True)
    for status in (200, 304):
        wget(world, way, world.files, "/tree/leaf3.bin", "-N")
        assert world.files.record("/tree/leaf3.bin")[-1]["status"] == status
    assert bodies.file_digest(world.home / "leaf3.bin") == bodies.digest("leaf3", 3000)


@pytest.mark.parametrize("way", WAYS)
def test_tree_over_one_connection(world, way):
    at = len(world.files.record())
    wget(world, way, world.files, "/tree/", "-r", "-np", "-nH", "-e", "robots=off", "-P", f"tree-{way}")
    for i in range(25):
        assert bodies.file_digest(world.home / f"tree-{way}/tree/leaf{i}.bin") == bodies.digest(f"leaf{i}", 1000 * i)
    rows = world.files.record()[at:]
    assert len(rows) == 26 and len({r["conn"] for r in rows}) == 1, rows


@pytest.mark.parametrize("way", WAYS)
def test_post_of_a_file(world, way):
    wget(world, way, world.app, f"/post-{way}", f"--post-file={world.files.root}/big", "-O", "answer")
    assert (world.home / "answer").read_text() == f"{SIZE} {bodies.digest('big', SIZE)}"


def test_denied_site(world):
    """Exit status 8: the server, here the proxy, answered with an error. By CONNECT it is 4 or 8, and no data."""
    p = wget(world, "absolute", world.files, "", "-O", "-", "http://denied.test/x", status=8)
    assert "403" in p.stderr
    row = world.forward.records(lambda r: r["host"] == "denied.test")[-1]
    assert (row["rule"], row["status"]) == ("no-games", 403)
