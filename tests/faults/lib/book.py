"""The clients' ledger: one row for each end of a request, as tests/faults/src/load.c writes them."""
import collections
from pathlib import Path

Row = collections.namedtuple("Row", "what at ms method id port age status bytes")

NEVER = ("wrong", "crossed", "short", "malformed")          # whatever is broken meanwhile
FAILED = ("status", "refused", "reset", "cut", "stuck")


class Book:
    def __init__(self, path):
        self.rows = []
        for line in Path(path).read_text().splitlines():
            f = line.split(" ")
            if len(f) == 9:                                 # the last line may be under way
                self.rows.append(Row(f[0], float(f[1]), float(f[2]), f[3], int(f[4]), int(f[5]), float(f[6]), int(f[7]), int(f[8])))

    def of(self, *whats):
        return [r for r in self.rows if r.what in whats]

    def failed(self):
        """Requests that a user saw fail: a GET on a kept connection that raced its close was asked again, and that counts."""
        return self.of(*FAILED)

    def lost_posts(self):
        """POSTs whose kept connection ended without a byte of an answer: not asked again, and not to have been applied."""
        return [r for r in self.rows if r.what == "raced" and r.method == "POST"]

    def between(self, begin, end):
        """Rows of requests that began and ended within."""
        return [r for r in self.rows if begin <= r.at - r.ms / 1e3 and r.at <= end]

    def count(self):
        return dict(collections.Counter(r.what for r in self.rows))


def p99(rows):
    values = sorted(r.ms for r in rows)
    return values[min(len(values) - 1, len(values) * 99 // 100)] if values else 0.0
