"""Candidates about parents and children: reflection, a shim, a namespace apart, static neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from netlab.contract.types import AnyLink, Endpoint, Route, State, probe_of
from netlab.why.addressing import address_in, by_hand, free_address, with_route
from netlab.why.case import Candidate, Case, Step, inside, merged

HAIRPIN = (
    "A switch sends no frame back out of the port it came in by, unless that port is a hairpin (VEPA calls"
    " such a switch reflective)."
)
SHIM = (
    "Parent and child never meet, siblings in bridge mode do: so the host takes a child for itself, and a route"
    " leads to the container by it."
)
#: The words for ipvlan, whose bridge is no mode but a flag, and the usual one.
SIBLING = (
    "Parent and child never meet, children of one parent do: so the host takes a child for itself, and a route"
    " leads to the container by it."
)
APART = (
    "In one namespace whichever interface is asked first answers for all addresses, and packets that come"
    " from one of its own addresses are refused."
)
ANEW = "The mode passthru, with which the parent gets nothing any more, is for life: the child must be made anew."
ANY_MAC = (
    "What is behind a bridge has MACs of its own, and only a child in passthru mode takes frames to any MAC; it must be"
    " its parent's only child."
)
BY_HAND = "Where broadcasts don't get through, ARP finds no host; MACs entered by hand at both ends need no ARP."
OWN = "A namespace takes no packet that comes from one of its own addresses, unless accept_local says so."
ROUTED = (
    "In l3 nobody answers ARP for an IPvlan child: what is for it comes in by its parent, so others need a route to it"
    " by the parent's address."
)

#: Layers on which a host answers for all its addresses, whichever interface is asked.
_ANY_INTERFACE = ("arp", "icmp", "icmp-static", "tcp", "udp")
#: Layers on which hosts look for each other's MAC before they speak.
_RESOLVING = ("icmp", "icmp6", "tcp", "tcp6", "udp", "udp6")


def hairpin(case: Case) -> Iterator[Candidate]:
    """Let the switch send back what came in by the port."""
    if case.reflecting is not None:
        title = f"let the switch reflect: hairpin on at the port of {case.wires[0].id}"
        yield case.candidate("hairpin", title, HAIRPIN, case.reflecting)


# --- a child for the host ---------------------------------------------------------------------------


def shim(case: Case) -> Iterator[Candidate]:
    """The well-known way for a host to reach its containers: a child of its own, and a route by it."""
    one, other = case.links
    for host, child, end, peer in (
        (one, other, case.source, case.destination),
        (other, one, case.destination, case.source),
    ):
        if child.effective_mode is None or child.lower != host.id or child.namespace == host.namespace:
            continue
        yield from _by_another(case, end, peer)
        steps = _shim(case, end, peer)
        if steps is None:
            continue
        kind = {"macvlan": "a macvlan", "ipvlan": "an ipvlan"}[child.takes]
        title = f"give {host.namespace} {kind} child of its own (a shim), and a route to {child.namespace} by it"
        takes = _in_place(case, end)
        if child.takes != "macvlan":
            yield case.candidate("shim", title, SIBLING, *steps, **takes)
        elif child.effective_mode == "bridge":
            yield case.candidate("shim", title, SHIM, *steps, **takes)
        elif child.effective_mode == "passthru":
            again = _anew(case, child, "bridge")
            made: Step = {"delete": again["delete"], "add": merged(again["add"], steps[0]["add"])}
            title = f"make {child.id} anew, in bridge mode, {title}"
            yield case.candidate("anew+shim", title, f"{ANEW} {SHIM}", made, *steps[1:], includes=("anew",), **takes)
        else:
            first: Step = {"set": {child.id: {"mode": "bridge"}}, **steps[0]}
            title = f"set {child.id} to bridge mode, {title}"
            yield case.candidate("mode+shim", title, SHIM, first, *steps[1:], includes=(f"mode-{child.id}",), **takes)


def _by_another(case: Case, end: Endpoint, peer: Endpoint) -> Iterator[Candidate]:
    """A route by a child that the host has already."""
    target, namespace = case.address(peer), case.state.namespace(end.namespace)
    for child in case.state.children_of(end.link):
        if child.namespace == namespace.id and child.effective_mode is not None and target is not None:
            route = Route(f"{target.ip}/{case.bits}", dev=child.name)
            step: Step = {"set": {namespace.id: {"routes": with_route(namespace, route)}}}
            title = f"give {namespace.id} a route to {peer.namespace} by its own child {child.name}"
            says = SHIM if child.takes == "macvlan" else SIBLING
            yield case.candidate(f"by-{child.id}", title, says, step)


def _shim(case: Case, end: Endpoint, peer: Endpoint) -> tuple[Step, ...] | None:
    """Two steps: the host's own child, with an address for it alone, and the route to the other child."""
    name, child = _shim_name(case, end), case.state.link(peer.link)
    # Where both are of one network it is the same; else the child may have no way back to the host's.
    address, target = free_address(case.state, peer, case.family), case.address(peer)
    if address is None or target is None:
        return None
    ip = address.partition("/")[0]
    link: Step = {
        "type": child.takes,
        "parent": case.state.link(end.link).name,
        # Of ipvlan all children of a parent have one.
        "mode": "bridge" if child.takes == "macvlan" else child.effective_mode,
        "addresses": [f"{ip}/{case.bits}"],
    }
    route = Route(f"{target.ip}/{case.bits}", dev=name)
    add: Step = {"add": {"hosts": {end.namespace: {"interfaces": {name: link}}}}}
    return add, {"set": {end.namespace: {"routes": with_route(case.state.namespace(end.namespace), route)}}}


