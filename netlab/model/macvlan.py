"""macvlan and macvtap: children of a parent interface, in five modes.

A child's frames go to its siblings in bridge mode only, otherwise to the wire. Frames from the wire are handed out by
destination MAC. The parent's own frames reach a child only by way of the wire. A macvtap child whose device no process
has opened is a macvlan child.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.model.build import Build
from netlab.model.device import dead, take
from netlab.model.macvlan_filter import addressed, crowded, filters, hears
from netlab.model.macvlan_rules import (
    AT_ONCE,
    BEHIND_PORT,
    BRIDGE_MULTICAST,
    BRIDGE_MULTICAST_ALL,
    BY_MAC,
    CHILD_SKIPS_PARENT,
    EXTERNAL_MULTICAST,
    NO_QUEUE,
    OTHER_MAC,
    PASSTHRU_DOWN,
    PASSTHRU_TAKES,
    PRIVATE_DROPS,
    SELF_CONSUMES,
    SENDER_SKIPPED,
    SIBLING_MULTICAST,
    SIBLING_UNICAST,
    SOURCE_COPY,
    SOURCE_NODST,
    SOURCE_NOT_BY_MAC,
    SOURCE_NOT_LISTED,
    TO_WIRE,
    VEPA_MULTICAST,
)
from netlab.model.rules import holds
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import protocols
from netlab.model.world import HOST, MULTICAST, OTHERHOST, Device, Frame, MacvlanPort

GOLDEN_RATIO_64 = 0x61C8864680B583EB


def compile_link(build: Build, link: plan.Macvlan) -> None:
    """Make a child."""
    lower = build.world.devices[link.parent]
    dev = build.device(link, link.kind)
    dev.lower, dev.mode = lower, link.effective_mode
    lower.uppers.append(dev)
    dev.nodst = link.nodst
    dev.running = link.up and link.carrier
    dev.transmit = transmit
    port = lower.macvlan
    if port is None:
        port = lower.macvlan = MacvlanPort(lower)
        lower.handle = handle_frame
        port.bc_queue_len = 0
        port.echoes = holds(BRIDGE_MULTICAST_ALL, build.state.kernel)
        # Before macvlan_port had a bc_cutoff every group went through the queue.
        port.bclim = 1 if build.state.kernel >= (6, 4) else 0
    port.children.append(dev)
    if link.bclim is not None:
        port.bclim = link.bclim
    port.bc_queue_len = max(port.bc_queue_len, 1000 if link.bcqueuelen is None else link.bcqueuelen)
    if dev.mode == "passthru":
        port.passthru = dev
        if link.mac is None:
            # It has its parent's, which the kernel chose.
            dev.mac = lower.mac
    if dev.mode == "source":
        port.sources = True
        for mac in link.allowed_macs:
            # hlist_add_head: the latest comes first.
            port.source_macs.setdefault(mac, []).insert(0, dev)
    if dev.up:
        port.by_mac[dev.mac] = dev
        port.promiscuous |= not link.nopromisc


def finish(build: Build, link: plan.Macvlan) -> None:
    """Note the order in which macvlan_broadcast visits the children: by hash bucket, newest first."""
    dev = build.world.devices[link.id]
    port = dev.lower.macvlan if dev.lower is not None else None
    if port is None or port.children[0] is not dev:
        return  # once for all children of a parent
    up = [child for child in port.children if child.up]
    if any(child.mac.startswith("mac of") for child in up):
        port.order = up
        port.unordered = len(up) > 1
        return
    up.reverse()
    up.sort(key=lambda child: hash_order(child.mac))
    port.order = up


def hash_order(mac: str) -> int:
    """The hash bucket of a MAC (macvlan_eth_hash, little-endian), which orders a broadcast's receivers."""
    value = int.from_bytes(bytes.fromhex(mac.replace(":", "")), "little") << 16
    return (value * GOLDEN_RATIO_64 & 0xFFFF_FFFF_FFFF_FFFF) >> 56


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """A child sends a frame (macvlan_queue_xmit)."""
    payload = frame.payload
    lower = dev.lower
    assert lower is not None
    assert lower.macvlan is not None
    if not dev.running and dead(sim, dev, payload.phase):
        return
    if dev.mode == "bridge":
        if frame.cast:
            for sibling in _in_order(sim, lower.macvlan):
                if sibling.mode == "bridge" and sibling is not dev and hears(sibling, frame):
                    sim.note(payload.phase, sibling.id, "a copy, directly", SIBLING_MULTICAST)
                    sim.backlog.append((_receive_group, sibling, frame))
        else:
            sibling_ = lower.macvlan.by_mac.get(frame.dst)
            if sibling_ is not None and sibling_.mode == "bridge":
                # No child's MTU is larger than the parent's, whose limit this is (dev_forward_skb).
                if not lower.up and dead(sim, lower, payload.phase):
                    return
                sim.note(payload.phase, sibling_.id, "handed to the sibling", SIBLING_UNICAST)
                sim.backlog.append((lower.receive, lower, frame))
                return
    skipped = sim.goal is lower and sim.sender is dev
    sim.note(payload.phase, lower.id, "out by the parent", CHILD_SKIPS_PARENT if skipped else TO_WIRE)
    lower.transmit(sim, lower, frame)


