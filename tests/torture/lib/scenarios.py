"""What is done to a proxyd while one of its allocations fails. Each act returns what became of each of its parts:
"ok", the status of a refusal, "closed", or what is wrong."""
import json
import os
import time

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.dns import Dns
from tests.flow.lib.message import Ended
from tests.flow.lib.origin import CLOSE, Origin, reply
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import wait_for

BODY = b"0123456789abcdef" * 4096
# 403: a rule that could not be judged denies.
POLITE = {"403", "500", "502", "503", "closed", "refused", "record lost"}     # what one failed allocation may cost one part


class World:
    """Peers of one runner: an origin, and a resolver to which every name is this machine."""

    def __init__(self):
        self.origin = Origin("0.0.0.0")
        self.origin.on("/big", [reply(BODY)])
        self.origin.on("/close", [reply("ok", fields=["Connection: close"]), CLOSE])
        self.origin.on("/bad", [reply("no", status="500 Broken")])

        class Table(dict):
            def get(self, name, default=None):
                return ["127.0.0.1"]
        self.dns = Dns(Table())

    @property
    def at(self):
        return f"127.0.0.1:{self.origin.port}"

    def stop(self):
        self.dns.stop()
        self.origin.stop()


# ------------------------------------------------------------ one part


def exchange(port, raw, want=b"ok", times=1):
    """Requests on one connection, sent at once; the connection is one part."""
    try:
        with Client(port, timeout=5) as c:
            c.send(raw * times)
            for _ in range(times):
                r = c.response("GET")
                if r.status >= 500 or r.status == 403:
                    return str(r.status)
                if r.status != 200 or r.body != want:
                    return f"wrong answer {r.status} {r.body[:80]!r}"
    except (Ended, ConnectionError):
        return "closed"
    except OSError as e:
        return f"stuck: {e}"
    return "ok"


def get(p, target, want=b"ok", host="a.test", fields="", times=1):
    return exchange(p.port, f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode(), want, times)


def verb(p, *args, timeout=15):
    """An answer, or a refusal in words."""
    r = p.ctl(*args, timeout=timeout)
    if r.returncode == 0:
        return "ok"
    return "refused" if r.stderr.strip() else f"proxyctl {' '.join(args)} failed without a word"


# ------------------------------------------------------------ scenarios


class Scenario:
    """`aims`: the processes in which allocations fail, each in turn: a role, or "next" and "next+1" for what the act
    forks or executes. `changes`: the act replaces processes."""
    aims = ("worker",)
    changes = False

    def conf(self, w, port):
        return config.reverse(port, w.at)

    def act(self, p, w):
        raise NotImplementedError

    def prepare(self, folder):
        pass


class ReverseGet(Scenario):
    """reverse GET: a body larger than a buffer, and an upstream that closes"""

    def act(self, p, w):
        return [get(p, "/big", BODY), get(p, "/close")]


