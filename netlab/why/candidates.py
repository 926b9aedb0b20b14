"""Candidates for a fix: changes that help in many cases like this.

The model says whether one helps here; a candidate only has to be worth trying. This module has those that
undo what keeps two interfaces apart; `netlab.why.family` has those about parents and their children,
`netlab.why.addressing` those about addresses and routes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from netlab.contract.policies import POLICIES
from netlab.contract.types import AnyLink, Macvlan, Port, Veth, size_of
from netlab.report.changes import sysctl_name
from netlab.why import addressing, family, filters, tunnels
from netlab.why.case import Candidate, Case, Step
from netlab.why.vlans import vlans

DOWN = "Nothing passes an interface, a port or a switch that is down."
UNWATCHED = "Without miimon a bond goes on by a member whose wire is cut, whatever others it has."
NOARP = "With arp off an interface neither asks for MACs nor answers, be it ARP or neighbour discovery."
ARP_FLUX = (
    "With arp_ignore=1 only the interface that has an address answers ARP for it, and with arp_announce=2 it"
    " asks in its own name, too."
)
MTU = "A packet that may not be fragmented must fit every link on its way."
ACQUAINTED = "Where a bridge answers ARP for others it does so by its own neighbours and by its forwarding database."
DEFAULT_PORT = "That is the default of a switch port."
LOCKED = "A locked port lets in those MACs only that have an entry of it in the switch's forwarding database."
LISTED = "A child in source mode hears only the MACs on its list."
NODST = "With nodst a frame that is copied to the source-mode child goes to no other interface."
RP_FILTER = (
    "Strict rp_filter (1) drops what comes in by another interface than the answer would leave by; loose (2) only"
    " asks that there be a way back."
)
UNBOUND = "What comes in by a VRF is for sockets bound to it, or to its members, unless these sysctls say more."
BRIDGED = "With bridge-nf-call-iptables=1 what a bridge only passes on is filtered as if the host were a router."
IGNORED = "A machine that ignores pings can be reached all the same, but a ping doesn't show it."
ARP_IGNORED = (
    "arp_ignore keeps an interface from answering ARP: 1 for addresses of others, such as lo, from 2 on also of"
    " another subnet, or all of it."
)
#: Settings of a namespace that keep packets out: the values to try instead, the gentlest first, and why.
_FILTERS = (
    ("rp_filter", ("2", "0"), RP_FILTER),
    ("arp_filter", ("0",), "With arp_filter an interface answers ARP only if the way back leads out of it."),
    ("arp_ignore", ("1", "0"), ARP_IGNORED),
    ("icmp_echo_ignore_all", ("0",), IGNORED),
    ("echo_ignore_all", ("0",), IGNORED),
    ("bridge-nf-call-iptables", ("0",), BRIDGED),
    ("bridge-nf-call-ip6tables", ("0",), BRIDGED),
)


def candidates(case: Case) -> Iterator[Candidate]:
    """Everything worth trying for a pair, the least intrusive first."""
    yield from _bring_up(case)
    yield from _flags(case)
    yield from _source_lists(case)
    yield from _arp_flux(case)
    yield from _filters(case)
    yield from _accept(case)
    yield from filters.filters(case)
    yield from _acquaint(case)
    yield from _port_options(case)
    yield from tunnels.remotes(case)
    yield from tunnels.group(case)
    yield from family.by_parent(case)
    yield from addressing.routes(case)
    yield from _mtu(case)
    yield from family.shim(case)
    yield from vlans(case)
    yield from _modes(case)
    yield from family.hairpin(case)
    yield from addressing.addresses(case)
    yield from family.apart(case)
    yield from family.last_resorts(case)


# --- what is down -----------------------------------------------------------------------------------


def _bring_up(case: Case) -> Iterator[Candidate]:
    blind = {master.id: {"miimon": 100} for master in case.masters if not master.watches}
    if blind:
        names = " and ".join(blind)
        yield case.candidate("watch", f"let {names} look at its members (miimon)", UNWATCHED, {"set": blind})
    wires = list(dict.fromkeys((*case.wires, *case.members)))
    near: dict[str, Step] = {link.id: {"state": "up"} for link in (*case.links, *case.masters, *wires) if not link.up}
    for wire in wires:
        _revive(case, wire, near)
    if near:
        yield case.candidate("up", f"bring up {_what(near)}", DOWN, {"set": near})
    far: dict[str, Step] = {}
    for link in case.state.links:
        if link.port_id is not None:
            _revive(case, link, far)
        if not link.up and not link.trunk:
            far.setdefault(link.id, {})["state"] = "up"
    rest = {target: settings for target, settings in far.items() if target not in near}
    if rest:
        yield case.candidate("up-all", f"bring up {_what(rest)}", DOWN, {"set": rest})


def _revive(case: Case, wire: AnyLink, into: dict[str, Step]) -> None:
    plug = wire.plugs[-1]  # the far end of its wire
    port: Step = {}
    if not plug.port.up:
        port["up"] = True
    if not plug.port.attached:
        port["attached"] = True
    if plug.port.state != "forwarding":
        port["state"] = "forwarding"
    if port:
        into.setdefault(wire.id, {})["port"] = port
    if not case.state.link(plug.bridge).up:
        into[plug.bridge] = {"state": "up"}


def _what(down: dict[str, Step]) -> str:
    names = [
        f"the switch port of {target}{_port(settings['port'])}" if list(settings) == ["port"] else target
        for target, settings in down.items()
    ]
    return " and ".join(names) if len(names) < 4 else f"{len(names)} interfaces and ports that are down"


def _port(settings: Step) -> str:
    """What else than up it must be."""
    if "attached" in settings:
        return " (attached to its bridge)"
    return f" (state {settings['state']})" if "state" in settings else ""


# --- what is filtered -------------------------------------------------------------------------------


def _arp_flux(case: Case) -> Iterator[Candidate]:
    values = {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}
    for namespace in dict.fromkeys((case.destination.namespace, case.source.namespace)):
        if len(list(case.state.links_of(namespace))) > 1:
            title = f"let each interface of {namespace} answer ARP only for its own addresses"
            yield case.candidate("arp", title, ARP_FLUX, {"set": {namespace: {"sysctls": values}}})


def _filters(case: Case) -> Iterator[Candidate]:
    # Of an address that is at no wire even the gentlest value keeps ARP out.
    away = not case.destination.bindable
    through = [*addressing.gateways(case), *(link.namespace for link in case.state.links if link.bridges)]
    for namespace in dict.fromkeys((case.destination.namespace, case.source.namespace, *through)):
        for name, values, because in _FILTERS:
            kept = int(not (away and name == "arp_ignore"))
            paths = [
                path
                for path, value in case.state.namespace(namespace).sysctls
                if path.rsplit("/", 1)[-1] == name and value not in ("0", *values[:kept])
            ]
            for value in values[1 - kept :] if paths else ():
                step = {"set": {namespace: {"sysctls": {sysctl_name(path): int(value) for path in paths}}}}
                yield case.candidate(f"{name}-{namespace}", f"set {name}={value} in {namespace}", because, step)


def _accept(case: Case) -> Iterator[Candidate]:
    """Let programs that are bound to nothing hear what comes in by a VRF."""
    divided = dict.fromkeys(link.namespace for link in case.state.links if link.domain)
    for namespace in divided:
        if namespace in (case.source.namespace, case.destination.namespace):
            values = {f"net.ipv4.{kind}_l3mdev_accept": 1 for kind in ("tcp", "udp")}
            title = f"let programs of {namespace} that are bound to nothing hear its VRFs"
            yield case.candidate(f"vrf-{namespace}", title, UNBOUND, {"set": {namespace: {"sysctls": values}}})


def _flags(case: Case) -> Iterator[Candidate]:
    """Interfaces on the way that don't ask for MACs, nor answer."""
    through = [link for place in addressing.gateways(case) for link in case.state.links_of(place)]
    for link in dict.fromkeys((*case.links, *through)):
        if not link.arp and link.vrf_table is None:
            yield case.candidate(
                f"arp-{link.id}", f"switch arp on at {link.id}", NOARP, {"set": {link.id: {"arp": True}}}
            )


