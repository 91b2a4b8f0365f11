"""A network of its own: runs a plan inside `unshare -n` and prints what happened as JSON.

The plan: addresses put on lo, listeners there that count connections, one real origin, names, one proxyd, requests.
Nothing leaves the machine, and public addresses can be dialled without anybody being there.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]


def available():
    return subprocess.run([*_unshare(), "true"], capture_output=True).returncode == 0


def _unshare():
    return ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-Un", "--map-current-user", "--keep-caps"]


def run(plan, folder, timeout=110):
    """Plays the plan in a namespace of its own; returns the results by step id."""
    p = subprocess.run([*_unshare(), sys.executable, "-m", "tests.flow.lib.lab"], cwd=TOP, text=True, timeout=timeout,
                       input=json.dumps({**plan, "folder": str(folder)}), capture_output=True)
    if p.returncode != 0:
        raise AssertionError(f"the laboratory failed:\n{p.stdout[-3000:]}\n{p.stderr[-6000:]}")
    return json.loads(p.stdout)


def _network(addresses):
    def ip(*args):
        subprocess.run(["ip", *args], check=True)
    ip("link", "set", "lo", "up")
    for a in dict.fromkeys(addresses):
        if not a.startswith("127.") and a != "::1":
            ip("addr", "add", f"{a}/{128 if ':' in a else 32}", "dev", "lo", *(["nodad"] if ":" in a else []))


def _names(plan, folder):
    from .dns import Dns
    from .peers import dnsmasq

    def alternating(first, second):
        return lambda name, kind, nth: [(first, second)[nth % 2]] if kind == 1 else []
    changing = Dns({n: alternating(*v) for n, v in plan.get("rebinding", {}).items()})
    extra = [f"--server=/{n}/127.0.0.1#{changing.port}" for n in plan.get("rebinding", {})] + ["--cache-size=0"]
    return dnsmasq(folder, plan.get("names", {}), port=53, extra=extra)


def _step(step, port):
    from .client import Client
    from .message import Ended, Malformed
    out = {"status": None, "body": "", "fields": [], "end": None}
    try:
        with Client(port, timeout=12) as c:
            c.send(step["raw"])
            r = c.response(step.get("method", "GET"))
            out.update(status=r.status, body=r.body.decode("latin-1"), fields=r.head.fields)
            if step.get("method") == "CONNECT" and r.status == 200:
                c.send(b"GET /in HTTP/1.1\r\nHost: x\r\n\r\n")
                out["body"] = c.response().body.decode("latin-1")
    except Ended as e:
        out["end"] = e.how
    except (OSError, Malformed) as e:
        out["end"] = repr(e)
    return out


def main():
    from .origin import Counter, Origin, reply
    from .proxy import Proxy
    plan = json.load(sys.stdin)
    folder = Path(plan["folder"])
    _network(plan["addresses"] + [a for a, _ in plan["origins"]])
    counters = [Counter(a, p) for a in plan["addresses"] for p in plan["ports"]]
    origins = [Origin(a, p) for a, p in plan["origins"]]
    for o in origins:
        o.script = [reply("control")]
    dns = _names(plan, folder)
    proxy = Proxy(folder / "proxy", plan["conf"], name="lab").start()
    results = {}
    try:
        for step in plan["steps"]:
            before, reached = [c.count for c in counters], sum(len(o.requests) for o in origins)
            r = _step(step, plan["port"])
            r["dialled"] = [c.host for c, n in zip(counters, before) if c.count != n]
            r["reached"] = sum(len(o.requests) for o in origins) - reached
            results[step["id"]] = r
        results["late"] = [c.host for c in counters if c.count] if plan.get("none_dialled") else []
    finally:
        try:
            proxy.stop()
        finally:
            dns.stop()
    results["log"] = proxy.all_records()
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
