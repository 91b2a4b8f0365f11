"""A worker that lags behind answers 503 at once, serves what it has, and takes up again when it can."""

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import OK, Origin
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for

SLOW = "X-Slow: " + "a" * 40 + "!"          # as long as a regex may be searched: some hundred microseconds of work each
REQUEST = f"GET /x HTTP/1.1\r\nHost: a.test\r\n{SLOW}\r\n\r\n"


def conf(port, origin, delay):
    base = config.reverse(port, origin.address, overload={"delay": delay, "interval": "0s"})
    slow = {"name": "slow", "match": {"path": "/never", "header": {"X-Slow": "^(a+)+$"}}, "service": "app"}
    return {**base, "routes": [slow, *base["routes"]]}


def burst(clients):
    """All ask at once; the answers."""
    for c in clients:
        c.send(REQUEST)
    return [c.response() for c in clients]


def test_what_cannot_be_served_in_time_is_refused_at_once_and_the_connection_stays(launch):
    o, port = Origin(), free_port()
    o.script = [0.2, OK]                    # so that more than a few are in progress
    p = launch(conf(port, o, "1ms"), "shed")
    clients = [Client(port) for _ in range(60)]
    for _ in range(50):
        answers = burst(clients)
        refused = [r for r in answers if r.status == 503]
        if refused:
            break
    assert refused, "no burst was too much"
    assert all(r.get("Retry-After") == "1" and not r.closing for r in refused), refused[0]
    assert sum(r.status == 200 for r in answers) >= 8, "requests in progress were not served"
    assert {r["reason"] for r in p.records(lambda r: r["status"] == 503)} == {"shed"}
    counters = p.status()["counters"]
    assert counters["requests_shed_total"] >= len(refused)
    assert "overloaded: the loop lags by" in p.log()
    wait_for(lambda: p.status()["counters"]["workers_shedding"] == 0, 5)
    wait_for(lambda: "not overloaded any more" in p.log(), 2)
    assert clients[0].request("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n").status == 200
    for c in clients:
        c.close()
    o.stop()


def test_a_delay_of_zero_never_refuses(launch):
    o, port = Origin(), free_port()
    o.script = [0.05, OK]
    p = launch(conf(port, o, "0"), "never")
    clients = [Client(port) for _ in range(60)]
    assert {r.status for _ in range(5) for r in burst(clients)} == {200}
    assert p.status()["counters"]["requests_shed_total"] == 0
    assert get(port, "/x").status == 200
    for c in clients:
        c.close()
    o.stop()
