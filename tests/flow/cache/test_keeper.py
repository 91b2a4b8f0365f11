"""The keeper from outside: who it is, what outlives it, and what a cache does without a disk, a state or a keeper."""
import os
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.origin import reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import Proxy, data_of, run, stop_all, wait_for
from tests.flow.lib.upgrade import Upgraded

pytestmark = pytest.mark.timeout(120)


class Cached(Upgraded):
    """With a cache in the instance's folder; `where` is made by the first start."""

    @property
    def where(self):
        return Path(self.conf["cache"]["path"])

    def stat(self):
        r = self.ctl("cache", "stat", "--json")
        return data_of(r.stdout) if r.returncode == 0 else {}

    def open(self, file=None, timeout=10):
        """Waits until the store is open (that one), and tells how it is."""
        def is_open():
            s = self.stat()
            return s if s.get("state") == "open" and file in (None, s["file"]) else None
        return wait_for(is_open, timeout)

    def keeper(self, but=()):
        """The keeper's process, once it is ready."""
        def ready():
            return [w["pid"] for w in self.workers() if w["role"] == "keeper" and w["state"] == "ready"
                    and w["pid"] not in but]
        return wait_for(ready, 10)[0]

    def state(self):
        return (self.where / "state").read_text().splitlines()

    def set_state(self, pattern, text):
        """Changes a line of the state, as long as nobody runs."""
        file = self.where / "state"
        new = re.sub(pattern, text, file.read_text(), flags=re.M)
        assert new != file.read_text()
        file.write_text(new)

    def crash(self):
        """Everything is killed at once."""
        self.kill()
        self.process = None


def conf_of(port, origin, where, **more):
    cache = {"path": str(where), "size": "64MiB", **more}
    return config.reverse(port, origin.address, process={"workers": 2}, cache=cache)


@pytest.fixture
def cached(scratch, origin, request):
    started = []

    def go(where=None, start=True, **more):
        folder = Path(tempfile.mkdtemp(prefix=request.node.name[:30].replace("[", "-") + "-", dir=scratch))
        port = free_port()
        p = Cached(folder, conf_of(port, origin, where or folder / "cache", **more), name="keeper")
        p.port = port
        started.append(p)
        return p.start() if start else p
    yield go
    stop_all(started)


# ------------------------------------------------------------------------------------ its life

def test_it_runs_as_one_of_the_processes_and_gives_way(cached):
    p = cached()
    s = p.open(1)
    pid = p.keeper()
    assert s["keeper"]["pid"] == pid and s["keeper"]["rss_kib"] > 0
    assert s["bytes"] == 64 << 20 and 0 < s["bytes_used"] < 1 << 20 and s["objects"] == 0
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    assert int(stat[16]) == 5 and int(stat[38]) == 3, "nice 5, SCHED_BATCH"
    assert sorted(x.name for x in p.where.iterdir()) == ["lock", "state", "store-1.mdb", "store-1.mdb-lock"]
    assert p.where.stat().st_mode & 0o777 == 0o700
    assert p.state()[-1] == "open"
    text = p.ctl("cache", "stat", check=True).stdout
    assert f"process {pid}" in text and "open, file 1" in text and "64.0 MiB" in text
    assert p.ctl("loglevel", "debug", "--json", check=True)
    assert data_of(p.ctl("loglevel", "info", "--json", check=True).stdout)["processes"] == 6
    p.stop()
    assert p.state()[-1] == "clean"


def test_nothing_of_it_is_there_without_a_cache(scratch, origin, request):
    p = Proxy(scratch / request.node.name[:44], config.reverse(free_port(), origin.address), name="none").start()
    assert "keeper" not in {w["role"] for w in p.workers()}
    r = p.ctl("cache", "stat")
    assert r.returncode == 1 and 'cache = { path = "' in r.stderr, r
    assert p.ctl("cache", "purge", "--all").returncode == 1
    p.stop()


