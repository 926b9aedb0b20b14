"""Labs in which something is measured."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from netlab.client import Agent, CannotRun
from netlab.contract.types import Plan

#: Two hosts, two containers, IPv4 and IPv6.
HOSTS = """\
name: t
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/24]}}}
      c2: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.12/24]}}}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24, "fd00::2/64"]}
"""


def topology(more: str = "", **changes: str) -> str:
    """The text of a topology: `HOSTS` with texts replaced, and more below it."""
    text = HOSTS
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text + textwrap.dedent(more)


def resolved(more: str = "") -> Plan:
    """A topology resolved."""
    from netlab import plan

    return plan.from_file(topology(more), "f")


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """One agent for a module's labs; skips where this machine can't have any."""
    with Agent.start() as started:
        try:
            started.info()
        except CannotRun as error:
            pytest.skip(str(error))
        yield started
