"""A proxy with a cache before one scripted origin, and words for what a cache does."""
import time
from email.utils import formatdate

from .client import get
from .config import forward, reverse
from .origin import reply
from .proxy import wait_for


def http_date(offset=0):
    return formatdate(time.time() + offset, usegmt=True)


def answer(body=b"stored", *fields, status="200 OK", date=0):
    """A whole answer with a Date of now, which `reply` has not."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status}", f"Date: {http_date(date)}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def cached(folder, port, origin, mode="reverse", workers=2, policy=None, **extra):
    """The configuration of a proxy with a cache of its own in `folder`."""
    conf = reverse(port, origin, **extra) if mode == "reverse" else forward(port, **extra)
    conf.setdefault("process", {})["workers"] = workers
    conf["cache"] = {"path": str(folder), "size": "64MiB", **conf.get("cache", {})}
    if policy:
        conf.setdefault("defaults" if mode == "reverse" else "forward", {})["cache"] = policy
    return conf


def hit(r):
    return "; hit" in r.get("Cache-Status", "")


def fill(port, target, tries=200, **kw):
    """Asks until the answer comes from the store; the first answer and the hit."""
    first = get(port, target, **kw)
    last = []

    def again():
        last[:] = [get(port, target, **kw)]
        return hit(last[0])
    wait_for(again, timeout=10)
    return first, last[0]


__all__ = ["answer", "cached", "fill", "hit", "http_date", "reply"]
