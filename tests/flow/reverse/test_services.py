"""Services: how targets share the work, what happens when they fail, what may be tried again (SECURITY 2)."""
import threading
import time
from collections import Counter as Tally

import pytest

from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import OK, Origin, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for


def conf(port, targets, **service):
    return {"mode": "reverse", "process": {"workers": 1}, "listeners": [{"name": "f", "bind": [f"127.0.0.1:{port}"]}],
            "services": [{"name": "app", "targets": targets, **service}], "routes": [{"name": "all", "match": {"path": "/**"}, "service": "app"}]}


@pytest.fixture
def many():
    started = []

    def make(n):
        for i in range(n):
            o = Origin(name=f"o{len(started)}")
            o.script = [reply(o.name)]
            started.append(o)
        return started[-n:]
    yield make
    for o in started:
        o.stop()


def addr(o, **more):
    return {"addr": o.address if isinstance(o, Origin) else o, **more}


def ask(port, n):
    return Tally(get(port, "/x").body.decode() for _ in range(n))


def test_round_robin_is_even(launch, many):
    port, o = free_port(), many(3)
    launch(conf(port, [addr(x) for x in o]), "rr")
    assert set(ask(port, 30).values()) == {10}


def test_round_robin_on_one_connection(launch, many):
    port, o = free_port(), many(2)
    launch(conf(port, [addr(x) for x in o]), "rr1")
    with Client(port) as c:
        got = Tally(c.request(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").body for _ in range(20))
    assert set(got.values()) == {10}


def test_weights_are_kept(launch, many):
    port, o = free_port(), many(3)
    launch(conf(port, [addr(o[0], weight=1), addr(o[1], weight=2), addr(o[2], weight=5)]), "weights")
    got = ask(port, 80)
    assert [got[x.name] for x in o] == [10, 20, 50], got


def test_weights_do_not_come_in_runs(launch, many):
    """Smooth: with 1 to 3 the light one is asked in every window of four or five."""
    port, o = free_port(), many(2)
    launch(conf(port, [addr(o[0], weight=1), addr(o[1], weight=3)]), "smooth")
    order = [get(port, "/x").body.decode() for _ in range(24)]
    assert all(o[0].name in order[i:i + 6] for i in range(0, 18)), order


def test_backup_only_when_nothing_else_is_left(launch, many):
    port, (main, spare) = free_port(), many(2)
    launch(conf(port, [addr(main), addr(spare, backup=True)], outlier={"failures": 1, "base": "20s", "max_ejected": "100%"}), "backup")
    assert ask(port, 10) == {main.name: 10}
    main.stop()
    got = [get(port, "/x") for _ in range(5)]
    assert [r.body.decode() for r in got if r.status == 200] == [spare.name] * 5, got


def test_least_request_avoids_the_busy_one(launch, many):
    port, (slow, fast) = free_port(), many(2)
    slow.script = [1.5, reply("slow")]
    launch(conf(port, [addr(slow), addr(fast)], balance="least_request"), "least")
    threads = [threading.Thread(target=get, args=(port, "/x")) for _ in range(3)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    got = Tally(get(port, "/x").body.decode() for _ in range(10))
    assert got.get(fast.name, 0) >= 8, got
    for t in threads:
        t.join()


def test_a_target_that_refuses_is_passed_over(launch, many):
    """No byte was sent: any method may go to the next target, POST too."""
    port, (alive,) = free_port(), many(1)
    launch(conf(port, [addr(f"127.0.0.1:{free_port()}"), addr(alive)], retry={"min": 100}), "refuse")
    for method, body in (("GET", b""), ("POST", b"abc"), ("PATCH", b"abc")):
        for _ in range(4):
            r = get(port, "/x", method=method, body=body)
            assert (r.status, r.body.decode()) == (200, alive.name), r


def test_passive_ejection(launch, many):
    """A target that fails in a row is left out for its time, then tried again."""
    port, (good, bad) = free_port(), many(2)
    bad.script = ["CLOSE"]
    launch(conf(port, [addr(good), addr(bad)], outlier={"failures": 3, "window": "10s", "base": "1s", "max": "1s", "max_ejected": "50%"}), "eject")
    first = [get(port, "/x").status for _ in range(12)]
    assert first.count(502) >= 3
    tried = len(bad.conns)
    assert [get(port, "/x").status for _ in range(10)] == [200] * 10
    assert len(bad.conns) == tried, "an ejected target was asked"
    bad.script = [reply(bad.name)]
    time.sleep(1.3)
    assert bad.name in [get(port, "/x").body.decode() for _ in range(8)], "it was never tried again"


def test_ejection_leaves_the_last_ones_in(launch, many):
    """max_ejected: with half at most, two bad targets of two are still asked."""
    port, o = free_port(), many(2)
    for x in o:
        x.script = ["CLOSE"]
    launch(conf(port, [addr(x) for x in o], outlier={"failures": 1, "base": "20s", "max_ejected": "50%"}), "floor")
    assert {get(port, "/x").status for _ in range(8)} <= {502, 503}
    for x in o:
        x.script = [reply(x.name)]
    assert 200 in [get(port, "/x").status for _ in range(4)]


def test_everything_down_is_502_or_503_at_once(launch):
    port = free_port()
    launch(conf(port, [addr(f"127.0.0.1:{free_port()}"), addr(f"127.0.0.1:{free_port()}")]), "down")
    start = time.monotonic()
    r = get(port, "/x")
    assert r.status in (502, 503) and time.monotonic() - start < 1, r


# ------------------------------------------------------------------ what may be tried again

RETRY = [("GET", b"", 2), ("HEAD", b"", 2), ("OPTIONS", b"", 2), ("PUT", b"abc", 2), ("DELETE", b"", 2), ("POST", b"abc", 1), ("PATCH", b"abc", 1), ("BREW", b"", 1)]


@pytest.fixture(scope="module")
def pooled(launch):
    o = Origin()
    port = free_port()
    launch(conf(port, [addr(o)], retry={"min": 100}, outlier={"failures": 0}), "retry")
    yield port, o
    o.stop()


@pytest.mark.parametrize("method, body, tries", RETRY)
def test_retry_on_a_reused_connection_that_closed_before_a_byte(pooled, method, body, tries):
    port, o = pooled
    o.reset()
    hits = []

    def first_time_closes(conn):
        hits.append(conn)
        if len(hits) == 1:
            conn.close()
        else:
            conn.send(OK.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else OK)
    assert get(port, "/warm").status == 200
    o.on("/again", [first_time_closes])
    r = get(port, "/again", method=method, body=body)
    assert len(hits) == tries and r.status == (200 if tries == 2 else 502), (r, len(hits))


def test_no_retry_once_a_response_byte_came(pooled):
    port, o = pooled
    o.reset()
    assert get(port, "/warm").status == 200
    hits = []
    o.on("/byte", [lambda c: hits.append(c), b"HTTP/1.1 200", "CLOSE"])
    assert get(port, "/byte").status == 502 and len(hits) == 1


def test_no_retry_of_a_body_that_was_not_kept(pooled):
    """PUT with more than 64 KiB: the body is gone, so is the right to try again."""
    port, o = pooled
    o.reset()
    assert get(port, "/warm").status == 200
    hits = []
    o.on("/big", [lambda c: hits.append(c), "CLOSE"])
    assert get(port, "/big", method="PUT", body=b"x" * 200000).status == 502 and len(hits) == 1


def test_row78_retries_stay_within_their_budget(launch):
    """A service that always fails: the proxy must not double the load."""
    o = Origin()
    port = free_port()
    proxy = launch(conf(port, [addr(o)], retry={"tries": 2, "budget": "20%", "min": 1}, outlier={"failures": 0}), "budget")
    kept = []

    def die_when_reused(conn):
        kept.append(conn)
        if len(conn.requests) > 1:
            conn.close()
        else:
            conn.send(OK)
    o.script = [die_when_reused]
    n = 150
    for _ in range(n):
        get(port, "/x")
    assert len(kept) <= n * 1.2 + 20, (len(kept), proxy.pid)
    o.stop()


# ------------------------------------------------------------------ queues and limits

def test_queue_full_is_503_with_retry_after(launch, many):
    port, (o,) = free_port(), many(1)
    o.script = [0.8, reply("slow")]
    launch(conf(port, [addr(o)], queue={"max_requests": 2, "max_pending": 2, "wait": "6s"}), "queue")
    out = []

    def one():
        out.append(get(port, "/x"))
    threads = [threading.Thread(target=one) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tally = Tally(r.status for r in out)
    assert tally[200] == 4 and tally[503] == 4, tally
    assert all(r.get("Retry-After") for r in out if r.status == 503)


def test_queue_wait_is_bounded(launch, many):
    port, (o,) = free_port(), many(1)
    o.script = [1.5, reply("slow")]
    launch(conf(port, [addr(o)], queue={"max_requests": 1, "max_pending": 10, "wait": "300ms"}), "wait")
    t = threading.Thread(target=get, args=(port, "/x"))
    t.start()
    wait_for(lambda: o.requests)
    start = time.monotonic()
    r = get(port, "/x")
    assert r.status == 503 and r.get("Retry-After") and time.monotonic() - start < 1, r
    t.join()


def test_pool_is_bounded_and_used(launch, many):
    port, (o,) = free_port(), many(1)
    launch(conf(port, [addr(o)], pool={"max_idle": 2, "idle": "20s"}), "pool")
    for _ in range(10):
        assert get(port, "/x").status == 200
    assert len(o.conns) <= 2
    o.script = [0.2, reply("x")]
    threads = [threading.Thread(target=get, args=(port, "/x")) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wait_for(lambda: len([c for c in o.conns if not c.closed]) <= 2)       # more are not kept idle


def test_pool_idle_time_ends_connections(launch, many):
    port, (o,) = free_port(), many(1)
    launch(conf(port, [addr(o)], pool={"max_idle": 2, "idle": "400ms"}), "poolidle")
    assert get(port, "/x").status == 200
    wait_for(lambda: all(c.closed for c in o.conns), 3)


def test_connections_per_client_are_limited(launch, many):
    port, (o,) = free_port(), many(1)
    c = conf(port, [addr(o)])
    c["listeners"][0]["max_per_client"] = 4
    p = launch(c, "perclient")
    wait_for(lambda: p.status()["counters"]["connections_open"] == 0)
    held = [Client(port) for _ in range(4)]
    for h in held:
        assert h.request(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    with Client(port) as extra:
        extra.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        r = extra.response()
        assert r.status == 429 and r.get("Retry-After"), r
    with Client(port, source="127.0.0.3") as other:
        assert other.request(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    for h in held:
        h.close()
    wait_for(lambda: p.status()["counters"]["connections_open"] == 0)
    assert get(port, "/x").status == 200


def test_requests_per_connection_are_limited(launch, many):
    port, (o,) = free_port(), many(1)
    launch({**conf(port, [addr(o)]), "timeouts": {"keepalive_requests": 3}}, "perconn")
    with Client(port) as c:
        rs = [c.request(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(3)]
        assert [r.closing for r in rs] == [False, False, True]
        assert c.end() == "fin"
