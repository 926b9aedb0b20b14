"""``arp`` and ``ndp``: does an interface answer? Raw requests; every answer is awaited, and counts by its MAC."""

from __future__ import annotations

import functools
import ipaddress
import socket

from netlab.agent.probe import frames
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.layer import Layer
from netlab.agent.probe.receivers import Receivers

#: The asker's MAC and address, and the address asked for.
Question = tuple[bytes, bytes, bytes]


class Resolve(Layer):
    """Shared by both families. An answer belongs to a pair by the source's interface and address and the target's."""

    floods = True
    family = 4
    protocol = frames.ETH_P_ARP

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.asked: dict[tuple[str, bytes, bytes], list[Pair]] = {}
        self.sent: dict[Question, list[Pair]] = {}
        #: The address of an endpoint in this family, worked out once for each.
        self.packed = functools.cache(self._packed)

    def _packed(self, index: int) -> bytes:
        address = self.view.endpoints[index].address(self.family)
        assert address is not None
        return ipaddress.ip_address(address.ip).packed

    def prepare(self, wave: list[Pair]) -> None:
        self.asked.clear()
        self.sent.clear()
        for source, _ in wave:
            if self.view.here(self.sources[source]):
                self.listen(self.view.endpoints[source].namespace, self.protocol)

    def request(self, pair: Pair) -> bytes:
        """The whole frame that asks."""
        raise NotImplementedError

    def send(self, pair: Pair) -> None:
        self.begin(pair)
        key = self.view.endpoints[pair[0]].link, self.packed(pair[0]), self.packed(pair[1])
        self.asked.setdefault(key, []).append(pair)
        self.view.transmit(pair[0], self.request(pair))
        question = self.view.macs[pair[0]], self.packed(pair[0]), self.packed(pair[1])
        self.sent.setdefault(question, []).append(pair)

    def answered(self, ns: str, ifname: str, asker: bytes, ip: bytes, mac: bytes, kind: int) -> None:
        """An answer came in at an interface: ``ip`` is at ``mac``.

        A source-mode child gets copies of its parent's answers, too: only answers to its own request count.
        """
        link = self.view.names.get((ns, ifname), ifname)
        for pair in self.asked.get((link, asker, ip), ()):
            if kind == frames.PACKET_OTHERHOST:
                continue
            result = self.results[pair]
            answered_by: list[str] = result.evidence.setdefault("answered_by", [])
            answered_by.append(frames.mac_text(mac))
            if mac == self.view.macs[pair[1]]:
                result.letter = "R"

    def conclude(self, pair: Pair) -> None:
        result = self.results[pair]
        if result.letter:
            return
        mine = {
            mac
            for mac, endpoint in zip(self.view.macs, self.view.endpoints, strict=True)
            if endpoint.namespace == self.view.endpoints[pair[1]].namespace
        }
        macs = {frames.mac_bytes(mac) for mac in result.evidence.get("answered_by", ())}
        result.letter = "A" if macs & mine else "U"
        if not macs:
            result.evidence.setdefault("reason", "no-answer")
        elif not macs & mine:
            result.evidence["reason"] = "answered-by-a-stranger"

    def on_wire(self, ns: str, data: bytes, port: str) -> None:
        question = self.question(data)
        for pair in self.sent.get(question, ()) if question else ():
            if self.leaves_by(pair[0], port):
                self.results[pair].wire = True

    def question(self, data: bytes) -> Question | None:
        """What a frame on a wire asks, if it is a request of this family."""
        raise NotImplementedError


class Arp(Resolve):
    """RFC 826 over IPv4."""

    def packet(self, ns: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        if protocol == frames.ETH_P_ARP:
            self.answered(ns, ifname, data[38:42], data[28:32], data[22:28], kind)

    def request(self, pair: Pair) -> bytes:
        source, target = (socket.inet_ntoa(self.packed(index)) for index in pair)
        return frames.arp_request(self.view.macs[pair[0]], source, target)

    def question(self, data: bytes) -> Question | None:
        if data[12:14] != b"\x08\x06" or data[20:22] != b"\0\x01":
            return None
        return data[22:28], data[28:32], data[38:42]


class Ndp(Resolve):
    """Neighbour discovery, RFC 4861."""

    family = 6
    protocol = frames.ETH_P_IPV6

    def packet(self, ns: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        # Type 136: neighbour advertisement; the kernel takes none that was forwarded (ndisc_rcv: hop limit 255).
        if protocol != frames.ETH_P_IPV6 or data[54] != 136 or data[21] != 255:
            return
        # The target link-layer address option (type 2) stands right behind the target.
        mac = data[80:86] if data[78:80] == b"\x02\x01" else data[6:12]
        self.answered(ns, ifname, data[38:54], data[62:78], mac, kind)

    def request(self, pair: Pair) -> bytes:
        source, target = (str(ipaddress.IPv6Address(self.packed(index))) for index in pair)
        return frames.neighbor_solicitation(self.view.macs[pair[0]], source, target)

    def question(self, data: bytes) -> Question | None:
        if data[12:14] != b"\x86\xdd" or data[54:55] != b"\x87":
            return None
        return data[6:12], data[22:38], data[62:78]
