"""Candidates that join two ends by something new: a wire of their own, or a cable between their switches."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from netlab.contract.types import State
from netlab.why.addressing import free_address, gateways
from netlab.why.case import Candidate, Case, Step, inside

SECOND = "A network of their own needs nothing of the first (Docker calls it a bridge)."
NIC = "A host with an interface on each of two switches needs nobody between them."
CABLE = "Frames get from one switch to another by a cable, and the hosts on both are on one link then."
#: What the new interface is called.
NAME = "net2"
#: Where an unused subnet is looked for.
_POOLS = {4: ("172.30.0.0", 24), 6: ("fd00:30::", 64)}
_BITS = {4: 32, 6: 128}


def networks(case: Case) -> Iterator[Candidate]:
    """A pair of interfaces between a host and its container; a second NIC, or a cable, where switches are apart."""
    here, there = case.source, case.destination
    if here.namespace == there.namespace or case.address(here) is None or case.address(there) is None:
        return
    host, container = sorted((here.namespace, there.namespace), key=lambda name: "/" in name)
    if container.startswith(f"{host}/"):
        yield from _pair(case, host, container)
        return
    if gateways(case):
        return
    switches = [wire.switch for wire in case.wires]
    if len(set(switches)) == 2 and not any(":" in switch for switch in switches):
        yield from _nic(case, switches[-1])
        yield from _cable(case, switches)


def _pair(case: Case, host: str, container: str) -> Iterator[Candidate]:
    subnet = ipaddress.ip_network(_free_subnet(case.state, case.family))
    hosts: Step = {}
    for place, peer, number in ((host, container, 1), (container, host, 2)):
        link: Step = {"peer": f"{peer}:{NAME}", "addresses": [f"{subnet[number]}/{subnet.prefixlen}"]}
        inside(hosts, place)["interfaces"] = {NAME: link}
    title = f"give {host} and {container} a second network, {subnet}, and use that"
    source, destination = (f"{end.namespace}:{NAME}" for end in (case.source, case.destination))
    yield case.candidate("second", title, SECOND, {"add": {"hosts": hosts}}, source=source, destination=destination)


def _nic(case: Case, switch: str) -> Iterator[Candidate]:
    address = free_address(case.state, case.destination, case.family)
    mine, theirs = case.address(case.source), case.address(case.destination)
    if address is None or mine is None or theirs is None or mine.network == theirs.network:
        return
    host = case.source.namespace
    if "/" in host:
        return
    hosts: Step = {host: {"interfaces": {NAME: {"switch": switch, "addresses": [address]}}}}
    title = f"plug a second NIC of {host} into {switch}"
    yield case.candidate("nic", title, NIC, {"add": {"hosts": hosts}}, source=f"{host}:{NAME}")


def _cable(case: Case, switches: list[str]) -> Iterator[Candidate]:
    taken = {namespace.id for namespace in case.state.namespaces}
    name = next(one for k in range(len(taken) + 1) if (one := "between" + str(k or "")) not in taken)
    step: Step = {"add": {"switches": {name: {"links": switches}}}}
    title = f"join {' and '.join(switches)} by a cable (here by way of one more switch, {name})"
    yield case.candidate("cable", title, CABLE, step)


def _free_subnet(state: State, family: int) -> str:
    taken = [str(a.network) for link in state.links for a in link.addresses if a.family == family]
    pool, prefixlen = _POOLS[family]
    for number in range(len(taken) + 1):
        subnet = f"{ipaddress.ip_address(pool) + (number << (_BITS[family] - prefixlen))}/{prefixlen}"
        if not any(_overlap(subnet, other) for other in taken):
            return subnet
    raise AssertionError("as many subnets are taken as there are addresses")


def _overlap(one: str, other: str) -> bool:
    a, b = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return a[0] in b or b[0] in a
