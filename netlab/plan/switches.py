"""Switches, the wires between them, and the loops that are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from netlab.contract.types import AddNamespace, AnyChange, AnyLink, Port, SetLink, Switch, SwitchLink, Where, joins
from netlab.plan import bridge, macs, sysctls
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Switch as GivenSwitch

BRIDGE = "br0"


def add_namespaces(lab: Lab, switches: Mapping[str, GivenSwitch], path: Path) -> list[AnyChange]:
    from netlab.plan.lab import Box

    changes: list[AnyChange] = []
    for name in switches:
        where = lab.file.where(*path, "switches", name)
        if name in lab.boxes:
            lab.file.problems.add(where, f"there is a {lab.boxes[name].kind} {name!r} already", "names are unique")
            continue
        lab.boxes[name] = Box(name, "switch", where, sysctls=dict(sysctls.SWITCH))
        changes.append(AddNamespace(namespace=lab.namespace(lab.boxes[name]), where=where))
    return changes


def add_bridges(lab: Lab, switches: Mapping[str, GivenSwitch], path: Path, mtu: int) -> list[str]:
    """Add bridges and the wires between them, whose MTU is ``mtu``; returns their ids in order of creation."""
    file = lab.file
    made: list[str] = []
    for name, given in switches.items():
        if name in lab.links:
            continue
        options = {key: value for key in bridge.GIVEN if (value := getattr(given, key)) is not None}
        lab.links[name] = Switch(
            namespace=name,
            name=BRIDGE,
            ifname=BRIDGE,
            ifindex=lab.index(),
            mac=macs.derive(file.spec.name, name, BRIDGE),
            up=given.state != "down",
            where=file.where(*path, "switches", name),
            **options,
        )
        file.paths[name] = (*path, "switches", name)
        made.append(name)
    for name, given in switches.items():
        for i, peer in enumerate(given.links):
            link = _wire(lab, name, peer, (*path, "switches", name, "links", i), mtu)
            if link is not None:
                trunk = Port(tagged=given.tagged or ())
                link = replace(link, port=trunk, peer_port=trunk)
                lab.links[link.id] = link
                made.append(link.id)
    return made


def _wire(lab: Lab, name: str, peer: str, path: Path, mtu: int) -> SwitchLink | None:
    file = lab.file
    where = file.where(*path)
    if not lab.has_switch(peer):
        if peer not in file.spec.pruned:
            file.problems.add(where, f"no switch {peer!r}", did_you_mean(peer, lab.switches(), "switches"))
        return None
    if peer == name:
        file.problems.add(where, f"{name} cannot be linked to itself")
        return None
    if f"{name}--{peer}" in lab.links or f"{peer}--{name}" in lab.links:
        file.problems.add(
            where,
            f"{name} and {peer} are linked already",
            "one link between two switches, given at one of them",
        )
        return None
    return SwitchLink(
        namespace=name,
        name=(here := lab.port_name(name)),
        ifname=here,
        ifindex=lab.index(),
        mac=macs.derive(file.spec.name, name, peer, "link"),
        mtu=mtu,
        where=where,
        peer=peer,
        peer_ifname=lab.port_name(peer),
        peer_ifindex=lab.index(),
        peer_mac=macs.derive(file.spec.name, peer, name, "peer"),
    )


def carry(lab: Lab, name: str, tagged: tuple[int, ...], where: Where) -> list[AnyChange]:
    """Let the wires that a switch has to others carry these VLANs with a tag."""
    changes: list[AnyChange] = []
    for link in [one for one in lab.links.values() if one.trunk and one.namespace == name]:
        ports = {plug.field: replace(plug.port, tagged=tagged) for plug in link.plugs}
        changes.append(SetLink(before=link, after=lab.set(link, **ports), where=where))
    return changes


def segments(lab: Lab) -> dict[str, str]:
    """For each switch a name of the network it belongs to, the same for all that are linked."""
    return _joined(lab)[0]


def check_loops(lab: Lab) -> None:
    """Report a loop of switches, unless all its bridges run STP: frames would circulate endlessly."""
    network, closing = _joined(lab)
    for link in closing:
        here, there = joins(link, lab.links.__getitem__) or ("", "")
        beside = [link.id for link in lab.links.values() if link.bridges and network[link.id] == network[there]]
        without = [name for name in beside if not lab.links[name].spanning]
        if without and link.where is not None:
            message = f"the link between {here} and {there} closes a loop of switches"
            lab.file.problems.add(link.where, message, f"remove it, or give 'stp: true' to {', '.join(without)}")


def _joined(lab: Lab) -> tuple[dict[str, str], list[AnyLink]]:
    """The network of each bridge, and of what has none below it; and the links without which none would fall apart."""
    network = {name: name for name, link in lab.links.items() if link.bridges or link.lower is None}
    network |= {link.overlay: link.overlay for link in lab.links.values() if link.overlay}
    closing: list[AnyLink] = []
    for link in lab.links.values():
        ends = joins(link, lab.links.__getitem__)
        if ends is None:
            continue
        ours, theirs = network[ends[0]], network[ends[1]]
        if ours == theirs:
            closing.append(link)
        else:
            network = {name: theirs if other == ours else other for name, other in network.items()}
    return network, closing
