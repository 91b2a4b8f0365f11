"""Instances of a test's own, judged at its end like every other."""
import pytest

from tests.flow.lib import bodies, config
from tests.flow.lib.origin import reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import stop_all


@pytest.fixture
def instances(scratch, origin, request):
    """instances(Class, name, conf, files, start): a reverse proxy with two workers; /load has a body of 2000 bytes."""
    origin.reset()
    origin.script = lambda r: [reply(bodies.body("load", 2000))] if r.target.startswith("/load") else [reply("ok")]
    started = []

    def go(kind, name, extra, files=None, port=None, prefix=(), start=True):
        port = port or free_port()
        conf = config.reverse(port, origin.address, **config.merged({"process": {"workers": 2, "drain": "5s"}}, extra))
        p = kind(scratch / f"{name}-{request.node.name[:40]}-{len(started)}", conf, name=name, prefix=prefix)
        p.port = port
        for file, text in (files or {}).items():
            (p.folder / file).write_text(text)
        started.append(p)
        return p.start() if start else p
    yield go
    stop_all(started)
