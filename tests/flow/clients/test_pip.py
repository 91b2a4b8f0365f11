"""pip installing from a simple index of this test's own: plain and TLS through the forward proxy, and behind the reverse proxy."""
import base64
import hashlib
import json
import sys
import zipfile

import pytest

from tests.flow.lib import bodies

WAYS = ["absolute", "tls", "reverse"]
SIZE = 2 << 20
NAMES = ["proxyd-top", "proxyd-left", "proxyd-right"]


def wheel(folder, name, needs, data):
    """A wheel with one module that holds data; returns its file."""
    module = name.replace("-", "_")
    file, info = folder / f"{module}-1.0-py3-none-any.whl", f"{module}-1.0.dist-info"
    meta = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {n}\n" for n in needs)
    parts = {f"{module}/__init__.py": b"", f"{module}/data": data, f"{info}/METADATA": meta.encode(),
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    rows = [f"{n},sha256={base64.urlsafe_b64encode(hashlib.sha256(v).digest()).rstrip(b'=').decode()},{len(v)}\n" for n, v in parts.items()]
    with zipfile.ZipFile(file, "w") as z:
        for n, v in parts.items():
            z.writestr(n, v)
        z.writestr(f"{info}/RECORD", "".join(rows) + f"{info}/RECORD,,\n")
    return file


@pytest.fixture(scope="module")
def world(place):
    place.files = place.server("nginx")
    simple = place.files.root / "simple"
    for name in NAMES:
        (simple / name).mkdir(parents=True)
        file = wheel(simple / name, name, NAMES[1:] if name == "proxyd-top" else [], bodies.body(name, SIZE))
        (simple / name / "index.html").write_text(f'<a href="{file.name}#sha256={bodies.file_digest(file)}">{file.name}</a>')
    place.before = place.reverse(place.files)
    return place


def pip(world, way, *args, **kw):
    index = world.before.url if way == "reverse" else world.files.url("", tls=way == "tls")
    host = index.split("//")[1].partition(":")[0]
    proxy = [] if way == "reverse" else ["--proxy", world.forward.url]
    trust = ["--cert", world.ca.cert] if way == "tls" else ["--trusted-host", host]
    return world.run(sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--no-cache-dir", *args, *proxy, *trust,
                     "--retries", "0", "--timeout", "20", "--index-url", f"{index}/simple", **kw)


@pytest.mark.parametrize("way", WAYS)
def test_install_with_its_needs(world, way):
    target = world.home / f"lib-{way}"
    pip(world, way, "install", "--target", target, "proxyd-top")
    for name in NAMES:
        assert bodies.file_digest(target / name.replace("-", "_") / "data") == bodies.digest(name, SIZE)
    if way == "tls":
        rows = world.forward.records(lambda r: r["method"] == "CONNECT" and r["bytes_out"] > 3 * SIZE)
        assert rows[-1]["rule"] == "lab", rows
        return
    rows = (world.before if way == "reverse" else world.forward).records(lambda r: r["target"].endswith(".whl"), 3)
    assert len(rows) == 3 and all(r["status"] == 200 and r["bytes_out"] > SIZE for r in rows), rows
    assert all(json.loads('"' + r["agent"].partition(" ")[0] + '"').startswith("pip/") for r in rows), rows
    via = [r["via"] for r in world.files.record() if r["path"].endswith(".whl")]
    assert "1.1 " in via[-1]


def test_unknown_package(world):
    p = pip(world, "absolute", "download", "proxyd-none", status=1)
    assert "No matching distribution" in p.stderr
    world.forward.records(lambda r: r["target"].endswith("/simple/proxyd-none/") and r["status"] == 404 and r["reason"] == "upstream")
