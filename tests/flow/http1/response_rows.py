"""The response table: what the origin writes and what the client must see.

kind  relay    the response arrives with this status and body
      bad      502 and nothing of the origin's text
      cut      the head was relayed, then the connection is aborted: no clean end
reuse whether the upstream connection may carry the next request
"""


class Row:
    def __init__(self, ident, kind, script, status=200, body=b"", reuse=None, method="GET", has=(), hasnt=(), interim=(), version="1.1"):
        self.id, self.kind, self.status, self.reuse, self.method = ident, kind, status, reuse, method
        self.script = script if isinstance(script, list) else [script]
        self.body = body.encode("latin-1") if isinstance(body, str) else body
        self.has, self.hasnt, self.interim, self.version = has, hasnt, interim, version


ROWS = []
L1, D = "HTTP/1.1 200 OK", "Date: Mon, 27 Jul 2026 12:00:00 GMT"


def head(line=L1, *fields):
    return ("\r\n".join((line, D) + fields) + "\r\n\r\n").encode("latin-1")


def b(text):
    return text.encode("latin-1") if isinstance(text, str) else text


def relay(ident, raw, body="", status=200, reuse=True, **kw):
    ROWS.append(Row(ident, "relay", raw if isinstance(raw, list) else b(raw), status, body, reuse, **kw))


def bad(ident, raw, **kw):
    ROWS.append(Row(ident, "bad", raw if isinstance(raw, list) else [b(raw), 0.05, "CLOSE"], 502, b"", False, **kw))


def cut(ident, raw, body="half", **kw):
    """body: the most that may arrive."""
    ROWS.append(Row(ident, "cut", raw if isinstance(raw, list) else [b(raw), 0.03, "CLOSE"], 200, body, False, **kw))


CL2, TE = "Content-Length: 2", "Transfer-Encoding: chunked"
C0 = b"0\r\n\r\n"

# ------------------------------------------------------------------ framing that is fine (RFC 9112 6.3)

