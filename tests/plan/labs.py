"""Short ways to a plan, and to what is wrong with one."""

from __future__ import annotations

import pytest

from netlab.contract.kernels import Version
from netlab.contract.types import AddLink, AddNamespace, Plan, SetLink, State, Veth
from netlab.plan import from_file
from netlab.spec import TopologyError


def plan(text: str, kernel: Version | None = None) -> Plan:
    """The plan of a topology given as text, for a kernel (the newest)."""
    return from_file(text, "f", kernel)


def faults(text: str) -> list[str]:
    """All that is wrong with a topology given as text."""
    with pytest.raises(TopologyError) as caught:
        from_file(text, "f")
    return [str(problem) for problem in caught.value.problems]


def baseline(text: str) -> State:
    """The first state of a topology given as text."""
    return plan(text).steps[0].state


def added(made: Plan, step: int = 0) -> list[str]:
    """Ids of what a step adds, in order."""
    names = []
    for change in made.steps[step].changes:
        if isinstance(change, AddNamespace):
            names.append(change.namespace.id)
        elif isinstance(change, AddLink):
            names.append(change.link.id)
    return names


def veth(state: State, link_id: str) -> Veth:
    """A veth of a state."""
    link = state.link(link_id)
    assert isinstance(link, Veth)
    return link


def set_links(made: Plan, step: int) -> list[SetLink]:
    """What a step sets on links."""
    return [change for change in made.steps[step].changes if isinstance(change, SetLink)]


#: Two hosts on a switch, the first with two containers; steps and expectations can follow.
TWO = """\
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/24]}}}
      c2: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.12/24]}}}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64]}
"""


#: One switch, a host, and room for interfaces in it: the first of them is on line 5.
HOST = "switches: {s: }\nhosts:\n  A:\n    interfaces:\n"


def hosts(*interfaces: str) -> str:
    """A host A with these interfaces, one a line from line 5 on."""
    return HOST + "".join(f"      {interface}\n" for interface in interfaces)


def step(*lines: str) -> str:
    """Two hosts, and one step of these lines; the first of them is line 14."""
    return TWO + "steps:\n  - name: s\n" + "".join(f"    {line}\n" for line in lines)


def expect(*lines: str) -> str:
    """Two hosts, and these expectations, one a line from line 13 on."""
    return TWO + "expect:\n" + "".join(f"  - {line}\n" for line in lines)