def handle_frame(sim: Sim, parent: Device, frame: Frame, packet_type: int) -> None:
    """The parent's receive handler (macvlan_handle_frame).

    A frame may come as HOST although it hasn't the parent's MAC: a bridge also takes frames to the MAC of the port by
    which they come in.
    """
    port = parent.macvlan
    assert port is not None
    cast, dst, payload = frame.cast, frame.dst, frame.payload
    for_us = packet_type == HOST or dst == parent.mac
    if port.sources and _forward_source(sim, port, frame, for_us):
        sim.note(payload.phase, parent.id, "taken by a source-mode child", SOURCE_NODST, end=True)
        return
    if cast:
        sender = port.by_mac.get(frame.src)
        if sender is not None and sender.mode not in ("bridge", "vepa"):
            sim.note(payload.phase, sender.id, "comes back to its sender alone", SELF_CONSUMES, end=True)
            sim.backlog.append((_receive_group, sender, frame))
            return
        if not _queued(parent, port, frame):
            if port.bclim < 0 and sim.hops is not None and sim.goal in (None, parent, *port.children):
                sim.note(payload.phase, parent.id, "copies to the children, without a queue", AT_ONCE)
            for one in _audience(sim, port, frame, sender):
                sim.backlog.append((_receive_group, one, frame))
        elif port.bc_queue_len > 0:
            sim.defer(_broadcast_work(sim, port, frame, sender))
        else:
            if cast == MULTICAST and any(addressed(child, frame) for child in port.order):
                # Before the parent became promiscuous its filter, which may still be there, let joined groups pass
                # only.
                raise Unknown(f"a packet to {dst} may pass by the broadcast queue of {parent.id}")
            sim.note(payload.phase, parent.id, "the broadcast queue has no room", NO_QUEUE, end=True)
        protocols.receive(sim, parent, frame, cast)
        return
    if port.passthru is not None:
        child: Device | None = port.passthru
        assert child is not None
        if not child.up:
            sim.note(payload.phase, child.id, "the passthru child is down", PASSTHRU_DOWN, end=True)
            return
        if dst == parent.mac and sim.hops is not None:
            sim.note(payload.phase, child.id, "the passthru child takes it", PASSTHRU_TAKES)
    else:
        child = port.by_mac.get(dst)
        if child is not None and child.mode == "source":
            sim.note(payload.phase, child.id, "not for a source-mode child", SOURCE_NOT_BY_MAC)
            child = None
    if child is None:
        if for_us:
            protocols.receive(sim, parent, frame, HOST)
        else:
            why = BEHIND_PORT if any(child.member is not None for child in port.children) else OTHER_MAC
            sim.note(payload.phase, parent.id, f"no up child has {dst}", why, end=True)
            protocols.receive(sim, parent, frame, OTHERHOST)
        return
    sim.note(payload.phase, child.id, "handed to the child", BY_MAC)
    take(sim, child, frame, HOST)


