"""A lab in one of its steps, as the probe engines see it."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netlab.agent.netns import Netns
from netlab.agent.probe import frames
from netlab.plan.types import Endpoint, Macvlan, State, Switch, SwitchLink, Veth

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

Pair = tuple[int, int]
Send = Callable[[bytes], None]


class Arena:
    """Who is where: endpoints by index, links by namespace and interface name, the switch port of each."""

    def __init__(self, lab: Lab, state: State, links: dict[str, dict[str, Any]]) -> None:
        self.lab = lab
        self.state = state
        self.endpoints: tuple[Endpoint, ...] = state.endpoints
        self.links = links
        self.macs = [frames.mac_bytes(links[endpoint.link]["mac"]) for endpoint in state.endpoints]
        self.numbers = itertools.count(1)
        self._sockets: list[socket.socket] = []
        self._senders: dict[tuple[str, str], Send] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.ports: dict[tuple[str, str], str] = {}
        self.doors: dict[str, int] = {}
        for link in state.links:
            if isinstance(link, Veth):
                self.ports[link.switch, link.port_ifname] = link.port_id
            if not isinstance(link, (Switch, SwitchLink)):
                self.names[link.namespace, link.ifname] = link.id
                self.doors[link.namespace] = self.doors.get(link.namespace, 0) + 1

    def ns(self, index: int) -> Netns:
        """The namespace of an endpoint."""
        return self.lab.namespaces[self.endpoints[index].namespace]

    def wire(self, link_id: str) -> Veth | None:
        """The veth at the bottom of a stack of links; None where there is none."""
        link = self.state.link(link_id)
        while isinstance(link, Macvlan):
            link = self.state.link(link.parent)
        return link if isinstance(link, Veth) else None

    def works(self, link_id: str) -> bool:
        """Whether a link was read back as up, with carrier."""
        read = self.links[link_id]
        return bool(read["up"] and read["carrier"])

    def sender(self, ns: Netns, ifname: str) -> Send:
        """A function that transmits whole frames out of one interface. It raises OSError where the kernel refuses."""
        with ns:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        sock.setblocking(False)
        sock.bind((ifname, 0))

        def send(frame: bytes) -> None:
            sock.send(frame)

        self._sockets.append(sock)
        return send

    def endpoint_sender(self, index: int) -> Send:
        """A function that transmits out of an endpoint's interface."""
        return self._cached(("endpoint", self.endpoints[index].link), lambda: self.sender(
            self.ns(index), self.endpoints[index].ifname
        ))

    def port_sender(self, veth: Veth) -> Send:
        """A function that transmits out of the far end of a veth: the frame comes in at the veth itself."""
        return self._cached(("port", veth.id), lambda: self.sender(
            self.lab.namespaces[veth.switch], veth.port_ifname
        ))

    def _cached(self, key: tuple[str, str], make: Callable[[], Send]) -> Send:
        if key not in self._senders:
            self._senders[key] = make()
        return self._senders[key]

    def close(self) -> None:
        """Close every socket opened for this step."""
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        self._senders.clear()
