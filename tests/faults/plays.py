"""F14's plays, each in a network namespace of its own (lib/wire.py): python3 -m tests.faults.plays NAME FOLDER prints figures."""
import json
import re
import sys
import time
from pathlib import Path

from tests.faults.lib.book import NEVER, p99
from tests.faults.lib.rig import Origin, Rig
from tests.faults.lib.size import pick
from tests.faults.lib.wire import Filter, Relay, network
from tests.flow.lib import config

HOSTS = ["10.9.0.1", "10.9.0.2", "10.9.0.3"]
INTERVAL = 1.0              # a target is looked at by the requests it gets: a silent one fails each after this
TIMEOUT = {"connect": "1s", "response": "1s", "idle": "10s"}
OUTLIER = {"failures": 5, "base": "2s", "max": "4s"}


class Stage:
    """A reverse proxy before three targets, or before relays to them."""

    def __init__(self, folder, relay=None, timeout=None):
        network(*HOSTS)
        self.rig = Rig(Path(folder), "reverse", workers=1, start=False)
        self.targets = [Origin(h) for h in HOSTS]
        relays = [Relay((t.host, t.port), t.host, *relay) for t in self.targets] if relay else self.targets
        conf = self.rig.proxy.conf
        conf["services"] = [config.service("app", *(r.address for r in relays), timeout=timeout or {}, outlier=OUTLIER,
                                           pool={"idle": "2s"})]
        self.rig.proxy.write(conf)
        self.rig.proxy.start()

    def counters(self):
        return self.rig.proxy.status()["counters"]

    def requests(self):
        return [t.ledger()["requests"] for t in self.targets]

    def log(self):
        return self.rig.proxy.log()

    def ejections(self, host):
        return len(re.findall(rf"target {re.escape(host)}:\d+ ejected", self.log()))

    def until(self, what, timeout):
        """Seconds until it is true, -1: not within."""
        begin = time.monotonic()
        while time.monotonic() < begin + timeout:
            if what():
                return time.monotonic() - begin
            time.sleep(0.05)
        return -1

    def load(self, **more):
        return self.rig.load(**{"rate": pick(150, 300), "m": 200000, **more})

    def figures(self, load, before, **more):
        """I0 at the end, of every target; what the fault did."""
        c = self.counters()
        n, again = (c[k] - before[k] for k in ("requests_total", "upstream_retries_total"))
        told = [t.ledger() for t in self.targets]
        assert not any(v[k] for v in told for k in ("corrupted", "twice", "malformed")), told
        self.rig.judge(load.book)
        ok = load.book.of("ok")
        return {"attempts": (n + again) / n, "failed": len(load.book.failed()), "of": load.book.count(), "p99": p99(ok), "requests": len(ok),
                "text": f"{len(ok)} bodies verified, {sum(v['posts'] for v in told)} POSTs applied, none twice", **more}

    def stop(self):
        self.rig.stop()
        for t in self.targets:
            t.stop()


def warm(stage):
    """All 200 connections at once: memory is compared with that of a proxy that has seen as much."""
    with stage.load(rate=0, m=1000000):
        time.sleep(3)
    stage.rig.before = stage.rig.idle()
    return stage.counters()


def loss(folder):
    """One packet of twenty is lost, both ways, between the proxy and its targets."""
    s = Stage(folder)
    before = warm(s)
    chance = ["-m", "statistic", "--mode", "random", "--probability", "0.05"]
    with s.load() as load:
        with Filter(["-p", "tcp", "-d", "10.9.0.0/24", *chance], ["-p", "tcp", "-s", "10.9.0.0/24", *chance]):
            time.sleep(pick(5, 30))
    return s.figures(load, before)


def delay(folder):
    """A tenth of a second each way, and pieces of different connections overtake each other."""
    s = Stage(folder, relay=(0.1, 0.08))
    before = warm(s)
    with s.load() as load:
        time.sleep(pick(5, 30))
    return s.figures(load, before)


def silence(folder, half=False):
    """One target of three says nothing any more, then it is back. half: it lost its connections meanwhile, and its RSTs are lost too."""
    s = Stage(folder, timeout=TIMEOUT)
    before = warm(s)
    one, host = s.targets[0], HOSTS[0]
    rules = [["-p", "tcp", "-s", host, "--tcp-flags", "RST", "RST"], ["-p", "tcp", "-s", host, "--tcp-flags", "FIN", "FIN"]]
    with s.load() as load:
        time.sleep(1)
        with Filter(*rules) if half else Filter(["-d", host]):
            ledger = one.ledger() if half else None
            if half:
                one.stop()
            ejected = s.until(lambda: s.ejections(host) > 0, 10)
            time.sleep(pick(3, 10) - 1)
            if half:
                s.targets[0] = Origin(host, one.port)
        served = s.targets[0].ledger()["requests"]
        back = s.until(lambda: s.targets[0].ledger()["requests"] > served + 20, 20)
        mark = time.monotonic()
        time.sleep(2)
    late = [r for r in load.book.failed() if r.at > mark + INTERVAL]
    if ledger:
        assert ledger["corrupted"] == ledger["twice"] == 0, ledger
    return s.figures(load, before, ejected=ejected, back=back, late=len(late))


def half(folder):
    return silence(folder, half=True)


PLAYS = {f.__name__: f for f in (loss, delay, silence, half)}


def main():
    stages, name, folder = [], *sys.argv[1:]
    real = Stage.__init__

    def noted(self, *args, **kw):
        stages.append(self)
        real(self, *args, **kw)
    Stage.__init__ = noted
    try:
        out = PLAYS[name](folder)
        assert not [w for w in NEVER if out["of"].get(w)], out
    finally:
        for s in stages:
            s.stop()
    print(json.dumps(out))


if __name__ == "__main__":
    main()