def _forward_source(sim: Sim, port: MacvlanPort, frame: Frame, for_us: bool) -> bool:
    """Copy a frame to the source-mode children that list its sender; whether it ends there."""
    payload = frame.payload
    consumed = False
    for child in port.source_macs.get(frame.src, ()):
        consumed |= child.nodst
        if child.up:
            sim.note(payload.phase, child.id, f"a copy: {frame.src} is on its list", SOURCE_COPY)
            if frame.cast:
                sim.backlog.append((_receive_group, child, frame))
            elif frame.dst == child.mac or for_us:
                sim.backlog.append((_receive_host, child, frame))
            else:
                sim.backlog.append((_receive_otherhost, child, frame))
    return consumed


def _queued(parent: Device, port: MacvlanPort, frame: Frame) -> bool:
    """Whether a broadcast from outside waits in the queue (the port's bc_filter), or is handed out at once.

    A parent that is promiscuous, as every veth with an up child is, queues every multicast. One with a filter doesn't
    queue a group that only a few children have joined (bc_cutoff, `crowded`), and drops one that none has.
    """
    if port.bclim < 0:
        return False
    if frame.cast != MULTICAST or not filters(parent, port):
        return True
    return crowded(port, frame)


def _broadcast_work(sim: Sim, port: MacvlanPort, frame: Frame, sender: Device | None) -> Iterator[None]:
    """The workqueue hands out a queued broadcast (macvlan_multicast_rx). Each step ends at a child that answers.

    So each child's answer is on its way before the next child hears the question.
    """
    sim.worked.append(port.parent)
    for child in _audience(sim, port, frame, sender):
        before = len(sim.backlog)
        take(sim, child, frame, frame.cast)
        if len(sim.backlog) != before:
            yield


def _audience(sim: Sim, port: MacvlanPort, frame: Frame, sender: Device | None) -> Iterator[Device]:
    """The children that get a copy of a broadcast from outside, in that order (macvlan_multicast_rx)."""
    payload = frame.payload
    if sender is None:
        modes, how = _OUTSIDE, EXTERNAL_MULTICAST
    elif sender.mode == "vepa":
        modes, how = _VEPA, VEPA_MULTICAST
    elif port.echoes:
        sender, modes, how = None, _VEPA, BRIDGE_MULTICAST_ALL
    else:
        modes, how = _BRIDGE, BRIDGE_MULTICAST
    for child in _in_order(sim, port):
        if child is sender:
            if sim.hops is not None and sim.goal is child:
                sim.note(payload.phase, child.id, "it has the sender's MAC", SENDER_SKIPPED, end=True)
            continue
        if child.mode not in modes:
            if sim.hops is not None and sim.goal in (child, None):
                why = PRIVATE_DROPS if child.mode == "private" else SOURCE_NOT_LISTED
                if child.mode != "bridge":
                    sim.note(payload.phase, child.id, "not for this child", why, end=True)
            continue
        if hears(child, frame):
            sim.note(payload.phase, child.id, "a copy", how)
            yield child


_OUTSIDE = frozenset(("private", "vepa", "passthru", "bridge"))
_VEPA = frozenset(("vepa", "bridge"))
_BRIDGE = frozenset(("vepa",))


def _in_order(sim: Sim, port: MacvlanPort) -> list[Device]:
    """The children in the order in which a broadcast visits them; if it isn't known, in a possible order."""
    if not port.unordered:
        return port.order
    sim.unordered = max(sim.unordered, len(port.order))
    places = [place for place in sim.schedule.leaders if place < len(port.order)]
    first = [port.order[place] for place in places]
    return first + [child for child in port.order if child not in first]


def _receive_group(sim: Sim, dev: Device, frame: Frame) -> None:
    take(sim, dev, frame, frame.cast)


def _receive_host(sim: Sim, dev: Device, frame: Frame) -> None:
    take(sim, dev, frame, HOST)


def _receive_otherhost(sim: Sim, dev: Device, frame: Frame) -> None:
    take(sim, dev, frame, OTHERHOST)