relay("9112-6.3-length", head(L1, CL2) + b"ok", "ok", has=["Content-Length: 2"])
relay("9112-6.3-length-zero", head(L1, "Content-Length: 0"), "")
relay("9112-6.3-chunked", head(L1, TE) + b"2\r\nok\r\n" + C0, "ok")
relay("9112-6.3-chunked-any-case", head(L1, "transfer-encoding: Chunked") + b"2\r\nok\r\n" + C0, "ok")
relay("9112-6.3-chunked-ext-vanishes", head(L1, TE) + b'2;a="b"\r\nok\r\n' + C0, "ok")
relay("9112-6.3-chunked-many", head(L1, TE) + b"1\r\no\r\n1\r\nk\r\n" + C0, "ok")
relay("9112-6.3-chunked-in-drops", [head(L1, TE) + b"1", 0.01, b"\r", 0.01, b"\no\r", 0.01, b"\n1\r\nk\r\n0\r\n", 0.01, b"\r\n"], "ok")
relay("9112-6.3-close", [head() + b"ok", "CLOSE"], "ok", reuse=False)
relay("9112-6.3-close-empty", [head(), "CLOSE"], "", reuse=False)
relay("9112-6.3-connection-close", head(L1, CL2, "Connection: close") + b"ok", "ok", reuse=False)
relay("9112-6.3-10-length-not-reused", b"HTTP/1.0 200 OK\r\n" + head(L1, CL2)[17:] + b"ok", "ok", reuse=False)
relay("9112-6.3-10-keep-alive", b"HTTP/1.0 200 OK\r\n" + head(L1, CL2, "Connection: keep-alive")[17:] + b"ok", "ok", reuse=None)
relay("9112-6.3-10-close", [b"HTTP/1.0 200 OK\r\n" + head()[17:] + b"ok", "CLOSE"], "ok", reuse=False)
relay("9112-6.3-head-with-length", head(L1, "Content-Length: 1000"), "", method="HEAD", has=["Content-Length: 1000"])
relay("9112-6.3-head-with-chunked", head(L1, TE), "", method="HEAD")
relay("9112-6.3-head-without-framing", head(L1), "", method="HEAD")
relay("9112-6.3-204", head("HTTP/1.1 204 No Content"), "", 204, hasnt=["Content-Length", "Transfer-Encoding"])
relay("9112-6.3-304", head("HTTP/1.1 304 Not Modified", 'ETag: "a"'), "", 304, has=['ETag: "a"'])
relay("9112-6.3-304-with-length", head("HTTP/1.1 304 Not Modified", "Content-Length: 1000"), "", 304)
relay("9112-6.3-205", head("HTTP/1.1 205 Reset Content", "Content-Length: 0"), "", 205)
relay("9110-15-418-length", head("HTTP/1.1 418 Teapot", CL2) + b"ok", "ok", 418)
relay("9110-15-599", head("HTTP/1.1 599 X", CL2) + b"ok", "ok", 599)
relay("9110-15-999", head("HTTP/1.1 999 X", CL2) + b"ok", "ok", 999)
relay("9110-15-299", head("HTTP/1.1 299 X", CL2) + b"ok", "ok", 299)
relay("9110-15-500", head("HTTP/1.1 500 X", CL2) + b"ok", "ok", 500)
relay("9110-15-503-retry-after", head("HTTP/1.1 503 X", CL2, "Retry-After: 7") + b"ok", "ok", 503, has=["Retry-After: 7"])
relay("9112-4-no-reason-phrase", head("HTTP/1.1 200 ", CL2) + b"ok", "ok")
relay("9112-4-no-reason-phrase-no-blank", head("HTTP/1.1 200", CL2) + b"ok", None, status=None, reuse=None)
relay("row18-reason-phrase-is-ours", head("HTTP/1.1 200 <script>alert(1)</script>", CL2) + b"ok", "ok", hasnt=["<script>"])
relay("row18-reason-phrase-high-bytes", head("HTTP/1.1 200 \xe4\xf6", CL2) + b"ok", "ok")
relay("9112-4-version-1.2", b"HTTP/1.2 200 OK\r\n" + head(L1, CL2)[17:] + b"ok", None, status=None, reuse=None)
relay("9112-6.1-length-blanks", head(L1, "Content-Length: \t2 ") + b"ok", "ok")
relay("9112-5-head-in-drops", [bytes([c]) for c in head(L1, CL2) + b"ok"], "ok")
relay("9110-5.3-order-kept", head(L1, CL2, "X: 1", "Y: 2", "X: 3") + b"ok", "ok", has=["X: 1", "X: 3", "Y: 2"])
relay("9110-8.3-set-cookie-lines-apart", head(L1, CL2, "Set-Cookie: a=1", "Set-Cookie: b=2") + b"ok", "ok", has=["Set-Cookie: a=1", "Set-Cookie: b=2"])
relay("9110-7.6.1-nominated-removed", head(L1, CL2, "Connection: X-A", "X-A: 1", "X-B: 2") + b"ok", "ok", has=["X-B: 2"], hasnt=["X-A"])
relay("9110-7.6.1-nominated-two-lines", head(L1, CL2, "Connection: X-A", "Connection: x-b", "X-A: 1", "X-B: 2") + b"ok", "ok", hasnt=["X-A", "X-B"])
relay("9110-7.6.1-fixed-list", head(L1, CL2, "Keep-Alive: timeout=9", "Proxy-Connection: x", "Upgrade: h2c", "Connection: Upgrade") + b"ok", "ok",
      hasnt=["timeout=9", "Proxy-Connection", "Upgrade"])
