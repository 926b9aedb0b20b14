"""Keys as other tools call them."""

from __future__ import annotations

import pytest

from netlab.spec import TopologyError, load


def _fault(host: str) -> str:
    with pytest.raises(TopologyError) as raised:
        load(f"switches: {{s: {{}}}}\nhosts: {{A: {host}}}\n", "f")
    return str(raised.value)


@pytest.mark.parametrize(
    ("keys", "hint"),
    [
        ("switch: s, vrf: red", "did you mean 'master'?"),
        ("switch: s, bond: bond0", "did you mean 'master'?"),
        ("type: vlan, link: eth0, id: 10", "did you mean 'parent'?"),
        ("type: vxlan, vni: 42, dev: eth0", "did you mean 'id'?"),
        ("switch: s, port: {vlans: [10]}", "did you mean 'tagged'?"),
        ("switch: s, port: {access: 10}", "did you mean 'pvid'?"),
        ("switch: s, port: {vlan: 10}", "did you mean 'pvid'?"),
        ("type: vlan, parent: eth0, vlan: 10", "did you mean 'id'?"),
        ("type: bond, slaves: [eth0]", "each member says it itself: {master: NAME}"),
        ("type: vrf, table: 10, interfaces: [eth0]", "each member says it itself: {master: NAME}"),
        ("switch: s, gateway: 10.0.0.1", "routes: [{to: default, via: ADDRESS}]"),
    ],
)
def test_a_key_of_another_tool(keys: str, hint: str) -> None:
    """What iproute2, netplan or a switch calls otherwise is an unknown key, with what a topology file has for it."""
    fault = _fault(f"{{interfaces: {{e: {{{keys}}}}}}}")
    assert "unknown key" in fault
    assert hint in fault
    assert "known:" not in fault


def test_a_vip_of_a_host() -> None:
    """A host's own address that no interface has is one of lo."""
    assert "lo: {addresses: [10.9.9.9/32]}" in _fault("{vip: 10.9.9.9}")