class PostChunked(Scenario):
    """reverse POST in chunks"""

    def act(self, p, w):
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (BODY, b"x", BODY[:5000])) + b"0\r\nA: b\r\n\r\n"
        return [exchange(p.port, b"POST /post HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)]


class ForwardName(Scenario):
    """forward GET of a name"""

    def conf(self, w, port):
        return config.forward(port, dns={"servers": [w.dns.address], "min_ttl": "0"})

    def act(self, p, w):
        host = f"a.test:{w.origin.port}"
        return [get(p, f"http://{host}/x", host=host), get(p, f"http://{host}/big", BODY, host=host)]


class Connect(Scenario):
    """CONNECT to a name, and bytes both ways"""

    def conf(self, w, port):
        return config.forward(port, dns={"servers": [w.dns.address], "min_ttl": "0"})

    def act(self, p, w):
        host = f"b.test:{w.origin.port}"
        try:
            with Client(p.port, timeout=5) as c:
                r = c.request(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n")
                if r.status != 200:
                    return [str(r.status)]
                c.send(f"GET /big HTTP/1.1\r\nHost: {host}\r\n\r\n")
                r = c.response("GET")
                return ["ok" if r.status == 200 and r.body == BODY else f"wrong answer {r.status}"]
        except (Ended, ConnectionError):
            return ["closed"]
        except OSError as e:
            return [f"stuck: {e}"]


class Pipeline(Scenario):
    """pipelined requests on kept connections"""

    def act(self, p, w):
        return [get(p, "/x", times=20, fields=f"X-Long: {'y' * 3000}\r\n") for _ in range(2)]


class DeadTarget(Scenario):
    """retries beside a dead target, its ejection, and a target that fails"""

    def conf(self, w, port):
        gone = f"127.0.0.1:{free_port()}"
        return config.reverse(port, w.at, services=[
            config.service("app", gone, w.at, retry={"min": 100}, outlier={"failures": 2, "base": "60s", "max_ejected": "100%"})])

    def act(self, p, w):
        return [get(p, "/x") for _ in range(6)]


class Rules(Scenario):
    """rules with regular expressions, and explain"""

    def conf(self, w, port):
        acls = {"adverts": {"url": ["^http://ads\\.", "(?i)/banner/[0-9]+"]}, "bots": {"header": {"User-Agent": "(?i)bot"}},
                "here": {"src": ["127.0.0.0/8"]}, "names": {"domain": ["a.test", ".b.test"]}}
        return config.forward(port, dns={"servers": [w.dns.address], "min_ttl": "0"}, acls=acls, rules=[
            {"id": "no-adverts", "deny": True, "all": ["adverts"]}, {"id": "no-bots", "deny": True, "all": ["bots"]},
            {"id": "lab", "allow": True, "all": ["here", "names"], "open": ["127.0.0.0/8"]}])

    def act(self, p, w):
        host = f"a.test:{w.origin.port}"
        return [get(p, f"http://{host}/x", host=host), verb(p, "explain", "GET", f"http://{host}/banner/7"), verb(p, "acl", "lookup", "x.b.test")]


class Logs(Scenario):
    """access log, log -q and top"""
    aims = ("logger", "master")

    def act(self, p, w):
        out = [get(p, "/x")]
        try:
            p.records(lambda r: r["target"] == "/x", timeout=3)
        except (AssertionError, json.JSONDecodeError):
            out.append("record lost")
        return out + [verb(p, "log", "-q", "status=200", "-n", "3"), verb(p, "top", "--once"), verb(p, "loglevel", "info")]


class Admin(Scenario):
    """verbs of the admin socket"""
    aims = ("master", "worker")

    def act(self, p, w):
        verbs = ("status", "workers", "upstream ls", "conn ls", "acl hits", "config show", "config history", "config diff", "loglevel")
        kill = verb(p, "conn", "kill", "--client", "127.9.9.9/32")
        there = verb(p, "drain", w.at)
        back = verb(p, "drain", w.at, "--undo")
        if there != "ok":
            back = "ok"         # nothing to take back
        elif back == "refused":
            verb(p, "drain", w.at, "--undo")    # or the request below finds no target
        return [verb(p, *v.split()) for v in verbs] + [kill, there, back, verb(p, "explain", "GET", "http://a.test/"), get(p, "/x")]


class Lists(Scenario):
    """a list of domains that is replaced"""
    aims = ("next", "master", "worker")

    def conf(self, w, port):
        return config.forward(port, dns={"servers": [w.dns.address], "min_ttl": "0"}, acls={"ads": {"domain": ["@ads"]}},
                              lists={"ads": {"file": "ads", "kind": "domains", "refresh": "60s"}},
                              rules=[{"id": "no-ads", "deny": True, "all": "ads"}, {"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}])

    def prepare(self, folder):
        (folder / "ads").write_text("".join(f"n{i}.ads.test\n" for i in range(300)))

    def act(self, p, w):
        new = p.folder / "ads.new"
        new.write_text("".join(f"n{i}.ads.test\n" for i in range(301)) + f"# {time.monotonic_ns()}\n")
        new.chmod(0o644)
        os.rename(new, p.folder / "ads")
        host = f"a.test:{w.origin.port}"
        return [verb(p, "acl", "reload", "ads"), verb(p, "acl", "lookup", "n7.ads.test"), get(p, f"http://{host}/x", host=host)]


class Reload(Scenario):
    """a reload"""
    aims = ("master", "next")
    changes = True

    def act(self, p, w):
        with open(p.file, "a") as f:
            f.write("# a change\n")
        before = get(p, "/x")
        return [before, verb(p, "reload", "--wait", "10"), get(p, "/x")]


class Upgrade(Scenario):
    """a binary upgrade"""
    aims = ("master", "next", "next+1")
    changes = True

    def act(self, p, w):
        r = p.upgrade()
        if r.returncode != 0 and not r.stderr.strip():
            return ["upgrade failed without a word"]
        return ["ok" if r.returncode == 0 else "refused", get(p, "/x")]


LIVE = {"reverse-get": ReverseGet(), "post-chunked": PostChunked(), "forward-name": ForwardName(), "connect": Connect(),
        "pipeline": Pipeline(), "dead-target": DeadTarget(), "rules": Rules(), "logs": Logs(), "admin": Admin(), "lists": Lists(),
        "reload": Reload(), "upgrade": Upgrade()}


def ready(p):
    """Whether it serves; within the time a child that died at its start needs to be replaced."""
    try:
        wait_for(lambda: p.process.poll() is not None or (p.socket.exists() and get(p, "/x") == "ok"), 20, 0.02)
    except AssertionError:
        return None
    return p.process.poll() is None
