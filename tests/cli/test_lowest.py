"""How old what netlab needs may be; `make lowest` runs the fast part of the suite with exactly that."""

from __future__ import annotations

import importlib.util
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "lowest.py"


def test_distributions_of_2023_are_enough() -> None:
    """Each package has an oldest release, and none is younger than netlab is known to work with."""
    spec = importlib.util.spec_from_file_location("lowest", TOOL)
    assert spec is not None
    assert spec.loader is not None
    lowest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lowest)
    assert lowest.floors() == {
        "pydantic": "2.5",
        "PyYAML": "6.0",
        "click": "8.1",
        "rich": "13",
        "jinja2": "3.1",
        "iperf3": "0.1.11",
        # Younger than those: it reads a live machine, by names of attributes that older ones lack or spell otherwise.
        "pyroute2": "0.9.7",
        "pytest": "7.4",
        "pytest-xdist": "3.3",
    }
