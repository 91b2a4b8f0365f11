"""Programs that read other servers' logs read ours: GoAccess, Analog, Webalizer and Calamaris, on logs of hostile traffic."""
import json
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import Client
from tests.flow.lib.origin import reply
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
    gone(port, head(pre + "/late", origin.address), origin)
    return len(requests) + 1


def gone(port, data, origin):
    """A client that does not wait for its answer: Squid's status 000."""
    mark = origin.mark()
    c = Client(port)
    c.send(data)
    wait_for(lambda: origin.since(mark).requests, 5)
    c.reset()


@pytest.fixture(scope="module")
def logs(launch, origin):
    """format -> its file: forward traffic for squid and combined, reverse for combined and common."""
    out = {}
    origin.on("/late", [lambda conn: time.sleep(0.5), reply()])
    for mode, format in (("forward", "squid"), ("reverse", "combined"), ("reverse", "common"), ("reverse", "squid")):
        port = free_port()
        conf = {"forward": lambda: config.forward(port, telemetry={"access_log": {"format": format}}),
                "reverse": lambda: config.reverse(port, origin.address, telemetry={"access_log": {"format": format}})}[mode]()
        proxy = launch(conf, f"{mode}-{format}")
        sent = traffic(mode, port, origin)
        wait_for(lambda: len(proxy.access.read_bytes().splitlines()) >= sent - 2, 5)
        out[mode, format] = proxy.access
    return out


README = (Path(__file__).parents[3] / "README.md").read_text()
BOTH = pytest.mark.parametrize("mode,format", [("reverse", "combined"), ("reverse", "common"), ("forward", "squid"), ("reverse", "squid")])


def advised(program, format):
    """The options README gives for it, as a shell would split them."""
    line, = re.findall(rf"^    {program} [^\n]*access\.{format}\b[^\n]*$", README, re.M)
    return [x for x in shlex.split(line)[1:] if not x.startswith("access.")]


def goaccess(path, tmp_path, *format):
    """(valid, refused lines)"""
    r = subprocess.run([have("goaccess"), str(path), *format, "--no-global-config", "--no-progress", "-o", "out.json",
                        "--invalid-requests=refused"], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert r.returncode == 0, r
    refused = (tmp_path / "refused").read_text().splitlines() if (tmp_path / "refused").exists() else []
    return json.loads((tmp_path / "out.json").read_text())["general"]["valid_requests"], refused


def count(path):
    return len(path.read_text().splitlines())


def test_the_logs_hold_the_worst_of_each(logs):
    squid, combined = (logs[x].read_text() for x in (("forward", "squid"), ("reverse", "combined")))
    assert "TCP_MISS_ABORTED/000" in squid and " - error:invalid-request " in squid and " B@D " in squid and "x" * 1400 in squid
    assert '"-" 400' in combined and '"B@D /m' in combined and "x" * 1400 in combined


@BOTH
def test_goaccess(logs, tmp_path, mode, format):
    path = logs[mode, format]
    options = ["--log-format=COMMON"] if format == "common" else advised("goaccess", format)
    assert goaccess(path, tmp_path, *options) == (count(path), [])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_goaccess_with_methods_refuses_only_what_never_was_a_request(logs, tmp_path, mode):
    """It knows methods by name; Squid's log has none there either."""
    lines = logs[mode, "squid"].read_text().splitlines()
    options = [x.replace("%b %^ %U", "%b %m %U") for x in advised("goaccess", "squid")]
    valid, refused = goaccess(logs[mode, "squid"], tmp_path, *options)
    never = [x for x in lines if x.split()[5] in ("-", "B@D")]
    assert len(never) == 6 and sorted(refused) == sorted(never) and valid == len(lines) - len(never), refused


def test_goaccess_preset_for_squid_by_syslog(logs, tmp_path):
    """Its SQUID is Squid's format behind syslog's head, and has methods."""
    path = tmp_path / "messages"
    lines = [x for x in logs["forward", "squid"].read_text().splitlines() if x.split()[5] not in ("-", "B@D")]
    path.write_text("".join(f"Nov 24 09:01:11 host squid[1]: {x}\n" for x in lines))
    assert goaccess(path, tmp_path, "--log-format=SQUID", "--no-strict-status") == (len(lines), [])


@BOTH
def test_analog(logs, tmp_path, mode, format):
    path = logs[mode, format]
    options = ["+C" + x for x in ("OUTFILE out", "OUTPUT COMPUTER", "SEARCHWORD OFF", "OSREP OFF", "SEARCHQUERY OFF")]
    formats = ["+CLOGFORMAT COMMON"] if format == "common" else advised("analog", format)
    r = subprocess.run([have("analog"), "-G", *formats, f"+CLOGFILE {path}", *options], cwd=tmp_path, capture_output=True,
                       text=True, timeout=20)
    assert r.returncode == 0 and [x for x in r.stderr.splitlines() if "Warning" in x] == [], r
    general = dict(x.split("\t")[1:3] for x in (tmp_path / "out").read_text().splitlines() if x.startswith("x\t"))
    assert int(general["SR"]) + int(general["FL"]) == count(path) and int(general.get("CL", 0)) == 0, general


@BOTH
def test_webalizer(logs, tmp_path, mode, format):
    path = logs[mode, format]
    r = subprocess.run([have("webalizer"), "-F", "squid" if format == "squid" else "clf", "-n", "x", "-p", "-o", str(tmp_path),
                        str(path)], capture_output=True, text=True, timeout=20, env={"LC_ALL": "C", "PATH": "/usr/bin"})
    said = r.stdout + r.stderr
    assert re.search(rf"\b{count(path)} records in", said), said
    # It keeps 4 KiB of a line, but 1 KiB of a request: the two long ones are counted, and cut with a word.
    assert [x for x in said.splitlines() if re.search("warning|error|skip|ignor|bad", x, re.I)] == \
        [f"Warning: Truncating oversized request field [{n}]" for n in (7, 8)], said


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_calamaris(logs, mode):
    path = logs[mode, "squid"]
    r = subprocess.run([have("calamaris"), "-a"], input=path.read_text(), capture_output=True, text=True, timeout=20)
    n = count(path)
    assert r.stderr == "" and re.search(rf"lines parsed: +lines +{n} ", r.stdout), r
    assert re.search(r"invalid lines: +lines +0 ", r.stdout), r.stdout[:1000]