def _source_lists(case: Case) -> Iterator[Candidate]:
    one, other = case.links
    for link, peer in ((one, other), (other, one)):
        if link.hears_only is not None and peer.mac and peer.mac not in link.hears_only:
            step: Step = {"set": {link.id: {"allowed_macs": [*link.hears_only, peer.mac]}}}
            yield case.candidate(f"list-{link.id}", f"let {link.id} hear {peer.id}", LISTED, step)
    for wire in case.wires:
        for child in case.state.children_of(wire.id):
            # 'nodst' is a key of macvlan alone, and so is what this changes.
            if isinstance(child, Macvlan) and child.nodst:
                step = {"set": {child.id: {"nodst": False}}}
                yield case.candidate(f"nodst-{child.id}", f"let {child.id} have copies only, nodst off", NODST, step)


def _acquaint(case: Case) -> Iterator[Candidate]:
    """Tell a bridge that answers for others where both ends are now, if the questions are of a family that it knows."""
    for name in dict.fromkeys(wire.switch for wire in case.wires if wire.port.proxies):
        bridge = case.state.link(name)
        ends = [
            (link, case.address(end)) for link, end in zip(case.links, (case.source, case.destination), strict=True)
        ]
        if (case.family == 6 and not bridge.interface) or any(at is None or not link.mac for link, at in ends):
            continue
        neighbors = {one.ip: one.mac for one in bridge.neighbors} | {str(at and at.ip): link.mac for link, at in ends}
        step: Step = {name: {"neighbors": neighbors}}
        for link, _ in ends:
            for wire in case.wires:
                if case.state.root(link.id).id == wire.id and wire.switch == name and link.mac not in wire.port.fdb:
                    step[wire.id] = {"port": {"fdb": [*wire.port.fdb, link.mac]}}
        title = f"let {name} know where {' and '.join(link.id for link, _ in ends)} are"
        yield case.candidate(f"acquaint-{name}", title, ACQUAINTED, {"set": step})


