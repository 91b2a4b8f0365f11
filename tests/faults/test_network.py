"""F14: loss, delay, silence and half-open connections between the proxy and its targets, each in a network namespace.

There are no health checks of their own: a target is judged by the requests it gets, and a health interval is the second after
which each of them fails (timeout.connect and timeout.response of the plays).
"""
import concurrent.futures

import pytest

from tests.faults.lib.wire import play
from tests.faults.plays import INTERVAL, PLAYS


@pytest.fixture(scope="module")
def plays(scratch):
    """All at once: each has a network of its own, and none is a matter of CPU time."""
    with concurrent.futures.ThreadPoolExecutor(len(PLAYS)) as pool:
        yield {n: pool.submit(play, n, scratch / f"f14-{n}") for n in PLAYS}


@pytest.mark.parametrize("name", ["loss", "delay"])
def test_f14_a_bad_line_costs_time_and_no_request(plays, name, figure):
    f = plays[name].result()
    figure(f"F14 {name}: {f['requests']} requests, {f['failed']} failed, attempts {f['attempts']:.3f}x (<= 1.2), p99 {f['p99']:.0f} ms; {f['text']}")
    assert f["failed"] == 0, f
    assert f["attempts"] <= 1.2


@pytest.mark.parametrize("name", ["silence", "half"])
def test_f14_a_silent_target_is_ejected_and_comes_back(plays, name, figure):
    f = plays[name].result()
    figure(f"F14 {name}: ejected after {f['ejected']:.2f} s (<= {3 * INTERVAL:.0f}), attempts {f['attempts']:.3f}x (<= 1.2), serving again "
           f"{f['back']:.1f} s behind its return (<= 10); {f['failed']} of {f['requests'] + f['failed']} failed, {f['late']} of them later; {f['text']}")
    assert 0 <= f["ejected"] <= 3 * INTERVAL
    assert f["attempts"] <= 1.2
    assert 0 <= f["back"] <= 10
    assert f["late"] == 0
