"""vlan interfaces: what they send leaves by their parent with a tag, and what comes in there with it is theirs.

`netlab.model.device.take` hands out what comes in.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.contract.types.links import Vlan
from netlab.contract.types.parts import vlan_name
from netlab.model.build import Build
from netlab.model.device import Refused, dead
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.world import Device, Frame

TAGS = rule(
    "vlan/tags-what-it-sends",
    "What a vlan interface sends leaves by its parent with the VLAN's tag.",
    "vlan_dev_hard_start_xmit",
    "net/8021q/vlan_dev.c",
)
TAKEN = rule(
    "refuse/vlan-id-taken",
    "A link has one vlan interface at most for each VLAN (EEXIST).",
    "vlan_check_real_dev",
    "net/8021q/vlan.c",
)
CHALLENGED = rule(
    "refuse/vlan-on-ipvlan",
    "An ipvlan child can't have vlan interfaces (EOPNOTSUPP).",
    "vlan_check_real_dev",
    "net/8021q/vlan.c",
)
MTU = rule(
    "refuse/vlan-mtu-above-parent",
    "The MTU of a vlan interface can't be larger than its parent's (EINVAL when it is made, later ERANGE).",
    "vlan_dev_change_mtu",
    "net/8021q/vlan_dev.c",
)
DOWN = rule(
    "refuse/vlan-up-on-down-parent",
    "A vlan interface can't be brought up while its parent is down (ENETDOWN).",
    "vlan_dev_open",
    "net/8021q/vlan_dev.c",
)


def compile_link(build: Build, link: Vlan) -> None:
    """Make the interface."""
    lower = build.world.devices[link.parent]
    dev = build.device(link, link.kind)
    dev.lower = lower
    dev.mac = dev.mac if link.own_mac else lower.mac
    dev.alone = lower.alone = True
    dev.running = link.up and link.carrier
    dev.transmit = transmit
    lower.uppers.append(dev)
    lower.vlans[link.tag] = dev


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """Send a frame by the parent (vlan_dev_hard_start_xmit)."""
    phase, lower = frame.payload.phase, dev.lower
    assert lower is not None
    if not dev.running and dead(sim, dev, phase):
        return
    [tag] = [tag for tag, one in lower.vlans.items() if one is dev]
    if len(frame.tags) > 1:
        raise Unknown(f"{dev.id} sends a frame with three tags")
    sim.note(phase, lower.id, f"out by the parent, in {vlan_name(tag)}", TAGS)
    lower.transmit(sim, lower, frame.tagged((tag, *frame.tags)))


def refuses(state: plan.State, link: Vlan) -> Iterator[Refused]:
    """What is refused of a new one."""
    parent = state.link(link.parent)
    if parent.no_vlan:
        yield parent.no_vlan, "create", CHALLENGED
    if any(other.tag == link.tag for other in state.children_of(link.parent)):
        yield "EEXIST", "create", TAKEN
    if link.mtu > parent.mtu:
        yield "EINVAL", "create", MTU


def refuses_change(state: plan.State, before: Vlan, after: Vlan) -> Iterator[Refused]:
    """What is refused of a change."""
    parent = state.link(after.parent)
    if after.mtu != before.mtu and after.mtu > parent.mtu:
        yield "ERANGE", "set", MTU
    if after.up and not before.up and not parent.up:
        yield "ENETDOWN", "set", DOWN
