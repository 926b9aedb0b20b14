"""A lab in one of its steps, as the probe engines see it."""

from __future__ import annotations

import itertools
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from netlab.agent.netns import Netns
from netlab.agent.probe import frames
from netlab.contract.types import AnyLink, Bridge, Endpoint, Macvlan, State, Switch, SwitchLink, Veth
from netlab.contract.types import Pair as VethPair

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

Pair = tuple[int, int]


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
        self.numbers = itertools.count(1)
        #: The packet socket of each namespace that sends our frames (and hears them).
        self.senders: dict[str, socket.socket] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.ports: dict[tuple[str, str], str] = {}
        self.doors: dict[str, int] = {}
        self._far: dict[str, Far | None] = {}
        holders = Counter(address.ip for link in state.links for address in link.addresses)
        #: Addresses that more than one interface has.
        self.shared = {ip for ip, count in holders.items() if count > 1}
        for link in state.links:
            if isinstance(link, Veth):
                self.ports[link.port_namespace, link.port_ifname] = link.port_id
            if not isinstance(link, (Switch, SwitchLink)):
                self.names[link.namespace, link.ifname] = link.id
                self.doors[link.namespace] = self.doors.get(link.namespace, 0) + 1

    def ns(self, index: int) -> Netns:
        """The namespace of an endpoint."""
        return self.lab.namespaces[self.endpoints[index].namespace]

    def here(self, index: int) -> bool:
        """Whether an endpoint is this agent's: on real machines others are another's."""
        return self.endpoints[index].namespace in self.lab.namespaces

    def bottom(self, link_id: str) -> AnyLink:
        """The link at the bottom of a stack of links."""
        link = self.state.link(link_id)
        while isinstance(link, Macvlan):
            link = self.state.link(link.parent)
        return link

    def wire(self, link_id: str) -> Veth | None:
        """The veth at the bottom of a stack of links; None where there is none."""
        link = self.bottom(link_id)
        return link if isinstance(link, Veth) else None

    def far(self, link_id: str) -> Far | None:
        """The far side of what a link stands on; None where nothing can be sent from there."""
        if link_id not in self._far:
            self._far[link_id] = self._far_of(self.bottom(link_id))
        return self._far[link_id]

    def _far_of(self, link: AnyLink) -> Far | None:
        if isinstance(link, Veth):
            return Far(partial(self.transmit_at_port, link), frozenset({link.port_id}))
        if isinstance(link, VethPair):
            return Far(partial(self._out_of, self.state.link(link.peer)), self._seen_at(link.peer))
        if not isinstance(link, Bridge):
            return None
        plugged = self.plugged(link)
        ways = [self._into(link, one) for one in plugged]

        def inject(frame: bytes) -> None:
            for way in ways:
                way(frame)

        places = [self._seen_at(one.id) if one.switch == link.id else {one.port_id} for one in plugged]
        return Far(inject, frozenset().union(*places)) if ways else None

    def _seen_at(self, end: str) -> frozenset[str]:
        """Where a frame that comes in at the end of a wire may be seen: there, or at a child that takes it."""
        return frozenset({end, *(child.id for child in self.state.children_of(end))})

    def plugged(self, bridge: Bridge) -> list[Veth]:
        """The working wires into a bridge inside a host: those of containers, and the host's own."""
        veths = [link for link in self.state.links if isinstance(link, Veth)]
        return [veth for veth in veths if bridge.id in (veth.switch, veth.master) and self.works(veth.id)]

    def _into(self, bridge: Bridge, veth: Veth) -> Callable[[bytes], None]:
        """A function that makes a frame enter a bridge by this port; a locked port gets a source MAC that it admits."""
        if veth.switch != bridge.id:
            return partial(self.transmit_at_port, veth)
        if not (veth.port.locked and veth.port.fdb):
            return partial(self._out_of, veth)
        admitted = frames.mac_bytes(veth.port.fdb[0])
        return lambda frame: self._out_of(veth, frame[:6] + admitted + frame[12:])

    def _out_of(self, link: AnyLink, frame: bytes) -> None:
        self.senders[link.namespace].sendto(frame, (link.ifname, 0))

    def works(self, link_id: str) -> bool:
        """Whether a link was read back as up, with carrier."""
        read = self.links[link_id]
        return bool(read["up"] and read["carrier"])

    def transmit(self, index: int, frame: bytes) -> None:
        """Send a whole frame out of an endpoint's interface. Raises OSError where the kernel refuses."""
        endpoint = self.endpoints[index]
        self.senders[endpoint.namespace].sendto(frame, (endpoint.ifname, 0))

    def transmit_at_port(self, veth: Veth, frame: bytes) -> None:
        """Send a whole frame out of the far end of a veth: it comes in at the veth itself. Raises OSError."""
        self.senders[veth.port_namespace].sendto(frame, (veth.port_ifname, 0))
