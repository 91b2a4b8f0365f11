"""Who holds which connection, as the kernel knows it. Only root may look into a worker."""
import os
from pathlib import Path


def _inodes(pid):
    out = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            name = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        if name.startswith("socket:["):
            out.add(name[8:-1])
    return out


def clients_of(pid, port):
    """The clients' ports of what that process has accepted on the port. The kernel's table is read in pieces, and a row
    may be passed over when one before it goes in between: three looks."""
    mine, out = _inodes(pid), set()
    for line in (x for _ in range(3) for x in Path("/proc/net/tcp").read_text().splitlines()[1:]):
        f = line.split()
        if f[9] in mine and int(f[1].partition(":")[2], 16) == port and f[3] != "0A":
            out.add(int(f[2].partition(":")[2], 16))
    return out


def cpu_s(pid):
    """Seconds of processor time a process has used."""
    f = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")
