"""What `netlab check` says of entries that once were about an interface and are now about a host."""

from __future__ import annotations

from netlab import check
from netlab.plan import from_file

#: A host with two interfaces, each in a network of its own.
ROUTER = """\
switches: {left: {}, right: {}}
hosts:
  R:
    interfaces:
      eth0: {switch: left, addresses: [10.0.0.1/24]}
      eth1: {switch: right, addresses: [10.0.1.1/24]}
  A: {interfaces: {eth0: {switch: left, addresses: [10.0.0.2/24]}}}
  B: {interfaces: {eth0: {switch: right, addresses: [10.0.1.2/24]}}}
expect:
"""


def warned(*entries: str, head: str = ROUTER) -> list[str]:
    """The warnings about a file with these entries, the first of them on line 10."""
    return check.warnings(from_file(head + "".join(f"  - {entry}\n" for entry in entries), "f"))


def test_an_entry_that_held_of_the_first_interface_only() -> None:
    """It is warned of once, with what was meant, and how to write that."""
    [warning] = warned("R -> B: unreachable")
    assert warning.startswith("f:10:5: warning: 'R -> B: unreachable' asks for a program in R, whose interface routing")
    assert "is predicted R; for R:eth0 alone it holds" in warning
    assert warning.endswith("write 'R:eth0 -> …' if you mean that")


def test_as_it_is_to_be_written() -> None:
    """The entry with the interface, and one that says the new meaning, are warned of no more."""
    assert warned("R:eth0 -> B: unreachable", "R -> B: reachable", "R -> A: reachable", "A -> R: reachable") == []


def test_many_entries_have_one_warning() -> None:
    """Entries with the same host on the left are counted in one warning, which names their lines."""
    entries = [f"R -> B [{layer}]: unreachable" for layer in ("icmp", "tcp", "udp")]
    [warning] = warned(*entries, "R -> R:eth1: unreachable", "A -> R: reachable")
    assert warning.endswith("(3 more like it: line 11, 12, 13)")


def test_a_pattern_names_the_hosts_that_it_is_about() -> None:
    """Of a pattern only the hosts count whose answer changes."""
    [warning] = warned("any -> B: unreachable")
    assert "asks for a program in R, whose" in warning


def test_an_entry_that_never_held_contradicts_the_model() -> None:
    """Where neither meaning holds it is a contradiction like any other, by names without the word of the record."""
    [warning] = warned("R -> A: unreachable", "R -> 10.0.0.2 [tcp]: reachable")
    assert "'R -> A: unreachable' contradicts the model: R -> A:eth0 (icmp) is predicted R" in warning


def test_a_host_without_a_route_is_one_too() -> None:
    """A bound socket takes what no route leads to for on-link; a program that binds nothing sends nothing there."""
    head = """\
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    routes: [{to: 10.0.9.0/24, dev: eth0}]
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.9.2/24]}}}
expect:
"""
    [warning] = warned("B -> A: reachable", head=head)
    assert "is predicted U; for B:eth0 alone it holds" in warning
