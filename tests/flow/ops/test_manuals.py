"""The manual pages are correct mdoc and man: what mandoc and groff have to say is nothing."""
import subprocess
from pathlib import Path

import pytest

from tests.flow.lib.proxy import have

TOP = Path(__file__).resolve().parents[3]
PAGES = ["tools/proxyctl/proxyctl.1", "master/proxyd.8", "conf/proxyd.conf.5"]


@pytest.mark.parametrize("page", PAGES)
def test_mandoc_has_nothing_to_say(page):
    r = subprocess.run([have("mandoc"), "-T", "lint", "-W", "warning", str(TOP / page)], capture_output=True, text=True)
    said = [x for x in r.stdout.splitlines() if "missing date" not in x]     # of the page made from the tables: it has none
    assert said == [] and r.stderr == "", r


@pytest.mark.parametrize("page", PAGES)
def test_groff_has_nothing_to_say(page):
    r = subprocess.run([have("groff"), "-ww", "-mandoc", "-Tutf8", str(TOP / page)], capture_output=True, text=True)
    assert r.returncode == 0 and r.stderr == "" and "NAME" in r.stdout, r.stderr
