"""The switch: a Linux bridge with its port options and its forwarding database.

Inside a host a bridge is an interface as well. It takes up frames to its own MAC and every broadcast; a macvlan child
on it makes it promiscuous, and then it takes up everything.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from netlab.contract import types as plan
from netlab.model import bridge_proxy as proxy
from netlab.model import bridge_vlan as vlans
from netlab.model import ports
from netlab.model.bridge_rules import (
    BCAST_FLOOD_OFF,
    BRIDGE_DOWN,
    DETACHED,
    FLOOD_OFF,
    HAIRPIN,
    ISOLATED,
    LEARN_LIMIT,
    LEARNED,
    LOCKED,
    MAB,
    MCAST_FLOOD_OFF,
    MEMBER,
    NO_REFLECTION,
    OWN_FROM_ABOVE,
    OWN_MAC,
    PORT_MAC_FROM_ABOVE,
    PORT_MTU,
    PROMISCUOUS,
    STATE_IN,
    STATE_OUT,
    UP,
)
from netlab.model.build import Build
from netlab.model.device import dead, promiscuous, take
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import multicast
from netlab.model.world import (
    ARP,
    BROADCAST,
    HOST,
    IP6,
    MULTICAST,
    OTHERHOST,
    RAW,
    UNICAST,
    Address,
    Bridge,
    Device,
    Frame,
    Members,
    Port,
)


def compile_switch(build: Build, link: plan.Switch | plan.Bridge) -> None:
    """Make a bridge, with nothing plugged into it."""
    bridge = build.bridges[link.id] = Bridge(link.id, len(build.world.bridges))
    bridge.up, bridge.ageing, bridge.aware = link.up, link.ageing_time, link.vlan_filtering
    # Members of the VLAN that new ports get, by the bridge's own interface to begin with (br_vlan_init).
    bridge.own = Members(link.default_pvid, plan.Port().vlans(link.default_pvid))
    if link.stp:
        bridge.strange = f"{link.id} speaks STP: its ports' states depend on time"
    bridge.strange = build.foreign.get(link.id, bridge.strange)
    bridge.max_learned = link.fdb_max_learned or 0
    bridge.neighbors = {int(ipaddress.ip_address(one.ip)): one.mac for one in link.neighbors}
    build.world.bridges.append(bridge)


def compile_bridge(build: Build, link: plan.Bridge) -> None:
    """Make a bridge inside of a host, which is an interface of it."""
    compile_switch(build, link)
    bridge = build.bridges[link.id]
    dev = bridge.device = build.device(link, "bridge")
    dev.bridge = bridge
    dev.running = link.up and link.carrier
    dev.transmit = transmit


def enslave(dev: Device, bridge: Bridge, told: plan.Port) -> None:
    """Make an interface a port of a bridge in its own host."""
    port = dev.member = ports.make(dev.id, bridge, told, dev.mac, dev.mtu, dev.running)
    port.device, port.ifname = dev, dev.name
    dev.handle = handle_frame


def receive(sim: Sim, port: Port, frame: Frame, packet_type: int = OTHERHOST) -> None:
    """A frame enters the switch by a port; ``packet_type`` is what it was to the port's interface."""
    cast, dst, src, payload = frame.cast, frame.dst, frame.src, frame.payload
    if frame.proto == RAW and port.far_device is not None:
        sim.heard.setdefault(port, cast)
    if port in sim.wires and payload.phase == sim.request:
        sim.wired = True
    if port.far_port is not None:
        sim.note(payload.phase, port.id, "enters the next switch")
    bridge = port.bridge
    if bridge.strange:
        raise Unknown(bridge.strange)
    state = port.state
    if not port.attached:
        if bridge.device is not None and frame.proto != RAW:
            raise Unknown(f"the other end of {port.id} was taken out of its bridge: it is an interface of the host")
        sim.note(payload.phase, port.id, "not a port of the bridge", DETACHED, end=True)
        return
    if not bridge.up:
        sim.note(payload.phase, port.id, "the bridge is down", BRIDGE_DOWN, end=True)
        return
    if state != "forwarding" and state != "learning":
        sim.note(payload.phase, port.id, f"port state {state}", STATE_IN, end=True)
        return
    own = bridge.device
    if own is not None and own.ns.netfilter is not None:
        if frame.tags or bridge.aware:
            raise Unknown(f"frames with tags pass the nftables of {own.ns.id}")
        frame = own.ns.netfilter.bridges(sim, ("prerouting",), frame, own, port, None)
        if frame is None:
            return
    vid = 0
    if bridge.aware:
        if (admitted := vlans.admitted(sim, port.id, port.members, frame)) is None:
            return
        frame, vid = admitted
    here, there = ((src, vid), (dst, vid)) if vid else (src, dst)
    fdb = sim.database(bridge)
    if port.locked and (fdb.get(here) is not port or (bridge, here) in sim.unadmitted):
        if port.mab and bridge.ageing and not (here in fdb or here in bridge.locals) and _learns(sim, port, fdb, frame):
            fdb[here] = port
            sim.unadmitted.add((bridge, here))
        sim.note(payload.phase, port.id, f"{src} is not admitted", MAB if port.mab else LOCKED, end=True)
        return
    if not port.learning:
        sim.unlearned.add((bridge, here))
        if fdb.get(here, port) is not port and here not in bridge.static:
            sim.contested = sim.moved = True
    elif (
        bridge.ageing and fdb.get(here) is not port and here not in bridge.locals
        and (here in fdb or _learns(sim, port, fdb, frame))
    ):  # fmt: skip
        # Where two places have one MAC, the order in which they are heard matters.
        if here in fdb or (bridge, here) in sim.unlearned:
            sim.contested = sim.moved = True
        fdb[here] = port
        sim.unadmitted.discard((bridge, here))
    if cast == MULTICAST and dst.startswith("01:80:c2:00:00:0"):
        raise Unknown(f"a frame to {dst}, which bridges keep for themselves")
    if state == "learning":
        sim.note(payload.phase, port.id, "port state learning", STATE_IN, end=True)
        return
    quiet = False
    if bridge.proxies:
        quiet, answer = proxy.told(sim, bridge, port, frame, vid)
        if answer is not None:
            _send(sim, port, answer)
    if cast == UNICAST:
        if there in bridge.locals:
            if own is not None:
                # The port has already set the packet type (eth_type_trans, br_handle_frame).
                _up(sim, own, port, frame, vid, HOST if dst in (own.mac, port.mac) else packet_type, UP)
            else:
                sim.note(payload.phase, bridge.id, f"{dst} is the switch's own", OWN_MAC, end=True)
            return
        known = fdb.get(there)
        if known is not None:
            _deliver(sim, port, known, frame, vid, True, False)
        else:
            _flood(sim, bridge, port, frame, vid)
        if own is not None and promiscuous(own):
            _up(sim, own, port, frame, vid, HOST if dst in (own.mac, port.mac) else packet_type, PROMISCUOUS)
        return
    _flood(sim, bridge, port, frame, vid, quiet)
    if own is not None:
        _up(sim, own, port, frame, vid, cast, UP)


