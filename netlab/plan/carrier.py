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
    # Wires first, then the bridges that they are plugged into, then what sits on either.
    for rank in range(3):
        for link in list(links.values()):
            if link.rank != rank:
                continue
            carrier = _carries(link, links, live, kernel)
            ports = {}
            for plug in link.plugs:
                port = plug.port and _fresh(plug.port, link.carrier, carrier)
                if port is not plug.port:
                    ports[plug.field] = port
                if carrier and (port is None or (port.attached and port.state == "forwarding")):
                    live.add(plug.bridge)
            if link.carrier != carrier or ports:
                links[link.id] = replace(link, carrier=carrier, **ports)  # type: ignore[arg-type]


def _carries(link: AnyLink, links: dict[str, AnyLink], live: set[str], kernel: Version) -> bool:
    lower = links.get(link.lower or "")
    if lower is not None and not lower.up and link.goes_on(kernel):
        return link.up and link.carrier
    return link.carries(links.get, live)


def _fresh(port: Port, before: bool, after: bool) -> Port:
    if after and not before and port.state != "forwarding":
        return replace(port, state="forwarding")
    return port