relay("row19-nominates-length-is-ignored", head(L1, CL2, "Connection: Content-Length") + b"ok", "ok", reuse=None)
relay("row18-large-head-60KiB", head(L1, CL2, *[f"X{i}: {'y' * 6000}" for i in range(10)]) + b"ok", "ok")
relay("2-199-fields", head(L1, CL2, *[f"X{i}: y" for i in range(196)]) + b"ok", "ok")
relay("9110-8.6-content-encoding-untouched", head(L1, CL2, "Content-Encoding: gzip", "Vary: Accept-Encoding") + b"ok", "ok", has=["Content-Encoding: gzip"])
relay("row20-206-relayed", head("HTTP/1.1 206 Partial Content", CL2, "Content-Range: bytes 0-1/10") + b"ok", "ok", 206, has=["Content-Range: bytes 0-1/10"])
relay("9110-5.5-obs-text-value", head(L1, CL2, "X: \xe4\xff") + b"ok", "ok", has=["X: \xe4\xff"])

# ------------------------------------------------------------------ interim responses (RFC 9110 15.2, row 79)

relay("row79-103-then-200", [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0.02, head(L1, CL2) + b"ok"], "ok", interim=[103])
relay("row79-two-103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2 + head(L1, CL2) + b"ok", "ok", interim=[103, 103])
relay("row79-102", b"HTTP/1.1 102 Processing\r\n\r\n" + head(L1, CL2) + b"ok", "ok", interim=[102])
relay("row79-100-unasked", b"HTTP/1.1 100 Continue\r\n\r\n" + head(L1, CL2) + b"ok", "ok", interim=None)
relay("row79-199-unknown", b"HTTP/1.1 199 X\r\n\r\n" + head(L1, CL2) + b"ok", "ok", interim=[199])
relay("row79-32-interim", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 32 + head(L1, CL2) + b"ok", "ok", interim=[103] * 32)
bad("row79-33-interim", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 33 + head(L1, CL2) + b"ok", interim=None)
bad("row79-1000-interim", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000 + head(L1, CL2) + b"ok", interim=None)
bad("row79-101-unasked", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nxx")
bad("row79-interim-then-close", [b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.02, "CLOSE"], interim=None)
bad("row79-interim-malformed", b"HTTP/1.1 103 Early Hints\r\nX : y\r\n\r\n" + head(L1, CL2) + b"ok")
relay("row79-none-to-a-1.0-client", b"HTTP/1.1 103 Early Hints\r\n\r\n" + head(L1, CL2) + b"ok", "ok", interim=[], version="1.0")

# ------------------------------------------------------------------ surplus bytes (row 11, CONFORMANCE 3)

relay("row11-surplus-behind-length", head(L1, CL2) + b"okSURPLUS", "ok", reuse=False)
relay("row11-surplus-response", head(L1, CL2) + b"ok" + head(L1, "Content-Length: 4") + b"evil", "ok", reuse=False)
relay("row11-surplus-later", [head(L1, CL2) + b"ok", 0.05, head(L1, "Content-Length: 4") + b"evil"], "ok", reuse=False)
relay("row11-surplus-behind-chunked", head(L1, TE) + b"2\r\nok\r\n" + C0 + b"evil", "ok", reuse=False)
relay("row11-surplus-behind-204", head("HTTP/1.1 204 X") + b"evil", "", 204, reuse=False)
relay("row11-surplus-behind-304", head("HTTP/1.1 304 X") + b"evil", "", 304, reuse=False)
relay("row11-surplus-behind-head", head(L1, CL2) + b"ok", "", method="HEAD", reuse=False)
relay("row11-204-with-length", head("HTTP/1.1 204 X", "Content-Length: 4") + b"evil", None, status=None, reuse=False)
relay("row11-crlf-behind-body", head(L1, CL2) + b"ok\r\n", "ok", reuse=None)
relay("row11-close-right-behind", [head(L1, CL2) + b"ok", "CLOSE"], "ok", reuse=False)
relay("row11-reset-right-behind", [head(L1, CL2) + b"ok", 0.03, "RST"], "ok", reuse=False)
relay("row11-half-close-right-behind", [head(L1, CL2) + b"ok", "FIN"], "ok", reuse=False)

# ------------------------------------------------------------------ status line (row 18)

for name, line in {"http-0.9": "garbage", "lower": "http/1.1 200 OK", "version-2.0": "HTTP/2.0 200 OK", "version-0.9": "HTTP/0.9 200 OK", "version-letters": "HTTP/x.1 200 OK",
                   "two-digits": "HTTP/1.1 20 OK", "four-digits": "HTTP/1.1 2000 OK", "letters": "HTTP/1.1 2x0 OK", "sign": "HTTP/1.1 +20 OK", "099": "HTTP/1.1 099 X",
                   "000": "HTTP/1.1 000 X", "no-status": "HTTP/1.1", "no-blank": "HTTP/1.1200 OK", "two-blanks": "HTTP/1.1  200 OK", "tab": "HTTP/1.1\t200 OK",
                   "blank-first": " HTTP/1.1 200 OK", "glued": "HTTP/1.1 200OK", "nul-in-phrase": "HTTP/1.1 200 O\x00K", "cr-in-phrase": "HTTP/1.1 200 O\rK",
                   "ctl-in-phrase": "HTTP/1.1 200 O\x01K", "icy": "ICY 200 OK", "rtsp": "RTSP/1.0 200 OK", "minor-two-digits": "HTTP/1.10 200 OK"}.items():
    bad(f"row18-status-{name}", head(line, CL2) + b"ok")
bad("row18-status-split-by-lf", b"HTTP/1.1 200\nOK\r\n" + head(L1, CL2)[17:] + b"ok")
bad("row18-status-lf", b"HTTP/1.1 200 OK\n" + head(L1, CL2)[17:] + b"ok")
bad("row18-empty-lines-first", b"\r\n\r\n\r\n\r\n" + head(L1, CL2) + b"ok")
bad("row18-phrase-9KiB", head("HTTP/1.1 200 " + "x" * 70000, CL2) + b"ok")

# ------------------------------------------------------------------ head (rows 2, 9, 10, 18)

for name, line in {"no-colon": "nocolon", "empty-name": ": x", "space-before-colon": "X : y", "tab-before-colon": "X\t: y", "space-in-name": "X Y: z", "paren-in-name": "X(: y",
                   "nul-in-name": "X\x00: y", "high-in-name": "\xe4: y", "nul-in-value": "X: \x00", "cr-in-value": "X: a\rb", "ctl-in-value": "X: \x01", "del-in-value": "X: \x7f",
                   "fold-space": "X: y\r\n z", "fold-tab": "X: y\r\n\tz", "lf-line": "X: y\nZ: w", "crcrlf": "X: y\r"}.items():
    bad(f"row9-head-{name}", head(L1, CL2, line) + b"ok")
bad("row10-lf-only-head", head(L1, CL2).replace(b"\r\n", b"\n") + b"ok")
bad("row10-leading-space-first", b"HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\nok")
for name, v in {"plus": "+2", "minus": "-2", "hex": "0x2", "empty": "", "list": "2, 2", "list-differ": "2, 3", "word": "two", "point": "2.0", "2e63": "9223372036854775808",
                "2e64plus2": "18446744073709551618", "blank-inside": "2 2", "semicolon": "2;"}.items():
    bad(f"row2-cl-{name}", head(L1, f"Content-Length: {v}") + b"ok")
bad("row2-cl-twice-equal", head(L1, CL2, CL2) + b"ok")
bad("row2-cl-twice-differ", head(L1, CL2, "Content-Length: 3") + b"ok")
bad("row1-cl-te", head(L1, CL2, TE) + b"2\r\nok\r\n" + C0)
for name, v in {"xchunked": "xchunked", "twice": "chunked, chunked", "gzip": "gzip", "gzip-chunked": "gzip, chunked", "chunked-gzip": "chunked, gzip", "identity": "identity",
                "empty": "", "comma": ",chunked", "param": "chunked;a", "vt": "\x0bchunked", "junk": "foo bar"}.items():
    bad(f"row3-te-{name}", head(L1, f"Transfer-Encoding: {v}") + b"2\r\nok\r\n" + C0)
bad("row3-te-two-lines", head(L1, TE, TE) + b"2\r\nok\r\n" + C0)
bad("row3-te-on-1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n" + C0)
bad("2-head-over-64KiB", head(L1, CL2, *[f"X{i}: {'y' * 7000}" for i in range(12)]) + b"ok")
bad("2-201-fields", head(L1, CL2, *[f"X{i}: y" for i in range(210)]) + b"ok")

# ------------------------------------------------------------------ ends before the head is complete

bad("f4-close-at-once", ["CLOSE"])
bad("f4-reset-at-once", ["RST"])
bad("f4-half-close-at-once", ["FIN", 0.1])
bad("f4-close-in-status-line", [b"HTTP/1.", 0.02, "CLOSE"])
bad("f4-close-in-head", [b"HTTP/1.1 200 OK\r\nX: y\r\n", 0.02, "CLOSE"])
bad("f4-reset-in-head", [b"HTTP/1.1 200 OK\r\nX: y\r\n", 0.02, "RST"])
bad("f4-tls-bytes", b"\x15\x03\x01\x00\x02\x02\x50")
bad("f4-binary", bytes(range(256)))

# ------------------------------------------------------------------ ends inside the body: the client must see it

cut("f4-length-close", head(L1, "Content-Length: 10") + b"half")
cut("f4-length-reset", [head(L1, "Content-Length: 10") + b"half", 0.03, "RST"])
cut("f4-length-no-byte", head(L1, "Content-Length: 10"))
cut("f4-chunked-close", head(L1, TE) + b"4\r\nhalf\r\n")
cut("f4-chunked-close-in-data", head(L1, TE) + b"8\r\nhalf")
cut("f4-chunked-close-in-size", head(L1, TE) + b"4\r\nhalf\r\n4")
cut("f4-chunked-close-behind-0", head(L1, TE) + b"4\r\nhalf\r\n0\r\n")
cut("f4-chunked-reset", [head(L1, TE) + b"4\r\nhalf\r\n", 0.03, "RST"])
cut("f4-close-delimited-reset", [head() + b"half", 0.05, "RST"])
for name, junk in {"size-g": b"g\r\n", "size-minus": b"-1\r\n", "size-0x": b"0x1\r\nZ\r\n", "size-blank": b"1 \r\nZ\r\n", "size-empty": b"\r\nZ\r\n", "size-lf": b"1\nZ\r\n",
                   "data-lf": b"1\r\nZ\n0\r\n\r\n", "data-longer": b"1\r\nZZZ\r\n0\r\n\r\n", "last-lf": b"0\n\n", "size-17": b"10000000000000001\r\nZ\r\n",
                   "size-2e64-1": b"ffffffffffffffff\r\nZ\r\n", "ext-crlf": b'1;a="\r\nZ\r\n0\r\n\r\n', "ext-lf": b"1;\nZ\r\n0\r\n\r\n",
                   "trailer-no-colon": b"0\r\nnocolon\r\n\r\n", "trailer-bad-name": b"0\r\nX : y\r\n\r\n"}.items():
    cut(f"rc-{name}", [head(L1, TE) + b"4\r\nhalf\r\n", 0.02, junk, 0.1], "halfZ" if name.startswith("data") else "half")

# ------------------------------------------------------------------ read once more against RFC 9112 and 9110

relay("9110-8.6-length-leading-zeros", head(L1, "Content-Length: 002") + b"ok", "ok")
relay("9110-15.2-interim-with-length-has-no-body", b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + head(L1, CL2) + b"ok", "ok", interim=None)
relay("9112-6.3-head-with-close", [head(L1, "Connection: close"), "CLOSE"], "", method="HEAD", reuse=False)
relay("9112-6.3-304-with-chunked", head("HTTP/1.1 304 Not Modified", TE), "", 304, reuse=None)
relay("9112-9.3-close-in-a-list", head(L1, CL2, "Connection: keep-alive, close") + b"ok", "ok", reuse=False)
relay("9112-9.3-close-any-case", head(L1, CL2, "Connection: CLOSE") + b"ok", "ok", reuse=False)
relay("9112-9.3-close-and-keep-alive-1.0", b"HTTP/1.0 200 OK\r\n" + head(L1, CL2, "Connection: keep-alive, close")[17:] + b"ok", "ok", reuse=False)
relay("9110-7.6.1-not-a-token-in-connection", head(L1, CL2, "Connection: a b") + b"ok", None, status=None, reuse=None)
relay("9110-15.5.22-426-upgrade-is-hop-by-hop", head("HTTP/1.1 426 X", CL2, "Upgrade: TLS/1.3", "Connection: Upgrade") + b"ok", "ok", 426, hasnt=["Upgrade:"])
relay("9110-11.6.1-401-passes", head("HTTP/1.1 401 X", CL2, 'WWW-Authenticate: Basic realm="a"') + b"ok", "ok", 401, has=['WWW-Authenticate: Basic realm="a"'])
relay("9110-5.5-empty-value", head(L1, CL2, "X:") + b"ok", "ok", has=["X:"])
relay("9110-5.5-blanks-around", head(L1, CL2, "X: \t v \t") + b"ok", "ok")
relay("9110-5.6.2-name-tchars", head(L1, CL2, "!#$%&'*+-.^_`|~9: v") + b"ok", "ok", has=["!#$%&'*+-.^_`|~9: v"])
relay("9112-4-tab-and-symbols-in-phrase", head("HTTP/1.1 200 a\tb (c) \"d\"", CL2) + b"ok", "ok")
relay("9112-7.1-leading-zeros", head(L1, TE) + b"0002\r\nok\r\n000\r\n\r\n", "ok")
relay("9112-7.1-hex-upper", head(L1, TE) + b"A\r\n0123456789\r\n" + C0, "0123456789")
relay("9112-7.1-data-that-looks-like-framing", head(L1, TE) + b"5\r\n0\r\n\r\n\r\n" + C0, "0\r\n\r\n")
relay("9112-7.1.2-trailer-not-taken-is-dropped", head(L1, TE) + b"2\r\nok\r\n0\r\nX-Sum: 9\r\n\r\n", "ok", hasnt=["X-Sum"])
relay("row7-thousand-tiny-chunks", head(L1, TE) + b"1\r\nZ\r\n" * 1000 + C0, "Z" * 1000)
relay("9112-6.3-connect-like-2xx-has-a-body", head("HTTP/1.1 203 X", CL2) + b"ok", "ok", 203)
relay("9110-15.4-redirect-untouched", head("HTTP/1.1 302 X", CL2, "Location: http://elsewhere.test/a?b#c") + b"ok", "ok", 302, has=["Location: http://elsewhere.test/a?b#c"])
relay("9110-15.3.7-multipart-range", head("HTTP/1.1 206 X", CL2, "Content-Type: multipart/byteranges; boundary=B") + b"ok", "ok", 206)
relay("row79-interim-then-pause", [b"HTTP/1.1 103 Early Hints\r\n\r\n", 0.1, head(L1, CL2) + b"ok"], "ok", interim=[103])
relay("row79-interim-fields-stay-there", b"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n" + head(L1, CL2) + b"ok", "ok", interim=[103], hasnt=["X-Early"])
relay("row11-close-header-and-surplus", head(L1, CL2, "Connection: close") + b"okSURPLUS", "ok", reuse=False)
relay("row11-205-with-body", head("HTTP/1.1 205 X", "Content-Length: 4") + b"evil", None, status=None, reuse=None)
relay("row11-head-with-chunked-body", head(L1, TE) + b"2\r\nok\r\n" + C0, "", method="HEAD", reuse=False)
relay("row11-nul-behind-body", head(L1, CL2) + b"ok\x00", "ok", reuse=False)
bad("row1-cl-te-to-head", head(L1, CL2, TE), method="HEAD")
bad("row2-cl-bad-to-head", head(L1, "Content-Length: -1"), method="HEAD")
bad("row2-cl-bad-on-304", head("HTTP/1.1 304 X", "Content-Length: 1x"))
bad("row3-te-unknown-on-204", head("HTTP/1.1 204 X", "Transfer-Encoding: cow"))
for name, v in {"exponent": "2e0", "quoted": '"2"', "comma-last": "2,", "comma-first": ",2", "underscore": "1_0", "nul": "2\x00", "vt": "\x0b2", "40-digits": "9" * 40,
                "superscript": "\xb2", "list-glued": "2,2"}.items():
    bad(f"row2-cl-{name}", head(L1, f"Content-Length: {v}") + b"ok")
bad("row2-cl-twice-other-case", head(L1, CL2, "CONTENT-LENGTH: 2") + b"ok")
bad("row2-cl-folded", head(L1, "Content-Length:\r\n 2") + b"ok")
for name, v in {"comma-last": "chunked,", "quoted": '"chunked"', "ff": "\x0cchunked", "nul": "chunked\x00", "blank-inside": "chun ked", "chunked-identity": "chunked, identity",
                "utf8-blank": "\xa0chunked", "chunkedx": "chunkedx"}.items():
    bad(f"row3-te-{name}", head(L1, f"Transfer-Encoding: {v}") + b"2\r\nok\r\n" + C0)
bad("row3-te-folded", head(L1, "Transfer-Encoding:\r\n chunked") + b"2\r\nok\r\n" + C0)
bad("row3-te-space-before-colon", head(L1, "Transfer-Encoding : chunked") + b"2\r\nok\r\n" + C0)
bad("row1-te-cl", head(L1, TE, "Content-Length: 0") + b"2\r\nok\r\n" + C0)
bad("row10-blank-line-of-blanks", head(L1, CL2, " ") + b"ok")
bad("row10-lf-cr", head(L1, CL2).replace(b"\r\n", b"\n\r") + b"ok")
bad("row18-status-600-and-more-digits", head("HTTP/1.1 0200 OK", CL2) + b"ok")
bad("row18-status-negative", head("HTTP/1.1 -20 OK", CL2) + b"ok")
bad("row18-status-high-digit", head("HTTP/1.1 20\xb2 OK", CL2) + b"ok")
bad("row18-del-in-phrase", head("HTTP/1.1 200 O\x7fK", CL2) + b"ok")
bad("row18-request-as-response", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
bad("row18-byte-order-mark", b"\xef\xbb\xbf" + head(L1, CL2) + b"ok")
bad("row79-interim-with-bad-length", b"HTTP/1.1 103 Early Hints\r\nContent-Length: x\r\n\r\n" + head(L1, CL2) + b"ok", interim=None)
bad("row79-garbage-behind-interim", b"HTTP/1.1 103 Early Hints\r\n\r\ngarbage\r\n\r\n", interim=None)
for name, junk in {"crlf-before-size": b"\r\n1\r\nZ\r\n", "size-nul": b"1\x00\r\nZ\r\n", "size-comma": b"1,1\r\nZ\r\n", "size-plus": b"+1\r\nZ\r\n", "cr-behind-size": b"1\rZ\r\n",
                   "ext-no-name": b"1;\r\nZ\r\n", "ext-64KiB": b"1;a=" + b"b" * 65536 + b"\r\nZ\r\n", "trailer-bare-cr": b"0\r\nX: a\rb\r\n\r\n",
                   "trailer-nul": b"0\r\nX: \x00\r\n\r\n", "trailer-fold": b"0\r\nX: y\r\n z\r\n\r\n", "last-cr": b"0\r\n\rX", "next-response": b"0\r\nHTTP/1.1 200 OK\r\n\r\n",
                   "trailer-empty-name": b"0\r\n: y\r\n\r\n"}.items():
    cut(f"rc-{name}", [head(L1, TE) + b"4\r\nhalf\r\n", 0.02, junk, 0.1])
cut("rc-data-nothing-behind", [head(L1, TE) + b"4\r\nhalf0\r\n\r\n", 0.1])