def _up(sim: Sim, dev: Device, port: Port, frame: Frame, vid: int, packet_type: int, why: str) -> None:
    """Hand a frame to the bridge's interface (br_pass_frame_up)."""
    if vid:
        members = port.bridge.own
        if vid not in members.vlans and promiscuous(dev):
            # It is passed as it is (br_handle_vlan).
            frame = frame.tagged((vid, *frame.tags))
        elif (up := vlans.leaving(sim, dev.id, members, frame, vid, wanted=True)) is None:
            return
        else:
            frame = up
    if dev.ns.netfilter is not None and dev.ns.netfilter.bridges(sim, ("input",), frame, dev, port, None) is None:
        return
    if packet_type != OTHERHOST or dev.macvlan is not None:
        sim.note(frame.payload.phase, dev.id, "taken up by the bridge's interface", why)
    take(sim, dev, frame, packet_type)


def handle_frame(sim: Sim, dev: Device, frame: Frame, packet_type: int) -> None:
    """The receive handler of an interface that is a port of a bridge in its own namespace (br_handle_frame)."""
    assert dev.member is not None
    if sim.hops is not None and dev is sim.goal:
        sim.note(frame.payload.phase, dev.id, "given to the bridge", MEMBER)
    receive(sim, dev.member, frame, packet_type)


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """The bridge's own interface sends a frame (br_dev_xmit): out of the port that it has learned, or of all ports."""
    dst, payload = frame.dst, frame.payload
    bridge = dev.bridge
    assert bridge is not None
    if not dev.running and dead(sim, dev, payload.phase):
        return
    if bridge.strange:
        raise Unknown(bridge.strange)
    vid = 0
    if bridge.aware:
        if (admitted := vlans.admitted(sim, dev.id, bridge.own, frame)) is None:
            return
        frame, vid = admitted
    quiet = bridge.proxies and proxy.told(sim, bridge, None, frame, vid)[0]
    if frame.cast == UNICAST:
        there = (dst, vid) if vid else dst
        if there in bridge.locals:
            port = bridge.locals[there]
            if port is None:
                sim.note(payload.phase, dev.id, f"{dst} is the bridge's own", OWN_FROM_ABOVE, end=True)
            else:
                sim.note(payload.phase, dev.id, f"{dst} is the MAC of {port.id}", PORT_MAC_FROM_ABOVE)
                _deliver(sim, None, port, frame, vid, True, False)
            return
        known = sim.database(bridge).get(there)
        if known is not None:
            _deliver(sim, None, known, frame, vid, True, False)
            return
    _flood(sim, bridge, None, frame, vid, quiet)


def _learns(sim: Sim, port: Port, fdb: Mapping[Address, Port], frame: Frame) -> bool:
    """Whether there is room for one more MAC (fdb_create)."""
    bridge = port.bridge
    if not bridge.max_learned or len(fdb) - len(bridge.static) < bridge.max_learned:
        return True
    sim.contested = sim.moved = True
    sim.note(frame.payload.phase, port.id, f"{frame.src} is not learned", LEARN_LIMIT)
    return False


