"""What programs have changed of the ways of frames: bridges, their ports, forwarding tables; those of tunnels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.contract.types import AnyLink, Port, State
from netlab.contract.types.links.base import Plug
from netlab.contract.types.links.vxlan import ANY_MAC
from netlab.plan import bridge
from netlab.plan.news import News, Told

#: The states of a port by the kernel's numbers (BR_STATE_*), as far as a topology can say them.
_STATES = {0: "disabled", 1: "listening", 2: "learning", 3: "forwarding"}
_There = Mapping[int, Mapping[str, Any]]
#: The static entries of a port: a MAC, and the VLANs in which it is there.
_Table = dict[str, set[int]]


def compare(news: News, state: State, ns: str, told: Told) -> None:
    """What the kernel says of a namespace's bridges and tunnels, against the plan."""
    there = {int(index): read for index, read in told["links"].items()}
    for link in state.links_of(ns):
        if link.ifindex not in there:
            continue
        if link.bridges:
            ports = [(one, plug) for one in state.links for plug in one.plugs if plug.bridge == link.id]
            plugs = [plug for _, plug in ports]
            tables = _tables(plugs, there, told)
            _bridge(news, link, there[link.ifindex], plugs, told)
            for one, plug in ports:
                _port(news, link, one, plug, there, told, tables)
        if link.overlay:
            _tunnel(news, link, state.link(link.underlay or link.id), told)


def _bridge(news: News, link: AnyLink, read: Mapping[str, Any], plugs: list[Plug], told: Told) -> None:
    found: dict[str, Any] = {}
    for key in bridge.OPTIONS:
        was, now = getattr(link, key), read.get(key) or 0
        # While a spanning tree changes, addresses age faster (__br_set_topology_change).
        if (was or 0) == now or (key == "ageing_time" and read["stp"]):
            continue
        if now != int(now):
            news.cannot(link.id, f"its {key} is {now}")
        else:
            found[key] = bool(now) if isinstance(was, bool) else int(now)
    if read["default_pvid"] not in (None, link.new_pvid):
        news.cannot(link.id, f"its default_pvid is {read['default_pvid']}")
    if not link.interface:
        if read["up"] != link.up:
            found["state"] = "up" if read["up"] else "down"
        if read["mac"] != link.mac:
            news.cannot(link.id, f"its MAC is {read['mac']}")
    elif read["vlan_filtering"] and (own := _vlans(link.own_port or Port(), link.new_pvid, told, link.ifindex)):
        found["own_port"] = own
    if found:
        news.say(link.id, of=link.id, **found)
    names = {plug.place.ifindex: plug.place.id for plug in plugs} | {link.ifindex: link.id}
    macs = {plug.mac for plug in plugs if plug.attached} | {link.mac}
    for index, name in told["options"]:
        if index in names:
            news.cannot(link.id, f"{names[index]} has another {name}")
    for entry in told["fdb"]:
        if entry["ifindex"] in names and entry["to"] is None:
            if entry["odd"]:
                news.cannot(link.id, f"the entry for {entry['mac']} at {names[entry['ifindex']]} is {entry['odd']}")
            if entry["local"] and entry["mac"] not in macs:
                news.cannot(link.id, f"it takes {entry['mac']} for a MAC of its own")


