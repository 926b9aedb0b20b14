"""Which interface has a carrier, once the lab has settled."""

from __future__ import annotations

from dataclasses import replace

from netlab.contract.kernels import Version
from netlab.contract.types import AnyLink, Port


def settle(links: dict[str, AnyLink], kernel: Version) -> None:
    """Bring the carrier of every link up to date, and reset the state of ports whose carrier has come back.

    A port whose carrier returns starts in its first state, whatever was set by hand (br_stp_enable_port).
    """
    live: set[str] = set()
    for link_id in _ordered(links):
        link = links[link_id]
        carrier = _carries(link, links, live, kernel)
        ports = {}
        for plug in link.plugs:
            port = _fresh(plug.port, link.carrier, carrier)
            if port is not plug.port:
                ports[plug.field] = port
            if carrier and link.up and port.forwards:
                live.add(plug.bridge)
        if link.carrier != carrier or ports:
            links[link_id] = replace(link, carrier=carrier, **ports)  # type: ignore[arg-type]


def _ordered(links: dict[str, AnyLink]) -> list[str]:
    """Links in an order in which each comes after those that its carrier depends on: what it sits on, its members."""
    members: dict[str, list[str]] = {}
    for link in links.values():
        for above in dict.fromkeys((*(plug.bridge for plug in link.plugs), link.master)):
            if above is not None:
                members.setdefault(above, []).append(link.id)
    order: dict[str, None] = {}

    def visit(link_id: str) -> None:
        link = links.get(link_id)
        if link is None or link_id in order:
            return
        for below in (link.lower, *members.get(link_id, ())):
            if below is not None:
                visit(below)
        order[link_id] = None

    for link_id in links:
        visit(link_id)
    return list(order)


def _carries(link: AnyLink, links: dict[str, AnyLink], live: set[str], kernel: Version) -> bool:
    lower = links.get(link.lower or "")
    if lower is not None and not lower.up and link.goes_on(kernel):
        # It keeps what it has; a new one has what its parent had.
        return link.up and (link.carrier or link.carries(links.get, live))
    return link.carries(links.get, live)


def _fresh(port: Port, before: bool, after: bool) -> Port:
    if after and not before and port.state != "forwarding":
        return replace(port, state="forwarding")
    return port
