"""The corporate proxy's cache: it is everybody's, and yet the rules decide who gets what from it."""
import pytest

from tests.flow.lib.cache import answer, cached, fill, hit
from tests.flow.lib.client import Client
from tests.flow.lib.dns import Dns
from tests.flow.lib.origin import Origin
from tests.flow.lib.ports import free_port

FRESH = "Cache-Control: max-age=60"


@pytest.fixture(scope="module")
def office(launch, scratch):
    folder = scratch / "store-office"
    folder.mkdir()
    folder.chmod(0o777)
    origin, names, port = Origin(), Dns({"inside.test": ["127.0.0.1"], "named.test": ["127.0.0.1"]}), free_port()
    rules = [{"id": "not-by-name", "deny": True, "all": ["second", "named"]},
             {"id": "not-by-address", "deny": True, "all": ["second", "inside"]},
             {"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}]
    acls = {"second": {"src": ["127.0.0.2"]}, "inside": {"dst": ["127.0.0.0/8"]}, "named": {"domain": ["named.test"]}}
    conf = cached(folder, port, None, mode="forward", dns={"servers": [names.address]}, acls=acls)
    conf["rules"] = rules
    proxy = launch(conf, "office")
    origin.on("/warm", answer(b"", FRESH))
    fill(port, f"http://inside.test:{origin.port}/warm", host=f"inside.test:{origin.port}")
    yield port, origin, proxy
    origin.stop()
    names.stop()


def ask(port, url, source=None):
    host = url.split("/")[2]
    with Client(port, source=source) as c:
        return c.request(f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), "GET")


def test_a_hit_for_a_second_client(office):
    port, origin, _ = office
    url = f"http://inside.test:{origin.port}/shared"
    origin.on("/shared", answer(b"for all", FRESH))
    fill(port, url, host=f"inside.test:{origin.port}")
    n = len(origin.requests)
    r = ask(port, url)
    assert r.body == b"for all" and hit(r) and len(origin.requests) == n


@pytest.mark.parametrize("name", ["inside.test", "named.test"])
def test_nobody_gets_from_the_store_what_the_rules_deny_him(office, name):
    """The rule about the address is asked only when there is one: a hit must not pass it by."""
    port, origin, _ = office
    url = f"http://{name}:{origin.port}/kept/{name}"
    origin.on(f"/kept/{name}", answer(b"not for all", FRESH))
    fill(port, url, host=f"{name}:{origin.port}")
    for _ in range(6):              # both workers
        r = ask(port, url, source="127.0.0.2")
        assert r.status == 403 and b"not for all" not in r.body and not hit(r)
    assert hit(ask(port, url))


def test_a_tunnel_has_nothing_to_do_with_it(office):
    port, origin, _ = office
    with Client(port) as c:
        c.send(f"CONNECT inside.test:{origin.port} HTTP/1.1\r\nHost: inside.test:{origin.port}\r\n\r\n".encode())
        r = c.response("CONNECT")
        assert r.status == 200 and r.get("Cache-Status") is None


def test_the_answer_to_one_port_is_not_that_of_another(office):
    port, origin, _ = office
    other = Origin()
    try:
        for o, text in ((origin, b"first"), (other, b"second")):
            o.on("/ports", answer(text, FRESH))
            url = f"http://inside.test:{o.port}/ports"
            assert [r.body for r in fill(port, url, host=f"inside.test:{o.port}")] == [text, text]
    finally:
        other.stop()