def _port(
    news: News,
    link: AnyLink,
    one: AnyLink,
    plug: Plug,
    there: _There,
    told: Told,
    tables: Mapping[int, _Table],
) -> None:
    """Compare a port of a bridge, which ``one`` is, or is plugged into by its wire."""
    place, port, wire = plug.place, plug.port, plug.place.id != one.id
    read = there.get(place.ifindex)
    if read is None:
        # Neither end of a wire is there without the other.
        if one.interface:
            news.delete(one.id)
        else:
            news.cannot(link.id, f"{place.id} is gone")
        return
    found: dict[str, Any] = {}
    if wire and read["up"] != port.up:
        found["up"] = read["up"]
    joined = read["master"] == link.ifindex
    if read["master"] and not joined:
        news.cannot(link.id, f"{place.id} has another master")
        return
    if joined != plug.attached:
        found["attached"] = joined
    if joined and (options := read.get("port")) is not None:
        before = port if plug.attached else Port()
        found |= {
            key: bool(value) for key, value in options.items()
            if key != "state" and value is not None and bool(value) != getattr(before, key)
        }  # fmt: skip
        # Without a carrier a port is disabled, and with a spanning tree its state is that tree's.
        settled = read["up"] and read["carrier"] and there[link.ifindex]["up"] and not there[link.ifindex]["stp"]
        if settled and (now := _STATES.get(options["state"], str(options["state"]))) != before.state:
            found["state"] = now
        aware = bool(there[link.ifindex]["vlan_filtering"])
        if aware:
            found |= _vlans(before, link.new_pvid, told, place.ifindex)
        table = tables.get(place.ifindex, {})
        read_vlans = told["vlans"].get(str(place.ifindex), {})
        wanted = {*read_vlans.get("untagged", ()), *read_vlans.get("tagged", ())}
        for mac, vlans in table.items():
            if (vlans - {0} != wanted) if aware else (0 not in vlans):
                news.cannot(link.id, f"the entry for {mac} at {place.id} is for some VLANs alone")
        if {*table} != {*before.fdb}:
            kept = [mac for mac in before.fdb if mac in table]
            found["fdb"] = [*kept, *(mac for mac in table if mac not in kept)]
    if wire and (read["mac"], read["mtu"]) != (plug.mac, one.mtu):
        news.cannot(link.id, f"{place.id} has MAC {read['mac']} and an MTU of {read['mtu']}")
    # What can't be given for an interface's own port (`netlab.plan.members.own_port`), and for a wire between switches.
    if not one.interface or (not wire and {"attached", "state", "fdb"} & {*found}):
        for key, value in found.items():
            news.cannot(link.id, f"{place.id} has {key} {value}")
    elif found:
        news.say(one.id, of=link.id, **{plug.field: found})


def _vlans(port: Port, default: int, told: Told, index: int) -> dict[str, Any]:
    """What a port, or a bridge itself, has of other VLANs than the plan says."""
    vlans = port.vlans(default)
    planned: dict[str, Any] = {"pvid": port.pvid_or(default)}
    for name, bare in (("untagged", True), ("tagged", False)):
        planned[name] = [vid for vid, untagged in vlans.items() if untagged is bare]
    read = dict(told["vlans"].get(str(index), planned))
    return read if read != planned else {}


def _tables(plugs: list[Plug], there: _There, told: Told) -> dict[int, _Table]:
    """The static entries of a bridge's ports, by ifindex. A port that learns takes entries of others (br_fdb_update);
    before every probe they are put back: so they count there."""
    mine = {plug.place.ifindex: plug for plug in plugs}
    owner = {mac: index for index, plug in mine.items() for mac in plug.port.fdb}
    found: dict[int, _Table] = {}
    for entry in told["fdb"]:
        if entry["ifindex"] not in mine or entry["local"] or entry["to"] is not None:
            continue
        index, mac = entry["ifindex"], entry["mac"]
        port = there.get(index, {}).get("port") or {}
        if mac not in mine[index].port.fdb and port.get("learning"):
            index = owner.get(mac, index)
        found.setdefault(index, {}).setdefault(mac, set()).add(entry["vlan"])
    return found


def _tunnel(news: News, link: AnyLink, below: AnyLink, told: Told) -> None:
    mine = [one for one in told["fdb"] if one["ifindex"] == link.ifindex and one["to"] is not None]
    if {(one["mac"], one["to"]) for one in mine} != {*link.ends}:
        listed = ", ".join(f"{one['mac']} at {one['to']}" for one in mine)
        news.cannot(link.id, f"its forwarding table has {listed or 'no entry'}")
    for one in mine:
        # Only the end that was given when it was made is bound to the interface below.
        odd = one["odd"] or ("via" if one["via"] and [one["mac"], one["via"]] != [ANY_MAC, below.ifindex] else "")
        if odd:
            news.cannot(link.id, f"the entry for {one['mac']} at {one['to']} has a {odd} of its own")
