"""The program's own options, and what a person is told about a broken configuration."""
import os
import re
import subprocess

import pytest

from tests.flow.lib import config
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL, TOP, run


def ctl(*args, cwd=None):
    return subprocess.run([str(PROXYCTL), *map(str, args)], capture_output=True, text=True, timeout=20, cwd=cwd)


@pytest.fixture
def good(tmp_path):
    f = tmp_path / "good.conf"
    f.write_text(config.text(config.reverse(free_port(), "127.0.0.1:9")))
    return f


def test_help(good):
    r = run("--help")
    assert r.returncode == 0 and all(o in r.stdout for o in ("-c", "-t", "-T", "-f", "-v", "--help")), r


def test_version():
    r = run("-v")
    assert r.returncode == 0 and re.search(r"proxyd\b.*\d+\.\d+", r.stdout + r.stderr), r


def test_unknown_option_is_usage():
    r = run("--nonsense")
    assert r.returncode == 2 and r.stderr


def test_missing_file_is_named():
    r = run("-t", "-c", "/nonexistent/proxyd.conf")
    assert r.returncode == 1 and "/nonexistent/proxyd.conf" in r.stderr, r


def test_t_accepts_a_good_file(good):
    r = run("-t", "-c", good)
    assert r.returncode == 0, r


def test_T_prints_a_configuration_that_is_accepted_again(good, tmp_path):
    r = run("-T", "-c", good)
    assert r.returncode == 0 and "listeners" in r.stdout, r
    again = tmp_path / "again.conf"
    again.write_text(r.stdout)
    assert run("-t", "-c", again).returncode == 0, run("-t", "-c", again)
    assert run("-T", "-c", again).stdout == r.stdout, "printing what was printed changes it"


def test_check_accepts_what_t_accepts(good):
    r = ctl("check", good)
    assert r.returncode == 0, r


BASE = """mode = "reverse";
listeners = ( { name = "f"; bind = [ "127.0.0.1:1" ]; } );
services = ( { name = "app"; targets = [ "127.0.0.1:9" ]; } );
routes = (
	{ name = "all"; match = { path = "/**"; }; service = "app"; }
);
"""

BROKEN = {   # name: (text, line, words that the message must have)
    "syntax": (BASE.replace('mode = "reverse";', 'mode = "reverse'), None, []),
    "unknown-key": (BASE.replace("service = \"app\"; }\n", "servcie = \"app\"; }\n"), 5, ["servcie", "service"]),
    "wrong-type": (BASE + 'process = { workers = "many"; };\n', 7, ["workers"]),
    "out-of-bounds": (BASE + "process = { workers = 100000; };\n", 7, ["workers", "256"]),
    "bad-duration": (BASE + 'timeouts = {\n\thead = "ten seconds";\n};\n', 8, ["head", "10s"]),
    "bad-size": (BASE + 'http = { max_head = "big"; };\n', 7, ["max_head"]),
    "unknown-service": (BASE.replace('service = "app"; }\n', 'service = "ap"; }\n'), 5, ["ap", "app"]),
    "two-routes-of-equal-specificity": (BASE.replace(");\n", ");\n").replace('\t{ name = "all"', '\t{ name = "one"; match = { path = "/a/{x}"; }; service = "app"; },\n'
                                        '\t{ name = "two"; match = { path = "/a/{y}"; }; service = "app"; },\n\t{ name = "all"'), 6, ["one", "two", "5"]),
    "duplicate-name": (BASE.replace('targets = [ "127.0.0.1:9" ]; }', 'targets = [ "127.0.0.1:9" ]; },\n\t{ name = "app"; targets = [ "127.0.0.1:8" ]; }'), 4, ["app", "3"]),
    "bad-address": (BASE.replace("127.0.0.1:1", "127.0.0.1"), 2, ["127.0.0.1", "port"]),
    "missing-environment": (BASE.replace("127.0.0.1:9", "${PROXYD_TEST_UNSET}:9"), 3, ["PROXYD_TEST_UNSET"]),
    "no-mode": (BASE.replace('mode = "reverse";\n', ""), None, ["mode"]),
    "reverse-alone": ('mode = "reverse";\n', None, ["listeners", "routes"]),
    "allow-and-deny": ('mode = "forward";\nrules = ( { id = "x"; allow = true; deny = true; } );\n', 2, ["allow", "deny"]),
    "unknown-acl": ('mode = "forward";\nrules = ( { id = "x"; deny = true; all = [ "nope" ]; } );\n', 2, ["nope"]),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("tool", ["proxyd", "proxyctl"])
def test_broken_configuration_is_explained_with_file_and_line(tmp_path, tool, name):
    text, line, words = BROKEN[name]
    f = tmp_path / "broken.conf"
    f.write_text(text)
    r = run("-t", "-c", f) if tool == "proxyd" else ctl("check", f)
    said = r.stdout + r.stderr
    assert r.returncode == 1, r
    assert (re.search(rf"broken\.conf:{line}\b", said) if line else "broken.conf" in said), said
    for w in words:
        assert w in said, (w, said)


def test_every_semantic_error_is_told_at_once(tmp_path):
    f = tmp_path / "many.conf"
    f.write_text(BASE.replace('service = "app"; }\n', 'service = "ap"; }\n') + 'process = { workers = 100000; };\ntimeouts = { head = "x"; };\nnonsense = 1;\n')
    said = run("-t", "-c", f)
    said = said.stdout + said.stderr
    for line in (5, 7, 8, 9):
        assert f"many.conf:{line}" in said, said


def test_included_file_is_named_in_its_errors(tmp_path):
    (tmp_path / "inner.conf").write_text('# one\nprocess = { workers = "x"; };\n')
    f = tmp_path / "outer.conf"
    f.write_text(BASE + '@include "inner.conf"\n')
    r = run("-t", "-c", f)
    assert r.returncode == 1 and "inner.conf:2" in r.stdout + r.stderr, r


def test_environment_is_read_at_load(tmp_path):
    f = tmp_path / "env.conf"
    f.write_text(BASE.replace("127.0.0.1:9", "${ORIGIN}"))
    assert run("-t", "-c", f, env={**os.environ, "ORIGIN": "127.0.0.1:9"}).returncode == 0
    assert "127.0.0.1:9" in run("-T", "-c", f, env={**os.environ, "ORIGIN": "127.0.0.1:9"}).stdout


@pytest.mark.parametrize("example", sorted((TOP / "conf/examples").glob("*.conf")), ids=lambda p: p.name)
def test_examples_are_accepted(example):
    r = run("-t", "-c", example)
    assert r.returncode == 0, r


def test_start_with_a_broken_file_fails_and_says_why(tmp_path):
    f = tmp_path / "broken.conf"
    f.write_text("mode = \"sideways\";\n")
    r = run("-f", "-c", f)
    assert r.returncode == 1 and "broken.conf:1" in r.stdout + r.stderr, r
