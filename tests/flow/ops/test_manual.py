"""The manual page of proxyctl is what its table of verbs says today."""
import subprocess
from pathlib import Path

from tests.flow.lib.proxy import PROXYCTL

TOP = Path(__file__).resolve().parents[3]


def test_manual_is_not_stale():
    shown = subprocess.run([str(PROXYCTL), "--man"], capture_output=True, text=True, check=True).stdout
    assert (TOP / "tools/proxyctl/proxyctl.1").read_text() == shown, "proxyctl --man >tools/proxyctl/proxyctl.1"
