"""Fixtures of the fault suites: those of tests/flow, and figures that are printed as they are measured."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.flow.conftest import launch, pytest_configure, pytest_terminal_summary, scratch   # noqa: E402,F401


@pytest.fixture
def figure(record_property, capsys):
    """figure("F4 ...") prints the line at once and again under the run's summary."""
    def say(text):
        record_property("figure", text)
        with capsys.disabled():
            print(f"\n    {text}", flush=True)
    return say
