"""F15: five times as many clients as saturate the proxy, which has a share of a core (a CPU quota).

The clients do as Retry-After says: who got a 503 asks again a second later. Peak is what 40 clients get, with shedding off.
"""
import os
import time

import pytest

from tests.faults.lib.flood import Flood, quantile
from tests.faults.lib.quota import Quota
from tests.faults.lib.server import Server
from tests.faults.lib.size import pick
from tests.flow.lib import config
from tests.flow.lib.ports import free_port

SIZES = [0, 1000, 16000, 65536, 200000, 1000000]
SATURATING, TIMES, SHARE = 200, 5, 0.2
SECONDS = pick(8, 20)
DELAY = "20ms"              # of the shipped 100: a refusal within 50 ms needs a signal before that
BEGIN = 3.0                 # clients come within the first second; what is an overload has to last for one


def on_time(on):
    """The generator keeps its time where it may: it is not what is measured."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR if on else os.SCHED_OTHER, os.sched_param(1 if on else 0))
    except PermissionError:
        pass


@pytest.fixture
def server():
    s = Server(SIZES)
    yield s
    s.stop()


def run(flood, seconds):
    on_time(True)
    try:
        return flood.run(seconds)
    finally:
        on_time(False)


def conf(port, server, **overload):
    c = config.reverse(port, server.address, overload=overload,
                       services=[config.service("app", server.address, queue={"max_requests": 65536})])
    c["listeners"][0]["max_per_client"] = 0
    return c


def verdict(flood):
    assert flood.wrong == 0, "bytes of another body"
    assert flood.broken == 0 and flood.stuck == 0, (flood.broken, flood.stuck)
    assert {d[0] for d in flood.done} <= {200, 503}


class Overload:
    """One measurement: the peak, then the crowd. Figures in seconds and requests per second, the first seconds left out."""

    def __init__(self, launch, server):
        port = free_port()
        p = launch(conf(port, server, delay="0"), "peak")
        with Quota(p.sid, SHARE):
            peak = run(Flood(port, server.bodies, most=SATURATING // 5), pick(3, 10))
        verdict(peak)
        p.stop()
        port = free_port()
        p = launch(conf(port, server, delay=DELAY), "crowd")
        self.admin = []

        def look():
            started = time.monotonic()
            p.status()
            self.admin.append(time.monotonic() - started)
        with Quota(p.sid, SHARE) as quota:
            crowd = run(Flood(port, server.bodies, most=TIMES * SATURATING, ramp=1.0, aside=look), SECONDS)
        verdict(crowd)
        self.best, self.good = len(peak.good()) / peak.elapsed, len(crowd.good(BEGIN)) / (crowd.elapsed - BEGIN)
        self.refused, self.served = crowd.times(503, BEGIN), crowd.times(200, BEGIN)
        self.how = quota.how
        self.counted = p.status()["counters"]["requests_shed_total"]
        p.stop()

    def passes(self):
        """The short form takes four times as long for good: who runs it shares his machine with others."""
        late = pick(4, 1)
        return (self.good >= 0.8 * self.best and self.refused and quantile(self.refused, 0.99) <= 0.05 * late
                and max(self.admin) <= 0.1 * late)

    def __str__(self):
        def ms(v):
            return f"{1000 * v:.0f} ms"
        return (f"peak {self.best:.0f}/s, with {TIMES * SATURATING} clients {self.good:.0f}/s = {100 * self.good / self.best:.0f} % (>= 80), "
                f"{len(self.refused)} refused, p99 {ms(quantile(self.refused, .99))} (<= 50), max {ms(self.refused[-1] if self.refused else 0)}; "
                f"served p99 {ms(quantile(self.served, .99))}; admin max {ms(max(self.admin))} of {len(self.admin)} (<= 100); by {self.how}")


def test_f15_overload(launch, server, figure):
    """Three attempts: what else runs on the machine takes from a proxy that has a share of a core anyhow."""
    for attempt in range(3):
        o = Overload(launch, server)
        figure(f"F15 {o}")
        assert o.counted >= len(o.refused) > 0
        if o.passes():
            return
    raise AssertionError(f"the figures were missed three times, last: {o}")


def test_f15_clients_that_do_not_heed_retry_after(launch, server, figure):
    """An open loop at five times the peak. Every refusal costs CPU too; what is left is served, and nobody starves."""
    port = free_port()
    p = launch(conf(port, server, delay=DELAY), "open")
    with Quota(p.sid, SHARE / 2):
        peak = run(Flood(port, server.bodies, most=32), pick(2, 5))
        over = run(Flood(port, server.bodies, rate=TIMES * len(peak.good()) / peak.elapsed), pick(5, 10))
    best, good = len(peak.good()) / peak.elapsed, len(over.good(BEGIN)) / (over.elapsed - BEGIN)
    figure(f"F15 open loop: peak {best:.0f}/s, offered {over.offered / over.elapsed:.0f}/s, served {100 * good / best:.0f} %, "
           f"refused {len(over.times(503))}, p99 {1000 * quantile(over.times(503, BEGIN), .99):.0f} ms, unsent {over.unsent}")
    assert over.wrong == 0 and good > 0
