"""Candidates for a fix: changes that have helped somebody in a situation like this.

Whether one helps here is the model's to say; a candidate only has to be worth trying. Here are those that
undo what keeps two interfaces apart; `netlab.why.family` has those about parents and their children.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from netlab.plan.types import Macvlan, Port, State
from netlab.report.changes import sysctl_name
from netlab.why import family
from netlab.why.case import Candidate, Case, Step

ARP_FLUX = (
    "With arp_ignore=1 only the interface that has an address answers ARP for it, and with arp_announce=2 it"
    " asks in its own name, too."
)
#: Per-interface settings of a namespace that keep packets out where they are not 0.
_FILTERS = ("rp_filter", "arp_filter", "icmp_echo_ignore_all")


def candidates(state: State, layer: str, i: int, j: int, letter: str) -> Iterator[Candidate]:
    """Everything worth trying for a pair, the least intrusive first."""
    # Whoever gets an answer from another interface (A, B) asks for the right one; who got none is glad of any.
    accepts = "R" if letter in "AB" else "RAB"
    case = Case(state, layer, state.endpoints[i], state.endpoints[j], accepts)
    yield from _bring_up(case)
    yield from _arp_flux(case)
    yield from _filters(case)
    yield from _port_options(case)
    yield from _modes(case)
    yield from _source_lists(case)
    yield from _mtu(case)
    yield from family.candidates(case)


def _bring_up(case: Case) -> Iterator[Candidate]:
    down: dict[str, Step] = {link.id: {"state": "up"} for link in (*case.links, *case.wires) if not link.up}
    for wire in case.wires:
        port: Step = {}
        if not wire.port.up:
            port["up"] = True
        if not wire.port.attached:
            port["attached"] = True
        if wire.port.state != "forwarding":
            port["state"] = "forwarding"
        if port:
            down.setdefault(wire.id, {})["port"] = port
        if not case.state.link(wire.switch).up:
            down[wire.switch] = {"state": "up"}
    if down:
        because = "Nothing passes an interface or a port that is down."
        yield case.candidate("up", "bring up what is down", because, {"set": down})


def _arp_flux(case: Case) -> Iterator[Candidate]:
    values = {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}
    for namespace in dict.fromkeys((case.destination.namespace, case.source.namespace)):
        if len(list(case.state.links_of(namespace))) > 1:
            title = f"{namespace}: let each interface answer ARP only for its own addresses"
            yield case.candidate("arp", title, ARP_FLUX, {"set": {namespace: {"sysctls": values}}})


def _filters(case: Case) -> Iterator[Candidate]:
    for namespace in dict.fromkeys((case.destination.namespace, case.source.namespace)):
        values = {
            sysctl_name(path): 0
            for path, value in case.state.namespace(namespace).sysctls
            if path.rsplit("/", 1)[-1] in _FILTERS and value != "0"
        }
        if values:
            title = f"{namespace}: switch off the filters that the file has switched on"
            because = "rp_filter drops what comes in by another interface than the answer would leave by."
            yield case.candidate("filters", title, because, {"set": {namespace: {"sysctls": values}}})


def _port_options(case: Case) -> Iterator[Candidate]:
    ordinary = Port()
    names = [one.name for one in fields(Port) if one.name not in ("up", "attached", "state", "hairpin", "fdb")]
    for wire in case.wires:
        values = {
            name: getattr(ordinary, name) for name in names if getattr(wire.port, name) != getattr(ordinary, name)
        }
        because = "That is how a switch port is unless somebody sets it otherwise."
        for name, value in values.items():
            title = f"the switch port of {wire.id}: {name} {'on' if value else 'off'}"
            yield case.candidate(f"port-{name}", title, because, {"set": {wire.id: {"port": {name: value}}}})
        if len(values) > 1:
            title = f"the switch port of {wire.id} as it is by default"
            parts = [f"port-{name}" for name in values]
            yield case.candidate("ports", title, because, {"set": {wire.id: {"port": values}}}, includes=parts)


def _modes(case: Case) -> Iterator[Candidate]:
    children = [
        link.id
        for link in case.links
        if isinstance(link, Macvlan) and link.effective_mode in ("vepa", "private", "source")
    ]
    if children:
        title = f"bridge mode for {' and '.join(children)}"
        because = "Siblings in bridge mode reach each other inside of their parent, without the switch."
        yield case.candidate("mode", title, because, {"set": {link: {"mode": "bridge"} for link in children}})


def _source_lists(case: Case) -> Iterator[Candidate]:
    one, other = case.links
    for link, peer in ((one, other), (other, one)):
        if isinstance(link, Macvlan) and link.effective_mode == "source" and peer.mac:
            because = "A child in source mode hears only the MACs on its list."
            step = {"set": {link.id: {"allowed_macs": [*link.allowed_macs, peer.mac]}}}
            yield case.candidate("source", f"let {link.id} hear {peer.id}", because, step)


def _mtu(case: Case) -> Iterator[Candidate]:
    _, sized, size = case.layer.partition("/")
    links = (*case.wires, *case.links)
    small = {link.id: {"mtu": int(size)} for link in links if sized and link.mtu < int(size)}
    if small:
        because = "A packet that may not be split must fit every link on its way."
        yield case.candidate("mtu", f"an MTU of {size} on the way", because, {"set": small})
