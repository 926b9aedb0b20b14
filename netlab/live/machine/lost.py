"""Routes of a machine that a topology file can't have, and which questions they leave open."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.contract.types import State
    from netlab.live.reading import Left

_MAIN = 254


def open_questions(
    left: Iterable[Left], state: State, source: str, destination: str, family: int | None
) -> dict[str, str]:
    """The namespaces of whose packets nothing is known, and why: to an address of the pair, which begins or ends there
    or elsewhere, they may take a route that is left out, and none that the file has is more specific. ``family`` is
    that of the packets; None: they are none."""
    asked = [ipaddress.ip_address(ip) for ip in _addresses(state, source, destination, family)]
    found: dict[str, str] = {}
    for one in left:
        if not one.route or not asked:
            continue
        lost = _network(one.route, family)
        if any(ip in lost and not _goes_before(state, one.path, ip, lost) for ip in asked):
            found.setdefault(one.path, f"{one.why}; this is left out")
    return found


def _addresses(state: State, source: str, destination: str, family: int | None) -> Iterator[str]:
    """The address that is asked for, and those that the packets may come from."""
    try:
        if ipaddress.ip_address(destination).version == family:
            yield destination
    except ValueError:
        yield from list(_of(state, destination, family))[:1]
    yield from _of(state, source, family)


def _of(state: State, end: str, family: int | None) -> Iterator[str]:
    """The addresses of an interface, or of all of a host that a program may bind to."""
    for one in state.endpoints:
        address = one.address(family)
        if address is not None and (end == one.id or (end == one.namespace and one.bindable)):
            yield address.ip


def _network(prefix: str, family: int | None) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    if prefix == "default":
        prefix = "::/0" if family == 6 else "0.0.0.0/0"
    return ipaddress.ip_network(prefix)


def _goes_before(
    state: State,
    place: str,
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
    lost: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> bool:
    """Whether a route of a namespace's table main is more specific than the lost one."""
    known = [
        str(ipaddress.ip_interface(f"{one.ip}/{one.prefixlen}").network)
        for link in state.links
        if link.namespace == place
        for one in link.addresses
    ]
    known += [one.to for space in state.namespaces if space.id == place for one in space.routes if one.table == _MAIN]
    networks = map(ipaddress.ip_network, known)
    return any(ip in one and one.prefixlen > lost.prefixlen for one in networks)