def _flood(sim: Sim, bridge: Bridge, port: Port | None, frame: Frame, vid: int, quiet: bool = False) -> None:
    """Send copies out of every port that takes such a flood (br_flood), newest port first; ``quiet`` ones only out of
    ports that aren't suppressed.

    Ports are left out if the frame could have no effect behind them: no device there has the address that is asked
    for, nor an entry that the frame could change.
    """
    cast, dst, proto, payload = frame.cast, frame.dst, frame.proto, frame.payload
    wanted: list[Port] | None = None
    candidates = bridge.ports
    if (proto != RAW and not multicast.to_group(frame)) or not cast:
        if cast == UNICAST:
            wanted = bridge.macs.get(dst, _NOBODY)
        elif proto == ARP:
            wanted = bridge.ip4.get(payload.target, _NOBODY)
        elif proto == IP6:
            # Whom a packet or an answer is for; a question has no address but that which it asks for.
            wanted = bridge.ip6.get(payload.dst or payload.target, _NOBODY)
        else:
            wanted = bridge.ip4.get(payload.dst, _NOBODY)
        more = {*wanted, *bridge.trunks}
        if cast:
            for ns in sim.touched:
                more.update(ns.ports.get(bridge.index, _NOBODY))
        candidates = sorted(more, key=_order) if len(more) > 1 else list(more)
    for out in candidates:
        if cast == UNICAST:
            if not out.flood:
                if wanted is None or out in wanted:
                    sim.note(payload.phase, out.id, f"{dst} is not known", FLOOD_OFF, end=True)
                continue
        elif cast == BROADCAST:
            # What the bridge's own interface sends is not held back (br_flood).
            if not out.bcast_flood and port is not None:
                if wanted is None or out in wanted:
                    sim.note(payload.phase, out.id, "no broadcasts", BCAST_FLOOD_OFF, end=True)
                continue
        elif cast == MULTICAST and not out.mcast_flood and port is not None:
            if wanted is None or out in wanted:
                sim.note(payload.phase, out.id, "no multicasts", MCAST_FLOOD_OFF, end=True)
            continue
        if out.proxy_arp or (quiet and (out.proxy_arp_wifi or out.neigh_suppress)):
            if wanted is None or out in wanted:
                why = proxy.NOT_FLOODED if out.proxy_arp else proxy.SUPPRESSED
                sim.note(payload.phase, out.id, "kept from the port", why, end=True)
            continue
        _deliver(sim, port, out, frame, vid, wanted is None or out in wanted)


def _deliver(
    sim: Sim, port: Port | None, out: Port, frame: Frame, vid: int, wanted: bool, flooded: bool = True
) -> None:
    """Send one copy out of port ``out``, if it is allowed (should_deliver).

    The frame came in by ``port``; None is the bridge's own interface.
    """
    payload = frame.payload
    if out is port and not out.hairpin:
        if wanted:
            sim.note(payload.phase, out.id, "came in here", NO_REFLECTION, end=True)
        return
    if not out.running or out.state != "forwarding":
        if wanted:
            what = f"port state {out.state}" if out.running else "the port has no carrier"
            sim.note(payload.phase, out.id, what, STATE_OUT, end=True)
        return
    # What the driver of the port keeps outside of the packet doesn't count (__vlan_hwaccel_put_tag).
    size = payload.size + 4 * max(0, len(frame.tags) - (not vid))
    if vid:
        if (leaving := vlans.leaving(sim, out.id, out.members, frame, vid, wanted=wanted)) is None:
            return
        frame = leaving
    if port is not None and out.isolated and port.isolated:
        if wanted:
            sim.note(payload.phase, out.id, f"{port.id} is isolated too", ISOLATED, end=True)
        return
    if (own := out.bridge.device) is not None and own.ns.netfilter is not None:
        if frame.tags or vid:
            raise Unknown(f"frames with tags pass the nftables of {own.ns.id}")
        hooks = ("output" if port is None else "forward", "postrouting")
        frame = own.ns.netfilter.bridges(sim, hooks, frame, own, port, out)
        if frame is None:
            return
    if size > out.mtu + 4:
        sim.note(payload.phase, out.id, f"{size} bytes, MTU {out.mtu}", PORT_MTU, end=True)
        return
    if wanted:
        why = HAIRPIN if out is port else None if flooded else LEARNED
        sim.note(payload.phase, out.id, "sent out of the port", why)
    _send(sim, out, frame)


def _send(sim: Sim, out: Port, frame: Frame) -> None:
    """The port's device sends a frame."""
    if out.device is not None:
        out.device.transmit(sim, out.device, frame)
    elif out.far_device is not None:
        sim.backlog.append((out.far_device.receive, out.far_device, frame))
    else:
        assert out.far_port is not None
        sim.backlog.append((receive, out.far_port, frame))


def _order(port: Port) -> int:
    return port.order


_NOBODY: list[Port] = []
