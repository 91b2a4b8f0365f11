"""proxyctl acl ls and acl hits: what is in force, in which order, and what ever decided a request."""
import time

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import data_of, wait_for


@pytest.fixture(scope="module")
def forward(launch, origin):
    port = free_port()
    conf = config.forward(port, acls={"bots": {"header": {"User-Agent": "bot"}}, "never": {"url": ["^http://never/"]}}, rules=[
        {"id": "no-bots", "deny": True, "all": ["bots"]},
        {"id": "never", "deny": True, "all": ["never", "!bots"]},
        {"id": "put", "allow": True, "all": ["localhost"], "open": ["127.0.0.0/8"]}])
    conf["forward"] = {"default_rules": True}
    p = launch(conf, "rules")
    p.port = port
    return p


def hits(p, *args):
    return data_of(p.ctl("acl", "hits", *args, "--json", check=True).stdout)


def test_ls_tells_rules_in_their_order(forward, origin):
    rows = data_of(forward.ctl("acl", "ls", "--json", check=True).stdout)["rules"]
    assert [(r["id"], r["verdict"], r["all"]) for r in rows] == [
        ("default/safe-ports", "deny", ["!safe_ports"]), ("default/ssl-ports", "deny", ["connect", "!ssl_ports"]),
        ("no-bots", "deny", ["bots"]), ("never", "deny", ["never", "!bots"]), ("put", "allow", ["localhost"]), ("implicit-deny", "deny", [])]
    assert [r["at"] == "built in" for r in rows] == [True, True, False, False, False, True]
    assert rows[4]["open"] == ["127.0.0.0/8"]
    line = int(rows[3]["at"].rpartition(":")[2])
    assert '"never"' in "".join(forward.file.read_text().split("\n")[line - 1:line + 2]), rows[3]
    shown = forward.ctl("acl", "ls", check=True).stdout.split("\n")
    assert shown[4].split()[:6] == ["4", "never", "deny", "never,", "!bots", "0"], shown


def test_hits_count_what_decided_and_survive_a_reload(forward, origin):
    where = f"127.0.0.1:{origin.port}"
    for agent in ("bot", "bot", "x"):
        get(forward.port, f"http://{where}/x", where, fields=[f"User-Agent: {agent}"])
    get(forward.port, "http://127.0.0.1:22/x", "127.0.0.1:22")
    counts = {"no-bots": 2, "put": 1, "default/safe-ports": 1, "default/ssl-ports": 0, "never": 0, "implicit-deny": 0}
    wait_for(lambda: {r["id"]: r["hits"] for r in hits(forward)["rules"]} == counts)
    assert [r["id"] for r in hits(forward, "--zero")["rules"]] == ["default/ssl-ports", "never", "implicit-deny"]
    time.sleep(1.1)
    conf = dict(forward.conf)
    conf["rules"] = conf["rules"] + [{"id": "late", "deny": True, "all": ["bots"]}]
    r = forward.reload(conf)
    assert r.returncode == 0, r
    rows = {r["id"]: r for r in hits(forward)["rules"]}
    assert {k: rows[k]["hits"] for k in counts} == counts
    assert rows["late"]["counted_s"] < rows["never"]["counted_s"], "a new rule is counted from when it came"
    assert hits(forward)["routes"] == []
    shown = forward.ctl("acl", "hits", "--zero", check=True).stdout
    assert "late" in shown and "no-bots" not in shown
    assert forward.reload({**conf, "rules": conf["rules"][:-1]}).returncode == 0, "others find it as it was"


def test_hits_of_routes(launch, origin):
    port = free_port()
    p = launch(config.reverse(port, origin.address, routes=[
        {"name": "beta", "match": {"path": "/**", "cookie": {"beta": ""}}, "service": "app"},
        {"name": "all", "match": {"hosts": ["a.test", "*.b.test"]}, "service": "app"},
        {"name": "dead", "match": {"path": "/dead"}, "respond": {"body": "x"}}]), "routes")
    for cookie in ([], ["Cookie: beta=1"], []):
        get(port, "/x", "a.test", fields=cookie)
    wait_for(lambda: {r["name"]: r["hits"] for r in hits(p)["routes"]} == {"beta": 0, "all": 3, "dead": 0})     # a host before a condition
    get(port, "/x", "c.test", fields=["Cookie: beta=1"])
    wait_for(lambda: [r["name"] for r in hits(p, "--zero")["routes"]] == ["dead"])
    assert hits(p)["rules"] == [], "no listener asks a rule"
    assert "a.test, *.b.test" in p.ctl("acl", "hits", check=True).stdout
