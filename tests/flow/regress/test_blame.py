"""Whose fault it was: a client that stalls is not held against the target."""
from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import EARLY
from tests.flow.lib.ports import free_port

import pytest


def test_upload_that_stalls_behind_an_early_answer_is_the_clients_fault(launch, origin):
    """The answer has begun and waits for the rest of the request."""
    origin.script = [EARLY, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun", 3.0]
    conf = config.reverse(port := free_port(), origin.address, timeouts={"body_idle": "1s"})
    conf["services"][0].update(timeout={"response": "500ms", "idle": "500ms"}, outlier={"failures": 1, "max_ejected": "100%"})
    proxy = launch(conf, "blame")
    with Client(port) as c:
        c.send(b"PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nhalf")
        with pytest.raises(Ended):
            c.response("PUT")
    assert proxy.records()[0]["reason"] == "body-timeout"
    assert proxy.status()["counters"]["targets_ejected_total"] == 0
