"""Logs that cannot be written: said at the start and at a reload, survived while serving, and taken up again."""
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.flow.lib import config
from tests.flow.lib.client import get
from tests.flow.lib.proxy import Proxy, run, wait_for

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("key", ["process.log", "telemetry.access_log.path"])
@pytest.mark.parametrize("place, why", [("none/x.log", "No such file or directory"), ("folder", "Is a directory"),
                                        ("dangling", "No such file or directory")])
def test_a_start_without_its_log_fails_and_says_which(tmp_path, key, place, why):
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere/x")
    path = tmp_path / place
    text = f'process = {{ log = "{path}"; }};' if key == "process.log" else \
        f'telemetry = {{ access_log = {{ path = "{path}"; }}; }};'
    file = tmp_path / "p.conf"
    file.write_text(f'mode = "forward"; listeners = ( {{ bind = [ "127.0.0.1:0" ]; }} );\n{text}\n'
                    .replace('"127.0.0.1:0"', '"127.0.0.1:3999"'))
    r = run("-f", "-c", file, cwd=tmp_path)
    assert r.returncode == 1 and f"{key}: cannot open '{path}' for writing: {why}" in r.stderr, r


def test_a_reload_whose_log_cannot_be_opened_changes_nothing(instances, tmp_path):
    p = instances(Proxy, "logs", {})
    before = p.conf
    for section in ({"process": {"log": str(tmp_path / "none/event.log")}},
                    {"telemetry": {"access_log": {"path": str(tmp_path / "none/access.log")}}}):
        r = p.reload(config.merged(before, section))
        assert r.returncode == 1 and "cannot open" in r.stderr and "none/" in r.stderr, r
        assert p.status()["generation"] == 1
    assert get(p.port, "/still").status == 200
    p.records(lambda r: r["path"] == "/still" if "path" in r else "/still" in str(r))
    assert p.reload(before).returncode == 0


def test_rotation_into_a_folder_that_is_gone_keeps_the_old_files(instances, scratch):
    """A rotation that goes wrong loses no line: what was open stays open until the place is back."""
    folder = scratch / "rotated"
    folder.mkdir()
    folder.chmod(0o777)
    p = instances(Proxy, "logs", {"process": {"log": str(folder / "event.log")},
                                  "telemetry": {"access_log": {"path": str(folder / "access.log")}}})
    aside = folder.with_name("rotated-aside")
    folder.rename(aside)
    p.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: "log files: process.log: cannot open" in (aside / "event.log").read_text(), 5)
    assert get(p.port, "/lost").status == 200
    wait_for(lambda: "/lost" in (aside / "access.log").read_text(), 5)
    folder.mkdir()
    folder.chmod(0o777)
    p.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: (folder / "access.log").exists() and (folder / "event.log").exists(), 5)
    wait_for(lambda: get(p.port, "/found").status == 200 and "/found" in (folder / "access.log").read_text(), 5)
    assert "/lost" not in (folder / "access.log").read_text()


# ------------------------------------------------------------------ a full disk (SECURITY.md F6)

DISK = 256 * 1024
MOUNT = 'mount -t tmpfs -o size=256k,mode=1777 none "$1" && shift && exec "$@"'


def namespace():
    return ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-m", "-U", "--map-current-user", "--keep-caps"]


def mounting(folder):
    return [*namespace(), "sh", "-c", MOUNT, "sh", str(folder)]


def test_a_full_disk_costs_log_lines_and_no_request(instances, scratch, figure):
    folder = scratch / "disk"
    folder.mkdir()
    if subprocess.run([*mounting(folder), "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a tmpfs in a namespace of its own")
    p = instances(Proxy, "disk", {"telemetry": {"access_log": {"path": str(folder / "access.log")}}},
                  prefix=mounting(folder))
    inside = Path(f"/proc/{p.pid}/root{folder}")
    log = inside / "access.log"
    get(p.port, "/first")
    wait_for(lambda: "/first" in log.read_text(), 5)

    ballast = inside / "ballast"
    with open(ballast, "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass                        # full
    sent = 0
    full = log.stat().st_size
    while p.status()["counters"].get("journal_dropped_total", 0) == 0:
        assert sent < 3000, (log.stat().st_size, p.status()["counters"])
        for _ in range(50):
            assert get(p.port, f"/full{sent}").status == 200
            sent += 1
    assert log.stat().st_size <= full + 4096
    wait_for(lambda: "records dropped: No space left on device" in p.log(), 5)
    assert p.log().count("records dropped") <= 2, "a full disk must not fill the event log, too"

    ballast.unlink()
    wait_for(lambda: get(p.port, "/again").status == 200 and "/again" in log.read_text(), 10)
    lines = log.read_bytes().split(b"\n")
    assert lines[-1] == b"" or not lines[-1].endswith(b"}")
    torn = [x for x in lines[:-1] if not (x.startswith(b"{") and x.endswith(b"}"))]
    assert len(torn) <= 1, torn
    figure(f"{sent} requests on a full disk, {p.status()['counters']['journal_dropped_total']} lines dropped, "
           f"{len(torn)} torn, 0 requests failed")
