"""Large lists, the same ones every time: python3 -m tests.flow.lib.lists domains|hosts|addresses N >FILE"""
import random
import sys

WORDS = ["ads", "track", "pixel", "stat", "click", "promo", "metric", "beacon", "banner", "count", "log", "cdn"]
TLDS = ["com", "net", "org", "info", "io", "example"]


def domain(i):
    """The i-th name: two to four labels, lengths as in published blocklists."""
    r = random.Random(i)
    label = f"{r.choice(WORDS)}{i:x}"
    parts = [label] if i % 3 else [r.choice(WORDS) + str(r.randrange(99)), label]
    return ".".join(parts + [f"{r.choice(WORDS)}-{r.choice(WORDS)}{i % 5003}", r.choice(TLDS)])


def blocks(n):
    """n different blocks: of IPv4 between /12 and /32, loopback left out, and one in eight of IPv6."""
    r, seen = random.Random(1), set()
    while len(seen) < n:
        if len(seen) % 8 == 7:
            bits = r.choice([29, 32, 48, 56, 64])
            ip = (0x2 << 124 | r.getrandbits(124)) >> (128 - bits) << (128 - bits)
            groups = ":".join(f"{ip >> s & 0xffff:x}" for s in range(112, -1, -16))
            seen.add(f"{groups}/{bits}")
        else:
            bits = r.choice([12, 16, 19, 20, 22, 23, 24, 24, 24, 25, 28, 32])
            ip = r.randrange(1 << 24, 224 << 24) >> (32 - bits) << (32 - bits)
            if ip >> 24 != 127:
                seen.add(".".join(str(ip >> s & 255) for s in (24, 16, 8, 0)) + f"/{bits}")
    return sorted(seen)


def main():
    kind, n = sys.argv[1], int(sys.argv[2])
    if kind == "addresses":
        print(*blocks(n), sep="\n")
    else:
        before = "0.0.0.0 " if kind == "hosts" else ""
        for i in range(n):
            print(before + domain(i))


if __name__ == "__main__":
    main()
