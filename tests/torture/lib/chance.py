"""Each allocation of a worker fails with a probability of 1 %, under mixed load."""
import shutil
import threading
import time
from collections import Counter

from tests.flow.lib import config
from tests.flow.lib.ports import free_port

from . import cases
from .control import RANDOM
from .scenarios import POLITE, Connect, ForwardName, Pipeline, PostChunked, ReverseGet

OF_A_MILLION = 10_000
THREADS = 4
# c-ares takes an answer that it has no memory to read for none, and asks again after the timeout. These are far below
# what a client waits (scenarios.py), or a look-up met twice looks like a request that hangs; without any answer it is 504.
DNS = {"timeout": "200ms", "tries": 3, "total": "1s"}
KNOWN = POLITE | {"ok", "504"}


def load(p, w, acts, until, tally, slowest, lock):
    i = 0
    while time.monotonic() < until:
        scn, port = acts[i % len(acts)]
        i += 1
        p_like = type("", (), {"port": port})
        begun, name = time.monotonic(), type(scn).__name__
        out = scn.act(p_like, w)
        with lock:
            tally.update(o if o in KNOWN else f"{name}: {o}" for o in out)
            slowest[name] = max(slowest.get(name, 0), time.monotonic() - begun)


def chance(world, shim, seconds):
    """Returns the number of defects."""
    d, reverse, forward = cases.folder(), free_port(), free_port()
    conf = config.reverse(reverse, world.at, dns={"servers": [world.dns.address], "min_ttl": "0", **DNS}, forward={"default_rules": False},
                          rules=[{"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}], listeners=[
                              {"name": "front", "bind": [f"127.0.0.1:{reverse}"]},
                              {"name": "out", "bind": [f"127.0.0.1:{forward}"], "mode": "forward"}])
    p = cases.Tortured(d, conf, shim)
    acts = [(ReverseGet(), reverse), (PostChunked(), reverse), (Pipeline(), reverse), (ForwardName(), forward), (Connect(), forward)]
    p.start()
    number, pid = cases.number_of(p, "worker")
    tally, slowest, lock = Counter(), {}, threading.Lock()
    p.control.arm(number, OF_A_MILLION, RANDOM)
    until = time.monotonic() + seconds
    threads = [threading.Thread(target=load, args=(p, world, acts[i:] + acts[:i], until, tally, slowest, lock))
               for i in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    p.control.disarm()
    after = [o for scn, port in acts for o in scn.act(type("", (), {"port": port}), world)]
    wrong = [f"{o}: {n} times" for o, n in tally.items() if ": " in o]
    wrong += [f"afterwards {o}" for o in after if o != "ok"]
    if pid not in p.child_pids():
        wrong.append("the worker died")
    why = cases.end(p, None, False)
    wrong += [why] if why else []
    print(f"random: {seconds} s, {p.control.count} calls of a worker, {p.control.failed} failed; "
          f"{', '.join(f'{k} {v}' for k, v in sorted(tally.items()))}; {len(wrong)} defects", flush=True)
    print(f"        slowest: {', '.join(f'{k} {v:.2f} s' for k, v in sorted(slowest.items()))}", flush=True)
    for x in wrong:
        print(f"    {x}", flush=True)
    shutil.rmtree(d, ignore_errors=True)
    return len(wrong)
