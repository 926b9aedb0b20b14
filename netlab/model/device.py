"""What every interface has in common: being down, having no carrier, telling what a frame is to it."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.model.rules import rule
from netlab.model.sim import Sim
from netlab.model.world import HOST, OTHERHOST, UNICAST, Device, Frame

#: errno's name, when (create, up, set), rule
Refused = tuple[str, str, str]

LINK_DOWN = rule(
    "link/down",
    "An interface that is down sends nothing and hears nothing.",
    "__dev_queue_xmit",
    "net/core/dev.c",
)
NO_CARRIER = rule(
    "link/no-carrier",
    "Without carrier an interface is a black hole: what is sent vanishes, and the sender sees no error.",
    "noop_enqueue",
    "net/sched/sch_generic.c",
)
APART = rule(
    "link/apart",
    "Neither a wire nor a chain of switches leads from one to the other: frames can't get there.",
    "veth_xmit",
    "drivers/net/veth.c",
)
BY_TAG = rule(
    "vlan/demux-by-tag",
    "A frame with a tag goes to the interface's vlan child for that VLAN, before macvlan, ipvlan or a bridge get it.",
    "vlan_do_receive",
    "net/8021q/vlan_core.c",
)
PARENT_SKIPS_CHILDREN = rule(
    "macvlan/parent-tx-skips-children",
    "A host can't reach its own macvlan child unless the switch sends the frame back: what the parent itself sends goes"
    " straight to its own driver and the wire, no macvlan code is on that way.",
    "__dev_queue_xmit",
    "net/core/dev.c",
)
BAD_MAC = rule(
    "refuse/multicast-mac",
    "An interface's MAC can't be a multicast address, nor all zeros, and no such MAC can be on a source list"
    " (EADDRNOTAVAIL).",
    "eth_prepare_mac_addr_change",
    "net/ethernet/eth.c",
)
EXCLUSIVE = rule(
    "refuse/one-driver-takes-a-parent",
    "What comes in at an interface can be taken by one driver only: macvlan, ipvlan or a bridge (EBUSY).",
    "netdev_rx_handler_register",
    "net/core/dev.c",
)


def packet_type(dev: Device, frame: Frame) -> int:
    """What a frame is to a device (eth_type_trans)."""
    if frame.cast == UNICAST:
        return HOST if frame.dst == dev.mac else OTHERHOST
    return frame.cast


def receive(sim: Sim, dev: Device, frame: Frame) -> None:
    """A frame comes in."""
    take(sim, dev, frame, packet_type(dev, frame))


def take(sim: Sim, dev: Device, frame: Frame, kind: int) -> None:
    """A frame that is of a kind (skb->pkt_type) to an interface goes to the child that its tag is for, to what has
    taken the interface, or to the namespace's stack (__netif_receive_skb_core, which another driver starts again).
    """
    if frame.tags and (child := dev.vlans.get(frame.tags[0])) is not None:
        if not child.up:
            sim.note(frame.payload.phase, child.id, "the interface is down", LINK_DOWN, end=True)
            return
        sim.note(frame.payload.phase, child.id, "handed to the vlan interface, without the tag", BY_TAG)
        if kind == OTHERHOST and frame.dst == child.mac:
            kind = HOST
        take(sim, child, frame.tagged(frame.tags[1:]), kind)
        return
    dev.handle(sim, dev, frame, kind)


def promiscuous(dev: Device) -> bool:
    """Whether an interface without a filter takes frames to any MAC: it is told to, or others are above it."""
    return (
        dev.promisc
        or (dev.macvlan is not None and dev.macvlan.promiscuous)
        or any(one.up and (one.mac != dev.mac or promiscuous(one)) for one in dev.vlans.values())
    )


def dead(sim: Sim, dev: Device, phase: str) -> bool:
    """Whether a frame dies because its interface, which isn't running, is down or has no carrier."""
    if dev.up:
        sim.note(phase, dev.id, "no carrier", dev.stopped_by or NO_CARRIER, end=True)
        return True
    sim.note(phase, dev.id, "the interface is down", LINK_DOWN, end=True)
    return True


def taken(state: plan.State, link: plan.AnyLink) -> Iterator[Refused]:
    """Whether another driver takes what comes in at the parent of a new link."""
    if link.lower is None or not link.takes:
        return
    others = {one.takes for one in state.children_of(link.lower)} - {"", link.takes}
    if others or state.link(link.lower).port_of is not None:
        yield "EBUSY", "create", EXCLUSIVE


def bad_mac(mac: str | None) -> bool:
    """Whether no interface can have a MAC (not is_valid_ether_addr())."""
    return mac is not None and (bool(int(mac[:2], 16) & 1) or not int(mac.replace(":", ""), 16))
