"""What fixes a pair whose frames a VLAN-aware bridge keeps apart: another VLAN of a port, with a tag or without."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract.types import AnyLink, Port
from netlab.why import addressing
from netlab.why.case import Candidate, Case, Step

MISSING = "A frame passes a VLAN-aware bridge only by ports that are members of its VLAN."
OTHER = "Frames without a tag are in the VLAN that is the pvid of the port by which they come in."
TAGS = "A port sends the frames of a VLAN with the tag, or without: as what is behind it expects them."


def vlans(case: Case) -> Iterator[Candidate]:
    """Changes of the ports by which both ends are plugged in, and of those by which the bridges of hosts lead out."""
    one, other = case.links
    vids = dict.fromkeys(vid for link in (one, other) if (vid := _vid(case, link)))
    tagging = [link for place in addressing.gateways(case) for link in case.state.links_of(place) if link.tag]
    for link in dict.fromkeys((one, other, *tagging)):
        yield from _end(case, link, vids)
    for vid in vids:
        yield from _uplinks(case, vid)


def _vid(case: Case, link: AnyLink) -> int:
    """The VLAN that an interface is in; 0 where none is known."""
    tags, wire = case.state.tags(link.id), case.state.root(link.id)
    if tags:
        return tags[0]
    bridge = case.state.link(wire.plugs[-1].bridge) if wire.plugs else wire
    if not bridge.filters_vlans:
        return 0
    port = wire.plugs[-1].port if wire.plugs else (wire.own_port or Port())
    return port.pvid_or(bridge.new_pvid)


def _end(case: Case, link: AnyLink, vids: dict[int, None]) -> Iterator[Candidate]:
    wire = case.state.root(link.id)
    if not wire.plugs or not (bridge := case.state.link(wire.plugs[-1].bridge)).filters_vlans:
        return
    port, default, tags = wire.plugs[-1].port, bridge.new_pvid, case.state.tags(link.id)
    there = port.vlans(default)
    if tags and there.get(tags[0]) is not False:
        title = f"let the switch port of {wire.id} carry VLAN {tags[0]} with a tag"
        step: Step = {"tagged": [*port.tagged, tags[0]], "untagged": [vid for vid in port.untagged if vid != tags[0]]}
        if port.pvid_or(default) == tags[0]:
            step["pvid"] = 0
        yield _candidate(case, wire, title, TAGS if tags[0] in there else MISSING, step)
    for vid in () if tags else vids:
        if port.pvid_or(default) != vid:
            title = f"put the switch port of {wire.id} into VLAN {vid}: its pvid"
            step = {"pvid": vid, "tagged": [one for one in port.tagged if one != vid]}
            yield _candidate(case, wire, title, TAGS if vid in there else OTHER, step)


def _candidate(case: Case, wire: AnyLink, title: str, because: str, port: Step) -> Candidate:
    changed = {key: value for key, value in port.items() if value or key == "pvid" or getattr(wire.plugs[-1].port, key)}
    return case.candidate(f"vlan-{wire.id}-{title}", title, because, {"set": {wire.id: {"port": changed}}})


def _uplinks(case: Case, vid: int) -> Iterator[Candidate]:
    """A wire between two bridges, or an interface that is a port of its host's, which lacks the VLAN."""
    hosts = {case.state.namespace(end.namespace).host for end in (case.source, case.destination)}
    for link in case.state.links:
        if link.port_of is None or case.state.namespace(link.namespace).host not in hosts:
            continue
        settings: Step = {}
        for plug in link.plugs:
            bridge = case.state.link(plug.bridge)
            if bridge.filters_vlans and vid not in plug.port.vlans(bridge.new_pvid):
                settings[plug.field] = {"tagged": [*plug.port.tagged, vid]}
        if settings:
            title = f"let VLAN {vid} pass by {link.id}, with a tag"
            yield case.candidate(f"uplink-{link.id}-{vid}", title, MISSING, {"set": {link.id: settings}})
    for link in case.state.links:
        if link.trunk and any(
            case.state.link(plug.bridge).filters_vlans
            and vid not in plug.port.vlans(case.state.link(plug.bridge).new_pvid)
            for plug in link.plugs
        ):
            title = f"let VLAN {vid} pass between {link.plugs[0].bridge} and {link.plugs[1].bridge}, with a tag"
            step: Step = {"set": {link.plugs[0].bridge: {"tagged": [*link.plugs[0].port.tagged, vid]}}}
            yield case.candidate(f"trunk-{link.id}-{vid}", title, MISSING, step)
