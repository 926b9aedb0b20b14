"""The page of what kernels do was written from runs; what it names exists."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from netlab.model import RULES
from netlab.model.rules import VERIFIED

ROOT = Path(__file__).parents[2]
#: Rules of options that no shipped topology has.
OF_NONE_THAT_SHIP = {"macvlan/bclim-off"}
PAGE = (ROOT / "docs" / "kernels.md").read_text()


def test_its_rules_exist() -> None:
    """Every rule that it cites is one of the model's, and it cites those that came with a version for macvlan and
    ipvlan."""
    cited = set(re.findall(r"\b((?:ipvlan|macvlan|arp|ip|ipv6|link|nd|bridge)/[a-z0-9-]+)", PAGE))
    assert cited - set(RULES) == set()
    came = {name for name, rule in RULES.items() if rule.since and name.startswith(("ipvlan/", "macvlan/"))}
    assert came - OF_NONE_THAT_SHIP <= cited


def test_every_topology_is_there() -> None:
    """It tells of each topology that the tool runs, once, as differing or as the same on all."""
    told = re.findall(r"^### (\S+)$", PAGE, re.MULTILINE) + re.findall(
        r"^\| `([\w-]+)` \| \d+ \| \d+ \|$", PAGE, re.MULTILINE
    )
    assert sorted(told) == sorted(runpy.run_path(str(ROOT / "tools" / "kernelsdoc.py"))["TOPOLOGIES"])


def test_topologies_with_a_vrf_are_among_them() -> None:
    """It tells of each topology that ships and has a VRF."""
    ships = (ROOT / "topologies").glob("*.yaml")
    have = {path.stem for path in ships if "type: vrf" in path.read_text()}
    assert len(have) > 1
    assert have <= set(runpy.run_path(str(ROOT / "tools" / "kernelsdoc.py"))["TOPOLOGIES"])


def test_it_tells_of_kernels_that_rules_were_verified_on() -> None:
    """The kernels that it names are among those on which the rules were verified."""
    seen = {(int(major), int(minor)) for major, minor in re.findall(r"Linux (\d+)\.(\d+)\.\d+", PAGE)}
    assert len(seen) > 2
    assert seen <= set(VERIFIED)
