"""Node as npm uses it: many small requests on few kept connections, names with %2f in them, a digest for every tarball (registry.js)."""
import base64
import hashlib
import json
from pathlib import Path

import pytest

from tests.flow.lib import bodies
from tests.flow.lib.proxy import have

WAYS = ["absolute", "tls", "reverse"]
COUNT = 60


@pytest.fixture(scope="module")
def world(place):
    place.files = place.server("nginx")
    scope = place.files.root / "registry/@proxyd"
    for i in range(COUNT):
        tarball = scope / f"part{i}/-/part{i}-1.0.0.tgz"
        tarball.parent.mkdir(parents=True)
        bodies.write(tarball, f"tgz{i}", 1 + 1500 * i)
        promised = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        meta = {"name": f"@proxyd/part{i}", "dist": {"tarball": f"@proxyd/part{i}/-/{tarball.name}", "integrity": promised}}
        (scope / f"part{i}.json").write_text(json.dumps(meta))
    place.before = place.reverse(place.files)
    return place


@pytest.mark.parametrize("way", WAYS)
def test_install_many(world, way):
    at = len(world.files.record())
    base = world.before.url if way == "reverse" else world.files.url("", tls=way == "tls")
    p = world.run(have("node"), Path(__file__).with_name("registry.js"), base, "-" if way == "reverse" else world.forward.url, COUNT,
                  env={"NODE_EXTRA_CA_CERTS": str(world.ca.cert)})
    told = json.loads(p.stdout)
    assert (told["metadata"], told["tarballs"], told["bytes"]) == (COUNT, COUNT, sum(1 + 1500 * i for i in range(COUNT))), told
    assert told["sockets"] <= 6 and told["tunnels"] == (6 if way == "tls" else 0), told
    rows = world.files.record()[at:]
    assert len(rows) == 2 * COUNT and {r["status"] for r in rows} == {200} and len({r["conn"] for r in rows}) <= 6, rows
    assert f"/registry/@proxyd%2fpart{COUNT - 1}" in {r["path"] for r in rows}, "the name came as it was written"
    proxy = world.before if way == "reverse" else world.forward
    if way == "tls":
        logged = proxy.records(lambda r: r["method"] == "CONNECT", 6)
        assert {(r["rule"], r["status"]) for r in logged} == {("lab", 200)} and len(logged) == 6
    else:
        logged = proxy.records(lambda r: "/registry/" in r["target"], 2 * COUNT)
        assert {(r["status"], r["reason"]) for r in logged} == {(200, "-")}
        assert sum(r["bytes_out"] for r in logged if r["target"].endswith(".tgz")) == told["bytes"]


def test_denied_site(world):
    for scheme, said in (("http", "403"), ("https", "CONNECT: 403")):
        p = world.run(have("node"), Path(__file__).with_name("registry.js"), f"{scheme}://denied.test", world.forward.url, 1, status=1)
        assert said in p.stderr, p.stderr
