"""A forward proxy on the clients' side of servers that have names, and reverse proxies before the same servers."""
import os
import subprocess
import time

import pytest

from tests.flow.clients import servers
from tests.flow.lib import config
from tests.flow.lib.ca import Authority
from tests.flow.lib.dns import Dns
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import follow_parent, wait_for

NAMES = ["files.test", "git.test", "app.test"]
DENIED = "denied.test"


class Place:
    """What a test of a client needs: the proxies by port, the authority to trust, a home that holds nothing."""

    def __init__(self, folder, ca, launch):
        self.folder, self.ca, self.launch = folder, ca, launch
        self.dns = Dns({n: ["127.0.0.1"] for n in NAMES + [DENIED]})
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.servers = {}
        self._forward = None

    def server(self, name):
        """nginx, apache or uvicorn of servers.py, started when first asked for."""
        if name not in self.servers:
            self.servers[name] = getattr(servers, name)(self.folder, self.folder / f"root-{name}", self.ca)
        return self.servers[name]

    @property
    def forward(self):
        """The forward proxy: names of .test, this machine, one denied site; every port, so that servers may have any."""
        if self._forward is None:
            port = free_port()
            conf = config.forward(port, dns={"servers": [self.dns.address]}, acls={"games": {"domain": [DENIED]}})
            conf["rules"].insert(0, {"id": "no-games", "deny": True, "all": ["games"]})
            self._forward = self.launch(conf, "forward")
            self._forward.port, self._forward.url = port, f"http://127.0.0.1:{port}"
        return self._forward

    def reverse(self, server, **extra):
        """A reverse proxy before one server; everything goes there."""
        port = free_port()
        p = self.launch(config.reverse(port, server.address, **extra), f"reverse-{server.name}")
        p.port, p.url = port, f"http://127.0.0.1:{port}"
        return p

    def environ(self, **more):
        """Nothing of the caller's: no proxies, no settings of its own."""
        return {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": str(self.home), "LC_ALL": "C.UTF-8", **more}

    def run(self, *argv, status=0, timeout=60, env=None, **kw):
        """A client to its end; its exit status is part of the verdict. Text unless `text=False`."""
        kw.setdefault("text", True)
        kw.setdefault("cwd", self.home)
        if "input" not in kw:
            kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.run([str(a) for a in argv], capture_output=True, timeout=timeout, env=self.environ(**(env or {})),
                           preexec_fn=follow_parent, **kw)
        assert p.returncode == status, (argv, p.returncode, p.stdout[-2000:], p.stderr[-4000:])
        return p

    def stop(self):
        for s in self.servers.values():
            s.stop()
        self.dns.stop()


@pytest.fixture(scope="session")
def ca(scratch):
    return Authority(scratch / f"ca-{os.getpid()}", NAMES + [DENIED, "localhost"])


@pytest.fixture(scope="module")
def place(scratch, ca, launch, request):
    p = Place(scratch / request.module.__name__.rpartition(".")[2], ca, launch)
    yield p
    p.stop()
