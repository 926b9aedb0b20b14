"""A lab in one of its steps, as the probe engines see it."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from netlab.agent import readback
from netlab.agent.netns import Netns
from netlab.agent.probe import frames
from netlab.contract.dataclass import dataclass
from netlab.contract.types import AnyLink, AnySource, AnyTarget, Asker, Endpoint, Place, Plug, Port, State, Target

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

Pair = tuple[int, int]

#: Where netlab's own servers listen: the first that is free.
LISTENER_PORTS = range(45067, 46067)
#: Of clients. None has a listener's: a request is told from its answer by the port that it comes from.
CLIENT_PORTS = (*range(20000, LISTENER_PORTS.start), *range(LISTENER_PORTS.stop, 60000))
LOOPBACK = "127.0.0.1"
#: Of probes, and of clients. They go on from step to step: nftables may remember a connection for half a minute.
_NUMBERS, _PORTS = itertools.count(1), itertools.cycle(CLIENT_PORTS)


@dataclass(frozen=True)
class Far:
    """The far side of a link: ``inject`` makes a frame come in at the link; one that it sends is seen in ``places``."""

    inject: Callable[[bytes], None]
    places: frozenset[str]


class LabView:
    """Where things are: endpoints by index, links by namespace and interface name, the switch port of each."""

    def __init__(self, lab: Lab, state: State, links: dict[str, dict[str, Any]]) -> None:
        self.lab = lab
        self.state = state
        self.endpoints: tuple[Endpoint, ...] = state.endpoints
        self.links = links
        self.macs = [frames.mac_bytes(links[endpoint.link]["mac"]) for endpoint in state.endpoints]
        self.numbers: Iterator[int] = _NUMBERS
        #: Whether packets may be dropped or translated on their way.
        self.filtered = any(namespace.nftables for namespace in state.namespaces)
        #: Ports for clients, different in the whole lab.
        self.client_ports = _PORTS
        #: The packet socket of each namespace that sends our frames (and hears them).
        self.senders: dict[str, socket.socket] = {}
        self.names: dict[tuple[str, str], str] = {}
        self._by_index = {(link.namespace, link.ifindex): link.id for link in state.links if link.interface}
        #: By target: the namespaces and interfaces that have the address.
        self._held: dict[str, list[tuple[str, str]]] = {}
        self.ports: dict[tuple[str, str], str] = {}
        #: How many interfaces each namespace has.
        self.interfaces: dict[str, int] = {}
        self._far: dict[str, Far | None] = {}
        holders: dict[str, list[str]] = {}
        for link in state.links:
            for address in link.addresses:
                holders.setdefault(address.ip, []).append(link.namespace)
        #: Addresses that more than one interface has, and the namespaces of these.
        self.shared = {ip: namespaces for ip, namespaces in holders.items() if len(namespaces) > 1}
        for link in state.links:
            if (port := link.port_place) is not None:
                self.ports[port.namespace, port.ifname] = port.id
            if link.interface:
                self.names[link.namespace, link.ifname] = link.id
                self.interfaces[link.namespace] = self.interfaces.get(link.namespace, 0) + 1

    def links_of(self, end: AnySource | AnyTarget) -> tuple[str, ...]:
        """The interfaces of a row or column: an endpoint's own, all of a namespace that asks, all with an address."""
        if isinstance(end, Asker):
            return tuple(link.id for link in self.state.links_of(end.id) if link.interface)
        return end.links

    def namespaces_of(self, end: AnySource | AnyTarget) -> list[str]:
        """The namespaces of a row or column: one, but for an address that several interfaces have, or none."""
        if isinstance(end, Target):
            return list(dict.fromkeys(ns for ns, _ in self._holders(end)))
        return [end.namespace]

    def own_links(self, target: AnyTarget) -> set[str]:
        """The interfaces by which a request comes in at a column that is reached."""
        return {link for _, link in self._holders(target)} if isinstance(target, Target) else {target.link}

    def _holders(self, target: Target) -> list[tuple[str, str]]:
        if target.id not in self._held:
            self._held[target.id] = [(self.state.link(link).namespace, link) for link in target.links]
        return self._held[target.id]

    def aim(self, targets: tuple[Target, ...]) -> None:
        """Use these targets from now on. A program may have set, or taken away, an address: the kernel is asked."""
        self._held.clear()
        visited = any(ns.visited for ns in self.lab.namespaces.values())
        # Link-local addresses are in no plan.
        read = [target for target in targets if visited or target.scope]
        held: dict[str, list[tuple[str, str]]] = {target.ip: [] for target in read}
        for ns_id, ns in self.lab.namespaces.items() if read else ():
            for index, listed in readback.addresses(ns.netlink).items():
                for ip in {one.partition("/")[0] for one in listed} & held.keys():
                    held[ip].append((ns_id, self._by_index.get((ns_id, index), f"interface {index}")))
        self._held = {target.id: held[target.ip] for target in read}
        targets = tuple(
            replace(one, links=tuple(link for _, link in held[one.ip] if link in self.links)) if one.scope else one
            for one in targets
        )
        self.state = self.state if targets == self.state.targets else replace(self.state, targets=targets)

    def here(self, end: AnySource | AnyTarget) -> list[Netns]:
        """The namespaces of a row or column that are this agent's: on real machines others are another's."""
        return [self.lab.namespaces[ns] for ns in self.namespaces_of(end) if ns in self.lab.namespaces]

    def homes(self, end: AnyTarget) -> list[tuple[Netns, str]]:
        """The same of a column, each with the interface that a server there must be bound to: the VRF that has the
        address, since a socket can't have it otherwise (inet_bind, by l3mdev_fib_table_by_index); '' for none. Of a
        link-local address it is the interface that has it.
        """
        if isinstance(end, Target) and end.scope:
            # Which of a namespace's links it is on, only an interface says (inet6_bind).
            held = [(ns, link if link in self.links else None) for ns, link in self._holders(end)]
        elif isinstance(end, Target):
            held = [
                (ns, self.state.link(link).domain if link in self.links else None) for ns, link in self._holders(end)
            ]
        else:
            held = [(end.namespace, self.state.link(end.link).domain)]
        here = self.lab.namespaces
        names = [(here[ns], self.state.link(vrf).ifname if vrf else "") for ns, vrf in held if ns in here]
        return list(dict.fromkeys(names))

    def ports_of(self, end: AnySource) -> set[str | None]:
        """The switch ports below a row; None among them for an interface that has none."""
        return {below.port_id for link in self.links_of(end) for below in self.state.bottoms(link)}

    def far(self, link_id: str) -> Far | None:
        """The far side of what a link stands on; None where nothing can be sent from there."""
        if link_id not in self._far:
            tags = self.state.tags(link_id)
            fars = [far for below in self.state.bottoms(link_id) if (far := self._far_of(below, tags)) is not None]
            # What comes in by one of several members comes in; what is sent leaves by any.
            places = frozenset().union(*(far.places for far in fars))
            self._far[link_id] = Far(fars[0].inject, places) if fars else None
        return self._far[link_id]

    def _far_of(self, link: AnyLink, tags: tuple[int, ...] = ()) -> Far | None:
        """The far side of a link that sits on none, for frames with these tags."""
        if link.filters_vlans:
            return self._in_vlan(link, tags)
        if tags and (far := self._far_of(link)) is not None:
            untagged = far.inject
            return replace(far, inject=lambda frame: untagged(frames.tagged(frame, tags)))
        if link.underlay is not None:
            below = self.far(link.underlay)
            return below and replace(below, inject=partial(self._wrap, link))
        if (port := link.port_place) is not None:
            return Far(partial(self.send_from, port), frozenset({port.id}))
        if link.peer_id is not None:
            return Far(partial(self.send_from, self.state.link(link.peer_id).place), self._seen_at(link.peer_id))
        plugged = self.plugged(link) if link.bridges else []
        fars = [far for one, plug in plugged if (far := self._behind(one, plug)) is not None]

        def inject(frame: bytes) -> None:
            for far in fars:
                far.inject(frame)

        return Far(inject, frozenset().union(*(far.places for far in fars))) if fars else None

    def speaker(self, link: AnyLink) -> AnyLink:
        """The link of which a frame of our own is seen at the far side of another, since all of that leave by it.

        Packets of a link that carries no other frames leave as its parent's own, those of a tunnel as its underlay's.
        """
        root = self.state.root(link.id)
        if root.bridges:
            ports = [self.state.root(one.id) for one, plug in self.plugged(root) if plug.port.forwards]
            if ports and all(port.underlay for port in ports):
                root = ports[0]
        if root.underlay is not None:
            return self.speaker(self.state.link(root.underlay))
        return link if link.carries_frames else root

    def outward(self, link: AnyLink) -> list[bytes]:
        """The MACs to which frames leave by the wire of a link that sends them, whatever the switch knows.

        That is a group. A port that answers for others is flooded with none: frames of the bridge's own interface to
        that port's MAC leave by it (br_dev_xmit), or to one that a control has taught the bridge there.
        """
        answering = [(one, plug) for one, plug in self.plugged(self.state.root(link.id)) if plug.port.proxy_arp]
        macs = [frames.mac_bytes(plug.mac or self.links[one.id]["mac"]) for one, plug in answering]
        return [frames.NEAREST_BRIDGE, *macs, frames.FENCE_SOURCE] if macs else [frames.NEAREST_BRIDGE]

    def _wrap(self, tunnel: AnyLink, frame: bytes) -> None:
        """Have a frame come in by a tunnel, from the namespace itself, or as if from the end that an entry has for its
        source: from another end it would be dropped (vxlan_snoop). Raises OSError."""
        port, datagram = tunnel.wrapped(frame)
        bound = {frames.mac_bytes(mac): end for mac, end in tunnel.ends if ":" not in end}
        with self.lab.namespaces[tunnel.namespace]:
            if (end := bound.get(frame[6:12])) is None:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.sendto(datagram, (LOOPBACK, port))
                return
            # The loopback interface hands a packet on with its route, so its source is not looked at.
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
                sock.sendto(frames.datagram(end, LOOPBACK, port, datagram), (LOOPBACK, 0))

    def _in_vlan(self, bridge: AnyLink, tags: tuple[int, ...]) -> Far | None:
        """The far side of a VLAN-aware bridge's own interface, by the ports of the VLAN that frames with these tags are
        in; None where there are none, or where its frames have other tags."""
        default, vid = bridge.new_pvid, _vlan_of(bridge, tags)
        if (bridge.own_port or Port()).vlans(default).get(vid) is not (not tags):
            return None
        fars = []
        for one, plug in self.plugged_in_vlan(bridge, tags):
            if (far := self._behind(one, plug)) is not None:
                # The bridge would take the next tag for its own.
                outer = () if plug.port.pvid_or(default) == vid and not tags[1:] else (vid,)
                fars.append((far, (*outer, *tags[1:])))

        def inject(frame: bytes) -> None:
            for far, these in fars:
                far.inject(frames.tagged(frame, these))

        return Far(inject, frozenset().union(*(far.places for far, _ in fars))) if fars else None

    def _seen_at(self, end: str) -> frozenset[str]:
        """Where a frame that comes in at the end of a wire may be seen: there, or at a child that takes it."""
        found = {end, *(child.id for child in self.state.above(end))}
        master = self.state.link(end).master
        return frozenset(found if master is None else found | self._seen_at(master))

    def plugged(self, bridge: AnyLink) -> list[tuple[AnyLink, Plug]]:
        """The working wires into a bridge inside a host: those of containers, and the host's own; and by which end."""
        if not bridge.interface:
            return []
        plugs = [(link, plug) for link in self.state.links for plug in link.plugs if plug.bridge == bridge.id]
        return [(link, plug) for link, plug in plugs if self.works(link.id)]

    def plugged_in_vlan(self, bridge: AnyLink, tags: tuple[int, ...]) -> list[tuple[AnyLink, Plug]]:
        """The same of a bridge that may know VLANs: of those in the VLAN that its own frames with these tags are in."""
        plugged = self.plugged(bridge)
        if not bridge.filters_vlans:
            return plugged
        vid = _vlan_of(bridge, tags)
        return [(link, plug) for link, plug in plugged if vid in plug.port.vlans(bridge.new_pvid)]

    def _behind(self, link: AnyLink, plug: Plug) -> Far | None:
        """What is behind a port of a bridge, and how a frame enters the bridge there; None where nothing can be sent.

        A port that takes frames of some source MACs only gets one of these.
        """
        own = plug.place.id == link.id
        far = self.far(link.id) if own else Far(partial(self.send_from, link.place), self._seen_at(link.id))
        admitted = [frames.mac_bytes(mac) for mac in self.admitted(link, plug) or ()]
        if far is None or not admitted:
            return far
        inject = far.inject

        def admissible(frame: bytes) -> None:
            source = frame[6:12] if frame[6:12] in admitted else admitted[0]
            inject(frame[:6] + source + frame[12:])

        return replace(far, inject=admissible)

    def admitted(self, link: AnyLink, plug: Plug) -> tuple[str, ...] | None:
        """The MACs from which a port of a bridge takes frames; None where it takes those of all."""
        if plug.port.locked:
            return plug.port.fdb
        return link.hears_only if plug.place.id == link.id else None

    def send_from(self, place: Place, frame: bytes) -> None:
        """Send a whole frame out of an interface. Raises OSError where the kernel refuses."""
        self.senders[place.namespace].sendto(frame, (place.ifname, 0))

    def works(self, link_id: str) -> bool:
        """Whether a link was read back as up, with carrier."""
        read = self.links[link_id]
        return bool(read["up"] and read["carrier"])

    def transmit(self, index: int, frame: bytes) -> None:
        """Send a whole frame out of an endpoint's interface. Raises OSError where the kernel refuses."""
        endpoint = self.endpoints[index]
        self.senders[endpoint.namespace].sendto(frame, (endpoint.ifname, 0))


def _vlan_of(bridge: AnyLink, tags: tuple[int, ...]) -> int:
    """The VLAN of frames that a VLAN-aware bridge's own interface sends with these tags."""
    return tags[0] if tags else (bridge.own_port or Port()).pvid_or(bridge.new_pvid)
