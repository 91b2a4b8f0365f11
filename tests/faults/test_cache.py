"""The shared cache when its keeper, its disk or its file fails: F3, F6, F9 and F18 of SECURITY.md 3. Never a wrong byte."""
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.faults.lib.book import NEVER
from tests.faults.lib.rig import Rig, modes
from tests.faults.lib.size import pick
from tests.flow.lib.proxy import data_of, wait_for

IDS, LONGEST = 3000, 200_000            # of objects: some times what the store holds
BACK_S = 0.5


def cached(scratch, mode, where=None, size="64MiB"):
    """A rig with a cache in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="cache-", dir=scratch))
    folder.chmod(0o755)
    where = where or folder / "cache"
    ttl = {"cache": {"ttl": "600s"}}
    more = {"defaults": ttl} if mode == "reverse" else {"forward": ttl}
    r = Rig(folder, mode, start=False, cache={"path": str(where), "size": size}, **more)
    r.where = Path(where)
    return r


def load(r, **more):
    return r.load(**{"R": IDS, "m": LONGEST, "x": 5, **more})


def stat(r):
    a = r.proxy.ctl("cache", "stat", "--json")
    return data_of(a.stdout) if a.returncode == 0 else {}


def opened(r, but=0, timeout=15):
    """Waits for a store, not that one."""
    def is_open():
        s = stat(r)
        return s if s.get("state") == "open" and s["file"] != but else None
    return wait_for(is_open, timeout, 0.02)


def begin(r):
    """What is measured first is the proxy with a cache that fills."""
    r.proxy.start()
    opened(r)
    with load(r, rate=0) as first:
        time.sleep(pick(2, 5))
    assert not first.book.failed(), first.book.failed()[:5]
    r.capacity = len(first.book.of("ok")) / (first.end - first.begin)
    return r


def keeper(r, but=()):
    def ready():
        return [w["pid"] for w in r.proxy.workers() if w["role"] == "keeper" and w["state"] == "ready" and w["pid"] not in but]
    return wait_for(ready, 15, 0.005)[0]


def hits(r):
    return r.proxy.status()["counters"]["cache_hits_total"]


def verified(*books):
    """All bodies were theirs."""
    sick = [row for b in books for row in b.of(*NEVER)]
    assert not sick, f"{len(sick)}: {sick[:5]}"
    return sum(len(b.of("ok")) for b in books)


@modes("reverse")
def test_f3_the_keeper_is_killed_in_the_middle_of_its_commits(scratch, mode, figure):
    r, rng, old, back = cached(scratch, mode), random.Random(3), [], []
    try:
        begin(r)
        before = stat(r)
        with load(r) as during:
            for _ in range(pick(10, 200)):
                time.sleep(rng.random() * 0.2)
                old.append(keeper(r, but=old))
                os.kill(old[-1], signal.SIGKILL)
                died = time.monotonic()
                keeper(r, but=old)
                back.append(time.monotonic() - died)
            s = opened(r)
        n, found = verified(during.book), hits(r)
        assert not during.book.failed(), during.book.failed()[:5]
        assert found > n / 50, (found, n, "the cache gave next to nothing: this showed nothing")
        assert s["file"] == before["file"], "the store was given up"
        back.sort()
        assert back[len(back) // 2] < BACK_S, back
        figure(f"F3 {mode}: {len(old)} kills of the keeper: 0 of {n} requests failed, {found} hits, {n} bodies verified, "
               f"ready again after {back[len(back) // 2] * 1e3:.0f} ms, {back[-1] * 1e3:.0f} at most")
    finally:
        r.stop()


@modes("reverse")
def test_f3_workers_are_killed_while_they_send_from_the_store(scratch, mode, figure):
    r, rng, killed = cached(scratch, mode), random.Random(4), 0
    try:
        begin(r)
        with load(r) as during:
            for _ in range(pick(5, 100)):
                time.sleep(rng.random() * 0.2)
                pids = r.proxy.worker_pids()
                if not pids:
                    continue
                os.kill(rng.choice(pids), signal.SIGKILL)
                killed += 1
                wait_for(lambda: len(r.proxy.worker_pids()) == 2, 10)
            s = opened(r)
        n, c = verified(during.book), s["counters"]
        assert c["damaged"] == 0, s
        with load(r, rate=r.capacity * 0.3) as after:
            time.sleep(pick(1, 3))
        assert not after.book.failed(), after.book.failed()[:5]
        n += verified(after.book)
        figure(f"F3 {mode}: {killed} kills of workers: {len(during.book.failed())} requests that they had failed, "
               f"{n} bodies verified, {hits(r)} hits, {c['failed']} transactions for which the dead held all free pages")
    finally:
        r.stop()


@modes("reverse")
def test_f18_all_processes_are_killed_and_the_store_is_warm(scratch, mode, figure):
    r, n, slowest, found = cached(scratch, mode), 0, 0, 0
    try:
        begin(r)
        for _ in range(pick(2, 10)):
            file, objects = stat(r)["file"], stat(r)["objects"]
            with load(r) as during:
                time.sleep(0.5)
                r.proxy.kill()
                r.proxy.process = None
            n += verified(during.book)
            at = time.monotonic()
            r.proxy.start()
            s = opened(r)
            slowest = max(slowest, time.monotonic() - at)
            assert s["file"] == file and s["objects"] > objects / 2, (file, objects, s)
            with load(r) as after:
                time.sleep(pick(1, 3))
            assert not after.book.failed(), after.book.failed()[:5]
            n += verified(after.book)
            found += hits(r)
            assert hits(r) > 0
        assert slowest < 2, slowest
        figure(f"F18 {mode}: killed and started {pick(2, 10)} times: serves with its store after {slowest * 1e3:.0f} ms at most, "
               f"{found} hits, {n} bodies verified")
    finally:
        r.stop()


# ------------------------------------------------------------------------------------ the disk

@pytest.fixture
def small_disk(scratch):
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    at = Path(tempfile.mkdtemp(prefix="disk-", dir=scratch))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m,mode=777", "tmpfs", str(at)], check=True, timeout=20)
    yield at
    subprocess.run(["umount", "-l", str(at)], check=True, timeout=20)


@modes("reverse")
def test_f6_a_full_disk_means_not_stored(scratch, small_disk, mode, figure):
    r = cached(scratch, mode, small_disk / "cache")
    (small_disk / "others").write_bytes(b"x" * (40 << 20))
    try:
        r.proxy.start()
        wait_for(lambda: "make room" in r.proxy.log(), 10)
        with load(r, rate=0, conns=50) as without:
            time.sleep(pick(1, 5))
        r.capacity = len(without.book.of("ok")) / (without.end - without.begin)
        assert stat(r)["state"] == "closed"
        with load(r) as during:
            time.sleep(0.5)
            (small_disk / "others").unlink()
            at = time.monotonic()
            opened(r, timeout=20)
            resumed = time.monotonic() - at
            wait_for(lambda: hits(r) > 0, 10, 0.05)
            (small_disk / "others").write_bytes(b"x" * (12 << 20))      # what is set aside stays
            time.sleep(pick(1, 5))
            s = stat(r)
        n = verified(without.book, during.book)
        assert not without.book.failed() and not during.book.failed(), (without.book.failed()[:5], during.book.failed()[:5])
        assert s["state"] == "open" and s["counters"]["failed"] == 0, s
        assert resumed < 10, resumed
        figure(f"F6 {mode}: no room for the store: 0 of {n} requests failed, stores {resumed:.1f} s after there is room")
    finally:
        r.stop()


# ------------------------------------------------------------------------------------ the file

def flip(path, count, rng):
    """Random bytes in what the file holds."""
    with open(path, "r+b") as f:
        size = os.fstat(f.fileno()).st_size
        for _ in range(count):
            at = rng.randrange(size)
            f.seek(at)
            b = f.read(1)[0]
            f.seek(at)
            f.write(bytes([b ^ (1 << rng.randrange(8))]))


def damage(r, how, rng):
    path = r.where / f"store-{stat_file(r)}.mdb"
    if how.startswith("flips"):
        flip(path, 1000, rng)
    elif how.startswith("truncate"):
        os.truncate(path, os.stat(path).st_size // 4 * int(how[-1]))
    elif how == "lock":
        os.unlink(f"{path}-lock")
    else:
        path.write_bytes(b"\0" * 4096 + path.read_bytes()[4096:])


def stat_file(r):
    return int((r.where / "state").read_text().split("file ")[1].split()[0])


def deaths(log):
    return log.count("killed by signal 11") + log.count("killed by signal 7") + log.count("killed by signal 6")


@pytest.mark.parametrize("how", ["flips", "truncate1", "truncate3", "lock", "meta"])
def test_f9_a_file_that_was_damaged_while_nobody_ran(scratch, how, figure):
    r, rng = cached(scratch, "reverse"), random.Random(9)
    try:
        begin(r)
        r.proxy.alarms_expected = True
        r.proxy.kill()
        r.proxy.process = None
        damage(r, how, rng)
        r.proxy.start()
        with load(r) as during:
            time.sleep(pick(2, 10))
        n, dead = verified(during.book), deaths(r.proxy.log())
        opened(r)
        with load(r) as after:
            time.sleep(pick(1, 3))
        n += verified(after.book)
        assert not after.book.failed(), after.book.failed()[:5]
        assert dead <= 4, dead              # three workers, and the keeper
        figure(f"F9 {how}: {n} bodies verified, {len(during.book.failed())} requests failed, {dead} processes died, "
               f"file {stat(r)['file']}, {hits(r)} hits")
    finally:
        r.stop()


def test_f9_a_file_that_is_cut_while_it_serves(scratch, figure):
    r, rng = cached(scratch, "reverse"), random.Random(10)
    try:
        begin(r)
        r.proxy.alarms_expected = True
        with load(r) as during:
            for _ in range(pick(3, 10)):
                file = opened(r)["file"]
                damage(r, "truncate1", rng)
                at = time.monotonic()
                opened(r, but=file, timeout=20)
                again = time.monotonic() - at
                time.sleep(pick(0.5, 3))
        n, dead = verified(during.book), deaths(r.proxy.log())
        assert again < 5, again
        with load(r) as after:
            time.sleep(pick(1, 3))
        n += verified(after.book)
        assert not after.book.failed(), after.book.failed()[:5]
        figure(f"F9 cut {pick(3, 10)} times while it serves: {n} bodies verified, {len(during.book.failed())} requests failed, "
               f"{dead} processes died, another store after {again * 1e3:.0f} ms")
    finally:
        r.stop()


def test_f9_bits_that_flip_while_it_serves_are_found_at_the_next_start(scratch, figure):
    """A chunk that was found right is not looked at again before that: what a machine's memory does is nobody's to see."""
    r, rng = cached(scratch, "reverse"), random.Random(11)
    try:
        begin(r)
        r.proxy.alarms_expected = True
        with load(r) as during:
            for _ in range(pick(2, 10)):
                damage(r, "flips", rng)
                time.sleep(pick(0.5, 2))
        other = [row for row in during.book.of(*NEVER) if row.what != "wrong"]
        assert not other, other[:5]
        opened(r)
        r.proxy.kill()
        r.proxy.process = None
        dead = deaths(r.proxy.log())
        r.proxy.start()
        with load(r) as after:
            time.sleep(pick(2, 10))
        n, more = verified(after.book), deaths(r.proxy.log()) - dead
        opened(r)
        assert more <= 4, more
        figure(f"F9 flips while it serves: {len(during.book.of('wrong'))} of {len(during.book.rows)} wrong before the next start, "
               f"0 of {n} after it; {dead} processes died before, {more} after, {len(after.book.failed())} requests failed")
    finally:
        r.stop()
