"""drain: a target takes no new requests, running ones finish; it survives a reload; with all drained the answer is 503."""
import re
import threading

import pytest

from tests.flow.lib import bodies, config
from tests.flow.lib.client import get
from tests.flow.lib.load import Load
from tests.flow.lib.origin import Origin, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import data_of, wait_for


@pytest.fixture(scope="module")
def two():
    origins = [Origin(), Origin()]
    for o in origins:
        o.on("/slow", [0.8, reply("slow")])
        o.script = lambda r: [reply(bodies.body("load", 2000))] if r.target.startswith("/load") else [reply("ok")]
    yield origins
    for o in origins:
        o.stop()


@pytest.fixture(scope="module")
def p(launch, two):
    port = free_port()
    conf = config.reverse(port, two[0].address, process={"workers": 2, "drain": "2s"})
    conf["services"] = [config.service("app", *[o.address for o in two])]
    proxy = launch(conf, "drain")
    proxy.port, proxy.deaths_expected = port, True
    return proxy


@pytest.fixture(autouse=True)
def nothing_drained(p, two):
    yield
    for o in two:
        p.ctl("drain", o.address, "--undo", check=True)


def states(p):
    return {e["address"]: e["state"] for e in p.status()["services"][0]["endpoints"]}


def reached(two, n, p):
    """How many of n requests each origin got."""
    marks = [len(o.requests) for o in two]
    assert all(get(p.port, "/x").status == 200 for _ in range(n))
    return [len(o.requests) - m for o, m in zip(two, marks)]


def test_a_drained_target_finishes_and_gets_nothing_new(p, two):
    assert all(reached(two, 8, p))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(get(p.port, "/slow").body)) for _ in range(4)]
    [t.start() for t in threads]
    wait_for(lambda: sum(e["inflight"] for e in p.status()["services"][0]["endpoints"]) == 4)
    r = p.ctl("drain", two[0].address, check=True)
    assert re.fullmatch(f"app: {two[0].address} takes no new requests, [1-3] in progress\n", r.stdout), r
    assert states(p)[two[0].address] == "draining"
    assert reached(two, 8, p) == [0, 8]
    [t.join(5) for t in threads]
    assert answers == [b"slow"] * 4
    wait_for(lambda: states(p) == {two[0].address: "drained", two[1].address: "up"})
    d = data_of(p.ctl("drain", two[0].address, "--undo", "--json", check=True).stdout)
    assert d == {"target": two[0].address, "drained": False, "services": [{"name": "app", "inflight": 0, "all_drained": False}]}, d
    assert all(reached(two, 8, p))


def test_under_load_nothing_fails(p, two):
    with Load(p.port) as load:
        for o in (two[0], two[1], two[0]):
            load.wait_for(50)
            p.ctl("drain", f"app/{o.address}", check=True)
            load.wait_for(50)
            p.ctl("drain", f"app/{o.address}", "--undo", check=True)
    assert not load.failed and not load.raced, (load.failed[:3], load.raced[:3])


def test_it_survives_a_reload(p, two):
    p.ctl("drain", two[1].address, check=True)
    conf = dict(p.conf)
    conf["services"] = [config.service("app", *[o.address for o in reversed(two)])]
    assert p.reload(conf).returncode == 0
    assert states(p)[two[1].address] == "drained" and reached(two, 6, p) == [6, 0]


def test_with_all_drained_the_answer_says_so(p, two):
    p.ctl("drain", two[0].address, check=True)
    r = p.ctl("drain", two[1].address, check=True)
    assert "app: ALL its targets are drained: requests get 503" in r.stdout, r
    assert get(p.port, "/x").status == 503
    assert p.records(lambda r: r["reason"] == "target-drained" and r["status"] == 503)


def test_who_is_not_there_is_not_drained(p, two):
    for name in ("nobody:80", f"other/{two[0].address}", "app", "", "x" * 300):
        r = p.ctl("drain", name)
        assert r.returncode == 1 and "no service has such a target" in r.stderr, (name, r)
    assert set(states(p).values()) == {"up"}
    assert p.ctl("drain", two[0].address, "--nonsense").returncode == 2