def _in_place(case: Case, end: Endpoint) -> dict[str, str]:
    """Which endpoint to try: a source must use the shim; as a destination any interface of the host will do."""
    made = f"{end.namespace}:{_shim_name(case, end)}"
    if end is case.source:
        return {"source": made}
    return {} if probe_of(case.layer) in _ANY_INTERFACE else {"destination": made}


def _shim_name(case: Case, end: Endpoint) -> str:
    taken = {link.name for link in case.state.links_of(end.namespace)}
    return next(name for k in range(len(taken) + 1) if (name := f"shim{k or ''}") not in taken)


def _anew(case: Case, child: AnyLink, mode: str) -> Step:
    """A child deleted and made once more, in another mode and with a MAC of its own."""
    link: Step = {"type": child.kind, "parent": case.state.link(str(child.lower)).name, "mode": mode}
    link["addresses"] = [str(address) for address in child.addresses]
    if child.master is not None:
        link["master"] = case.state.link(child.master).name
    hosts: Step = {}
    inside(hosts, child.namespace)["interfaces"] = {child.name: link}
    return {"delete": [child.id], "add": {"hosts": hosts}}


# --- a way to a child that answers no ARP ---------------------------------------------------------


def by_parent(case: Case) -> Iterator[Candidate]:
    """Where a child is reached by routes only (ipvlan in l3): one by its parent's address at the other end, and one
    back.
    """
    ends = (case.source, case.destination)
    for child, end, other in zip(case.links, ends, ends[::-1], strict=True):
        mine, theirs = case.address(end), case.address(other)
        if child.carries_frames or child.lower is None or mine is None or theirs is None:
            continue
        parent = case.state.link(child.lower)
        gateway = address_in(parent, case.state.link(other.link), case.family)
        if gateway is None or other.namespace in (child.namespace, parent.namespace):
            continue
        outside, inside = case.state.namespace(other.namespace), case.state.namespace(child.namespace)
        there = Route(f"{mine.ip}/{case.bits}", via=gateway)
        routes: Step = {outside.id: {"routes": with_route(outside, there)}}
        if ip_address(theirs.ip) not in mine.network and not any(
            ip_address(theirs.ip) in ip_network(one.to) for one in inside.routes
        ):
            back = Route("0.0.0.0/0" if case.family == 4 else "::/0", dev=child.name)
            routes[inside.id] = {"routes": with_route(inside, back)}
        title = f"give {outside.id} a route to {child.namespace} by {gateway}, the address of its parent {parent.id}"
        yield case.candidate(f"by-parent-{child.id}", title, ROUTED, {"set": routes})


# --- one MAC for all children ----------------------------------------------------------------------


def as_ipvlan(case: Case, wire: AnyLink, says: str) -> Iterator[Candidate]:
    """All children of an interface made anew as ipvlan, with its own MAC: where no other gets through."""
    children = [child for child in case.state.children_of(wire.id) if child.takes == "macvlan"]
    if not children or any("/" not in child.namespace for child in children):
        return
    hosts: Step = {}
    for child in children:
        link: Step = {"type": "ipvlan", "parent": wire.name, "mode": "l2"}
        link["addresses"] = [str(address) for address in child.addresses]
        inside(hosts, child.namespace).setdefault("interfaces", {})[child.name] = link
    step: Step = {"delete": [child.id for child in children], "add": {"hosts": hosts}}
    title = f"make the children of {wire.id} anew, as ipvlan in l2, which have its MAC"
    yield case.candidate(f"ipvlan-{wire.id}", title, f"The port plays {says}: one MAC is enough for IPvlan.", step)


# --- a namespace for the child ----------------------------------------------------------------------


