"""The round trip: what netlab built and `import live` reads back is predicted as the original is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netlab.plan import from_file
from netlab.spec import TopologyError, shipped
from tests.fuzz.hunt import made, text_of
from tests.live.roundtrip import compare
from tests.topologies.shipped import NEEDS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the namespaces of others")

#: A few that ship: modes, bridges in hosts, ports, routes and rules, nftables, IPv6, steps. `make roundtrip` takes all.
SHIPPED = ("vepa-hairpin", "docker-drop", "two-uplinks", "ipv6-only", "limit-switch-port", "shim", "vm-behind-child",
           "vrf-two-tenants", "vrf-leak")  # fmt: skip
NUMBER = int(os.environ.get("NETLAB_ROUNDTRIPS", "6"))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped(name: str) -> None:
    """In each step every cell is predicted as from the file."""
    if NEEDS.get(name):
        pytest.skip(NEEDS[name])
    path = next(one for one in shipped() if one.stem == name)
    assert [line for one in compare(from_file(Path(path)), steps=True) for line in one.differences] == []


@pytest.mark.parametrize("number", range(NUMBER))
def test_random(number: int) -> None:
    """The same of random topologies."""
    try:
        plan = from_file(text_of(made("roundtrip", number)), "random.yaml")
    except TopologyError:
        pytest.skip("not a topology")
    assert [line for one in compare(plan, steps=True) if not one.left for line in one.differences] == []
