"""How long a run is: short for CI (CI=1, as .ci/run sets it), else in full."""
import os

SHORT = os.environ.get("CI", "") not in ("", "0", "false")


def pick(short, full):
    return short if SHORT else full
