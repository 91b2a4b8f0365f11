"""The request table: raw bytes and what must come of them.

@P@ stands before a path ("" in reverse, "http://host:port" in forward), @H@ is the host. Every row runs in both modes
unless it says otherwise. Ids: the number of the row in the catalogue of failures, or the section of the RFC.
"""
BOTH, REV, FWD = ("reverse", "forward"), ("reverse",), ("forward",)
CRLF = "\r\n"


class Row:
    def __init__(self, ident, raw, modes, **kw):
        self.id = ident
        self.raw = raw.encode("latin-1") if isinstance(raw, str) else raw
        self.modes = modes
        self.__dict__.update(kw)


ROWS = []


def msg(line="GET @P@/x HTTP/1.1", *fields, host="@H@", body=""):
    lines = [line] + ([f"Host: {host}"] if host is not None else []) + list(fields)
    return CRLF.join(lines) + CRLF + CRLF + body


def bad(ident, raw, status=400, modes=BOTH, partial=False, tail=True, keep=False):
    """Refused. partial: its head was fine, so the origin may see an unfinished request. tail: a good request follows."""
    want = (status,) if isinstance(status, int) else tuple(status)
    ROWS.append(Row(ident, raw, modes, refused=True, want=want, partial=partial, tail=tail, keep=keep))


def good(ident, raw, line="GET /x HTTP/1.1", fields=(), body="", modes=BOTH, keep=True, host="@H@", status=200):
    """Passed on; line, fields and body are the canonical form the origin must see (Host is added from `host`)."""
    f = ([f"Host: {host}"] if host is not None else []) + list(fields)
    ROWS.append(Row(ident, raw, modes, refused=False, want=(status,), line=line, fields=f,
                    body=body.encode("latin-1"), keep=keep))


# ------------------------------------------------------------------ request line (RFC 9112 3, row 22)

