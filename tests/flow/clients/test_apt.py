"""apt: update and download of many packages from a repository of this test's own, pipelining as it does by default; absolute-form,
TLS through CONNECT, and from the reverse proxy. Nothing of the machine's own apt is read or written."""
import gzip
import hashlib
import os

import pytest

from tests.flow.lib import bodies
from tests.flow.lib.proxy import have

WAYS = ["absolute", "tls", "reverse"]
COUNT = 40


def package(root, i):
    """A .deb with one file of random bytes; returns its stanza."""
    tree = root / f"build{i}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN").chmod(0o755)
    bodies.write(tree / "data", f"deb{i}", 20000 + 3000 * i)
    control = f"Package: proxyd-test{i}\nVersion: 1.0\nArchitecture: all\nMaintainer: a <a@a.test>\nDescription: test\n"
    (tree / "DEBIAN/control").write_text(control)
    return tree, control


def repository(place, root):
    stanzas = []
    for i in range(COUNT):
        tree, control = package(place.home, i)
        deb = root / f"pool/proxyd-test{i}_1.0_all.deb"
        deb.parent.mkdir(parents=True, exist_ok=True)
        place.run(have("dpkg-deb"), "-Znone", "--root-owner-group", "--build", tree, deb)
        stanzas.append(f"{control}Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {bodies.file_digest(deb)}\n")
    index = "\n".join(stanzas).encode()
    (root / "Packages").write_bytes(index)
    (root / "Packages.gz").write_bytes(gzip.compress(index))
    sums = [f" {hashlib.sha256((root / n).read_bytes()).hexdigest()} {(root / n).stat().st_size} {n}\n" for n in ("Packages", "Packages.gz")]
    (root / "Release").write_text("Origin: test\nSuite: test\nSHA256:\n" + "".join(sums))
    return root


@pytest.fixture(scope="module")
def world(place):
    place.files = place.server("nginx")
    repository(place, place.files.root)
    place.before = place.reverse(place.files)
    return place


class Apt:
    """An apt with folders of its own."""

    def __init__(self, world, name):
        way = name.rpartition("-")[2]
        self.world, self.way, self.folder = world, way, world.home / f"apt-{name}"
        for d in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "get"):
            (self.folder / d).mkdir(parents=True)
        base = world.before.url if way == "reverse" else world.files.url("", tls=way == "tls")
        (self.folder / "etc/sources.list").write_text(f"deb [trusted=yes] {base} ./\n")
        (self.folder / "status").touch()

    def get(self, *args, **kw):
        f = self.folder
        options = {"Dir::State": f / "state", "Dir::State::status": f / "status", "Dir::Cache": f / "cache", "Dir::Etc": f / "etc",
                   "Dir::Etc::sourceparts": "-", "Dir::Etc::main": "/dev/null", "Dir::Log": f, "APT::Sandbox::User": "root", "Acquire::Retries": "0",
                   "Acquire::Languages": "none", "Acquire::http::Timeout": "20", "Acquire::https::Timeout": "20", "Debug::NoLocking": "true",
                   "Acquire::https::CaInfo": self.world.ca.cert, "Acquire::http::Pipeline-Depth": "10"}
        if self.way != "reverse":
            options |= {"Acquire::http::Proxy": self.world.forward.url, "Acquire::https::Proxy": self.world.forward.url}
        argv = [x for k, v in options.items() for x in ("-o", f"{k}={v}")]
        return self.world.run(have("apt-get"), "-q", *argv, *args, env={"APT_CONFIG": "/dev/null"}, cwd=f / "get", **kw)


def deepest(text):
    """The most requests that were out unanswered, by apt's own account."""
    out = most = 0
    for line in text.splitlines():
        out += line.startswith("GET ") - line.startswith("Answer for: ")
        most = max(most, out)
    return most


@pytest.mark.parametrize("way", WAYS)
def test_update_and_download(world, way):
    apt = Apt(world, way)
    at = len(world.files.record())
    out = apt.get("update").stdout
    assert "Err:" not in out and "Reading package lists" in out, out
    p = apt.get("download", "-o", "Debug::Acquire::http=true", "-o", "Debug::Acquire::https=true", *[f"proxyd-test{i}" for i in range(COUNT)])
    assert deepest(p.stdout + p.stderr) >= 5, "it did not pipeline"
    for i in range(COUNT):
        name = f"proxyd-test{i}_1.0_all.deb"
        assert bodies.file_digest(apt.folder / "get" / name) == bodies.file_digest(world.files.root / "pool" / name)
    rows = [r for r in world.files.record()[at:] if r["path"].endswith(".deb")]
    assert sorted(r["status"] for r in rows) == [200] * COUNT and len({r["path"] for r in rows}) == COUNT, rows
    again = apt.get("update").stdout
    assert "Hit:" in again, "an index that did not change is not fetched twice"
    if way == "tls":
        return
    proxy = world.before if way == "reverse" else world.forward
    logged = proxy.records(lambda r: r["target"].endswith(".deb"), COUNT)
    assert len(logged) == COUNT and all(r["status"] == 200 and r["tries"] == 1 for r in logged)
    assert len({r["conn"] for r in rows}) < 4, "connections to the server are kept"


@pytest.mark.parametrize("way", WAYS)
def test_interrupted_download_goes_on(world, way):
    """What is there of a file is not asked for a second time."""
    apt, name = Apt(world, f"again-{way}"), f"proxyd-test{COUNT - 1}_1.0_all.deb"
    whole = (world.files.root / "pool" / name).read_bytes()
    apt.get("update")
    partial = apt.folder / "cache/archives/partial" / name
    partial.write_bytes(whole[:50001])
    stamp = int((world.files.root / "pool" / name).stat().st_mtime)
    os.utime(partial, (stamp, stamp))           # what If-Range will say
    apt.get("install", "-y", "--download-only", name.partition("_")[0])
    assert (apt.folder / "cache/archives" / name).read_bytes() == whole
    last = [r for r in world.files.record() if r["path"].endswith(name)][-1]
    assert last["status"] == 206 and last["range"].startswith("bytes=5000"), last