def test_it_is_there_again_after_every_kill(cached, figure):
    p = cached()
    p.open(1)
    p.deaths_expected = True
    rng, worst, old = random.Random(5), 0, []
    for _ in range(30):
        pid = p.keeper(but=old)
        old.append(pid)
        time.sleep(rng.random() * 0.02)     # at any moment of its start or sleep
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        p.keeper(but=old)
        worst = max(worst, time.monotonic() - began)
        assert get(p.port, "/x").status == 200
    p.open(1)
    figure(f"30 kills: ready again after {worst * 1000:.0f} ms at most")


def test_a_crash_of_its_own_is_taken_for_damage(cached):
    p = cached()
    p.open(1)
    p.deaths_expected = p.alarms_expected = True
    os.kill(p.keeper(), signal.SIGSEGV)
    p.open(2)
    assert [x.name for x in p.where.glob("store-*.mdb")] == ["store-2.mdb"]
    assert "may have died of a damaged store" in p.log()


def test_workers_that_die_of_faults_one_after_the_other_make_the_store_suspect(cached):
    p = cached()
    p.open(1)
    p.deaths_expected = p.alarms_expected = True
    for i in range(3):
        assert p.open()["file"] == 1, f"after {i} deaths"
        victim = wait_for(p.worker_pids, 10)[0]
        os.kill(victim, signal.SIGSEGV)
        wait_for(lambda: f"[{victim}]: killed by signal 11" in p.log(), 10)
        wait_for(lambda: len(p.worker_pids()) == 2, 10)
    p.open(2)
    assert get(p.port, "/x").status == 200


def test_a_stopped_one_is_replaced(cached):
    p = cached()
    p.open(1)
    p.deaths_expected = True
    pid = p.keeper()
    os.kill(pid, signal.SIGSTOP)
    assert p.keeper(but=[pid]) != pid
    p.open(1)


def test_an_idle_worker_finds_the_store_with_its_first_request(cached):
    p = cached()
    p.open(1)
    assert p.ctl("reload", "--wait", "20").returncode == 0      # workers that had no turn since they began
    p.deaths_expected = True
    for _ in range(40):
        r = get(p.port, "/x")
        assert r.status == 200 and r.get("Cache-Status"), r


# ------------------------------------------------------------------------------------ reloads and upgrades

def test_it_outlives_reloads_and_follows_the_limit_of_an_object(cached):
    p = cached()
    p.open(1)
    pid = p.keeper()
    assert p.reload().returncode == 0
    assert p.keeper() == pid
    assert p.reload(config.merged(p.conf, {"cache": {"max_object": "1MiB"}})).returncode == 0
    assert p.keeper(but=[pid]) != pid
    p.open(1)


@pytest.mark.parametrize("key, value", [("size", "65MiB"), ("objects", 1000), ("ring", "4MiB")])
def test_what_memory_was_laid_out_for_needs_a_restart(cached, key, value):
    p = cached()
    p.open(1)
    good = dict(p.conf)
    r = p.reload(config.merged(p.conf, {"cache": {key: value}}))
    assert r.returncode == 1 and "restart to apply" in r.stderr, r
    assert get(p.port, "/x").status == 200
    assert p.reload(good).returncode == 0


def test_a_reload_brings_it_takes_it_away_and_brings_it_again(cached):
    p = cached(start=False)
    full = dict(p.conf)
    bare = {k: v for k, v in full.items() if k != "cache"}
    p.file.write_text(config.text(bare))
    p.start()
    p.deaths_expected = True
    assert not p.role_pids("keeper") and not p.where.exists()
    for _ in range(2):
        assert p.reload(full).returncode == 0
        p.open(1)
        p.file.write_text(config.text(bare))
        assert p.ctl("reload", "--wait", "20").returncode == 0
        wait_for(lambda: not p.role_pids("keeper"), 10)
        wait_for(lambda: p.state()[-1] == "clean", 5)
    other = config.merged(full, {"cache": {"size": "66MiB"}})
    r = p.reload(other)
    assert r.returncode == 1 and "restart to apply" in r.stderr, r