good("row22-plain", msg())
good("9112-2.2-one-empty-line-before", CRLF + msg())
good("9112-2.2-two-empty-lines-before", CRLF + CRLF + msg())
bad("9112-2.2-many-empty-lines-before", CRLF * 5 + msg())
bad("9112-2.2-bare-lf-before", "\n" + msg())
bad("row22-tab-separators", msg("GET\t@P@/x\tHTTP/1.1"))
bad("row22-tab-before-version", msg("GET @P@/x\tHTTP/1.1"))
bad("row22-two-spaces-before-target", msg("GET  @P@/x HTTP/1.1"))
bad("row22-two-spaces-behind-target", msg("GET @P@/x  HTTP/1.1"))
bad("row22-space-first", msg(" GET @P@/x HTTP/1.1"))
bad("row22-space-last", msg("GET @P@/x HTTP/1.1 "))
bad("row22-space-in-target", msg("GET @P@/a b HTTP/1.1"))
bad("row22-vt-separator", msg("GET\x0b@P@/x HTTP/1.1"))
bad("row22-nul-in-target", msg("GET @P@/a\x00b HTTP/1.1"))
bad("row22-ctl-in-target", msg("GET @P@/a\x01b HTTP/1.1"))
bad("row22-del-in-target", msg("GET @P@/a\x7fb HTTP/1.1"))
bad("row22-cr-in-target", msg("GET @P@/a\rb HTTP/1.1"))
bad("row22-high-byte-in-target", msg("GET @P@/a\xe9b HTTP/1.1"))
bad("row22-fragment", msg("GET @P@/x#y HTTP/1.1"))
bad("row22-backslash", msg("GET @P@/a\\b HTTP/1.1"))
bad("row22-0.9-no-version", msg("GET @P@/x"))
bad("row22-0.9-bare", "GET @P@/x\r\n")
bad("row22-version-0.9", msg("GET @P@/x HTTP/0.9"), (400, 505))
bad("row22-h2-preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
bad("row22-version-2.0", msg("GET @P@/x HTTP/2.0"), 505)
bad("row22-version-3.0", msg("GET @P@/x HTTP/3.0"), 505)
good("9110-2.5-version-1.2-counts-as-1.1", msg("GET @P@/x HTTP/1.2"))
bad("row22-version-lower-case", msg("GET @P@/x http/1.1"))
bad("row22-version-ftp", msg("GET @P@/x FTP/1.1"))
bad("row22-version-no-minor", msg("GET @P@/x HTTP/1"))
bad("row22-version-dot-only", msg("GET @P@/x HTTP/1."))
bad("row22-version-two-digit-major", msg("GET @P@/x HTTP/01.1"))
bad("row22-version-two-digit-minor", msg("GET @P@/x HTTP/1.10"))
bad("row22-version-sign", msg("GET @P@/x HTTP/+1.1"))
bad("row22-version-glued", msg("GET @P@/x HTTP/1.1x"))
bad("row22-version-blank-inside", msg("GET @P@/x HTTP/ 1.1"))
bad("row22-no-method", msg("@P@/x HTTP/1.1"))
bad("row22-only-method", msg("GET"))
bad("row22-method-paren", msg("GE(T @P@/x HTTP/1.1"))
bad("row22-method-nul", msg("GE\x00T @P@/x HTTP/1.1"))
bad("row22-method-high-byte", msg("G\xc9T @P@/x HTTP/1.1"))
bad("row22-method-colon", msg("GET: @P@/x HTTP/1.1"))
bad("row22-method-comma", msg("GET,POST @P@/x HTTP/1.1"))
good("9110-9.1-method-is-case-sensitive", msg("get @P@/x HTTP/1.1"), "get /x HTTP/1.1")
good("9110-9.1-unknown-method", msg("M-SEARCH @P@/x HTTP/1.1"), "M-SEARCH /x HTTP/1.1")
good("9110-9.1-method-tchars", msg("!#$%&'*+-.^_`|~ @P@/x HTTP/1.1"), "!#$%&'*+-.^_`|~ /x HTTP/1.1")
bad("9112-3.2-no-slash", msg("GET x HTTP/1.1"))
bad("9112-3.2.4-asterisk-with-get", msg("GET * HTTP/1.1"))
good("9112-3.2.4-asterisk-with-options", msg("OPTIONS * HTTP/1.1"), "OPTIONS * HTTP/1.1", modes=REV)
bad("9112-3.2.1-origin-form-to-a-forward-proxy", msg("GET /x HTTP/1.1"), modes=FWD)
bad("row60-ftp", msg("GET ftp://@H@/x HTTP/1.1"))
bad("row60-urn", msg("GET urn:a:b HTTP/1.1"))
bad("row60-cache-object", msg("GET cache_object://@H@/ HTTP/1.1"))
bad("row60-gopher", msg("GET gopher://@H@/ HTTP/1.1"))
bad("row60-file", msg("GET file:///etc/passwd HTTP/1.1"))
bad("row22-absolute-one-slash", msg("GET http:/x HTTP/1.1"))
bad("row22-absolute-no-host", msg("GET http:///x HTTP/1.1"))
bad("row22-absolute-empty-host-with-port", msg("GET http://:80/x HTTP/1.1"))
bad("row23-absolute-userinfo", msg("GET http://u@@H@/x HTTP/1.1"))
bad("row23-absolute-userinfo-password", msg("GET http://u:p@@H@/x HTTP/1.1"))
bad("row23-absolute-port-large", msg("GET http://127.0.0.1:65536/x HTTP/1.1"))
bad("row23-absolute-port-zero", msg("GET http://127.0.0.1:0/x HTTP/1.1"))
bad("row23-absolute-port-letters", msg("GET http://127.0.0.1:8x/x HTTP/1.1"))
bad("row23-absolute-open-bracket", msg("GET http://[::1/x HTTP/1.1"))
bad("row23-absolute-comma", msg("GET http://a,b/x HTTP/1.1"))
good("row22-absolute-to-a-gateway", msg("GET http://b.test/x HTTP/1.1", host="a.test"), host="b.test", modes=REV)
good("row22-absolute-scheme-any-case", msg("GET HTTP://@H@/x HTTP/1.1"))
good("row22-absolute-host-field-ignored", msg("GET @P@/x HTTP/1.1", host="other.test"), modes=FWD)
good("9112-3.2.2-absolute-empty-path", msg("GET http://@H@ HTTP/1.1"), "GET / HTTP/1.1")
good("9112-3.2.2-absolute-query-no-path", msg("GET http://@H@?q HTTP/1.1"), "GET /?q HTTP/1.1")
bad("2-target-8k", msg("GET @P@/" + "a" * 8300 + " HTTP/1.1"), 414)
bad("2-target-30k", msg("GET @P@/" + "a" * 30000 + " HTTP/1.1"), 414)
good("2-target-7k", msg("GET @P@/" + "a" * 7000 + " HTTP/1.1"), "GET /" + "a" * 7000 + " HTTP/1.1")

# ------------------------------------------------------------------ paths (row 25)

for name, path in {"nul": "/a%00", "lf": "/a%0ab", "cr": "/a%0Db", "esc": "/a%1bb", "del": "/a%7fb", "backslash": "/a%5cb",
                   "broken": "/a%", "half": "/a%2", "not-hex": "/a%zz", "above-root": "/..", "above-root-deep": "/a/../../b",
                   "above-root-escaped": "/%2e%2e/b", "above-root-half-escaped": "/.%2E/b"}.items():
    bad(f"row25-path-{name}", msg(f"GET @P@{path} HTTP/1.1"))
for name, path in {"double-slash": "//a//b", "escaped-slash": "/@scope%2fpkg", "escaped-slash-upper": "/g%2Fp", "params": "/a;b=c/d",
                   "unreserved-escape": "/%41%7e", "trailing-slash": "/a/", "sub-delims": "/a!$&'()*+,=:@b",
                   "query-empty": "/a?", "query-marks": "/a??b?", "query-dots": "/a?x=../../b", "query-slashes": "/a?//x",
                   "query-escapes": "/a?x=%20%2f%41", "three-dots": "/.../a", "dot-name": "/.well-known/x"}.items():
    good(f"row25-kept-{name}", msg(f"GET @P@{path} HTTP/1.1"), f"GET {path} HTTP/1.1")
for name, (path, out) in {"dot": ("/a/./b", "/a/b"), "dotdot": ("/a/../b", "/b"), "last-dot": ("/a/.", "/a/"), "last-dotdot": ("/a/b/..", "/a/"),
                          "escaped-dotdot": ("/a/%2e%2E/b", "/b")}.items():
    good(f"row25-resolved-{name}", msg(f"GET {path} HTTP/1.1"), f"GET {out} HTTP/1.1", modes=REV)
    good(f"row25-9110-7.7-untouched-{name}", msg(f"GET @P@{path} HTTP/1.1"), f"GET {path} HTTP/1.1", modes=FWD)

# ------------------------------------------------------------------ Host (row 23)

bad("row23-host-missing", msg(host=None))
bad("row23-host-twice", msg("GET @P@/x HTTP/1.1", "Host: b.test"))
bad("row23-host-twice-equal", msg("GET @P@/x HTTP/1.1", "Host: @H@"))
bad("row23-host-twice-apart", msg("GET @P@/x HTTP/1.1", "X: y", "host: @H@"))
for name, value in {"comma": "a.test,b.test", "comma-blank": "a.test, b.test", "userinfo": "a.test@evil.test", "blank": "a.test b.test",
                    "port-large": "a.test:99999", "port-zero": "a.test:0", "port-letters": "a.test:http", "port-sign": "a.test:+80",
                    "two-ports": "a.test:1:2", "open-bracket": "[::1", "bare-ip6": "::1", "close-bracket": "::1]", "behind-bracket": "[::1]x",
                    "bad-ip6": "[zz]", "slash": "a.test/x", "query": "a.test?x", "fragment": "a.test#x", "url": "http://a.test",
                    "backslash": "a.test\\x", "quote": '"a.test"', "angle": "<a.test>", "ctl": "a\x01.test", "nul": "a\x00.test",
                    "high": "\xe4.test", "pipe": "a|b"}.items():
    bad(f"row23-host-{name}", msg(host=value))
for name, value in {"upper": "A.TEST", "trailing-dot": "a.test.", "port": "a.test:8080", "ip6": "[::1]:8080", "ip4": "10.0.0.1",
                    "underscore": "a_b.test", "hyphen": "x--y.test"}.items():
    good(f"row23-host-{name}-good", msg(host=value), host=value, modes=REV)

# ------------------------------------------------------------------ Content-Length (row 2)

P = "POST @P@/x HTTP/1.1"
good("row2-cl-3", msg(P, "Content-Length: 3", body="abc"), "POST /x HTTP/1.1", ["Content-Length: 3"], "abc")
good("row2-cl-0", msg(P, "Content-Length: 0"), "POST /x HTTP/1.1", ["Content-Length: 0"])
good("row2-cl-blanks-around", msg(P, "Content-Length: \t3 \t", body="abc"), "POST /x HTTP/1.1", ["Content-Length: 3"], "abc")
for name, v in {"plus": "+3", "minus": "-3", "minus-zero": "-0", "hex": "0x3", "underscore": "1_0", "empty": "", "list": "3, 3", "list-glued": "3,3",
                "list-differ": "3, 4", "blank-inside": "3 3", "semicolon": "3;", "point": "3.0", "exponent": "3e0", "word": "three", "quoted": '"3"',
                "comma-first": ",3", "comma-last": "3,", "nul": "3\x00", "vt": "\x0b3", "2e63": "9223372036854775808",
                "2e64": "18446744073709551616", "2e64plus3": "18446744073709551619", "40-digits": "9" * 40,
                "superscript": "\xb3"}.items():
    bad(f"row2-cl-{name}", msg(P, f"Content-Length: {v}", body="abc"))
bad("row2-cl-twice-equal", msg(P, "Content-Length: 3", "Content-Length: 3", body="abc"))
bad("row2-cl-twice-differ", msg(P, "Content-Length: 3", "Content-Length: 4", body="abc"))
bad("row2-cl-on-get-bad", msg("GET @P@/x HTTP/1.1", "Content-Length: x"))
bad("row9-cl-space-before-colon", msg(P, "Content-Length : 3", body="abc"))
bad("2-body-over-10MiB-announced", msg(P, "Content-Length: 10485761"), 413, modes=REV, tail=False)

# ------------------------------------------------------------------ Transfer-Encoding (rows 1, 3)

C0 = "0\r\n\r\n"
good("row3-te-chunked", msg(P, "Transfer-Encoding: chunked", body="3\r\nabc\r\n" + C0), "POST /x HTTP/1.1", ["Transfer-Encoding: chunked"], "abc")
good("row3-te-any-case", msg(P, "transfer-encoding: CHunked", body="3\r\nabc\r\n" + C0), "POST /x HTTP/1.1", ["Transfer-Encoding: chunked"], "abc")
good("row3-te-blanks", msg(P, "Transfer-Encoding:\t chunked ", body=C0), "POST /x HTTP/1.1", ["Transfer-Encoding: chunked"])
bad("row1-cl-te", msg(P, "Content-Length: 5", "Transfer-Encoding: chunked", body=C0))
bad("row1-te-cl", msg(P, "Transfer-Encoding: chunked", "Content-Length: 5", body=C0))
bad("row1-te-cl-zero", msg(P, "Transfer-Encoding: chunked", "Content-Length: 0", body=C0))
bad("row1-cl-te-10", msg("POST @P@/x HTTP/1.0", "Content-Length: 5", "Transfer-Encoding: chunked", body=C0))
bad("row1-cl-te-identity", msg(P, "Content-Length: 3", "Transfer-Encoding: identity", body="abc"), (400, 501))
for name, v in {"comma-first": ",chunked", "comma-last": "chunked,", "comma-only": ",", "list-twice": "chunked, chunked", "param": "chunked;a=b",
                "param-empty": "chunked;", "vt": "\x0bchunked", "ff": "\x0cchunked", "vt-behind": "chunked\x0b", "nul": "chunked\x00", "empty": "",
                "quoted": '"chunked"', "cr": "chu\rnked", "blank-inside": "chun ked"}.items():
    bad(f"row3-te-{name}", msg(P, f"Transfer-Encoding: {v}", body="3\r\nabc\r\n" + C0), (400, 501))
for name, v in {"xchunked": "xchunked", "chunkedx": "chunkedx", "identity": "identity", "gzip": "gzip", "gzip-chunked": "gzip, chunked",
                "chunked-gzip": "chunked, gzip", "identity-chunked": "identity, chunked", "chunked-identity": "chunked, identity",
                "cow": "cow"}.items():
    bad(f"row3-te-{name}", msg(P, f"Transfer-Encoding: {v}", body="3\r\nabc\r\n" + C0), (400, 501))
bad("row3-te-twice", msg(P, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="3\r\nabc\r\n" + C0))
bad("row3-te-chunked-then-identity", msg(P, "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=C0), (400, 501))
bad("row3-te-identity-then-chunked", msg(P, "Transfer-Encoding: identity", "Transfer-Encoding: chunked", body=C0), (400, 501))
bad("row3-te-on-10", msg("POST @P@/x HTTP/1.0", "Transfer-Encoding: chunked", body="3\r\nabc\r\n" + C0))
bad("row9-te-space-before-colon", msg(P, "Transfer-Encoding : chunked", body=C0))
bad("row9-te-tab-before-colon", msg(P, "Transfer-Encoding\t: chunked", body=C0))
bad("row10-te-folded", msg(P, "Transfer-Encoding:\r\n chunked", body=C0))
bad("row10-te-behind-bare-lf", msg(P, "X: y\nTransfer-Encoding: chunked", body=C0))
bad("row10-te-behind-bare-cr", msg(P, "X: y\rTransfer-Encoding: chunked", body=C0))

# ------------------------------------------------------------------ chunked bodies (rows 4 to 8)

T = "Transfer-Encoding: chunked"


def chunk_good(ident, body, out, fields=()):
    good(ident, msg(P, T, *fields, body=body), "POST /x HTTP/1.1", [T], out)


def chunk_bad(ident, body, status=400):
    bad(ident, msg(P, T, body=body), status, partial=True)


chunk_good("row4-leading-zeros", "0003\r\nabc\r\n" + C0, "abc")
chunk_good("row4-hex-lower", "a\r\n0123456789\r\n" + C0, "0123456789")
chunk_good("row4-hex-upper", "A\r\n0123456789\r\n" + C0, "0123456789")
chunk_good("row4-sixteen-digits", "0000000000000003\r\nabc\r\n" + C0, "abc")
chunk_good("row4-last-chunk-many-zeros", "3\r\nabc\r\n0000\r\n\r\n", "abc")
chunk_good("row5-data-that-looks-like-framing", "5\r\n0\r\n\r\n\r\n" + C0, "0\r\n\r\n")
chunk_good("row6-ext-token", "1;a=b\r\nZ\r\n" + C0, "Z")
chunk_good("row6-ext-name-only", "1;a\r\nZ\r\n" + C0, "Z")
chunk_good("row6-ext-quoted", '1;a="b; c\\""\r\nZ\r\n' + C0, "Z")
chunk_good("row6-ext-two", "1;a=b;c=d\r\nZ\r\n" + C0, "Z")
chunk_good("row6-ext-on-last", "1\r\nZ\r\n0;a=b\r\n\r\n", "Z")
chunk_good("row7-thousand-tiny-chunks", "1\r\nZ\r\n" * 1000 + C0, "Z" * 1000)
for name, size in {"minus": "-1", "plus": "+1", "0x": "0x1", "blank-behind": "1 ", "blank-before": " 1", "tab-behind": "1\t", "empty": "", "g": "g", "underscore": "1_0",
                   "point": "1.0", "comma": "1,1", "17-digits": "10000000000000001", "17-zeros": "00000000000000001", "nul": "1\x00"}.items():
    chunk_bad(f"row4-size-{name}", f"{size}\r\nZ\r\n" + C0)
chunk_bad("row4-size-2e64-1", "ffffffffffffffff\r\nZ\r\n" + C0, (400, 413))
chunk_bad("row4-size-2e63", "8000000000000000\r\nZ\r\n" + C0, (400, 413))
chunk_bad("row5-lf-behind-size", "1\nZ\r\n" + C0)
chunk_bad("row5-cr-behind-size", "1\rZ\r\n" + C0)
chunk_bad("row5-lf-behind-data", "1\r\nZ\n" + C0)
chunk_bad("row5-nothing-behind-data", "1\r\nZ0\r\n\r\n")
chunk_bad("row5-two-bytes-behind-data", "1\r\nZXX" + C0)
chunk_bad("row5-data-longer", "1\r\nZZ\r\n" + C0)
chunk_bad("row5-crcr", "2\r\r;a\r\n02\r\nab\r\n" + C0)
chunk_bad("row5-lf-behind-last", "1\r\nZ\r\n0\n\r\n")
chunk_bad("row5-lf-ends-trailer", "1\r\nZ\r\n0\r\n\n")
chunk_bad("row5-cr-ends-trailer", "1\r\nZ\r\n0\r\n\rX")
chunk_bad("row6-ext-then-lf", "1;\nZ\r\n" + C0)
chunk_bad("row6-ext-a-then-lf", "1;a\nZ\r\n" + C0)
chunk_bad("row6-ext-crlf-in-quotes", '1;a="\r\nZ\r\n' + C0)
chunk_bad("row6-ext-cr-inside", "1;a\rb\r\nZ\r\n" + C0)
chunk_bad("row6-ext-nul", "1;a\x00\r\nZ\r\n" + C0)
chunk_bad("row6-ext-no-name", "1;\r\nZ\r\n" + C0)
chunk_bad("row6-ext-no-value", "1;a=\r\nZ\r\n" + C0)
chunk_bad("row6-ext-300-bytes", "1;a=" + "b" * 300 + "\r\nZ\r\n" + C0)
chunk_bad("row6-ext-64KiB", "1;a=" + "b" * 65536 + "\r\nZ\r\n" + C0)
chunk_bad("row6-ext-5KiB-in-all", ("1;a=" + "b" * 200 + "\r\nZ\r\n") * 25 + C0)
chunk_bad("row7-framing-over-budget", "1\r\nZ\r\n" * 20000 + C0)
for name, line in {"cl": "Content-Length: 3", "host": "Host: evil.test", "te": "Transfer-Encoding: chunked", "auth": "Authorization: Basic eA==", "cookie": "Cookie: a=b",
                   "xff": "X-Forwarded-For: 1.2.3.4", "connection": "Connection: close", "no-colon": "nocolon", "space-before-colon": "X : y", "bad-name": "X(: y",
                   "fold": "X: y\r\n z", "nul": "X: \x00", "bare-lf": "X: y\nZ: w", "bare-cr": "X: y\rZ: w", "empty-name": ": x"}.items():
    chunk_bad(f"row8-trailer-{name}", f"1\r\nZ\r\n0\r\n{line}\r\n\r\n")
chunk_bad("row8-trailer-over-head-budget", "1\r\nZ\r\n0\r\n" + "".join(f"X-{i}: {'y' * 4000}\r\n" for i in range(10)) + CRLF, (400, 431))

# ------------------------------------------------------------------ field lines (rows 9, 10)

G = "GET @P@/x HTTP/1.1"
bad("row9-no-colon", msg(G, "nocolon"))
bad("row9-no-colon-first", f"{G}\r\nnocolon\r\nHost: @H@\r\n\r\n")
bad("row9-empty-name", msg(G, ": x"))
bad("row9-space-before-colon", msg(G, "X : y"))
bad("row9-tab-before-colon", msg(G, "X\t: y"))
bad("row9-host-space-before-colon", f"{G}\r\nHost : @H@\r\n\r\n")
bad("row10-leading-space-first-line", f"{G}\r\n X: y\r\nHost: @H@\r\n\r\n")
bad("row10-fold-space", msg(G, "X: y\r\n z"))
bad("row10-fold-tab", msg(G, "X: y\r\n\tz"))
bad("row10-fold-empty", msg(G, "X: y\r\n "))
bad("row10-lf-only-message", f"{G}\nHost: @H@\n\n")
bad("row10-lf-one-line", f"{G}\r\nHost: @H@\r\nX: y\nZ: w\r\n\r\n")
bad("row10-lf-last-line", f"{G}\r\nHost: @H@\r\n\n")
bad("row10-lf-request-line", f"{G}\nHost: @H@\r\n\r\n")
bad("row10-cr-in-value", msg(G, "X: a\rb"))
bad("row10-cr-last-in-value", msg(G, "X: a\r"))
bad("row10-crcrlf", f"{G}\r\nHost: @H@\r\r\n\r\n")
bad("row10-cr-in-name", msg(G, "X\rY: z"))
for code in (0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0x7f):
    bad(f"row9-value-byte-{code:02x}", msg(G, f"X: a{chr(code)}b"))
for code in (0x09, 0x20, 0x21, 0x22, 0x3a, 0x7e, 0x80, 0xa0, 0xff):
    good(f"row9-value-byte-{code:02x}-good", msg(G, f"X: a{chr(code)}b"), fields=[f"X: a{chr(code)}b"])
for c in '"(),/;<=>?@[\\]{}\x00\x01\x7f\x80\xff':
    bad(f"row9-name-byte-{ord(c):02x}", msg(G, f"X{c}Y: z"))
bad("row9-name-byte-20", msg(G, "X Y: z"))
bad("row9-name-byte-09", msg(G, "X\tY: z"))
good("9110-5.6.2-name-tchars", msg(G, "!#$%&'*+-.^_`|~09azAZ: v"), fields=["!#$%&'*+-.^_`|~09azAZ: v"])
good("9110-5.5-empty-value", msg(G, "X:"), fields=["X:"])
good("9110-5.5-blanks-stripped", msg(G, "X: \t v \t "), fields=["X: v"])
good("9110-5.5-no-blank-behind-colon", msg(G, "X:v"), fields=["X: v"])
good("9110-5.3-order-within-a-name", msg(G, "X: 1", "Y: a", "X: 2", "x: 3"), fields=["X: 1", "X: 2", "X: 3", "Y: a"])
good("9110-5.5-colons-in-value", msg(G, "X: a:b::c"), fields=["X: a:b::c"])
good("2-hundred-fields", msg(G, *[f"X{i}: y" for i in range(99)]), fields=[f"X{i}: y" for i in range(99)])
bad("2-fields-101", msg(G, *[f"X{i}: y" for i in range(100)]), 431)
bad("2-fields-300", msg(G, *[f"X{i}: y" for i in range(299)]), 431)
good("2-field-8000", msg(G, "X: " + "y" * 8000), fields=["X: " + "y" * 8000])
bad("2-field-over-8KiB", msg(G, "X: " + "y" * 8300), 431)
bad("2-field-40KiB", msg(G, "X: " + "y" * 40000), 431)
good("2-name-256", msg(G, "N" * 256 + ": y"), fields=["N" * 256 + ": y"])
bad("2-name-257", msg(G, "N" * 257 + ": y"), 431)
bad("2-head-over-32KiB", msg(G, *[f"X{i}: {'y' * 4000}" for i in range(9)]), 431)
good("2-head-28KiB", msg(G, *[f"X{i}: {'y' * 4000}" for i in range(7)]), fields=[f"X{i}: {'y' * 4000}" for i in range(7)])
bad("row65-xff-64KiB", msg(G, "X-Forwarded-For: " + "1.2.3.4, " * 7000 + "1.2.3.4"), 431)
good("row65-xff-7KiB", msg(G, "X-Forwarded-For: " + "1.2.3.4, " * 780 + "1.2.3.4"))
bad("row27-authorization-twice", msg(G, "Authorization: Basic YTpi", "Authorization: Basic Yzpk"))
bad("row27-proxy-authorization-twice", msg(G, "Proxy-Authorization: Basic YTpi", "Proxy-Authorization: Basic Yzpk"))
good("row27-authorization-once", msg(G, "Authorization: Basic YTpi"), fields=["Authorization: Basic YTpi"])

# ------------------------------------------------------------------ Connection and hop-by-hop (row 19)

for name in ("X-Forwarded-For", "Content-Length", "Transfer-Encoding", "Host", "Via", "Authorization", "Cookie", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto",
             "X-Real-IP", "content-length"):
    bad(f"row19-nominates-{name}", msg(G, f"Connection: {name}", "X-Y: z"))
bad("row19-nominates-host-in-a-list", msg(G, "Connection: keep-alive, X-A , host", "X-A: 1"))
bad("row19-nominates-host-second-line", msg(G, "Connection: keep-alive", "Connection: Host"))
good("row19-nominated-removed", msg(G, "Connection: X-A, x-b", "X-A: 1", "X-B: 2", "X-C: 3"), fields=["X-C: 3"])
good("row19-nominated-two-lines", msg(G, "Connection: X-A", "X-A: 1", "Connection: X-B", "X-B: 2", "X-B: 3", "X-C: 3"), fields=["X-C: 3"])
good("row19-nominated-absent", msg(G, "Connection: X-Z", "X-C: 3"), fields=["X-C: 3"])
good("row19-empty-members", msg(G, "Connection: , ,X-A,, ", "X-A: 1", "X-C: 3"), fields=["X-C: 3"])
good("row19-fixed-list", msg(G, "Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: gzip", "HTTP2-Settings: AAMAAABkAAQAAP__", "X-C: 3"), fields=["X-C: 3"])
good("row15-upgrade-foo-stripped", msg(G, "Connection: Upgrade", "Upgrade: foo"), fields=[])
good("row15-upgrade-h2c-stripped", msg(G, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), fields=[])
good("row15-upgrade-h2c-split", msg(G, "Connection: Upgrade", "Connection: HTTP2-Settings", "Upgrade: h2c,", "Upgrade: foo", "HTTP2-Settings: AAMA"), fields=[])
good("row15-upgrade-without-connection", msg(G, "Upgrade: websocket"), fields=[])
good("row57-proxy-authorization-not-forwarded", msg(G, "Proxy-Authorization: Basic YTpi"), fields=[], modes=FWD)
good("9112-9.3-close", msg(G, "Connection: close"), keep=False)
good("9112-9.3-close-any-case", msg(G, "Connection: CLOSE"), keep=False)
good("9112-9.3-close-in-list", msg(G, "Connection: keep-alive, close"), keep=False)
good("9112-9.3-close-second-line", msg(G, "Connection: X-A", "Connection: close"), keep=False)
good("9112-9.3-keep-alive", msg(G, "Connection: keep-alive"))
good("9112-9.3-10-closes", msg("GET @P@/x HTTP/1.0"), keep=False)
good("9112-9.3-10-keep-alive", msg("GET @P@/x HTTP/1.0", "Connection: keep-alive"))
good("9112-9.3-10-keep-alive-and-close", msg("GET @P@/x HTTP/1.0", "Connection: keep-alive, close"), keep=False)

# ------------------------------------------------------------------ identity (rows 26, 30)

good("row26-identity-fields-dropped", msg(G, "X-Forwarded-For: 6.6.6.6", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "X-Forwarded-Proto: https",
                                          "X-Forwarded-Host: evil.test", "X-C: 3"), fields=["X-C: 3"])
good("row26-client-cert-dropped", msg(G, "X-Forwarded-Client-Cert: Hash=abc", "X-C: 3"), fields=["X-C: 3"])

# ------------------------------------------------------------------ Expect (row 12), methods (rows 16, 21, 56)

bad("row12-expect-other", msg(P, "Expect: 200-ok", "Content-Length: 3", body="abc"), 417)
bad("row12-expect-list", msg(P, "Expect: 100-continue, x", "Content-Length: 3", body="abc"), 417)
bad("row12-expect-twice", msg(P, "Expect: 100-continue", "Expect: 100-continue", "Content-Length: 3", body="abc"), 417)
bad("row12-expect-folded", msg("OPTIONS @P@/x HTTP/1.1", "Expect:\r\n 100-continue", "Content-Length: 3", body="abc"))
bad("row12-expect-empty", msg(P, "Expect: ", "Content-Length: 3", body="abc"), 417)
bad("row12-expect-params", msg(P, "Expect: 100-continue;a=b", "Content-Length: 3", body="abc"), 417)
bad("row21-trace", msg("TRACE @P@/x HTTP/1.1", "Cookie: secret=1"), 405, keep=True)
bad("row21-trace-max-forwards-0", msg("TRACE @P@/x HTTP/1.1", "Max-Forwards: 0", "Cookie: secret=1"), 405, keep=True)
bad("9110-9.3.6-connect-to-a-gateway", "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", 405, modes=REV, keep=True)
bad("row16-connect-with-length", "CONNECT @H@ HTTP/1.1\r\nHost: @H@\r\nContent-Length: 3\r\n\r\nabc", (400, 405))
bad("row16-connect-with-chunked", "CONNECT @H@ HTTP/1.1\r\nHost: @H@\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400, 405))
bad("row56-connect-no-port", "CONNECT 127.0.0.1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", modes=FWD)
bad("row56-connect-port-0", "CONNECT 127.0.0.1:0 HTTP/1.1\r\nHost: 127.0.0.1:0\r\n\r\n", modes=FWD)
bad("row56-connect-port-65536", "CONNECT 127.0.0.1:65536 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", modes=FWD)
bad("9112-3.2.3-connect-absolute", "CONNECT http://@H@/ HTTP/1.1\r\nHost: @H@\r\n\r\n", modes=FWD)
bad("9112-3.2.3-connect-path", "CONNECT /x HTTP/1.1\r\nHost: @H@\r\n\r\n", modes=FWD)
bad("9112-3.2.3-connect-empty-host", "CONNECT :443 HTTP/1.1\r\nHost: @H@\r\n\r\n", modes=FWD)
bad("9112-3.2.3-authority-with-get", "GET @H@ HTTP/1.1\r\nHost: @H@\r\n\r\n")

# ------------------------------------------------------------------ bodies where few expect them (row 11)

for m in ("GET", "DELETE", "OPTIONS", "PATCH", "PUT"):
    good(f"row11-{m}-with-body", msg(f"{m} @P@/x HTTP/1.1", "Content-Length: 3", body="abc"), f"{m} /x HTTP/1.1", ["Content-Length: 3"], "abc")
good("9112-6.3-post-without-length", msg(P), "POST /x HTTP/1.1")
good("row11-get-chunked", msg("GET @P@/x HTTP/1.1", T, body="3\r\nabc\r\n" + C0), "GET /x HTTP/1.1", [T], "abc")
good("row11-get-body-that-is-a-request", msg("GET @P@/x HTTP/1.1", "Content-Length: 35", body="GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
     "GET /x HTTP/1.1", ["Content-Length: 35"], "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")

# ------------------------------------------------------------------ read once more against RFC 9112, 9110 and 3986

bad("row22-empty-target", f"GET  HTTP/1.1{CRLF}Host: @H@{CRLF * 2}")
bad("row22-lf-cr-instead-of-cr-lf", f"GET @P@/x HTTP/1.1\n\rHost: @H@\n\r\n\r")
bad("row22-byte-order-mark-first", b"\xef\xbb\xbf" + msg().encode())
bad("row22-tls-hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64))
bad("row22-method-empty-line-inside", f"GET{CRLF}@P@/x HTTP/1.1{CRLF}Host: @H@{CRLF * 2}")
bad("row22-response-as-request", f"HTTP/1.1 200 OK{CRLF}Content-Length: 0{CRLF * 2}")
for name, c in {"quote": '"', "less": "<", "greater": ">"}.items():
    bad(f"3986-2-path-{name}", msg(f"GET @P@/a{c}b HTTP/1.1"))
    bad(f"3986-3.4-query-{name}", msg(f"GET @P@/a?b{c}c HTTP/1.1"))
# Not in the grammar of RFC 3986, but browsers send them (WHATWG), and no two readers take them for different things.
for name, c in {"caret": "^", "grave": "`", "open-brace": "{", "pipe": "|", "close-brace": "}"}.items():
    good(f"3986-2-path-{name}-as-browsers-send-it", msg(f"GET @P@/a{c}b HTTP/1.1"), f"GET /a{c}b HTTP/1.1")
    good(f"3986-3.4-query-{name}-as-browsers-send-it", msg(f"GET @P@/a?b{c}c HTTP/1.1"), f"GET /a?b{c}c HTTP/1.1")
for name, query in {"broken-escape": "b=%zz", "half-escape": "b=%2", "nul-escaped": "b=%00"}.items():
    good(f"row22-query-{name}-is-the-applications", msg(f"GET @P@/a?{query} HTTP/1.1"), f"GET /a?{query} HTTP/1.1")
bad("row22-query-ctl", msg("GET @P@/a?b=\x01 HTTP/1.1"))
bad("row22-query-high-byte", msg("GET @P@/a?b=\xe9 HTTP/1.1"))
for name, path in {"overlong-slash": "/a%c0%afb", "escaped-dots-once-more": "/%252e%252e/b", "fullwidth-dots": "/%ef%bc%8e%ef%bc%8e/b"}.items():
    good(f"row25-never-decoded-twice-{name}", msg(f"GET @P@{path} HTTP/1.1"), f"GET {path} HTTP/1.1")
bad("9112-3.2-1.1-without-host-though-absolute", msg("GET http://@H@/x HTTP/1.1", host=None), modes=FWD)
bad("9112-3.2.3-connect-lower-case-is-another-method", "connect @H@ HTTP/1.1\r\nHost: @H@\r\n\r\n")
bad("9112-3.2.3-connect-userinfo", "CONNECT u@127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("9112-3.2.3-connect-slash-behind", "CONNECT 127.0.0.1:443/ HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("9112-3.2.3-connect-query", "CONNECT 127.0.0.1:443?x HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("9112-3.2.3-connect-asterisk", "CONNECT * HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("row56-connect-port-letters", "CONNECT 127.0.0.1:443x HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("row56-connect-port-sign", "CONNECT 127.0.0.1:+443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("row56-connect-port-empty", "CONNECT 127.0.0.1: HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("row56-connect-two-ports", "CONNECT 127.0.0.1:443:25 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("row23-connect-bare-ip6", "CONNECT ::1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", modes=FWD)
bad("row60-https-to-a-plain-proxy", msg("GET https://@H@/x HTTP/1.1"))
bad("row60-ws", msg("GET ws://@H@/x HTTP/1.1"))
bad("row22-absolute-backslash", msg("GET http:\\\\@H@/x HTTP/1.1"))
bad("row22-absolute-fragment", msg("GET http://@H@/x#y HTTP/1.1"))
bad("row23-absolute-zone", msg("GET http://[fe80::1%25lo]/x HTTP/1.1"))
for name, value in {"zone": "[fe80::1%25lo]", "future": "[v1.a]", "dots": "a..test", "dot-first": ".a.test", "only-dot": ".", "asterisk": "*.test",
                    "long": "a." * 150 + "test", "semicolon": "a.test;x", "port-only": ":80", "port-blank": "a.test: 80", "percent": "a%00.test", "tab": "a\t.test",
                    "port-six-digits": "a.test:000080", "ip4-brackets": "[10.0.0.1]", "escaped": "a%2etest", "empty": ""}.items():
    bad(f"row23-host-{name}", msg(host=value), modes=REV)
good("9110-7.2-host-blanks-around", f"GET @P@/x HTTP/1.1{CRLF}Host: \t @H@ \t{CRLF * 2}")
good("row2-cl-leading-zeros", msg(P, "Content-Length: 003", body="abc"), "POST /x HTTP/1.1", ["Content-Length: 003"], "abc")
bad("row2-cl-twice-other-case", msg(P, "Content-Length: 3", "CONTENT-LENGTH: 3", body="abc"))
bad("row2-cl-thrice-apart", msg(P, "Content-Length: 3", "X: y", "content-length: 3", "Z: w", "Content-length: 3", body="abc"))
bad("row2-cl-folded", msg(P, "Content-Length:\r\n 3", body="abc"))
bad("row2-cl-cr-inside", msg(P, "Content-Length: 3\r0", body="abc"))
bad("row2-cl-space-first", f"{P}{CRLF} Content-Length: 3{CRLF}Host: @H@{CRLF * 2}abc")
good("9112-6.3-10-length", msg("POST @P@/x HTTP/1.0", "Content-Length: 3", body="abc"), "POST /x HTTP/1.1", ["Content-Length: 3"], "abc", keep=False)
bad("row1-te-cl-other-case", msg(P, "TRANSFER-ENCODING: chunked", "content-length: 3", body=C0))
bad("row3-te-escaped-line-end", msg(P, "Transfer-Encoding: chunked\\r\\n", body=C0), (400, 501))
bad("row3-te-thrice-with-empty", msg(P, "Transfer-Encoding: chunked", "Transfer-Encoding: ", body=C0), (400, 501))
bad("row3-te-empty-then-chunked", msg(P, "Transfer-Encoding:", "Transfer-Encoding: chunked", body=C0), (400, 501))
bad("row3-te-utf8-blank", msg(P, "Transfer-Encoding: \xa0chunked", body=C0), (400, 501))
bad("row3-te-name-high-byte", msg(P, "Transfer-Encoding\xa0: chunked", body=C0))
bad("row3-te-name-nul", msg(P, "Transfer-Encoding\x00: chunked", body=C0))
chunk_good("row8-trailer-passes-behind-the-body", "3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\n", "abc")
chunk_good("row6-ext-tab-in-quotes", '1;a="b\tc"\r\nZ\r\n' + C0, "Z")
chunk_good("row6-ext-high-byte-in-quotes", '1;a="\xe4"\r\nZ\r\n' + C0, "Z")
chunk_bad("row6-ext-blank-before", "1 ;a=b\r\nZ\r\n" + C0)
chunk_bad("row6-ext-blank-behind", "1; a=b\r\nZ\r\n" + C0)
chunk_bad("row6-ext-empty-name-with-value", "1;=b\r\nZ\r\n" + C0)
chunk_bad("row6-ext-bad-name", "1;a(b=c\r\nZ\r\n" + C0)
chunk_bad("row6-ext-bad-value", "1;a=b@c\r\nZ\r\n" + C0)
chunk_bad("row6-ext-behind-quotes", '1;a="b"c\r\nZ\r\n' + C0)
chunk_bad("row6-ext-escaped-line-end", '1;a="b\\\r\nZ\r\n' + C0)
chunk_bad("row6-ext-del-in-quotes", '1;a="\x7f"\r\nZ\r\n' + C0)
chunk_bad("row5-crlf-before-size", "\r\n1\r\nZ\r\n" + C0)
chunk_bad("row5-crlf-twice-behind-data", "1\r\nZ\r\n\r\n" + C0)
chunk_bad("row5-nul-behind-data", "1\r\nZ\x00\r\n" + C0)
chunk_bad("row4-size-high-byte", "\xb1\r\nZ\r\n" + C0)
chunk_bad("row5-last-chunk-then-request", "1\r\nZ\r\n0\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
for name, line in {"expect": "Expect: 100-continue", "set-cookie": "Set-Cookie: a=b", "content-type": "Content-Type: a/b", "trailer": "Trailer: x", "upgrade": "Upgrade: x",
                   "proxy-authorization": "Proxy-Authorization: Basic eA==", "range": "Range: bytes=0-1", "max-forwards": "Max-Forwards: 0", "client-cert": "X-Forwarded-Client-Cert: x",
                   "tab-before-colon": "X\t: y", "leading-blank": " X: y", "del": "X: \x7f"}.items():
    chunk_bad(f"row8-trailer-{name}", f"1\r\nZ\r\n0\r\n{line}\r\n\r\n")
chunk_bad("row8-trailer-101-lines", "1\r\nZ\r\n0\r\n" + "".join(f"X{i}: y\r\n" for i in range(101)) + CRLF, (400, 431))
bad("row4-chunk-over-10MiB-announced", msg(P, T, body="A00001\r\n"), 413, modes=REV, partial=True, tail=False)
bad("row10-host-folded", f"{G}{CRLF}Host:{CRLF} @H@{CRLF * 2}")
bad("row10-blank-line-of-blanks", f"{G}{CRLF}Host: @H@{CRLF} {CRLF}X: y{CRLF * 2}")
bad("row10-tab-first-line", f"{G}{CRLF}\tX: y{CRLF}Host: @H@{CRLF * 2}")
bad("row9-nul-line", f"{G}{CRLF}Host: @H@{CRLF}\x00{CRLF * 2}")
bad("row9-request-line-as-field", f"{G}{CRLF}Host: @H@{CRLF}GET /smuggled HTTP/1.1{CRLF * 2}")
bad("row9-colon-only", msg(G, ":"))
bad("row10-cr-lf-apart-in-the-end", f"{G}{CRLF}Host: @H@{CRLF}\r X{CRLF}")
for name in ("X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-By", "X-Forwarded-Client-Cert", "x-real-ip"):
    bad(f"row19-nominates-{name}-too", msg(G, f"Connection: {name}", "X-Y: z"))
for name, value in {"not-a-token": "a b", "quoted": '"close"', "parenthesis": "(close)", "param": "close;q=1"}.items():
    good(f"row19-{name}-nominates-nothing", msg(G, f"Connection: {value}", "X-Y: z", "a: 1"), fields=["X-Y: z", "a: 1"])
good("row19-close-nominated-with-others", msg(G, "Connection: close, X-A", "X-A: 1", "X-C: 3"), fields=["X-C: 3"], keep=False)
good("row19-thirty-names", msg(G, "Connection: " + ", ".join(f"X-{i}" for i in range(30)), *[f"X-{i}: y" for i in range(30)], "Y: z"), fields=["Y: z"])
bad("row19-hundred-names", msg(G, "Connection: " + ", ".join(f"X-{i}" for i in range(100)), *[f"X-{i}: y" for i in range(90)], "Y: z"), 431)
good("row19-te-trailers-is-ours-to-say", msg(G, "TE: trailers;q=0.5, gzip", "Connection: TE", "X-C: 3"), fields=["TE: trailers", "Connection: TE", "X-C: 3"])
good("9112-9.3-10-proxy-connection-means-nothing", msg("GET @P@/x HTTP/1.0", "Proxy-Connection: keep-alive"), keep=False)
good("row26-forwarding-fields-of-strangers-dropped", msg(G, "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /evil", "X-Forwarded-By: 6.6.6.6", "X-Forwarded-For: 6.6.6.6",
                                                         "x-forwarded-for: 7.7.7.7", "X-C: 3"), fields=["X-C: 3"])
good("9110-5.3-cookie-lines-in-order", msg(G, "Cookie: a=1", "X: y", "Cookie: b=2"), fields=["Cookie: a=1", "Cookie: b=2", "X: y"])
good("9110-14-range-passes", msg(G, "Range: bytes=0-1,5-", 'If-Range: "a"'), fields=["Range: bytes=0-1,5-", 'If-Range: "a"'])
good("row20-range-nonsense-passes-uninterpreted", msg(G, "Range: bytes=-9223372036854775808,0-"), fields=["Range: bytes=-9223372036854775808,0-"])
good("9110-10.1.1-expect-on-10-means-nothing", msg("GET @P@/x HTTP/1.0", "Expect: 100-continue"), keep=False)
good("9110-10.1.1-expect-without-a-body", msg(G, "Expect: 100-continue"), fields=["Expect: 100-continue"])
