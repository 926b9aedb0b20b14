"""Positive controls: each end is proved alive, or known dead, before its silence may count as proof.

Alive means: a frame put on the far end of its wire was heard at the interface, and a frame sent by the interface
came out at that far end. Dead means: it was read back as down or without carrier, or its driver sends nothing.
"""

from __future__ import annotations

import time

from netlab.agent.probe import frames
from netlab.agent.probe.lab_view import LabView
from netlab.agent.probe.receivers import Receivers
from netlab.contract.driver import Liveness, dead
from netlab.contract.types import AnyLink, Plug

#: For how long a control is waited for, in seconds, before it is sent again; and how often.
PATIENCE, TRIES = 0.25, 8
#: So many links are tried before the receivers are emptied.
BATCH = 16


class Controls:
    """The controls of one step. `heard` and `on_wire` are fed by the engine's receivers."""

    def __init__(self, view: LabView, receivers: Receivers) -> None:
        self.view = view
        self.receivers = receivers
        self.liveness: dict[str, Liveness] = {}
        self._receiving: dict[int, set[str]] = {}
        self._sending: dict[int, str] = {}

    def heard(self, number: int, link: str) -> None:
        """A control frame came in at a link."""
        if link in self._receiving.get(number, ()):
            self.liveness[link].receives = True
        self.on_wire(number, link)

    def on_wire(self, number: int, place: str) -> None:
        """A control frame came out at a switch port, or at the other end of a wire without a switch."""
        link = self._sending.get(number)
        if link is not None:
            far = self.view.far(link)
            if far is not None and place in far.places:
                self.liveness[link].transmits = True

    def run(self) -> None:
        """Probe every endpoint's link until it is proved, dead, or patience is over."""
        for endpoint in self.view.endpoints:
            known = self.liveness.setdefault(endpoint.link, Liveness())
            known.dead = dead(self.view.links[endpoint.link])
            if not known.dead:
                known.dead = self._lame(endpoint.link)
            known.closed = self._closed(endpoint.link)
            known.mute = self._mute(endpoint.link)
        for _ in range(TRIES):
            open_links = [link for link, known in self.liveness.items() if not known.proved]
            if not open_links:
                return
            for number, link in enumerate(open_links, 1):
                self._send(link)
                if number % BATCH == 0:
                    # A switch hears all of them by one socket.
                    self.receivers.drain()
            self.receivers.wait(
                lambda links=tuple(open_links): all(self.liveness[one].proved for one in links),  # type: ignore[misc]
                time.monotonic() + PATIENCE,
            )

    def _lame(self, link_id: str) -> str:
        """Why a link with a carrier can send nothing: by what it sits on, or by the members of a bond."""
        view = self.view
        root = view.state.root(link_id)
        if root.swallows:
            return f"on {root.id}, which has no wire" if root.id != link_id else "without a wire"
        if why := self._stranded(root):
            return why
        if root.filters_vlans and view.plugged(root) and view.far(link_id) is None:
            return f"in a VLAN of {root.id} that none of its ports has"
        plugged = view.plugged_in_vlan(root, view.state.tags(link_id)) if root.bridges else []
        if plugged and not any(self._leads(*one) for one in plugged):
            return f"on {root.id}, none of whose ports leads anywhere"
        if root.chooses and root.up and not root.bottoms:
            return f"on {root.id}, none of whose members can send" if root.id != link_id else "without a working member"
        for below in view.state.bottoms(link_id):
            # A bond that nobody watches the members of keeps its carrier.
            if why := dead(view.links[below.id]):
                return f"on {below.id}, which is {why}"
        return ""

    def _leads(self, link: AnyLink, plug: Plug) -> bool:
        """Whether what a bridge sends out of a port may come out somewhere."""
        if not plug.port.forwards or plug.place.id != link.id:
            return plug.port.forwards
        return self.view.far(link.id) is not None and not self._stranded(self.view.state.root(link.id))

    def _stranded(self, tunnel: AnyLink) -> str:
        """Why a tunnel, if it is one, has no way out: by what it goes."""
        why = dead(self.view.links[tunnel.underlay]) if tunnel.underlay else ""
        return f"on {tunnel.underlay}, which is {why}" if why else ""

    def _mute(self, link_id: str) -> str:
        """Why nothing can be made to leave by a link that may hear: a bond that is down takes in what its members get
        for what sits on it (bond_handle_frame), and sends nothing."""
        root = self.view.state.root(link_id)
        why = dead(self.view.links[root.id]) if root.id != link_id else ""
        return f"on {root.id}, which is {why}" if why else ""

    def _closed(self, link_id: str) -> str:
        """Why nothing can be made to arrive at a link, where the read-back says so."""
        link = self.view.state.link(link_id)
        if link.hears_only == ():
            return "its source list is empty"
        if not link.carries_frames:
            return "it takes in IP packets alone"
        if link.member in ("port", "member"):
            return f"it is a {link.member} of {link.master}, which takes what comes in"
        bottom, tags = self.view.state.root(link_id), self.view.state.tags(link_id)
        if link.hears_only and not self._senders(link):
            return "its source list has only MACs from which nothing comes in below it"
        ways = [bottom]
        if bottom.bridges:
            ways = [one for one, plug in self.view.plugged_in_vlan(bottom, tags) if self._admits(one, plug, tags)]
            if not ways:
                return "no port of the bridge that works lets a frame in"
        if (
            all(self.view.state.root(one.id).underlay for one in ways)
            and self.view.state.namespace(bottom.namespace).nftables
        ):
            return "the nftables of its namespace may drop what enters the tunnel"
        for here in self.view.state.stack(link_id)[:-1]:
            for child in self.view.state.children_of(here.lower or ""):
                if child.takes_all and child.up and child.id != here.id and here.tag is None:
                    return "a passthru child takes what comes in"
        return ""

    def _admits(self, link: AnyLink, plug: Plug, tags: tuple[int, ...]) -> bool:
        """Whether a bridge gets frames with these tags by a port, if only those with a source MAC that it admits.

        A vlan interface on the port takes its tag's frames before the bridge does (vlan_do_receive). A port that is a
        source-mode child gets nothing itself where its list is empty.
        """
        port, own = plug.port, plug.place.id == link.id
        taken = own and tags and any(one.tag == tags[0] for one in self.view.state.children_of(link.id))
        deaf = taken or (own and link.hears_only == ())
        return port.forwards and (not port.locked or bool(port.fdb)) and not deaf

    def _senders(self, link: AnyLink) -> list[str]:
        """The MACs on its source list from which something can come in: not a tunnel's own (vxlan_set_mac), and by a
        bridge only those that one of its ports admits."""
        bottom = self.view.state.root(link.id)
        if bottom.underlay:
            return [mac for mac in link.hears_only or () if mac != self.view.links[bottom.id]["mac"]]
        if not bottom.bridges:
            return list(link.hears_only or ())
        admitted = [
            self.view.admitted(*one) for one in self.view.plugged_in_vlan(bottom, self.view.state.tags(link.id))
        ]
        return [mac for mac in link.hears_only or () if any(macs is None or mac in macs for macs in admitted)]

    def _send(self, link_id: str) -> None:
        link = self.view.state.link(link_id)
        far = self.view.far(link_id)
        if far is None:
            return
        known = self.liveness[link_id]
        mac = frames.mac_bytes(self.view.links[link_id]["mac"])
        source = frames.FENCE_SOURCE
        if senders := self._senders(link):
            source = frames.mac_bytes(senders[0])
        try:
            if not known.receives and not known.closed:
                # By unicast and by broadcast: a parent under a passthru child hears only broadcasts, a child
                # whose queue is closed only unicast.
                for destination in (mac, frames.BROADCAST):
                    number = next(self.view.numbers)
                    self._receiving[number] = {link_id}
                    far.inject(frames.raw(destination, source, number))
            if not known.transmits and not known.mute:
                sender = self.view.speaker(link)
                if sender.id != link_id:
                    mac = frames.mac_bytes(self.view.links[sender.id]["mac"])
                for destination in self.view.outward(sender):
                    number = next(self.view.numbers)
                    self._sending[number] = link_id
                    self.view.send_from(sender.place, frames.raw(destination, mac, number))
        except OSError:
            # Not proved this time. What the kernel always refuses stays unproved, and the record says so.
            return