def apart(case: Case) -> Iterator[Candidate]:
    """A passthru child made anew; a child that lives in its parent's own namespace gets one for itself."""
    below = (child for link in case.links for child in case.state.children_of(link.id))
    for one in dict.fromkeys((*case.links, *below)):
        if one.gives_mac:
            yield case.candidate("anew", f"make {one.id} anew, in bridge mode", ANEW, _anew(case, one, "bridge"))
    ends = (case.source, case.destination)
    hosts = {case.state.namespace(end.namespace).host for end in ends}
    for port in case.state.links:
        # A child of macvlan that is a port of a bridge.
        if port.master is None or port.lower is None or port.effective_mode in (None, "passthru"):
            continue
        if port.namespace in hosts and port.takes == "macvlan":
            step = _anew(case, port, "passthru")
            yield case.candidate(f"passthru-{port.id}", f"make {port.id} anew, in passthru mode", ANY_MAC, step)
    for link, end, other in zip(case.links, ends, ends[::-1], strict=True):
        if link.effective_mode is None or link.lower is None or "/" in link.namespace:
            continue
        parent = case.state.link(link.lower)
        if link.namespace != parent.namespace:
            continue
        host = link.namespace
        name = _free_name(case.state, host)
        moved: Step = {"type": link.kind, "parent": parent.name, "mode": link.effective_mode}
        if link.mac:
            moved["mac"] = link.mac
        moved["addresses"] = [str(address) for address in link.addresses]
        containers: Step = {"containers": {name: {"interfaces": {"eth0": moved}}}}
        step = {"delete": [link.id], "add": {"hosts": {host: containers}}}
        title = f"move {link.id} into a namespace of its own"
        new = f"{host}/{name}:eth0"
        pair = {"source": new} if end is case.source else {"destination": new}
        yield case.candidate("container", title, APART, step, **pair)
        if other.link == link.lower:
            yield from _and_meet_its_parent(case, other, end, title, step, pair)


def _and_meet_its_parent(
    case: Case, parent: Endpoint, child: Endpoint, title: str, step: Step, pair: dict[str, str]
) -> Iterator[Candidate]:
    """Moved away, the child and its parent still don't meet; what helps them then is known."""
    steps = _shim(case, parent, child)
    if steps is not None:
        yield case.candidate(
            "container+shim",
            f"{title}, give {parent.namespace} another child in its place (a shim), and a route by that",
            f"{APART} {SHIM}",
            merged(step, steps[0]),
            *steps[1:],
            includes=("container",),
            **pair,
            **_in_place(case, parent),
        )
    if case.reflecting is not None:
        yield case.candidate(
            "container+hairpin",
            f"{title}, and let the switch reflect",
            f"{APART} {HAIRPIN}",
            {"delete": step["delete"], **case.reflecting, "add": step["add"]},
            includes=("container", "hairpin"),
            **pair,
        )


def _free_name(state: State, host: str) -> str:
    taken = {namespace.id for namespace in state.namespaces}
    return next(name for k in range(1, len(taken) + 2) if f"{host}/{(name := f'c{k}')}" not in taken)


# --- static neighbours, and traffic within one namespace --------------------------------------------


def last_resorts(case: Case) -> Iterator[Candidate]:
    """Static neighbours: they work, but must be maintained by hand."""
    yield from _static_neighbours(case)
    yield from _own_addresses(case)


def _static_neighbours(case: Case) -> Iterator[Candidate]:
    one, other = case.source, case.destination
    mine, theirs = case.address(one), case.address(other)
    if not (one.mac and other.mac and mine and theirs) or probe_of(case.layer) not in _RESOLVING:
        return
    step: Step = {
        "set": {
            one.link: {"neighbors": {**by_hand(case.links[0]), theirs.ip: other.mac}},
            other.link: {"neighbors": {**by_hand(case.links[1]), mine.ip: one.mac}},
        }
    }
    yield case.candidate("neighbours", "enter the neighbours by hand at both ends", BY_HAND, step)
    if case.reflecting is not None:
        title = "let the switch reflect, and enter the neighbours by hand at both ends"
        parts = ("hairpin", "neighbours")
        both = merged(case.reflecting, step)
        yield case.candidate("hairpin+neighbours", title, f"{BY_HAND} {HAIRPIN}", both, includes=parts)


def _own_addresses(case: Case) -> Iterator[Candidate]:
    namespace = case.source.namespace
    if namespace != case.destination.namespace:
        return
    values = {"accept_local": 1, "rp_filter": 0, "arp_ignore": 1, "arp_announce": 2}
    sysctls = {f"net.ipv4.conf.all.{name}": value for name, value in values.items()}
    step: Step = {"set": {namespace: {"sysctls": sysctls}}}
    title = f"let {namespace} accept packets from its own addresses"
    yield case.candidate("accept-local", title, OWN, step)
    if case.reflecting is not None:
        parts = ("hairpin", "accept-local")
        both = merged(case.reflecting, step)
        title += ", and let the switch reflect"
        yield case.candidate("hairpin+accept-local", title, f"{OWN} {HAIRPIN}", both, includes=parts)
