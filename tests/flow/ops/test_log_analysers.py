"""Programs that read other servers' logs read ours: GoAccess, Webalizer and Calamaris, on a log made by hostile traffic."""
import json
import re
import subprocess

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.ports import free_port
from tests.flow.lib.proxy import have, wait_for

LONG = "/" + "x" * 8000
TARGETS = ["/", "/plain.html", "/a%20b?q=%22quoted%22&r='s'", "/a|b^c`d{e}", "/a;b,c=d~e", "/?token=secret", LONG, LONG + "?q=" + "y" * 100,
           "/caf%C3%A9", "/..%2f..%2fetc/passwd", "/<script>alert(1)</script>", '/"', "/\\", "/%00", "/%0d%0aSet-Cookie:x"]
RAW = ["/café", "/a\x01b", "/a\x7fb", "/\x1b[31m", "/a b"]
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/115.0", 'quote " and \\ and \\"', "ÜTF-8 ☃ agent", "tab\tinside",
          "[bracket] {brace}", "", "-", "x" * 3000, '" 200 1 "-" "forged']
REFERERS = ["http://from.example/a?b=c", 'http://q.example/"', "http://ü.example/☃", "", "http://u:p@h.example/?password=x", "%"]


def head(target, host, agent="x", referer="", method="GET"):
    text = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nReferer: {referer}\r\n\r\n"
    return text.encode("utf-8")


def drain(sock):
    try:
        while sock.recv(65536):
            pass
    except OSError:
        pass


def traffic(mode, port, origin):
    """Each request on a connection of its own, whatever becomes of it; how many were sent."""
    pre = "" if mode == "reverse" else f"http://{origin.address}"
    requests = [head(pre + t, origin.address) for t in TARGETS + RAW]
    requests += [head(pre + "/agent", origin.address, agent=a) for a in AGENTS]
    requests += [head(pre + "/referer", origin.address, referer=r) for r in REFERERS]
    requests += [head(pre + "/m", origin.address, method=m) for m in ("HEAD", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "get", "B@D")]
    requests += [b"\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"]
    requests += [head("127.0.0.1:1", "127.0.0.1:1", method="CONNECT"), head(origin.address, origin.address, method="CONNECT")]
    for data in requests:
        with Client(port) as c:
            c.send(data)
            c.half_close()
            drain(c.sock)
    return len(requests)


@pytest.fixture(scope="module")
def logs(launch, origin):
    """format -> its file: forward traffic for squid and combined, reverse for combined and common."""
    out = {}
    for mode, format in (("forward", "squid"), ("reverse", "combined"), ("reverse", "common"), ("reverse", "squid")):
        port = free_port()
        conf = {"forward": lambda: config.forward(port, telemetry={"access_log": {"format": format}}),
                "reverse": lambda: config.reverse(port, origin.address, telemetry={"access_log": {"format": format}})}[mode]()
        proxy = launch(conf, f"{mode}-{format}")
        sent = traffic(mode, port, origin)
        wait_for(lambda: len(proxy.access.read_bytes().splitlines()) >= sent - 2, 5)
        out[mode, format] = proxy.access
    return out


# GoAccess 1.7 expects its own SQUID preset behind syslog's head; this is the same for the file as Squid writes it.
GOACCESS = {"combined": ["--log-format=COMBINED"], "common": ["--log-format=COMMON"],
            "squid": ["--log-format=%x.%^ %~%L %h %^/%s %b %m %U %^", "--datetime-format=%s"]}


def goaccess(path, tmp_path, *format):
    """(valid, refused lines)"""
    r = subprocess.run([have("goaccess"), str(path), *format, "--no-global-config", "--no-progress", "-o", "out.json",
                        "--invalid-requests=refused"], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert r.returncode == 0, r
    refused = (tmp_path / "refused").read_text().splitlines() if (tmp_path / "refused").exists() else []
    return json.loads((tmp_path / "out.json").read_text())["general"]["valid_requests"], refused


@pytest.mark.parametrize("mode,format", [("reverse", "combined"), ("reverse", "common"), ("forward", "squid"), ("reverse", "squid")])
def test_goaccess(logs, tmp_path, mode, format):
    lines = logs[mode, format].read_text().splitlines()
    valid, refused = goaccess(logs[mode, format], tmp_path, *GOACCESS[format])
    # It knows methods by name: what never was a request has none in Squid's log, and is refused there as well.
    never = [x for x in lines if format == "squid" and x.split()[5] in ("-", "B@D")]
    assert sorted(refused) == sorted(never) and valid == len(lines) - len(never), refused


def test_goaccess_preset_for_squid_by_syslog(logs, tmp_path):
    path = tmp_path / "messages"
    lines = [x for x in logs["forward", "squid"].read_text().splitlines() if x.split()[5] not in ("-", "B@D")]
    path.write_text("".join(f"Nov 24 09:01:11 host squid[1]: {x}\n" for x in lines))
    assert goaccess(path, tmp_path, "--log-format=SQUID") == (len(lines), [])


@pytest.mark.parametrize("mode,format", [("reverse", "combined"), ("reverse", "common"), ("forward", "squid"), ("reverse", "squid")])
def test_webalizer(logs, tmp_path, mode, format):
    path = logs[mode, format]
    r = subprocess.run([have("webalizer"), "-F", "squid" if format == "squid" else "clf", "-n", "x", "-p", "-o", str(tmp_path),
                        str(path)], capture_output=True, text=True, timeout=20, env={"LC_ALL": "C", "PATH": "/usr/bin"})
    said = r.stdout + r.stderr
    assert re.search(rf"\b{len(path.read_text().splitlines())} records in", said), said
    # It keeps 4 KiB of a line, but 1 KiB of a request: the two long ones are counted and cut.
    assert [x for x in said.splitlines() if re.search("warning|error|skip|ignor|bad", x, re.I)] == \
        [f"Warning: Truncating oversized request field [{n}]" for n in (7, 8)], said


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_calamaris(logs, mode):
    path = logs[mode, "squid"]
    r = subprocess.run([have("calamaris"), "-a"], input=path.read_text(), capture_output=True, text=True, timeout=20)
    n = len(path.read_text().splitlines())
    assert r.stderr == "" and re.search(rf"lines parsed: +lines +{n} ", r.stdout), r
    assert re.search(r"invalid lines: +lines +0 ", r.stdout), r.stdout[:1000]
