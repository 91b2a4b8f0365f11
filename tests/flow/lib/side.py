"""A proxy in one mode with the scripted origin behind it."""
from . import config
from .ports import free_port


class Side:
    """A proxy in one mode with the origin behind it, and how a client names that origin."""

    def __init__(self, mode, proxy, port, origin):
        self.mode, self.proxy, self.port, self.origin = mode, proxy, port, origin
        self.prefix = "" if mode == "reverse" else f"http://{origin.address}"
        self.host = "a.test" if mode == "reverse" else origin.address

    def fill(self, raw):
        """@P@ is what stands before the path in a request line, @H@ the host."""
        if isinstance(raw, str):
            raw = raw.encode("latin-1")
        return raw.replace(b"@P@", self.prefix.encode()).replace(b"@H@", self.host.encode())


def make_side(mode, launch, origin, **extra):
    port = free_port()
    conf = config.reverse(port, origin.address, **extra) if mode == "reverse" else config.forward(port, **extra)
    return Side(mode, launch(conf, mode), port, origin)