def test_an_upgrade_hands_its_memory_and_its_store_over(cached):
    p = cached()
    p.open(1)
    old = p.keeper()
    assert p.ctl("cache", "purge", "--all", check=True)
    before = p.stat()["purged_all"]
    assert before > 0
    r = p.upgrade()
    assert r.returncode == 0, r
    new = p.keeper(but=[old])
    wait_for(lambda: old not in p.mine(), 10)
    s = p.open(1)
    assert s["keeper"]["pid"] == new and s["purged_all"] == before
    assert "segment cache" not in p.log()
    wait_for(lambda: f"keeper[{new}]: cache {p.where}: open: file 1" in p.log(), 10)


def test_an_upgrade_to_another_layout_begins_with_new_memory(cached):
    p = cached()
    p.open(1)
    old = p.keeper()
    p.write(config.merged(p.conf, {"cache": {"objects": 5000}}))
    r = p.upgrade()
    assert r.returncode == 0, r
    p.keeper(but=[old])
    wait_for(lambda: old not in p.mine(), 10)
    assert p.open(1)["objects_max"] == 5000
    assert "segment cache: made for another cache" in p.log()


def test_two_instances_do_not_write_one_store(cached):
    p = cached()
    p.open(1)
    q = cached(where=p.where)
    wait_for(lambda: "waits for the keeper that has it" in q.log(), 10)
    assert q.stat()["state"] == "closed" and get(q.port, "/x").status == 200
    p.stop()
    q.open(1)


# ------------------------------------------------------------------------------------ purges

def test_a_purge_of_everything_is_kept_when_it_is_answered(cached):
    p = cached()
    p.open(1)
    would = data_of(p.ctl("cache", "purge", "--all", "--dry-run", "--json", check=True).stdout)
    assert would == {"objects": 0, "dry_run": True} and p.stat()["purged_all"] == 0
    done = data_of(p.ctl("cache", "purge", "--all", "--json", check=True).stdout)
    assert done == {"objects": 0, "dry_run": False, "kept": True}
    assert f"purged-all {p.stat()['purged_all']}" in p.state() and p.stat()["purged_all"] > 0
    assert p.ctl("cache", "purge").returncode != 0
    p.crash()
    purged = next(x for x in p.state() if x.startswith("purged-all "))
    p.start()
    p.open(1)
    assert p.stat()["purged_all"] == int(purged.split()[1])


def test_a_purge_without_a_keeper_is_in_force_and_says_that_it_is_not_kept(cached):
    p = cached()
    p.open(1)
    p.deaths_expected = True
    q = cached(where=p.where)               # its keeper waits for the other one
    wait_for(lambda: "waits for the keeper" in q.log(), 10)
    r = q.ctl("cache", "purge", "--all", check=True)
    assert "not on the disk yet" in r.stdout
    s = q.stat()
    assert s["purged_all"] > 0 and not s["purge_kept"]
    p.stop()
    q.open(1)
    wait_for(lambda: q.stat()["purge_kept"], 5)


def test_a_verification_ends_with_what_was_found(cached):
    p = cached()
    p.open(1)
    for n in (1, 2):
        done = data_of(p.ctl("cache", "verify", "--json", check=True).stdout)
        assert done == {"wanted": n, "done": n, "looked": 0, "bad": 0}
    assert p.ctl("cache", "verify", check=True).stdout == "0 objects looked at, 0 damaged and removed\n"


# ------------------------------------------------------------------------------------ what is believed

def test_a_clean_store_is_kept_and_so_is_one_of_the_same_boot(cached):
    p = cached()
    p.open(1)
    p.stop()
    p.set_state("^boot .*$", "boot 00000000-0000-0000-0000-000000000000")
    p.start()
    p.open(1)
    p.crash()
    p.start()
    p.open(1)


def test_a_store_that_was_open_when_the_machine_stopped_begins_empty(cached):
    p = cached()
    p.open(1)
    p.crash()
    p.set_state("^boot .*$", "boot 00000000-0000-0000-0000-000000000000")
    p.start()
    p.open(2)
    assert "was open when this machine stopped: begins empty" in p.log()
    assert [x.name for x in p.where.glob("store-*.mdb")] == ["store-2.mdb"]


