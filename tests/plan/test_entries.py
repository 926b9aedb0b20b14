"""Static entries: a bridge has one for a MAC, in each VLAN that it filters."""

from __future__ import annotations

import pytest

from netlab.plan import from_file
from netlab.spec import TopologyError

MAC = "02:00:00:00:00:77"
PORT = "port: {fdb: ['02:00:00:00:00:77']}"


def entries(switch: str, port_a: str, port_b: str, steps: str = "") -> list[dict[str, tuple[str, ...]]]:
    """The entries of two ports, in each step."""
    text = f"""\
switches: {{s: {{{switch}}}}}
hosts:
  A: {{interfaces: {{e: {{switch: s, {port_a}}}}}}}
  B: {{interfaces: {{e: {{switch: s, {port_b}}}}}}}
{steps}"""
    plan = from_file(text, "f")
    return [
        {link.id: plug.port.fdb for link in step.state.links for plug in link.plugs if plug.port.fdb}
        for step in plan.steps
    ]


def test_the_last_has_it() -> None:
    """Of two ports that list a MAC the last has the entry; a port that lists it again takes it back."""
    steps = "steps: [{name: again, set: {'A:e': {port: {fdb: ['02:00:00:00:00:77']}}}}]"
    assert entries("", PORT, PORT, steps) == [{"B:e": (MAC,)}, {"A:e": (MAC,)}]


def test_one_in_each_vlan() -> None:
    """Ports of a switch that filters VLANs both keep theirs where they share no VLAN, and one has all where they share
    all of them."""
    other = PORT.replace("}", ", pvid: 2, untagged: [2]}")
    assert entries("vlan_filtering: true", PORT, other) == [{"A:e": (MAC,), "B:e": (MAC,)}]
    assert entries("vlan_filtering: true", PORT, PORT) == [{"B:e": (MAC,)}]


def test_some_vlans_in_common() -> None:
    """Where they share some of their VLANs alone, the file is refused, with the place and a VLAN."""
    trunk = PORT.replace("}", ", tagged: [2]}")
    with pytest.raises(TopologyError, match=rf"^f:4:\d+: {MAC} has a static entry at the port of A:e, too, .*\(1\).*$"):
        entries("vlan_filtering: true", trunk, PORT.replace("}", ", tagged: [3]}"))
