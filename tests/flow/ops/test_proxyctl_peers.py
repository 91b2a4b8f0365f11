"""proxyctl before what is no proxyd, or one that may not, cannot or does not want to answer: a reason and an exit code."""
import contextlib
import json
import os
import socket
import subprocess
import threading

import pytest

from tests.flow.lib import config
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL, Proxy, wait_for

pytestmark = pytest.mark.timeout(60)


def ctl(*args, sock=None, env=None, user=None):
    who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    return subprocess.run([*who, str(PROXYCTL), *(["-s", str(sock)] if sock else []), *args], capture_output=True,
                          text=True, timeout=40, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})


@contextlib.contextmanager
def speaker(tmp_path, answer):
    """Listens where proxyd would, reads the question, and plays `answer(conn)`."""
    path = tmp_path / "fake.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(path))
        s.listen(4)

        def play():
            with contextlib.suppress(OSError):
                conn, _ = s.accept()
                with conn:
                    conn.recv(65536)
                    answer(conn)
        t = threading.Thread(target=play, daemon=True)
        t.start()
        yield path
        t.join(5)


# ------------------------------------------------------------------ answers

@pytest.mark.parametrize("said, why", [
    (b"", "closed without an answer"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", ""),
    (b'{"ok":true,"data":', ""),
    (b'{"ok":false}\n', "failed without a reason"),
    (b'{"ok":false,"error":"no, because"}\n', "no, because"),
    (b'{"data":{}}\n', "failed without a reason"),
    (b"[" * 100000, ""),
], ids=["nothing", "another protocol", "half", "no reason", "a reason", "no verdict", "deep"])
def test_an_answer_that_is_none_is_a_failure_with_a_reason(tmp_path, said, why):
    with speaker(tmp_path, lambda c: c.sendall(said)) as path:
        r = ctl("status", sock=path)
    assert r.returncode in (1, 3) and r.stderr.startswith("proxyctl: ") and why in r.stderr and not r.stdout, r


def test_an_answer_without_end_is_left(tmp_path):
    def talk(c):
        with contextlib.suppress(OSError):
            while True:
                c.sendall(b" " * 65536)
    with speaker(tmp_path, talk) as path:
        r = ctl("status", sock=path)
    assert r.returncode != 0 and "answer is too long" in r.stderr, r


def test_a_reset_is_no_answer(tmp_path):
    def leave(c):
        c.shutdown(socket.SHUT_RDWR)
    with speaker(tmp_path, leave) as path:
        r = ctl("config", "show", "x" * 2000, sock=path)
    assert r.returncode != 0 and "closed without an answer" in r.stderr, r


@pytest.mark.parametrize("verb", [["status"], ["workers"], ["upstream", "ls"], ["conn", "ls"], ["acl", "ls"], ["acl", "reload"],
                                  ["config", "history"], ["explain", "GET", "http://a.test/"], ["reload"], ["log"]], ids=" ".join)
def test_data_of_another_shape_crashes_no_format(tmp_path, verb):
    """A newer proxyd may say more, less, or it in another way."""
    for data in (b"{}", b"[]", b"null", b'"x"', b'[1, null, "x", [], {}]', b'{"workers": [1, {}], "lists": [{}, 1], "found": [{"rules": [1]}, 2]}'):
        with speaker(tmp_path, lambda c: c.sendall(b'{"ok":true,"data":' + data + b"}\n")) as path:
            r = ctl(*verb, sock=path)
        os.unlink(path)
        assert r.returncode in (0, 1, 2, 3), (data, r)


# ------------------------------------------------------------------ places

def test_a_path_that_is_no_socket_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    for path, why in ((tmp_path / "file", "nobody listens"), (tmp_path / "file/below", "nobody listens"),
                      (tmp_path / ("x" * 120), "longer than a socket's path may be")):
        r = ctl("status", sock=path)
        assert r.returncode != 0 and why in r.stderr and str(path)[:40] in r.stderr, r


def test_arguments_beyond_the_limit_are_not_sent(instances):
    p = instances(Proxy, "peers", {})
    r = p.ctl("acl", "lookup", "x" * 9000)
    assert r.returncode != 0 and "the arguments are too long" in r.stderr, r


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused_and_told(launch, origin, tmp_path):
    p = launch(config.reverse(free_port(), origin.address))
    other = 12345
    r = ctl("status", sock=p.socket, user=other)
    assert r.returncode != 0 and "Permission denied" in r.stderr, r
    p.socket.chmod(0o666)           # then the master looks at who asks
    r = ctl("status", sock=p.socket, user=other)
    assert r.returncode != 0 and "are you permitted to ask?" in r.stderr, r
    wait_for(lambda: f"admin: refused user {other}" in p.log(), 5)
    assert p.status()["pid"] == p.pid


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_somebody_else_could_have_made_is_not_believed(tmp_path):
    """Without privileges and XDG_RUNTIME_DIR the place is in /tmp, which is everybody's."""
    user = 54321
    folder = f"/tmp/proxyd-{user}"
    os.mkdir(folder, 0o700)
    try:
        r = ctl("status", user=user, env={"XDG_RUNTIME_DIR": ""})
        assert r.returncode != 0 and f"{folder}: must be a folder of user {user} with mode 0700" in r.stderr, r
        os.chown(folder, user, user)
        os.chmod(folder, 0o755)
        assert "must be a folder" in ctl("status", user=user, env={"XDG_RUNTIME_DIR": ""}).stderr
        os.chmod(folder, 0o700)
        r = ctl("status", user=user, env={"XDG_RUNTIME_DIR": ""})
        assert r.returncode == 3 and f"nobody listens on {folder}/proxyd.sock" in r.stderr, r
    finally:
        os.rmdir(folder)
    r = ctl("status", user=user, env={"XDG_RUNTIME_DIR": ""})
    assert r.returncode == 3 and "not running" in r.stderr, r
    r = ctl("status", user=user, env={"XDG_RUNTIME_DIR": "/" + "x" * 200})
    assert r.returncode != 0 and "too long for a socket" in r.stderr, r


# ------------------------------------------------------------------ usage, help, check

@pytest.mark.parametrize("args", [["check", "a", "b"], ["reload", "--wait", "4000"], ["reload", "--confirm"], ["stop", "x"], ["version", "x"],
                                  ["completion", "fish"], ["help", "nonsense"], ["--nonsense"], ["--watch", "x", "status"]], ids=" ".join)
def test_usage_is_2_and_says_what_to_write(tmp_path, args):
    r = ctl(*args, sock=tmp_path / "nobody.sock")
    assert r.returncode == 2 and r.stderr and not r.stdout, r


def test_a_verb_that_is_nearly_one_is_suggested(tmp_path):
    for word, meant in (("relaod", "reload"), ("up", "upstream ls"), ("statsu", "status")):
        r = ctl(word)
        assert r.returncode == 2 and f"'{meant}'" in r.stderr, r
    assert "did you mean" not in ctl("xyzzy").stderr


def test_help_of_a_verb_with_expressions_tells_their_grammar_and_fields():
    r = ctl("help", "log")
    assert r.returncode == 0 and "EXPR" in r.stdout and "status" in r.stdout and "op     =" in r.stdout, r
    assert ctl("-h").stdout == ctl("help").stdout
    one = ctl("help", "config", "show")
    assert one.returncode == 0 and one.stdout.startswith("proxyctl config show"), one


def test_check_tells_programs_what_it_tells_people(tmp_path):
    good, bad = tmp_path / "good.conf", tmp_path / "bad.conf"
    good.write_text('mode = "forward";\n')
    bad.write_text('mode = "forward";\nnonsense = 1;\n\nmore = 2;\n')
    r = ctl("--json", "check", str(good))
    assert r.returncode == 0 and json.loads(r.stdout)["ok"] is True, r
    r = ctl("--json", "check", str(bad))
    got = json.loads(r.stdout)
    assert r.returncode == 1 and got["ok"] is False and got["file"] == str(bad), r
    assert [(x["line"], x["warning"]) for x in got["problems"]] == [(2, False), (4, False)], got
    assert "nonsense" in got["problems"][0]["text"]
    r = ctl("check", str(tmp_path / "none.conf"))
    assert r.returncode != 0 and "none.conf" in r.stderr, r
