"""Fixtures of the flow suites: a real proxyd between a raw client and a scripted origin, judged on bytes."""
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.flow.lib.origin import Origin                # noqa: E402
from tests.flow.lib.proxy import PROXYD, Proxy, stop_all          # noqa: E402
from tests.flow.lib.side import make_side               # noqa: E402


def pytest_configure(config):
    if not PROXYD.exists() and not config.option.collectonly:
        pytest.exit(f"{PROXYD} is not built; make it, or name another by PROXYD=", returncode=2)


def pytest_terminal_summary(terminalreporter):
    """Figures that tests noted, one line each."""
    noted = [(r.nodeid.rpartition("::")[2], v) for k in ("passed", "failed") for r in terminalreporter.stats.get(k, [])
             for n, v in getattr(r, "user_properties", []) if n == "figure"]
    if noted:
        terminalreporter.section("figures")
        for test, text in noted:
            terminalreporter.write_line(f"{test}: {text}")


@pytest.fixture
def figure(record_property):
    """figure("respawn 12 ms") puts a line under the run's summary."""
    return lambda text: record_property("figure", text)


@pytest.fixture(scope="session")
def scratch(request):
    """A folder that every user may enter: workers and peers drop root. It stays when something failed."""
    top = Path(tempfile.mkdtemp(prefix="proxyd-flow-"))
    top.chmod(0o755)
    yield top
    if not request.session.testsfailed:
        shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="module")
def origin():
    o = Origin()
    yield o
    o.stop()


@pytest.fixture(scope="module")
def launch(scratch, request):
    """launch(conf, name) starts a proxy that lives as long as the module; all are judged at its end."""
    started = []
    stem = request.module.__name__.rpartition(".")[2]

    def go(conf, name="p", **kw):
        p = Proxy(scratch / f"{stem}-{len(started)}-{name}", conf, name=name, **kw)
        started.append(p)
        return p.start()
    yield go
    stop_all(reversed(started))


@pytest.fixture(scope="module")
def sides(launch, origin):
    return {m: make_side(m, launch, origin) for m in ("reverse", "forward")}


@pytest.fixture(params=["reverse", "forward"])
def side(request, sides, origin):
    origin.reset()
    return sides[request.param]


@pytest.fixture
def back(sides, origin):
    """The reverse side only."""
    origin.reset()
    return sides["reverse"]


@pytest.fixture
def fwd(sides, origin):
    """The forward side only."""
    origin.reset()
    return sides["forward"]
