"""Binary upgrades: a new master takes over under load, or fails in every way and nobody notices."""
import json
import os
import shutil
import signal
import socket
import time

import pytest

from tests.flow.lib import bodies, config
from tests.flow.lib.client import Client, get
from tests.flow.lib.load import Load
from tests.flow.lib.origin import reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import PROXYD, wait_for
from tests.flow.lib.upgrade import Upgraded

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def instance(scratch, origin, request):
    """A proxy of this test's own with two workers, and a time limit that a test can wait for."""
    origin.reset()
    origin.script = lambda r: [reply(bodies.body("load", 2000))] if r.target.startswith("/load") else [reply("ok")]
    started = []

    def go(**extra):
        port = free_port()
        base = {"process": {"workers": 2, "drain": "5s", "upgrade_timeout": "2s"}}
        conf = config.reverse(port, origin.address, **config.merged(base, extra))
        p = Upgraded(scratch / f"up-{request.node.name[:40]}-{len(started)}", conf, name="up")
        p.port = port
        started.append(p)
        return p.start()
    yield go
    wrong = []
    for p in started:
        try:
            p.stop()
        except AssertionError as e:
            wrong.append(str(e))
    assert not wrong, "\n".join(wrong)


def script(p, name, text):
    """An executable that is no proxyd."""
    path = p.folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def counters(p):
    return p.status()["counters"]


# ------------------------------------------------------------------ under load

FAILURES = [
    ("exits at once", "echo missing library >&2; exit 3", "status 3", "missing library"),
    ("crashes", "kill -SEGV $$", "signal 11", ""),
    ("hangs", "exec sleep 600", "not ready within 2000 ms", ""),
]


def test_ten_upgrades_under_load_of_which_three_fail(instance, origin, figure):
    p = instance()
    bad = {2: FAILURES[0], 5: FAILURES[1], 8: FAILURES[2]}
    totals, verdicts = [], []
    with Load(p.port, clients=8) as load:
        load.wait_for(100)
        for i in range(1, 11):
            before, sent = p.pid, load.done
            if i in bad:
                name, text, why, said = bad[i]
                r = p.upgrade(script(p, f"bad{i}", text))
                assert r.returncode == 1 and why in r.stderr and said in r.stderr, (name, r)
                assert p.pid == before and p.status()["pid"] == before
            else:
                r = p.upgrade()
                assert r.returncode == 0, (i, r, p.log()[-3000:])
                assert p.pid != before
            load.wait_for(100)
            verdicts.append(load.done - sent)
            totals.append(counters(p)["requests_total"])
    assert not load.failed, (load.done, load.failed[:5], p.log()[-3000:])
    assert totals == sorted(totals), "a counter went back"
    assert len(load.raced) <= 7 * 8, load.raced
    sent = {r.target for r in origin.requests}
    assert not [i for i in load.refused if f"/load?post={i}" in sent], "a POST was carried out and its answer lost"
    wait_for(lambda: len(p.masters()) == 1, 10)
    figure(f"{load.done} requests over 10 upgrades, 3 of them failing: {len(load.failed)} failed, "
           f"{len(load.raced)} met a kept connection just closed")
    # every answered request was counted and logged once, whichever process did it
    answered = load.done
    wait_for(lambda: counters(p)["requests_total"] >= answered, 5)
    rows = [r for r in p.records(lambda r: r["target"].startswith("/load"), answered) if r["status"] == 200]
    assert len({r["request_id"] for r in rows}) == len(rows), "a record was written twice"
    figure(f"{counters(p)['requests_total']} requests counted, {len(rows)} records with status 200 for "
           f"{answered} answers, {counters(p)['journal_dropped_total']} dropped")
    assert len(rows) == answered and counters(p)["journal_dropped_total"] == 0


# ------------------------------------------------------------------ what an operator set

def test_a_drained_target_stays_drained(instance, origin):
    p = instance()
    p.ctl("drain", f"app/{origin.address}", check=True)
    assert p.upgrade().returncode == 0
    assert p.status()["services"][0]["endpoints"][0]["state"] == "drained"
    p.ctl("drain", origin.address, "--undo", check=True)
    assert p.upgrade().returncode == 0
    assert p.status()["services"][0]["endpoints"][0]["state"] == "up"


def test_no_upgrade_of_a_configuration_on_trial(instance):
    p = instance()
    p.ctl("reload", "--confirm", "60s", check=True)
    r = p.upgrade()
    assert r.returncode == 1 and "not confirmed" in r.stderr, r
    p.ctl("confirm", check=True)
    assert p.upgrade().returncode == 0
    rows = json.loads(p.ctl("config", "history", "--json", check=True).stdout)
    assert [(x["generation"], x["by"]) for x in rows] == [(3, "upgrade")], rows