def _port_options(case: Case) -> Iterator[Candidate]:
    ordinary = Port()
    names = [
        one.name
        for one in fields(Port)
        if isinstance(one.default, bool) and one.name not in ("up", "attached", "hairpin", "mab")
    ]
    for wire in case.wires:
        if wire.port.policy:
            yield from _lift(case, wire)
            continue
        yield from _admit(case, wire)
        values = {
            name: getattr(ordinary, name) for name in names if getattr(wire.port, name) != getattr(ordinary, name)
        }
        for name, value in values.items():
            title = f"set {name} {'on' if value else 'off'} at the switch port of {wire.id}"
            # Only a locked port can have mab.
            more = {"mab": False} if name == "locked" and wire.port.mab else {}
            step = {"set": {wire.id: {"port": {name: value, **more}}}}
            yield case.candidate(f"port-{wire.id}-{name}", title, DEFAULT_PORT, step)


def _lift(case: Case, wire: Veth) -> Iterator[Candidate]:
    """A policy is lifted where the thing that has it can do so; and children that share the MAC need no lifting."""
    known = POLICIES[wire.port.policy]
    if known.lifted:
        title = f"lift the policy {wire.port.policy} of the switch port of {wire.id}: {known.lifted}"
        because = f"It plays {known.says}: other MACs than the interface's own are dropped."
        step: Step = {"set": {wire.id: {"port": {"policy": "none"}}}}
        yield case.candidate(f"policy-{wire.id}", title, because, step)
    yield from family.as_ipvlan(case, wire, known.says)


def _admit(case: Case, wire: Veth) -> Iterator[Candidate]:
    """A locked port stays locked; the MAC in question is let in."""
    inside = [link for link in case.links if link.mac and case.state.root(link.id).id == wire.id]
    new = [link.mac for link in inside if link.mac and link.mac not in wire.port.fdb]
    if wire.port.locked and new:
        step = {"set": {wire.id: {"port": {"fdb": [*wire.port.fdb, *new]}}}}
        title = f"let the locked switch port of {wire.id} admit {' and '.join(new)}"
        yield case.candidate(f"admit-{wire.id}", title, LOCKED, step)


# --- modes and sizes --------------------------------------------------------------------------------


def _modes(case: Case) -> Iterator[Candidate]:
    other = [link.id for link in case.links if link.effective_mode in ("vepa", "private", "source")]
    because = "Siblings in bridge mode reach each other inside of their parent, without the switch."
    for link in other:
        yield case.candidate(f"mode-{link}", f"set {link} to bridge mode", because, {"set": {link: {"mode": "bridge"}}})
    if len(other) == 2:
        title = f"set {' and '.join(other)} to bridge mode"
        parts = [f"mode-{link}" for link in other]
        step: Step = {"set": {link: {"mode": "bridge"} for link in other}}
        yield case.candidate("modes", title, because, step, includes=parts)
    deaf = [link.id for link in case.links if link.queue_length == 0]
    if deaf:
        because = "Broadcasts from outside wait in a queue for the children, and 0 leaves no room in it."
        step = {"set": {link: {"bcqueuelen": 1000} for link in deaf}}
        yield case.candidate("queue", f"give {' and '.join(deaf)} a broadcast queue", because, step)


def _mtu(case: Case) -> Iterator[Candidate]:
    size = size_of(case.layer)
    if size is None:
        return
    wanted = max(size, 1500)
    through = addressing.gateways(case)
    near: list[AnyLink] = [*case.wires, *case.links]
    near += [link for namespace in through for link in case.state.links_of(namespace)]
    near += [link for link in case.state.links if link.trunk]
    small = {link.id: {"mtu": wanted} for link in near if link.mtu < size}
    if small:
        yield case.candidate("mtu", f"raise the MTU of {' and '.join(small)} to {wanted}", MTU, {"set": small})
