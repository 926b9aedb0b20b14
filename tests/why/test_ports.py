"""What is offered where a bridge that answers for others keeps a pair apart."""

from __future__ import annotations

from netlab.plan import from_file
from netlab.spec import find
from tests.why.test_fixes import ask, first

STALE = """
name: stale
switches: {lan: {neighbors: {10.0.0.2: 02:00:00:00:00:99}}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24],
                          port: {neigh_suppress: on, fdb: [02:00:00:00:00:99]}}}}
"""


def test_the_switch_is_told_whom_it_does_not_know() -> None:
    """Of two ports with proxy_arp: the neighbours and the entries of both ends; or the option is taken back."""
    path = find("proxy-arp.yaml")
    told = ask(path.read_text(), "A", "C")
    macs = {one.link: one.mac for one in from_file(path).steps[0].state.endpoints}
    known = {"10.0.0.1": macs["A:eth0"], "10.0.0.2": macs["B:eth0"], "10.0.0.3": macs["C:eth0"]}
    assert {"lan": {"neighbors": known}} in [first(fix)["set"] for fix in told.fixes]
    assert {"C:eth0": {"port": {"proxy_arp": False}}} in [first(fix)["set"] for fix in told.fixes]
    assert any(
        "ip neigh replace 10.0.0.3" in str(run) and "lan" in str(run) for fix in told.fixes for run in fix.commands
    )


def test_a_stale_entry_is_replaced() -> None:
    """The switch answers by an old MAC: it is told the new one, and where that is."""
    told = ask(STALE, "A:eth0", "B:eth0")
    offered = [first(fix)["set"] for fix in told.fixes]
    assert any(set(one) == {"lan", "A:eth0", "B:eth0"} or set(one) == {"lan", "B:eth0"} for one in offered), offered


def test_a_locked_port_is_opened_with_its_mab() -> None:
    """mab can't stay without the lock; the gentler offer is to admit the MAC."""
    told = ask(find("mab.yaml").read_text(), "server", "printer")
    offered = [first(fix)["set"]["printer:eth0"]["port"] for fix in told.fixes]
    assert {"locked": False, "mab": False} in offered
    assert any(set(one) == {"fdb"} for one in offered)
