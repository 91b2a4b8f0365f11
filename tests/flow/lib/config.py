"""A configuration as Python values, written in libconfig's grammar; and the shapes every suite starts from."""


def _string(s):
    out = s.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f'"{out}"'


def value(v, depth=0):
    pad = "\t" * (depth + 1)
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (int, float)):
        return str(v)
    if isinstance(v, str):
        return _string(v)
    if isinstance(v, dict):
        inner = "".join(f"{pad}{k} = {value(x, depth + 1)};\n" for k, x in v.items())
        return "{\n" + inner + "\t" * depth + "}"
    if isinstance(v, (list, tuple)) and any(isinstance(x, (dict, list, tuple)) for x in v):
        return "(\n" + ",\n".join(pad + value(x, depth + 1) for x in v) + "\n" + "\t" * depth + ")"
    if isinstance(v, (list, tuple)):
        return "[ " + ", ".join(value(x, depth) for x in v) + " ]" if v else "[]"
    raise TypeError(type(v))


def text(conf):
    return "".join(f"{k} = {value(v)};\n" for k, v in conf.items())


def merged(base, extra):
    """base with extra laid over it, groups merged, everything else replaced."""
    out = dict(base)
    for k, v in extra.items():
        out[k] = merged(out[k], v) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
    return out


def target(address, **more):
    return {"addr": address, **more}


def service(name, *targets, **more):
    """A service; targets are "host:port" or what target() makes."""
    return {"name": name, "targets": [target(t) if isinstance(t, str) else t for t in targets], **more}


def reverse(port, origin, **extra):
    """Everything to one origin."""
    base = {
        "mode": "reverse",
        "process": {"workers": 1},
        "listeners": [{"name": "front", "bind": [f"127.0.0.1:{port}"]}],
        "services": [service("app", origin)],
        "routes": [{"name": "all", "match": {"path": "/**"}, "service": "app"}],
    }
    return merged(base, extra)


def forward(port, **extra):
    """A proxy that may reach this machine: the laboratory is on loopback."""
    base = {
        "mode": "forward",
        "process": {"workers": 1},
        "listeners": [{"name": "front", "bind": [f"127.0.0.1:{port}"]}],
        "forward": {"default_rules": False},
        "rules": [{"id": "lab", "allow": True, "open": ["127.0.0.0/8"]}],
    }
    return merged(base, extra)
