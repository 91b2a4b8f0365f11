"""What most tests of the cache begin with: a proxy of two workers with a store of its own, that has served from it."""
import pytest

from tests.flow.lib.cache import answer, cached, fill
from tests.flow.lib.origin import Origin
from tests.flow.lib.ports import free_port


@pytest.fixture(scope="module")
def site(launch, scratch, request):
    """Port of a reverse proxy, its origin, the proxy."""
    name = request.module.__name__.rsplit(".", 1)[-1]
    folder = scratch / f"store-{name}"
    folder.mkdir()
    folder.chmod(0o777)
    origin = Origin()
    port = free_port()
    proxy = launch(cached(folder, port, origin.address), name)
    origin.on("/warm", answer(b"", "Cache-Control: max-age=60"))
    fill(port, "/warm")             # a worker serves before its keeper has opened the store
    yield port, origin, proxy
    origin.stop()
