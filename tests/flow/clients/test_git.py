"""git over smart HTTP: clone, fetch and push of a large pack to git-http-backend under Apache httpd, in every way a client may take.
A push of more than http.postBuffer is a chunked POST behind a probe; a clone is one long answer of unknown length."""
import pytest

from tests.flow.lib import bodies
from tests.flow.lib.proxy import have

WAYS = ["absolute", "tls", "reverse"]
SIZE = 6 << 20          # random bytes: the pack cannot be smaller


@pytest.fixture(scope="module")
def world(place):
    place.git = place.server("apache")
    store = place.git.root / "git"
    store.mkdir()
    source = place.home / "source"
    git(place, "init", "-q", "-b", "main", source)
    bodies.write(source / "big", "git", SIZE)
    for i in range(200):
        (source / f"file{i}").write_text(f"{i}\n" * i)
    commit(place, source, "first")
    for way in WAYS:
        git(place, "clone", "-q", "--bare", source, store / f"{way}.git")
        git(place, "config", "http.receivepack", "true", cwd=store / f"{way}.git")
    place.run("chmod", "-R", "a+rwX", store)
    place.before = place.reverse(place.git, defaults={"max_body": "0"})
    return place


def git(place, *args, **kw):
    name = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@a.test", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@a.test"}
    return place.run(have("git"), *args, env={**name, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_SSL_CAINFO": str(place.ca.cert)}, **kw)


def commit(place, folder, text):
    git(place, "add", "-A", cwd=folder)
    git(place, "commit", "-q", "-m", text, cwd=folder)
    return head(place, folder)


def head(place, folder):
    return git(place, "rev-parse", "main", cwd=folder).stdout


def url(world, way):
    return f"{world.before.url}/git/{way}.git" if way == "reverse" else world.git.url(f"/git/{way}.git", tls=way == "tls")


def through(world, way):
    return ["-c", f"http.proxy={'' if way == 'reverse' else world.forward.url}"]


@pytest.mark.parametrize("way", WAYS)
def test_clone_push_and_fetch(world, way):
    one, two = world.home / f"one-{way}", world.home / f"two-{way}"
    for clone in (one, two):
        git(world, *through(world, way), "clone", "-q", url(world, way), clone)
        assert bodies.file_digest(clone / "big") == bodies.digest("git", SIZE)
        git(world, "fsck", "--strict", cwd=clone)
    bodies.write(one / "more", f"push-{way}", SIZE)
    pushed = commit(world, one, "second")
    git(world, *through(world, way), "push", "-q", "origin", "main", cwd=one)
    assert head(world, world.git.root / f"git/{way}.git") == pushed
    git(world, *through(world, way), "pull", "-q", "--ff-only", cwd=two)
    assert head(world, two) == pushed and bodies.file_digest(two / "more") == bodies.digest(f"push-{way}", SIZE)
    posts = [r for r in world.git.record(f"/git/{way}.git/git-receive-pack") if r["method"] == "POST"]
    assert [r["status"] for r in posts] == [200, 200], "a probe, then the pack"
    if way == "tls":
        rows = world.forward.records(lambda r: r["method"] == "CONNECT" and r["bytes_in"] > SIZE)
        assert rows[0]["rule"] == "lab" and rows[0]["status"] == 200
        return
    proxy = world.before if way == "reverse" else world.forward
    rows = proxy.records(lambda r: r["target"].endswith(f"/{way}.git/git-receive-pack"), 2)
    assert [r["status"] for r in rows] == [200, 200] and rows[1]["bytes_in"] > SIZE, rows
    rows = proxy.records(lambda r: r["target"].endswith(f"/{way}.git/git-upload-pack"), 2)
    assert all(r["status"] == 200 for r in rows) and sum(r["bytes_out"] > SIZE for r in rows) == 3, rows
    assert all("proxyd" in r["via"] for r in posts)


@pytest.mark.parametrize("way", WAYS)
def test_shallow_and_listed(world, way):
    git(world, *through(world, way), "clone", "-q", "--depth=1", "--filter=blob:none", "--no-checkout", url(world, way), world.home / f"shallow-{way}")
    out = git(world, *through(world, way), "ls-remote", url(world, way)).stdout
    assert head(world, world.git.root / f"git/{way}.git").strip() + "\trefs/heads/main" in out


def test_denied_site(world):
    p = git(world, *through(world, "absolute"), "ls-remote", "http://denied.test/x.git", status=128)
    assert "403" in p.stderr
    p = git(world, *through(world, "absolute"), "ls-remote", "https://denied.test/x.git", status=128)
    assert "403" in p.stderr
