"""The canonical form of a request: what a proxy may add is taken away, names are lower case, order within a name stays."""

ADDED = {"via", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip",
         "x-request-id", "x-forwarded-by"}


def fields_of(pairs):
    out = []
    for name, value in pairs:
        name = name.lower()
        if name in ADDED or (name == "connection" and value.lower() in ("keep-alive", "close")):
            continue
        out.append((name, value))
    return sorted(out, key=lambda p: p[0])


def request(r):
    """(request line, fields, body) of an origin's Request."""
    return r.head.line.decode("latin-1"), fields_of(r.head.fields), bytes(r.body)


def expected(line, fields, body=b""):
    pairs = [tuple(x.strip() for x in f.split(":", 1)) for f in fields]
    return line, fields_of(pairs), body
