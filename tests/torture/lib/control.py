"""The file shared with src/shim.c: who is aimed at, which allocation fails, and what came of it."""
import mmap
import struct
import subprocess

PROCS, DEPTH = 256, 24
OFF, NTH, RANDOM, SPARING = 0, 1, 2, 3
HEAD = struct.Struct(f"=IiQQQQ{DEPTH}QIIII")
PIDS, LIVE = HEAD.size, HEAD.size + 4 * PROCS
SIZE = LIVE + 8 * PROCS
FOREVER = 1 << 62


class Control:
    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.truncate(SIZE)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), SIZE)

    def arm(self, target, at, mode=NTH):
        """Counts from here on; the at-th call of that process fails, none with FOREVER."""
        struct.pack_into("=IiQQQ", self.map, 0, OFF, target, at, 0, 0)
        struct.pack_into("=I", self.map, HEAD.size - 8, 0)
        struct.pack_into("=I", self.map, 0, mode)

    def disarm(self):
        struct.pack_into("=I", self.map, 0, OFF)

    def _head(self):
        return HEAD.unpack_from(self.map, 0)

    @property
    def count(self):
        return self._head()[3]

    @property
    def failed(self):
        return self._head()[4]

    @property
    def spared(self):
        """Whether the call was one that nobody checks, and passed."""
        return self._head()[-2] != 0

    @property
    def processes(self):
        return self._head()[-3]

    def pids(self):
        """Numbers of processes by pid."""
        n = min(self.processes, PROCS)
        return {p: i for i, p in enumerate(struct.unpack_from(f"={n}i", self.map, PIDS))}

    def live(self, number):
        """Blocks that process holds."""
        return struct.unpack_from("=q", self.map, LIVE + 8 * number)[0]

    def where(self, program):
        """The calls that led to the failed one, innermost first, by name."""
        head = self._head()
        base, stack, depth = head[5], head[6:6 + DEPTH], head[-4]
        at = [hex(a - base - 1) for a in stack[:depth] if 0 < a - base < 1 << 32]
        if not at:
            return "?"
        r = subprocess.run(["addr2line", "-s", "-f", "-e", str(program), *at], capture_output=True, text=True, timeout=30)
        lines = r.stdout.split("\n")
        named = [f"{f} {p.partition(' ')[0]}" for f, p in zip(lines[::2], lines[1::2]) if "?" not in p]
        return " < ".join(named[:9])