@pytest.mark.parametrize("damage", ["state", "nonsense", "empty"])
def test_what_cannot_be_believed_begins_empty(cached, damage):
    p = cached()
    p.open(1)
    p.crash()
    if damage == "state":
        (p.where / "state").write_text("proxyd-cache 99\n")
    else:
        (p.where / "store-1.mdb").write_bytes(b"no store " * 9000 if damage == "nonsense" else b"")
    p.start()
    s = p.open()
    assert s["objects"] == 0
    assert s["file"] == (1 if damage == "empty" else 2)     # an empty file is a store in which nothing is
    assert get(p.port, "/x").status == 200


# ------------------------------------------------------------------------------------ no room, no rights

@pytest.fixture
def small_disk(scratch, request):
    """A tmpfs of 32 MiB, too small for the store."""
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    at = Path(tempfile.mkdtemp(prefix="disk-", dir=scratch))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m,mode=777", "tmpfs", str(at)], check=True, timeout=20)
    yield at
    subprocess.run(["umount", "-l", str(at)], check=True, timeout=20)


def test_a_disk_without_room_closes_the_cache_and_says_what_to_do(cached, small_disk):
    p = cached(where=small_disk / "cache")
    wait_for(lambda: "make room" in p.log(), 10)
    assert p.stat()["state"] == "closed"
    assert get(p.port, "/x").status == 200
    assert not list(p.where.glob("store-*")), "what did not fit takes no room from others"
    subprocess.run(["mount", "-o", "remount,size=128m", str(small_disk)], check=True, timeout=20)
    p.deaths_expected = True
    os.kill(p.keeper(), signal.SIGKILL)     # or a minute later
    p.open()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has rights to lose")
def test_root_without_its_rights_uses_a_directory_that_is_its_childrens(cached):
    """As the unit has it."""
    p = cached(start=False)
    p.prefix = ["setpriv", "--bounding-set", "-all,+setuid,+setgid,+kill,+chown"]
    p.where.mkdir()                         # the service manager made it: empty, root's
    for _ in range(2):
        p.start()
        p.open(1)
        assert p.where.stat().st_uid != 0
        assert p.reload().returncode == 0
        p.stop()


def test_without_a_boot_id_only_a_clean_store_is_kept(cached):
    if os.getuid() != 0:
        pytest.skip("hiding /proc/sys needs root")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount in a namespace of its own")
    p = cached(start=False)
    p.prefix = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs tmpfs /proc/sys && exec "$@"', "sh"]
    p.start()
    p.open(1)
    assert "a store that was not left clean cannot be kept" in p.log()
    p.stop()
    p.start()
    p.open(1)
    p.crash()
    p.start()
    p.open(2)


def test_without_a_store_everything_is_fetched_and_nothing_is_said_to_be_stored(cached, scratch, origin):
    where = Path(tempfile.mkdtemp(dir=scratch))
    where.chmod(0o777)
    (where / "lock").mkdir()                    # no keeper can take it
    p = cached(where=where)
    origin.on("/closed", reply(b"here", fields=["Cache-Control: max-age=60"]))
    for _ in range(3):
        r = get(p.port, "/closed")
        assert r.status == 200 and r.body == b"here" and r.get("Cache-Status") is None
    r = get(p.port, "/closed", fields=["Cache-Control: only-if-cached"])
    assert r.status == 504 and b"only-if-cached" in r.body


@pytest.mark.parametrize("cache, says", [
    ({"path": "relative"}, "must begin with '/'"),
    ({"path": "/etc/passwd"}, "is no directory"),
    ({"path": "/nonexistent/x"}, "cannot be made in"),
    ({"path": "/tmp/x", "size": "1MiB"}, "64MiB"),
    ({"path": "/tmp/x", "ring": "3MiB"}, "power of two"),
    ({"path": "/tmp/x", "size": "15000GiB"}, "more than half of this machine's memory"),
])
def test_a_check_says_what_is_wrong(tmp_path, cache, says):
    file = tmp_path / "t.conf"
    file.write_text(config.text({"mode": "forward", "cache": cache}))
    r = run("-t", "-c", file)
    assert says in r.stderr, r
    assert (r.returncode == 0) == ("memory" in says), r
