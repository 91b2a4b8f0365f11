"""Debian's Squid beside proxyd: forward on one port, in front of one origin on another, its native log."""
import os
from pathlib import Path

from .peers import Peer
from .ports import free_port
from .proxy import have, wait_for

CONF = """
http_port 127.0.0.1:{port}
http_port 127.0.0.1:{accel} accel defaultsite=front.test name=front
acl front myportname front
cache_peer {host} parent {origin} 0 no-query no-digest no-netdb-exchange originserver name=app
cache_peer_access app allow front
cache_peer_access app deny all
never_direct allow front
always_direct allow !front
acl denied dstdomain denied.test
http_access deny denied
http_access allow all
cache deny all
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log squid
strip_query_terms off
pid_filename {folder}/pid
coredump_dir {folder}
pinger_enable off
netdb_filename none
shutdown_lifetime 0 seconds
visible_hostname squid
connect_retries 0
max_filedescriptors 1024
{user}
"""


class Squid(Peer):
    """`port` is the forward one, `accel` the other; `lines()` is the access log."""

    def __init__(self, tmp, origin):
        folder = Path(tmp) / "squid"
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
        host, _, port = origin.rpartition(":")
        self.access, self.accel = folder / "access.log", free_port()
        forward = free_port()
        (folder / "conf").write_text(CONF.format(
            port=forward, accel=self.accel, host=host, origin=port, folder=folder,
            user="cache_effective_user proxy" if os.getuid() == 0 else ""))
        super().__init__([have("squid"), "-N", "-f", str(folder / "conf")], folder, forward)

    def lines(self):
        return self.access.read_text(errors="replace").splitlines() if self.access.exists() else []

    def line(self, what):
        """The one line that what() adds; connections that ended without a request are none."""
        def count():
            return [x for x in self.lines() if "transaction-end-before-headers" not in x]
        before = len(count())
        what()
        return wait_for(lambda: count()[before:], 5)[0]
