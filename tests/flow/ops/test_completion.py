"""bash completion of proxyctl: sourced in a real bash, asked for words as readline would ask."""
import os
import subprocess

import pytest

from tests.flow.lib import config
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYCTL

ASK = '''
source "$SCRIPT"
COMP_LINE=$LINE COMP_POINT=${#LINE}
_proxyctl "$PROXYCTL" x x
((${#COMPREPLY[@]})) && printf '%s\\n' "${COMPREPLY[@]}"
'''


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / "proxyctl"
    path.write_bytes(subprocess.run([str(PROXYCTL), "completion", "bash"], capture_output=True, check=True).stdout)
    return path


@pytest.fixture
def complete(script):
    def ask(line, cwd=None):
        r = subprocess.run(["bash", "--norc", "-c", ASK], capture_output=True, text=True, cwd=cwd,
                           env={**os.environ, "SCRIPT": str(script), "LINE": "proxyctl " + line, "PROXYCTL": str(PROXYCTL)})
        assert r.stderr == "", r
        return set(r.stdout.split())
    return ask


def test_the_script_registers_itself(script):
    out = subprocess.run(["bash", "--norc", "-c", f"source {script}; complete -p proxyctl"], capture_output=True, text=True)
    assert out.stdout == "complete -F _proxyctl proxyctl\n" and out.stderr == "", out


ROWS = [
    ("sta", {"status"}),
    ("re", {"reload"}),
    ("config ", {"show", "diff", "history", "rollback"}),
    ("config sh", {"show"}),
    ("upstream ", {"ls"}),
    ("log --fo", {"--follow", "--format"}),
    ("log --format ", {"combined", "common", "squid", "json"}),
    ("log -n 5 --format s", {"squid"}),
    ("log --format=j", {"json"}),
    ("log -n ", set()),
    ("loglevel ", {"error", "warn", "info", "debug"}),
    ("loglevel info ", set()),
    ("stop -", {"--fast", "--json"}),
    ("status -", {"--json", "--watch"}),
    ("--json --watch 2 -n other stat", {"status"}),
    ("conn kill --client ", {"unix"}),
    ("completion ", {"bash"}),
    ("explain G", {"GET"}),
    ("nonsense ", set()),
    ("--watch ", set()),
    ("-n ", set()),
]


@pytest.mark.parametrize("line, words", ROWS, ids=[r[0] for r in ROWS])
def test_words(complete, line, words):
    assert complete(line) == words


def test_the_first_word_is_every_verb_or_an_option(complete):
    verbs = {line.split()[0] for line in subprocess.run([str(PROXYCTL), "help"], capture_output=True, text=True).stdout.splitlines()
             if line[:2] == "  " and line[2:3].isalpha()}
    words = complete("")
    assert {"status", "config", "upstream", "explain"} <= verbs <= words and words - verbs == {"-s", "-n", "--json", "--watch", "--help"}


def test_files(complete, tmp_path):
    for name in ("a.conf", "b c.conf"):
        (tmp_path / name).write_text("")
    (tmp_path / "x.d").mkdir()
    assert complete("check ", tmp_path) == {"a.conf", "b", "c.conf", "x.d"}
    assert complete("check a", tmp_path) == {"a.conf"}
    assert complete("check a.conf ", tmp_path) == set()
    assert complete("-s x", tmp_path) == {"x.d"}


def test_names_of_the_running_one(complete, launch, origin):
    """What holds a colon is completed behind it: there bash begins a new word."""
    port = free_port()
    proxy = launch(config.reverse(port, "", services=[config.service("app", origin.address), config.service("apt", "127.0.0.1:1")],
                                  routes=[{"name": s, "match": {"hosts": [s]}, "service": s} for s in ("app", "apt")]), "names")
    assert complete(f"-s {proxy.socket} upstream ls ") == {"app", "apt"}
    assert complete(f"-s {proxy.socket} upstream ls app") == {"app"}
    assert complete(f"-s {proxy.socket} drain ") == {origin.address, "127.0.0.1:1"}
    assert complete(f"-s {proxy.socket} drain {origin.address[:-1]}") == {str(origin.port)}
    assert complete(f"-s {proxy.socket}.gone upstream ls ") == set()
