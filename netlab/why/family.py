"""Candidates about parents and children: reflection, a shim, a namespace apart, static neighbours."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from netlab.plan.types import Endpoint, Macvlan, State, base_layer
from netlab.why.case import Candidate, Case, Step, joined

HAIRPIN = (
    "A switch sends no frame back out of the port it came in by, unless that port is a hairpin (VEPA calls"
    " such a switch reflective)."
)
SHIM = "Parent and child never meet, siblings in bridge mode do: so the host takes a child for itself."
APART = (
    "In one namespace whichever interface is asked first answers for all addresses, and packets that come"
    " from one of its own addresses are refused."
)
BY_HAND = "Where broadcasts don't get through, ARP finds nobody; MACs entered by hand at both ends need no ARP."
OWN = "A namespace takes no packet that comes from one of its own addresses, unless accept_local says so."

#: How far down a network is searched for an address that nobody has.
_SEARCH = 5000


def candidates(case: Case) -> Iterator[Candidate]:
    """All of them, the least intrusive first."""
    yield from _shim(case)
    yield from _hairpin(case)
    yield from _own_container(case)
    yield from _static_neighbours(case)
    yield from _own_addresses(case)


def _reflect(case: Case) -> Step | None:
    """Hairpin on at the one port that both share; two machines on two ports need no reflection."""
    if len(case.wires) != 1:
        return None
    [wire] = case.wires
    if wire.port.hairpin or not wire.port.attached:
        return None
    return {"set": {wire.id: {"port": {"hairpin": True}}}}


def _hairpin(case: Case) -> Iterator[Candidate]:
    step = _reflect(case)
    if step is not None:
        title = f"let the switch reflect: hairpin on at the port of {case.wires[0].id}"
        yield case.candidate("hairpin", title, HAIRPIN, step)


# --- a child for the host, a namespace for the child ------------------------------------------------


def _shim(case: Case) -> Iterator[Candidate]:
    """The well-known way for a host to reach its containers: a child of its own."""
    one, other = case.links
    for host, child, end in ((one, other, case.source), (other, one, case.destination)):
        address = _free_address(case.state, end)
        if not isinstance(child, Macvlan) or child.parent != host.id or child.namespace == host.namespace:
            continue
        if address is None:
            continue
        shim = f"{host.namespace}:shim"
        yield case.candidate(
            "shim",
            f"give {host.namespace} a macvlan child of its own, and speak through that",
            f"{SHIM} (Unbound traffic needs a route to {child.id}'s address through it, too.)",
            {"add": {"hosts": {host.namespace: {"interfaces": {"shim": _shim_link(host.name, address)}}}}},
            source=shim if end is case.source else None,
            destination=shim if end is case.destination else None,
        )


def _own_container(case: Case) -> Iterator[Candidate]:
    """A child that lives in its parent's own namespace gets one for itself."""
    ends = (case.source, case.destination)
    for link, end, other in zip(case.links, ends, ends[::-1], strict=True):
        if not isinstance(link, Macvlan) or "/" in link.namespace:
            continue
        parent = case.state.link(link.parent)
        if link.namespace != parent.namespace:
            continue
        host = link.namespace
        name = _free_name(case.state, host)
        moved: Step = {"type": link.kind, "parent": parent.name, "mode": link.effective_mode}
        if link.mac:
            moved["mac"] = link.mac
        moved["addresses"] = [str(address) for address in link.addresses]
        containers: Step = {"containers": {name: {"interfaces": {"eth0": moved}}}}
        step: Step = {"delete": [link.id], "add": {"hosts": {host: containers}}}
        title = f"move {link.id} into a namespace of its own"
        new = f"{host}/{name}:eth0"
        pair = {"source": new} if end is case.source else {"destination": new}
        yield case.candidate("container", title, APART, step, **pair)
        if other.link == link.parent:
            yield from _and_meet_its_parent(case, other, title, step, containers, pair)


