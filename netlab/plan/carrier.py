"""Which interface has a carrier, once the lab has settled."""

from __future__ import annotations

from dataclasses import replace

from netlab.contract.types import AnyLink, Bridge, Macvlan, Pair, Port, Switch, SwitchLink, Veth


def settle(links: dict[str, AnyLink]) -> None:
    """Bring the carrier of every link up to date, and reset the state of ports whose carrier has come back.

    - A veth has carrier while both ends are up (veth_open, veth_close).
    - A child copies its parent's carrier (macvlan_device_event).
    - A bridge has carrier while one of its ports forwards (br_port_state_selection).
    - A port whose carrier returns starts in its first state, whatever was set by hand (br_stp_enable_port).
    """
    live: dict[str, bool] = {}
    for link in list(links.values()):
        if isinstance(link, Veth):
            carrier = link.up and link.port.up
            port = _fresh(link.port, link.carrier, carrier)
            _put(links, link, carrier, port=port)
            live[link.switch] = live.get(link.switch, False) or _forwards(port, carrier)
            if link.master is not None:
                live[link.master] = live.get(link.master, False) or carrier
        elif isinstance(link, Pair):
            other = links.get(link.peer)
            _put(links, link, link.up and other is not None and other.up)
        elif isinstance(link, SwitchLink):
            carrier = link.up and link.port.up and link.peer_port.up
            port, peer = (_fresh(end, link.carrier, carrier) for end in (link.port, link.peer_port))
            _put(links, link, carrier, port=port, peer_port=peer)
            for switch, end in ((link.namespace, port), (link.peer, peer)):
                live[switch] = live.get(switch, False) or _forwards(end, carrier)
    for link in list(links.values()):
        if isinstance(link, (Switch, Bridge)):
            _put(links, link, link.up and live.get(link.id, False))
    for link in list(links.values()):
        if isinstance(link, Macvlan):
            parent = links[link.parent]
            _put(links, link, link.up and parent.up and parent.carrier)


def _fresh(port: Port, before: bool, after: bool) -> Port:
    if after and not before and port.state != "forwarding":
        return replace(port, state="forwarding")
    return port


def _forwards(port: Port, carrier: bool) -> bool:
    return port.attached and carrier and port.state == "forwarding"


def _put(links: dict[str, AnyLink], link: AnyLink, carrier: bool, **ports: Port) -> None:
    changed = {name: port for name, port in ports.items() if port is not getattr(link, name)}
    if link.carrier != carrier or changed:
        links[link.id] = replace(link, carrier=carrier, **changed)  # type: ignore[arg-type]
