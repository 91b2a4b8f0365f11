"""Free ports, below the kernel's ephemeral range so that no outgoing connection can take one in between."""
import os
import random
import socket

LOW, HIGH = 12000, 32000
_next = random.Random(os.getpid()).randrange(LOW, HIGH)


def _usable(port, host, kind):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as s:
        try:
            s.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host="127.0.0.1", udp=False):
    global _next
    for _ in range(HIGH - LOW):
        port, _next = _next, LOW + (_next + 1 - LOW) % (HIGH - LOW)
        if not _usable(port, host, socket.SOCK_STREAM):
            continue
        if udp and not _usable(port, host, socket.SOCK_DGRAM):
            continue
        return port
    raise RuntimeError("no free port")