def _and_meet_its_parent(
    case: Case, parent: Endpoint, title: str, step: Step, containers: Step, pair: dict[str, str]
) -> Iterator[Candidate]:
    """Moved away, the child and its parent still don't meet; what helps them then is known."""
    host, name = parent.namespace, case.state.link(parent.link).name
    address = _free_address(case.state, parent)
    if address is not None:
        interfaces = {"shim": _shim_link(name, address)}
        shim = {"destination": f"{host}:shim"} if "source" in pair else {"source": f"{host}:shim"}
        yield case.candidate(
            "container+shim",
            f"{title}, and give {host} another child in its place",
            f"{APART} {SHIM}",
            {**step, "add": {"hosts": {host: {"interfaces": interfaces, **containers}}}},
            includes=("container",),
            **pair,
            **shim,
        )
    reflect = _reflect(case)
    if reflect is not None:
        together = {"delete": step["delete"], **reflect, "add": step["add"]}
        yield case.candidate(
            "container+hairpin",
            f"{title}, and let the switch reflect",
            f"{APART} {HAIRPIN}",
            together,
            includes=("container", "hairpin"),
            **pair,
        )


def _shim_link(parent: str, address: str) -> Step:
    return {"type": "macvlan", "parent": parent, "mode": "bridge", "addresses": [address]}


def _free_address(state: State, end: Endpoint) -> str | None:
    """An address of the endpoint's network that nobody in the lab has."""
    mine = end.v4 or end.v6
    if mine is None:
        return None
    taken = {address.ip for link in state.links for address in link.addresses}
    network = mine.network
    highest = int(network[-1]) - (1 if network.version == 4 else 0)
    for number in range(highest, max(int(network[0]), highest - _SEARCH), -1):
        ip = str(ipaddress.ip_address(number))
        if ip not in taken:
            return f"{ip}/{mine.prefixlen}"
    return None


def _free_name(state: State, host: str) -> str:
    taken = {namespace.id for namespace in state.namespaces}
    return next(name for k in range(1, len(taken) + 2) if f"{host}/{(name := f'c{k}')}" not in taken)


# --- what spares ARP, and what lets a namespace speak with itself -----------------------------------


def _static_neighbours(case: Case) -> Iterator[Candidate]:
    one, other = case.source, case.destination
    six = base_layer(case.layer) in ("ndp", "icmp6", "icmp6-static")
    mine, theirs = (one.v6, other.v6) if six else (one.v4, other.v4)
    if not (one.mac and other.mac and mine and theirs):
        return
    step: Step = {
        "set": {
            one.link: {"neighbors": {theirs.ip: other.mac}},
            other.link: {"neighbors": {mine.ip: one.mac}},
        }
    }
    yield case.candidate("neighbours", "static neighbour entries at both ends", BY_HAND, step)
    reflect = _reflect(case)
    if reflect is not None:
        title = "a reflecting switch, and static neighbour entries at both ends"
        parts = ("hairpin", "neighbours")
        both = joined(reflect, step)
        yield case.candidate("hairpin+neighbours", title, f"{BY_HAND} {HAIRPIN}", both, includes=parts)


def _own_addresses(case: Case) -> Iterator[Candidate]:
    namespace = case.source.namespace
    if namespace != case.destination.namespace:
        return
    values = {"accept_local": 1, "rp_filter": 0, "arp_ignore": 1, "arp_announce": 2}
    sysctls = {f"net.ipv4.conf.all.{name}": value for name, value in values.items()}
    step: Step = {"set": {namespace: {"sysctls": sysctls}}}
    title = f"{namespace}: accept packets from its own addresses"
    yield case.candidate("accept-local", title, OWN, step)
    reflect = _reflect(case)
    if reflect is not None:
        parts = ("hairpin", "accept-local")
        both = joined(reflect, step)
        title += ", and let the switch reflect"
        yield case.candidate("hairpin+accept-local", title, f"{OWN} {HAIRPIN}", both, includes=parts)
