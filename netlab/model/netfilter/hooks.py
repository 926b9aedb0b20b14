"""The places where packets are shown to chains, in the stacks and in bridges (nf_hook_slow, br_netfilter)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import TypeVar

from netlab.model.netfilter import nat, track
from netlab.model.netfilter.parse import HOOKS
from netlab.model.netfilter.ruleset import Chain, Match, Nat, Reject, Ruleset, VerdictMap
from netlab.model.netfilter.track import Passage
from netlab.model.netfilter.values import PROTOCOLS, STATES
from netlab.model.netfilter.walk import End, View, walk
from netlab.model.packets import Ip, Nd
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import fib, sockets
from netlab.model.world import ARP, IP4, IP6, RAW, Device, Frame, Port

DROPPED = rule(
    "nft/dropped",
    "A rule of nftables, or a chain's policy, drops the packet. A program whose datagram or ping is dropped on its"
    " way out is told EPERM; connect() isn't told, TCP tries again and again.",
    "nf_hook_slow",
    "net/netfilter/core.c",
)
REJECTED = rule(
    "nft/rejected",
    "A rule of nftables drops the packet and tells its sender, by an ICMP error or a TCP reset.",
    "nft_reject_inet_eval",
    "net/netfilter/nft_reject_inet.c",
)
BRIDGED = rule(
    "bridge/nf-call-iptables",
    "With bridge-nf-call-iptables (ip6tables for IPv6) packets that a bridge only passes on are shown to the chains of"
    " its namespace at prerouting, forward and postrouting, as if they came in and went out by the bridge's interface.",
    "br_nf_pre_routing",
    "net/bridge/br_netfilter_hooks.c",
)

#: Which families of tables have chains at the hooks of IPv4, of IPv6 and of bridges.
_FAMILIES = {4: ("ip", "inet"), 6: ("ip6", "inet"), 0: ("bridge",)}
#: When connections are looked up, destinations and sources translated, new connections kept (nf_ip_hook_priorities).
_TRACK, _CONFIRM = (-200, "track"), (1 << 31, "confirm")
_STEPS = {
    "prerouting": (_TRACK, (-100, "nat")), "output": (_TRACK, (-100, "nat")), "forward": (),
    "input": ((100, "nat"), _CONFIRM), "postrouting": ((100, "nat"), _CONFIRM),
}  # fmt: skip
#: Which end of a connection is translated where.
_ENDS = {"prerouting": "dst", "output": "dst", "input": "src", "postrouting": "src"}
_ETHER = {ARP: 0x0806, IP4: 0x0800, IP6: 0x86DD, RAW: 0x88B5}
#: ND is followed by no connection (nf_conntrack_icmpv6_error).
_UNTRACKED = (STATES["untracked"],) * 2

AnyPacket = TypeVar("AnyPacket", Ip, Nd)


class Netfilter:
    """What a namespace's ruleset does at each hook.

    ``bridged`` are the address families of which bridged packets pass the hooks of IP (bridge-nf-call-iptables).
    """

    def __init__(self, ns: str, ruleset: Ruleset, bridged: frozenset[int]) -> None:
        self._ns = ns
        self.ruleset = ruleset
        self._unread = ruleset.unread
        self.bridged = bridged
        chains = [chain for table in ruleset.tables.values() for chain in table.chains.values()]
        self._steps: dict[tuple[int, str], tuple[Chain | str, ...]] = {}
        self._nats: dict[tuple[int, str], list[Chain]] = {}
        for family, families in _FAMILIES.items():
            mine = [chain for chain in chains if chain.table.family in families]
            # Connections are followed where a rule asks for them (nf_ct_netns_get).
            tracked = family != 0 and any(map(_needs_connections, mine))
            for hook in HOOKS:
                here = [chain for chain in mine if chain.base is not None and chain.base.hook == hook]
                self._nats[family, hook] = [chain for chain in sorted(here, key=_place) if _nats(chain)]
                steps: list[tuple[tuple[int, int, int], Chain | str]]
                steps = [(_place(chain), chain) for chain in here if not _nats(chain)]
                if tracked:
                    steps += [((priority, 0, 0), name) for priority, name in _STEPS[hook]]
                self._steps[family, hook] = tuple(step for _, step in sorted(steps, key=lambda one: one[0]))

    def passes(
        self, sim: Sim, hook: str, packet: AnyPacket, iif: Device | None, oif: Device | None, nexthop: int = 0,
        at: str = "",
    ) -> AnyPacket | None:  # fmt: skip
        """Show a packet to a hook's chains: the packet as it is then, or None where it is dropped.

        ``at`` is where it is, if not at the interface. Raises `Unknown` where a rule isn't understood.
        """
        if self._unread:
            raise Unknown(f"{self._ns}: {self._unread}")
        near = iif or oif
        assert near is not None
        at = at or near.id
        view = View(self._ns, iif.name if iif else "", oif.name if oif else "", owned=near.ns.owned4)
        self.foresees(packet, hook)
        if isinstance(packet, Ip):
            if packet.passage is None or packet.passage.ns != self._ns:
                packet = packet.copy()
                packet.passage = Passage(self._ns)
            elif hook == "prerouting" and packet.passage.prerouted:
                # The bridge has shown it already (ip_sabotage_in).
                packet.passage.prerouted = False
                return packet
            if packet.pieces and "track" not in self._steps[packet.family, "prerouting"]:
                raise Unknown(f"{self._ns}: a packet in fragments meets nftables")
            if not self._shown(sim, hook, packet, view, iif, oif, nexthop, at):
                return None
            if hook == "postrouting" and oif is not near.ns.lo:
                packet.passage, packet.mark = None, 0
            return packet
        _look(view, packet)
        if hook not in ("prerouting", "output"):
            view.state = _UNTRACKED
        for step in self._steps[6, hook]:
            if step == "track":
                view.state = _UNTRACKED
            if not isinstance(step, str) and not self._goes_on(sim, hook, packet.phase, walk(step, view), at, None):
                return None
        return packet

    def sees(self, family: int) -> bool:
        """Whether packets of a family meet any chain, or may."""
        return bool(self._unread) or any(self._steps[family, hook] or self._nats[family, hook] for hook in HOOKS)

    def foresees(self, packet: object, *hooks: str, family: int | None = None) -> None:
        """Raise `Unknown` where chains at hooks (of the packet's family, or of bridges: 0) see what they aren't
        followed for: a program's multicast, or a packet that carries a frame."""
        if isinstance(packet, Ip) and (packet.arrive is not None or packet.phase == "multicast"):
            of = packet.family if family is None else family
            if self._unread or any(self._steps[of, hook] or self._nats[of, hook] for hook in hooks):
                what = "multicasts" if packet.arrive is None else "the packets of tunnels"
                raise Unknown(f"the nftables of {self._ns} see {what}, too")

    def _shown(self, sim: Sim, hook: str, packet: Ip, view: View, iif: Device | None, oif: Device | None,
               nexthop: int, at: str) -> bool:  # fmt: skip
        passage = packet.passage
        assert passage is not None
        before, marked = packet.dst, packet.mark
        routes = False
        for step in self._steps[packet.family, hook]:
            if step == "track":
                track.track(sim.connections, passage, packet)
                continue
            if step == "confirm":
                track.confirm(sim.connections, passage)
                continue
            _look(view, packet)
            view.state = passage.state
            if isinstance(step, str):
                if not self._translated(sim, hook, packet, view, iif, oif, nexthop, at):
                    return False
                continue
            if not self._goes_on(sim, hook, packet.phase, walk(step, view), at, packet):
                return False
            assert step.base is not None
            routes = routes or (step.base.type == "route" and view.mark != packet.mark)
            packet.mark = view.mark
        passage.rerouted = packet.dst != before or (routes and packet.mark != marked)
        return True

    def _translated(self, sim: Sim, hook: str, packet: Ip, view: View, iif: Device | None, oif: Device | None,
                    nexthop: int, at: str) -> bool:  # fmt: skip
        """Translate a packet, after the rules have said what becomes of its connection (nf_nat_inet_fn)."""
        passage = packet.passage
        assert passage is not None
        connection, end = passage.connection, _ENDS[hook]
        if connection is None:
            return True
        if not passage.reply and not connection.answered and end not in connection.decided:
            for chain in self._nats[packet.family, hook]:
                found = walk(chain, view)
                if isinstance(found.what, Nat):
                    if not nat.setup(found.what, connection, packet, hook, iif, oif, nexthop):
                        sim.note(packet.phase, at, f"no address for {_cited(hook, found)}", DROPPED, end=True)
                        return False
                    why = nat.MASQUERADED if found.what.kind == "masquerade" else nat.TRANSLATED
                    sim.note(packet.phase, at, f"translated {_cited(hook, found)}", why)
                    break
                if not self._goes_on(sim, hook, packet.phase, found, at, packet):
                    return False
            connection.decided.add(end)
        if track.translate(passage, packet, end) and sim.hops is not None:
            known = ipaddress.IPv4Address if packet.family == 4 else ipaddress.IPv6Address
            what = f"destination is now {known(packet.dst)}" if end == "dst" else f"source is now {known(packet.src)}"
            sim.note(packet.phase, at, f"its {what}")
        return True

    def _goes_on(self, sim: Sim, hook: str, phase: str, end: End, at: str, packet: Ip | None) -> bool:
        """Whether a packet goes on after a chain; else it is said why not."""
        if isinstance(end.what, Reject):
            sim.note(phase, at, f"rejected {_cited(hook, end)}", REJECTED, end=True)
            if packet is not None:
                sockets.tell(sim, packet)
            return False
        if isinstance(end.what, Nat):
            raise Unknown(f"{self._ns}: {_cited(hook, end)}")
        if end.what.kind == "drop":
            sim.note(phase, at, f"dropped {_cited(hook, end)}", DROPPED, end=True)
            return False
        return True

    def sent(
        self, sim: Sim, packet: Ip, way: fib.Output, again: Callable[[Ip], fib.Output]
    ) -> tuple[Ip, fib.Output] | None:
        """Show a packet of the namespace's own to output and postrouting; and the way that it takes then.

        ``again`` looks up the route of a packet that output has changed (ip_route_me_harder).
        """
        shown = self.passes(sim, "output", packet, None, way.dev)
        if shown is None:
            return None
        if shown.passage is not None and shown.passage.rerouted:
            old, way = way, again(shown)
            if way.errno:
                sim.note(packet.phase, old.dev.id, f"changed at output: {way}", way.rule or DROPPED, end=True)
                return None
        shown = self.passes(sim, "postrouting", shown, None, way.dev, way.nexthop)
        return None if shown is None else (shown, way)

    def looped(self, sim: Sim, packet: Ip, lo: Device) -> Ip | None:
        """Show a packet that has come round by lo to prerouting and input."""
        shown = self.passes(sim, "prerouting", packet, lo, None)
        return None if shown is None else self.passes(sim, "input", shown, lo, None)

    def sent_on(self, sim: Sim, packet: Ip, iif: Device, oif: Device, nexthop: int) -> Ip | None:
        """Show a packet that is routed to forward and postrouting."""
        shown = self.passes(sim, "forward", packet, iif, oif)
        return None if shown is None else self.passes(sim, "postrouting", shown, None, oif, nexthop)

    def bridges(
        self, sim: Sim, hooks: Iterable[str], frame: Frame, own: Device, come: Port | None, go: Port | None
    ) -> Frame | None:
        """Show a frame to hooks of a bridge; and, with bridge-nf-call-iptables, its packet to those of IP.

        ``own`` is the bridge's interface. The frame comes in by one port and goes out by another; None is ``own``.
        """
        if self._unread:
            raise Unknown(f"{self._ns}: {self._unread}")
        shown: Frame | None = frame
        for hook in hooks:
            shown = shown and self._bridges(sim, hook, shown, own, come, go)
        return shown

    def _bridges(
        self, sim: Sim, hook: str, frame: Frame, own: Device, come: Port | None, go: Port | None
    ) -> Frame | None:
        port = go if hook == "postrouting" or come is None else come
        assert port is not None
        packet = frame.payload
        if steps := self._steps[0, hook]:
            iif = "" if come is None or hook == "postrouting" else come.ifname
            view = View(self._ns, iif, go.ifname if go is not None else "")
            view.ether, view.macs, view.state = _ETHER[frame.proto], (_mac(frame.src), _mac(frame.dst)), (1, 64)
            if isinstance(packet, Ip | Nd):
                _look(view, packet)
            self.foresees(packet, hook, family=0)
            for step in steps:
                assert isinstance(step, Chain)
                shown = packet if isinstance(packet, Ip) else None
                if not self._goes_on(sim, hook, packet.phase, walk(step, view), port.id, shown):
                    return None
        if hook == "forward" and isinstance(packet, Ip):
            # A copy for each port.
            packet = packet.copy()
        if hook in ("input", "output") or come is None or frame.proto not in (IP4, IP6):
            return frame
        family = 4 if frame.proto == IP4 else 6
        if family not in self.bridged:
            return frame
        if hook == "prerouting":
            sim.note(packet.phase, port.id, "shown to nftables", BRIDGED)
        into, out = (None if hook == "postrouting" else own), (None if hook == "prerouting" else own)
        passed = self.passes(sim, hook, packet, into, out, at=port.id)
        if passed is None:
            return None
        if isinstance(passed, Ip) and hook == "prerouting":
            assert passed.passage is not None
            if passed.dst != packet.dst:
                raise Unknown(f"{self._ns}: the destination of a bridged packet is translated")
            passed.passage.prerouted = True
        return Frame(frame.cast, frame.dst, frame.src, frame.proto, passed, frame.tags)


def _place(chain: Chain) -> tuple[int, int, int]:
    """By what the chains at a hook are ordered: of equal priority the newest is first (nf_hook_entries_grow)."""
    assert chain.base is not None
    return chain.base.priority, 1, -chain.base.order


def _nats(chain: Chain) -> bool:
    return chain.base is not None and chain.base.type == "nat"


def _needs_connections(chain: Chain) -> bool:
    def asks(expression: object) -> bool:
        if isinstance(expression, VerdictMap):
            return any(match.field == "ct state" for match, _ in expression.cases)
        return isinstance(expression, Nat) or (isinstance(expression, Match) and expression.field == "ct state")

    return any(asks(expression) for rule in chain.rules for expression in rule.expressions)


def _look(view: View, packet: Ip | Nd) -> None:
    """Note what rules may ask of a packet."""
    if isinstance(packet, Nd):
        view.family, view.ether, view.protocol = 6, _ETHER[IP6], PROTOCOLS["ipv6-icmp"]
        # A question goes to the group of its target's address.
        group = 0xFF02 << 112 | 0x1_FF00_0000 | packet.target & 0xFFFFFF
        view.src, view.dst = packet.src, packet.dst or group
        view.types = (135, 135) if packet.solicitation else (136, 136)
        return
    view.family, view.ether = packet.family, _ETHER[IP4 if packet.family == 4 else IP6]
    view.src, view.dst, view.mark = packet.src, packet.dst, packet.mark
    view.protocol, view.types = PROTOCOLS[packet.protocol], track.message(packet)
    view.ports = (track.interval(packet, 0), track.interval(packet, 1)) if view.types is None else None


def _mac(text: str) -> tuple[int, int]:
    try:
        number = int(text.replace(":", ""), 16)
    except ValueError:
        # The kernel chooses it.
        return 0, (1 << 48) - 1
    return number, number


def _cited(hook: str, end: End) -> str:
    """The chain and the rule that a packet came to its end by."""
    at = "" if end.chain.base is not None and end.chain.name == hook else f" at {hook}"
    return f"by {end.chain}{at}: {end.rule.text if end.rule is not None else f'policy {end.what.kind}'}"  # type: ignore[union-attr]
