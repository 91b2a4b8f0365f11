"""A worker that lags behind serves what it can, says 503 to some, leaves the rest unread, and takes up again when it can.

The signal is the lag of its loop (`overload.delay`, `overload.interval`); it stands in `status` (workers_shedding,
connections_held, requests_shed_total) and in the log.
"""
import socket

from tests.flow.lib import config
from tests.flow.lib.client import Client, get
from tests.flow.lib.origin import OK, Origin
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for

SLOW = "X-Slow: " + "a" * 40 + "!"          # as long as a regex may be searched: some hundred microseconds of work each
REQUEST = f"GET /x HTTP/1.1\r\nHost: a.test\r\n{SLOW}\r\n\r\n"
PLAIN = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n"


def conf(port, origin, delay, **timeouts):
    base = config.reverse(port, origin.address, overload={"delay": delay, "interval": "0s"}, timeouts=timeouts)
    slow = {"name": "slow", "match": {"path": "/never", "header": {"X-Slow": "^(a+)+$"}}, "service": "app"}
    return {**base, "process": {"workers": 1}, "routes": [slow, *base["routes"]]}


def burst(clients):
    """All ask at once; the answers."""
    for c in clients:
        c.send(REQUEST)
    return [c.response() for c in clients]


def counters(p):
    return p.status()["counters"]


def overload(p, clients, bursts=50):
    """Bursts until one was too much: its answers."""
    for _ in range(bursts):
        answers = burst(clients)
        if any(r.status == 503 for r in answers):
            return answers
    raise AssertionError("no burst was too much")


def calm(p):
    wait_for(lambda: counters(p)["workers_shedding"] == 0, 10)


def close(clients, origin):
    for c in clients:
        c.close()
    origin.stop()


def test_what_cannot_be_served_in_time_is_refused_at_once_and_the_connection_stays(launch):
    o, port = Origin(), free_port()
    o.script = [0.2, OK]                    # so that more than a few are in progress
    p = launch(conf(port, o, "1ms"), "shed")
    clients = [Client(port) for _ in range(60)]
    answers = overload(p, clients)
    refused = [r for r in answers if r.status == 503]
    assert all(r.get("Retry-After") == "1" and not r.closing for r in refused), refused[0]
    assert sum(r.status == 200 for r in answers) >= 8, "requests in progress were not served"
    assert {r["reason"] for r in p.records(lambda r: r["status"] == 503)} == {"shed"}
    assert counters(p)["requests_shed_total"] >= len(refused)
    assert "overloaded: the loop lags by" in p.log()
    calm(p)
    wait_for(lambda: "not overloaded any more" in p.log(), 2)
    assert clients[0].request(PLAIN).status == 200
    close(clients, o)


def test_a_delay_of_zero_never_refuses(launch):
    o, port = Origin(), free_port()
    o.script = [0.05, OK]
    p = launch(conf(port, o, "0"), "never")
    clients = [Client(port) for _ in range(60)]
    assert {r.status for _ in range(5) for r in burst(clients)} == {200}
    assert counters(p)["requests_shed_total"] == 0
    assert get(port, "/x").status == 200
    close(clients, o)


def test_everybody_is_answered_while_it_lasts_old_connections_new_ones_and_fragments(launch):
    """200 connections, each of which asks again and again, beside new ones: 200 or 503, and none waits for ever."""
    o, port = Origin(), free_port()
    o.script = [0.02, OK]
    p = launch(conf(port, o, "1ms"), "crowd")
    clients = [Client(port, timeout=30) for _ in range(200)]
    overload(p, clients)
    for _ in range(5):
        for c in clients:
            c.send(REQUEST)
        new = [Client(port, timeout=30) for _ in range(20)]
        for c in new:
            c.send(PLAIN[:20])
        for c in new:
            c.send(PLAIN[20:])
        assert {c.response().status for c in [*clients, *new]} <= {200, 503}
        for c in new:
            c.close()
    calm(p)
    seen = counters(p)
    assert seen["connections_held"] == 0
    wait_for(lambda: counters(p)["connections_idle"] == len(clients), 5)
    assert {c.request(PLAIN).status for c in clients} == {200}
    close(clients, o)


def test_what_is_left_unread_shows_and_is_let_go_with_its_client(launch):
    o, port = Origin(), free_port()
    o.script = [0.02, OK]
    p = launch(conf(port, o, "1ms"), "held")
    clients = [Client(port, timeout=30) for _ in range(200)]
    overload(p, clients)
    most = 0
    for _ in range(30):
        for c in clients:
            c.send(REQUEST * 3)             # of what is pipelined nothing is lost, whoever waits
        most = max(most, counters(p)["connections_held"])
        assert {r.status for c in clients for r in [c.response() for _ in range(3)]} <= {200, 503}
        if most:
            break
    assert most > 0, "nobody was ever left unread"
    for c in clients:
        c.send(REQUEST)
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    for c in clients:
        c.close()
    wait_for(lambda: counters(p)["connections_open"] == 0, 10)
    seen = counters(p)
    assert seen["connections_held"] == 0 and seen["connections_idle"] == 0
    calm(p)
    assert get(port, "/x").status == 200
    o.stop()
