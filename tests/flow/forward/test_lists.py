"""Lists of domains and addresses: what they block, how they are replaced, and that no name passes meanwhile."""
import json
import os
import re
import signal
import threading
import time

import pytest

from tests.flow.lib import config, lists
from tests.flow.lib.client import Client, get
from tests.flow.lib.dns import Dns
from tests.flow.lib.origin import Origin, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import OWNER, Proxy, data_of, run, wait_for

pytestmark = pytest.mark.timeout(60)

PLAIN = "# names\nads.test\nEXACT.Tracker.test.\n\r\nbad name\r\n*.wild.test\n"
HOSTS = "127.0.0.1 localhost\n0.0.0.0 hosts.test more.test # why\n"
DNSMASQ = "address=/masq.test/0.0.0.0\nserver=/served.test/\n"


@pytest.fixture(scope="module")
def world():
    """A resolver that says 127.0.0.1 to everything, 127.0.0.9 to one name, and an origin there."""
    class Table(dict):
        def get(self, name, default=None):
            return ["127.0.0.9" if name == "listed-address.test" else "127.0.0.1"]
    dns, o = Dns(Table()), Origin("0.0.0.0")
    yield dns, o
    dns.stop()
    o.stop()


@pytest.fixture
def make(scratch, world, request):
    """make(files, **conf): a proxy with these list files beside its configuration, judged at the end."""
    made = []

    def go(files, start=True, workers=1, **extra):
        folder = scratch / f"{request.node.name[:40]}-{len(made)}"
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, newline="")
        port = free_port()
        all_lists = {n.partition(".")[0]: {"file": n, "kind": "addresses" if n.startswith("nets") else "domains", "refresh": "100ms"}
                     for n in files}
        base = config.forward(port, dns={"servers": [world[0].address]}, process={"workers": workers}, lists=all_lists,
                              acls={"blocked": {"domain": ["@" + n for n in all_lists if not n.startswith("nets")] or ["none.test"]}},
                              rules=[{"id": "no-ads", "deny": True, "all": "blocked"}, {"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}])
        p = Proxy(folder, config.merged(base, extra), name="lists")
        p.port, p.origin = port, world[1]
        made.append(p)
        return p.start() if start else p
    yield go
    for p in made:
        p.stop()


def ask(p, host):
    return get(p.port, f"http://{host}:{p.origin.port}/", host=f"{host}:{p.origin.port}").status


def replace(p, name, text, mode=0o644):
    """As careful programs do it: written beside, then renamed; old enough to be taken at once."""
    new = p.folder / (name + ".new")
    new.write_text(text)
    new.chmod(mode)
    os.utime(new, (time.time() - 5,) * 2)
    new.rename(p.folder / name)


def listed(p, name):
    return next(x for x in p.status()["lists"] if x["name"] == name)


def test_names_are_blocked_and_the_record_says_by_which_line(make):
    p = make({"plain.txt": PLAIN, "hosts.txt": HOSTS, "masq.txt": DNSMASQ})
    blocked = {"ads.test": "plain:2", "www.ads.test": "plain:2", "exact.tracker.test": "plain:3", "a.b.wild.test": "plain:6",
               "hosts.test": "hosts:2", "x.more.test": "hosts:2", "masq.test": "masq:1", "deep.served.test": "masq:2"}
    for host, line in blocked.items():
        assert ask(p, host) == 403, host
        assert p.records(lambda r: r["host"].startswith(host + ":"))[-1]["list"] == line
    for host in ("test", "tracker.test", "badads.test", "ads.test.other", "free.test", "127.0.0.1"):
        assert ask(p, host) == 200, host
    assert p.records(lambda r: r["host"].startswith("free.test"))[-1]["list"] is None
    assert p.records(lambda r: r["host"].startswith("ads.test:"))[-1]["rule"] == "no-ads"
    assert f"{p.folder}/plain.txt:5: 'bad': a line of hosts syntax begins with an address" in p.log()
    assert listed(p, "plain")["bad_lines"] == 1


def test_exact_blocks_the_name_alone(make):
    p = make({"ads.txt": "ads.test\n.below.test\n"}, lists={"ads": {"match": "exact"}})
    assert [ask(p, h) for h in ("ads.test", "www.ads.test", "below.test", "www.below.test")] == [403, 200, 403, 403]


def test_addresses_judge_clients_and_targets(make):
    p = make({"nets-to.txt": "# targets\n127.0.0.9\n", "nets-from.txt": "127.0.0.2/32\n"},
             acls={"to": {"dst": "@nets-to"}, "from": {"src": ["10.0.0.0/8", "@nets-from"]}},
             rules=[{"id": "not-there", "deny": True, "all": "to"}, {"id": "not-you", "deny": True, "all": "from"},
                    {"id": "lab", "allow": True, "open": ["127.0.0.0/8"], "all": "!blocked"}])
    assert ask(p, "free.test") == 200
    assert ask(p, "127.0.0.9") == 403 and ask(p, "listed-address.test") == 403
    assert p.records(lambda r: r["status"] == 403)[-1]["list"] == "nets-to:2"
    with Client(p.port, source="127.0.0.2") as c:
        c.send(f"GET http://free.test:{p.origin.port}/ HTTP/1.1\r\nHost: free.test:{p.origin.port}\r\n\r\n")
        assert c.response().status == 403
    assert p.records(lambda r: r.get("rule") == "not-you")[-1]["list"] == "nets-from:1"


def test_a_changed_file_is_taken_without_a_reload(make):
    p = make({"ads.txt": "one.test\n"})
    worker = p.worker_pids()
    assert [ask(p, "one.test"), ask(p, "two.test")] == [403, 200]
    replace(p, "ads.txt", "\ntwo.test\n")
    wait_for(lambda: ask(p, "two.test") == 403, 3)
    assert ask(p, "one.test") == 200
    (p.folder / "ads.txt").write_text("three.test\n")            # in place
    wait_for(lambda: ask(p, "three.test") == 403, 4)
    assert ask(p, "two.test") == 200 and p.worker_pids() == worker and p.status()["generation"] == 1


def test_acl_reload_tells_when_it_is_in_force_and_nothing_passes_meanwhile(make, figure):
    """Both versions block `always`; each name asked right behind its verdict is judged by the new file, in every worker."""
    filler = [lists.domain(i) for i in range(20000)]
    texts = ["\n".join(filler + ["always.test", odd]) for odd in ("odd-0.test", "odd-1.test")]
    p = make({"ads.txt": texts[0]}, workers=2, lists={"ads": {"refresh": "1h"}})
    wrong, asked, stop = [], [0], threading.Event()

    def send(c, host):
        c.send(f"GET http://{host}:{p.origin.port}/load HTTP/1.1\r\nHost: {host}:{p.origin.port}\r\n\r\n")
        return c.response()

    def load(host, want):
        try:
            while not stop.is_set():
                with Client(p.port) as c:
                    closing = False
                    while not closing and not stop.is_set():
                        r = send(c, host)
                        closing = r.closing
                        asked[0] += 1
                        if r.status != want:
                            wrong.append((host, r.status))
        except Exception as e:
            wrong.append((host, repr(e)))
    threads = [threading.Thread(target=load, args=a) for a in (("always.test", 403), ("never.test", 200), ("www.always.test", 403))]
    for t in threads:
        t.start()
    try:
        for n in range(1, 8):
            replace(p, "ads.txt", texts[n % 2])
            r = p.ctl("acl", "reload", "ads", "--json", check=True)
            for _ in range(6):          # connections of their own: both workers
                with Client(p.port) as c:
                    for i in (0, 1):
                        want = 403 if i == n % 2 else 200
                        assert send(c, f"odd-{i}.test").status == want, (n, i, r.stdout)
    finally:
        stop.set()
        for t in threads:
            t.join(10)
    assert not wrong, wrong[:5]
    assert asked[0] > 100
    figure(f"{asked[0]} requests while the list was replaced 7 times: 0 wrong answers")


def test_a_broken_file_leaves_what_was_in_force(make):
    p = make({"ads.txt": "ads.test\nother.test\n"})
    broken = {"<html>\n<body>\nnot a list at all\nx.test\n": "lines were not understood", "": "the file is empty"}
    for text, why in broken.items():
        (p.folder / "ads.txt").write_text(text)
        r = p.ctl("acl", "reload")
        assert r.returncode == 1 and why in r.stderr, (r.stdout, r.stderr)
        assert ask(p, "ads.test") == 403
        assert why in wait_for(lambda: listed(p, "ads").get("error")) and listed(p, "ads")["state"] == "old"
    (p.folder / "ads.txt").unlink()
    wait_for(lambda: "No such file" in listed(p, "ads").get("error", ""), 3)
    time.sleep(0.5)
    assert ask(p, "ads.test") == 403 and p.log().count("ads.txt: No such file") == 1, "told at every look"
    (p.folder / "ads.txt").mkdir()
    assert "not a regular file" in p.ctl("acl", "reload").stderr
    (p.folder / "ads.txt").rmdir()
    replace(p, "ads.txt", "# nothing any more\n")
    wait_for(lambda: ask(p, "ads.test") == 200, 3)
    assert listed(p, "ads")["state"] == "ok" and "error" not in listed(p, "ads")


def test_limits_are_held_and_the_old_list_stays(make):
    p = make({"ads.txt": "ads.test\n"}, lists={"ads": {"max_entries": 3, "max_bytes": "1KiB"}})
    for text, why in (("a.test\nb.test\nc.test\nd.test\n", "more than 3 entries"), ("#" * 2000, "more than max_bytes")):
        (p.folder / "ads.txt").write_text(text)
        assert why in p.ctl("acl", "reload").stderr
        assert ask(p, "ads.test") == 403


def test_acl_ls_shows_the_lists_behind_the_rules(make):
    p = make({"plain.txt": PLAIN, "nets.txt": "192.0.2.0/24\n"})
    data = data_of(p.ctl("acl", "ls", "--json", check=True).stdout)
    assert [r["id"] for r in data["rules"]][:2] == ["no-ads", "lab"] and data["lists"] == [listed(p, "plain")]
    shown = p.ctl("acl", "ls", check=True).stdout.split("\n\n")
    assert "no-ads" in shown[0] and shown[1].split()[0] == "LIST" and "plain" in shown[1] and "domains" in shown[1]


def test_a_reload_keeps_the_image_and_a_new_worker_has_it(make):
    p = make({"ads.txt": "ads.test\n", "more.txt": "more.test\n"})
    compiled = lambda: len(re.findall(r"list \w+: \d+ entries", p.log()))
    assert compiled() == 2
    replace(p, "more.txt", "other.test\n")
    assert p.reload().returncode == 0
    assert compiled() == 3, "only what changed is compiled"
    assert [ask(p, h) for h in ("ads.test", "more.test", "other.test")] == [403, 200, 403], "the changed file is in force with the generation"
    p.deaths_expected = True
    pid = p.worker_pids()[0]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: p.worker_pids() not in ([], [pid]))
    assert ask(p, "ads.test") == 403 and compiled() == 3
    os.kill(p.role_pids("agent")[0], signal.SIGKILL)
    wait_for(lambda: len(p.role_pids("agent")) == 1)
    replace(p, "ads.txt", "new.test\n")
    wait_for(lambda: ask(p, "new.test") == 403, 4)


def test_a_draining_worker_gets_the_list_too(make):
    p = make({"ads.txt": "ads.test\n"})
    with Client(p.port) as c:
        gate = threading.Event()
        p.origin.on("/slow", [lambda conn: gate.wait(10), reply("slow")])
        c.send(f"GET http://free.test:{p.origin.port}/slow HTTP/1.1\r\nHost: free.test:{p.origin.port}\r\n\r\n")
        old = p.worker_pids()
        p.deaths_expected = True
        assert p.ctl("reload").returncode == 0
        assert set(old) & set(p.worker_pids()), "the old worker still drains"
        replace(p, "ads.txt", "other.test\n")
        r = p.ctl("acl", "reload", "--json")
        gate.set()
        assert r.returncode == 0 and c.response().status == 200


def test_lookup_tells_acls_lists_lines_and_rules(make):
    p = make({"ads.txt": "# x\nads.test\n", "nets.txt": "192.0.2.0/24\n192.0.2.7\n"},
             acls={"blocked": {"domain": ["@ads", ".own.test"]}, "nets": {"dst": "@nets"}})
    def found(value):
        return [(x["acl"], x["key"], x.get("list"), x.get("line"), x.get("entry"), x["rules"]) for x in
                json.loads(p.ctl("acl", "lookup", value, "--json", check=True).stdout)["found"]]
    assert found("WWW.ads.test.") == [("blocked", "domain", "ads", 2, "ads.test and below", ["no-ads"])]
    assert found("a.own.test") == [("blocked", "domain", None, None, None, ["no-ads"])]
    assert ("nets", "dst", "nets", 2, "192.0.2.7/32", []) in found("192.0.2.7")
    assert ("nets", "dst", "nets", 1, "192.0.2.0/24", []) in found("192.0.2.8")
    assert found("free.test") == []
    assert "no acl holds this name" in p.ctl("acl", "lookup", "free.test").stdout
    assert "ads.txt:2" in p.ctl("acl", "lookup", "ads.test").stdout
    assert p.ctl("acl", "reload", "adds").returncode == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root's children lose their rights")
def test_children_without_rights_judge_by_a_file_they_cannot_read(make):
    p = make({"ads.txt": "ads.test\n"}, start=False, process={**OWNER, "workers": 1})
    secret = p.folder / "secret"
    secret.mkdir(mode=0o700)
    (p.folder / "ads.txt").rename(secret / "ads.txt")
    (secret / "ads.txt").chmod(0o600)
    p.write(config.merged(p.conf, {"lists": {"ads": {"file": "secret/ads.txt"}}}))
    p.start()
    assert ask(p, "ads.test") == 403
    replace(p, "secret/ads.txt", "other.test\n", 0o600)
    wait_for(lambda: ask(p, "other.test") == 403, 4)
    before = len(re.findall(r"list ads: \d+ entries", p.log()))
    time.sleep(0.5)
    assert len(re.findall(r"list ads: \d+ entries", p.log())) == before == 2, "compiled at every look"


def test_a_list_that_cannot_be_had_is_an_error_of_the_start(scratch):
    folder = scratch / "lists-start"
    folder.mkdir()
    conf = folder / "p.conf"
    conf.write_text('mode = "forward";\nprocess = { admin_socket = "%s/s"; };\nlisteners = ( { bind = [ "127.0.0.1:%d" ]; } );\n'
                    'lists = { ads = { file = "ads.txt"; kind = "domains"; }; };\n'
                    'acls = { a = { domain = "@ads"; }; };\nrules = ( { id = "r"; deny = true; all = "a"; } );\n' % (folder, free_port()))
    r = run("-t", "-c", conf)
    assert r.returncode != 0 and f"{conf}:4: cannot use the list {folder}/ads.txt: No such file or directory" in r.stderr, r.stderr
    (folder / "ads.txt").write_text("<html>\n<p>\n")
    assert run("-t", "-c", conf).returncode == 0, "its contents are judged when it is compiled"
    r = run("-f", "-c", conf)
    assert r.returncode != 0 and "list ads" in r.stderr and "2 lines were not understood" in r.stderr, r.stderr
