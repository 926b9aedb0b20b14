"""Bonds on a kernel that has them, foreseen and seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from netlab import pipeline
from netlab.client import Agent
from netlab.plan import from_file

DOWN_FIRST = """
name: lacp
switches: {lan: {}}
hosts:
  A:
    interfaces:
      bond0: {type: bond, mode: 802.3ad, miimon: 20, state: down, addresses: [10.0.0.1/24]}
      w0: {switch: lan, master: bond0}
      w1: {switch: lan, master: bond0}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
expect: [A <-> B: unreachable]
steps:
  - {name: up, set: {A:bond0: {state: up}}, expect: [A <-> B: reachable]}
  - {name: down, set: {A:bond0: {state: down}}, expect: [A <-> B: unreachable]}
  - {name: less, set: {A:w0: {state: down}}}
  - {name: again, set: {A:bond0: {state: up}}, expect: [A <-> B: reachable]}
"""


def test_a_bond_of_802_3ad_that_was_never_up(guest: Callable[[str], Agent], tmp_path: Path) -> None:
    """It settles without an aggregator, chooses one when it comes up, and keeps that while it is down."""
    (tmp_path / "lacp.yaml").write_text(DOWN_FIRST)
    record = pipeline.run(tmp_path / "lacp.yaml", guest("6.12"))
    assert [step["unsettled"] for step in record["steps"]] == [[]] * 5
    assert (record["summary"]["fail"], record["summary"]["inconclusive"]) == (0, 0)
    assert record["summary"]["pass"] > 200


def test_no_port_waits_for_lacp_when_a_lab_is_built(guest: Callable[[str], Agent], tmp_path: Path) -> None:
    """When a lab is there, a bond's ports have given up on a partner's LACP (iproute2): none is expired any more."""
    text = DOWN_FIRST.replace("state: down, addresses", "addresses").partition("expect:")[0]
    (tmp_path / "lacp.yaml").write_text(text)
    agent = guest("6.12")
    plan = from_file(tmp_path / "lacp.yaml", kernel=agent.kernel)
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["ip", "-d", "-j", "link"]) as process:
            out, _ = process.communicate()
    slaves = [link["linkinfo"]["info_slave_data"] for link in json.loads(out) if "master" in link]
    assert [slave["ad_actor_oper_port_state_str"].count("expired") for slave in slaves] == [0, 0]
    assert all("defaulted" in slave["ad_actor_oper_port_state_str"] for slave in slaves)
