"""A small web application (ASGI) for browsers and other clients: echoes, streams, uploads, and a WebSocket that echoes.

Every request leaves a line in the file that RECORD names.
"""
import asyncio
import hashlib
import json
import os
from pathlib import Path

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PAGES = {f"/{f.name}": (KINDS[f.suffix], f.read_bytes()) for f in Path(__file__).with_name("pages").iterdir()}
PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" width="11" height="11"><rect width="11" height="11"/></svg>'


def note(scope, **more):
    fields = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    line = {"method": scope.get("method", "WS"), "path": scope["path"], "query": scope["query_string"].decode(), "scheme": scope["scheme"],
            "version": scope["http_version"], "port": scope["client"][1], "fields": fields, **more}
    with open(os.environ["RECORD"], "a") as f:
        f.write(json.dumps(line) + "\n")


async def body_of(receive):
    h, n, whole = hashlib.sha256(), 0, b""
    while True:
        m = await receive()
        if m["type"] != "http.request":
            return None
        h.update(m["body"])
        n += len(m["body"])
        whole = whole if len(whole) > 4096 else whole + m["body"]
        if not m.get("more_body"):
            return n, h.hexdigest(), whole.decode("latin-1")


async def answer(send, body, kind="text/plain", status=200, fields=(), length=True):
    head = [(b"content-type", kind.encode()), *fields]
    if length:
        head.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def stream(scope, receive, send, count, pad=b""):
    """One line at a time, 50 ms between them; the framing is the server's choice. A client that leaves ends it, noted."""
    gone = asyncio.ensure_future(receive())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for i in range(count):
        await send({"type": "http.response.body", "body": b"line %d\n" % i + pad, "more_body": True})
        await asyncio.wait([gone], timeout=0.05)
        if gone.done():
            note(scope, left_at=i)
            return
    gone.cancel()
    await send({"type": "http.response.body", "body": b""})


async def events(send):
    """Server-sent events."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]})
    for i in range(5):
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % i, "more_body": True})
        await asyncio.sleep(0.02)
    await send({"type": "http.response.body", "body": b""})


async def http(scope, receive, send):
    path = scope["path"]
    got = await body_of(receive)
    if got is None:
        return
    n, digest, text = got
    note(scope, length=n, sha256=digest, body=text)
    if path in PAGES:
        kind, text = PAGES[path]
        await answer(send, text, kind)
    elif path.startswith("/image/"):
        await answer(send, PICTURE, "image/svg+xml")
    elif path.startswith("/stream/"):
        await stream(scope, receive, send, int(path.rpartition("/")[2]))
    elif path == "/pour":
        await stream(scope, receive, send, 1000, bytes(65536))
    elif path == "/events":
        await events(send)
    elif path == "/cookie":
        await answer(send, b"set", fields=[(b"set-cookie", b"seen=yes; Path=/"), (b"set-cookie", b"other=1; Path=/")])
    elif path.startswith("/status/"):
        await answer(send, b"", status=int(path.rpartition("/")[2]))
    else:
        await answer(send, f"{n} {digest}".encode())


async def websocket(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    count = 0
    while True:
        m = await receive()
        if m["type"] != "websocket.receive":
            break
        count += 1
        await send({"type": "websocket.send", **({"text": m["text"]} if m.get("text") is not None else {"bytes": m["bytes"]})})
    note(scope, messages=count)


async def app(scope, receive, send):
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)
    else:
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
