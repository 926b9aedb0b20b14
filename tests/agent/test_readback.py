"""What differs from the plan is seen before anything is probed."""

from __future__ import annotations

import socket

import pytest

from netlab.agent import compare, netlink
from netlab.agent.errors import BuildFailed
from netlab.agent.links.bridge import OPTIONS
from netlab.client import Agent
from netlab.contract.types import Switch
from netlab.plan import from_file

BRIDGES = """
switches: {lan: {ageing_time: 77, mcast_snooping: true, fdb_max_learned: 9}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      br0: {type: bridge, ageing_time: 78, fdb_max_learned: 8}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
steps: [{name: later, set: {B:eth0: {mtu: 1400}}}]
"""


@pytest.mark.parametrize("bridge", ["lan", "A:br0"])
@pytest.mark.parametrize(
    ("option", "value"), [("stp", 1), ("ageing_time", 7600), ("mcast_snooping", None), ("fdb_max_learned", 3)]
)
def test_options_of_bridges_are_read_back(agent: Agent, bridge: str, option: str, value: int | None) -> None:
    """Each option that a bridge was given is compared: one that a program has changed is noted, with what it is now,
    and is no error of the steps that follow; where nobody was, it is one."""
    plan = from_file(BRIDGES, "test.yaml")
    link = plan.steps[0].state.link(bridge)
    # The one has it on, the other off.
    value = int(bridge != "lan") if value is None else value
    data = {"IFLA_INFO_KIND": "bridge", "IFLA_INFO_DATA": {OPTIONS[option]: value}}
    request = netlink.link("set", {"IFLA_LINKINFO": data}, "", index=link.ifindex)
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.socket(link.namespace, socket.AF_NETLINK, socket.SOCK_RAW) as sock:
            sock.send(request.message)
            assert sock.recv(4096)[16:20] == bytes(4)
        observed = lab.enter(plan.steps[1]).result()
    assert any(note.startswith(f"changed by a program: {bridge}: its {option} is ") for note in observed.notes)
    with pytest.raises(BuildFailed, match=rf"{bridge} was built, but its {option} is "):
        compare.check_link(link, {**observed.links[bridge]})


def test_an_option_that_the_kernel_lacks_is_its_lack() -> None:
    """Where a bridge has no such attribute at all, the kernel is too old: exit code 3, and the version that has it."""
    state = from_file(BRIDGES, "test.yaml").steps[0].state
    switch = state.link("lan")
    assert isinstance(switch, Switch)
    read = {
        "mac": switch.mac,
        "arp": True,
        "stp": False,
        "ageing_time": 77.0,
        "mcast_snooping": 1,
        "fdb_max_learned": None,
        "vlan_filtering": 0,
        "default_pvid": 1,
    }
    with pytest.raises(BuildFailed, match="this kernel has no fdb_max_learned") as caught:
        compare.check_link(switch, read)
    plain = caught.value.plain()
    assert plain["exit_code"] == 3
    assert "6.8" in plain["hint"]
