"""What is offered where a program that is bound to nothing doesn't hear a VRF."""

from __future__ import annotations

from tests.model.vrfs import LEAKS, tenants
from tests.why.test_fixes import ask, first


def test_let_unbound_programs_hear_a_vrf() -> None:
    """Bound to an interface of the VRF it works; for the others there are two sysctls."""
    told = ask(f"name: vrf\n{tenants(LEAKS).text}", "h", "r:eth0", layer="tcp")
    sysctls = {"net.ipv4.tcp_l3mdev_accept": 1, "net.ipv4.udp_l3mdev_accept": 1}
    assert [first(fix)["set"] for fix in told.fixes] == [{"h": {"sysctls": sysctls}}]
