"""The steps of a file: each changes the lab that the one before left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netlab.contract.types import (
    Address,
    AnyChange,
    AnyLink,
    DeleteLink,
    DeleteNamespace,
    Port,
    SetLink,
    SetRouting,
    SetSysctl,
    Where,
)
from netlab.plan import (
    bridge,
    change,
    gateways,
    lost,
    members,
    nftables,
    private,
    programs,
    routing,
    switches,
    sysctls,
    values,
)
from netlab.plan.addressing import transition
from netlab.plan.file import File, Path
from netlab.plan.kinds import COMMON, IDENTITY, KINDS
from netlab.plan.lab import Box, Lab
from netlab.plan.refusals import Refusals
from netlab.plan.request import check_limit, check_netem, flags
from netlab.plan.settling import settle
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.spec.schema import Settings
    from netlab.spec.schema import Step as GivenStep

_SWITCH = (*bridge.OPTIONS, "tagged", "state", "neighbors")
#: What a member of a bond has of that.
MEMBER = frozenset({"mac", "mtu", "addresses", "neighbors"})
#: What can be set of a host or a container.
BOX = ("routes", "rules", "sysctls", "nftables", "files", "programs")


def delete(lab: Lab, given: GivenStep, path: Path) -> list[AnyChange]:
    """Interfaces (their children with them), containers and hosts to delete, in the order given."""
    file = lab.file
    changes: list[AnyChange] = []
    for i, target in enumerate(given.delete):
        where = file.where(*path, "delete", i)
        box = lab.boxes.get(target)
        if target in lab.links and ":" in target:
            link = lab.links[target]
            if (kept := _kept(lab, link)) is not None:
                file.problems.add(where, *kept)
                continue
            changes.append(DeleteLink(id=target, where=where))
            ends = [link, *lab.peers_of([link])]
            _delete_links(lab, [one for end in ends for one in lab.with_children(end)])
        elif box is not None and box.kind != "switch":
            changes += _delete_box(lab, box, where)
        elif box is not None:
            file.problems.add(
                where,
                f"{target} is a switch",
                "interfaces, containers and hosts can be deleted; 'set: {state: down}' stops it",
            )
        else:
            _unknown(lab, where, target)
    settle(lab)
    return changes


def _kept(lab: Lab, link: AnyLink) -> tuple[str, str] | None:
    """Why a link can't be deleted now, and what would help."""
    if not link.bindable:
        return f"{link.id} goes with its host", "'set: {addresses: []}' takes its addresses"
    if ports := lab.ports(link.id):
        return f"{link.id} still has ports", f"delete its ports first: {', '.join(port.id for port in ports)}"
    if parts := [one.id for one in lab.links.values() if one.master == link.id and one.member == "part"]:
        return f"{link.id} still has members", f"delete them first: {', '.join(parts)}"
    if tunnels := [one.id for one in lab.links.values() if one.underlay == link.id]:
        return f"{link.id} carries a tunnel, which would go with it", f"delete it first: {', '.join(tunnels)}"
    return None


def _delete_links(lab: Lab, links: list[AnyLink]) -> None:
    lost.by_links(lab, links, deleted=True)
    for link in links:
        if link.id in lab.links:
            lab.forget(link)
    for link in links:
        if link.gives_mac and link.mac_of in lab.links:
            change.restore_mac(lab, link.mac_of)


def _delete_box(lab: Lab, box: Box, where: Where) -> list[AnyChange]:
    inside = [other for other in lab.boxes.values() if other.id.startswith(f"{box.id}/")]
    changes: list[AnyChange] = []
    for gone in (*inside, box):
        links = lab.links_of(gone.id)
        # A namespace goes in its own time, what others feel of it at once.
        changes += (DeleteLink(id=link.id, where=where) for link in links if _is_felt(lab, link))
        links += lab.peers_of(links)
        _delete_links(lab, list({one.id: one for link in links for one in lab.with_children(link)}.values()))
        del lab.boxes[gone.id]
        lab.listed.pop(gone.id, None)
        changes.append(DeleteNamespace(id=gone.id, where=where))
    return changes


def apply(lab: Lab, given: GivenStep, path: Path, refusals: Refusals) -> list[AnyChange]:
    """What the step sets, target by target, in the order of the file."""
    changes: list[AnyChange] = []
    for target, settings in given.set.items():
        here: Path = (*path, "set", target)
        where = lab.file.where(*here)
        link, box = lab.links.get(target), lab.boxes.get(target)
        if link is not None and not link.interface:
            if _applies(lab.file, settings, _SWITCH, "switch", here):
                changes += _set_switch(lab, link, settings, here, given)
        elif link is not None and ":" in target:
            keys = (COMMON | KINDS[link.kind].keys) - IDENTITY - KINDS[link.kind].fixed
            keys -= MEMBER if link.member == "member" else frozenset()
            if _applies(lab.file, settings, keys, link.kind, here):
                changes += _set_link(lab, link, settings, here, given, refusals)
        elif box is not None:
            if _applies(lab.file, settings, BOX, box.kind, here):
                changes += _set_box(lab, box, settings, here)
        else:
            _unknown(lab, where, target)
    return changes


def _unknown(lab: Lab, where: Where, target: str) -> None:
    file = lab.file
    if target in lab.refused:
        file.problems.add(where, f"{target} is expected to be refused, so it does not exist")
    elif target not in file.broken and not {target, *target.replace("/", ":").split(":")} & file.spec.pruned:
        what = "interface" if ":" in target else "host, container or switch"
        known = [name for name in (*lab.links, *lab.boxes) if (":" in name) == (":" in target)]
        file.problems.add(where, f"no {what} {target!r} at this point", did_you_mean(target, known))


def _applies(file: File, settings: Settings, keys: Any, kind: str, path: Path) -> bool:
    wrong = [key for key in settings.model_fields_set if key not in keys and getattr(settings, key) is not None]
    for key in wrong:
        file.problems.add(
            file.where(*path, key),
            f"{key!r} cannot be set on a {kind}",
            f"these can: {', '.join(sorted(keys))}",
        )
    return not wrong


def _is_felt(lab: Lab, link: AnyLink) -> bool:
    """Whether other namespaces feel that a link is there though nobody sends by it: its parent has its MAC, or a bridge
    has static entries at its port."""
    others = [link.lower] if link.gives_mac else [plug.bridge for plug in link.plugs if plug.port.fdb]
    return any(lab.links[other or ""].namespace != link.namespace for other in others)


def _set_switch(lab: Lab, before: AnyLink, settings: Settings, path: Path, step: GivenStep) -> list[AnyChange]:
    where = lab.file.where(*path)
    options: dict[str, Any] = {key: value for key in bridge.OPTIONS if (value := getattr(settings, key)) is not None}
    if settings.state is not None:
        options["up"] = settings.state == "up"
    flushed = change.flushed(lab, before, replace(before, **options))
    start = replace(before, neighbors=flushed.neighbors)
    if settings.neighbors is not None:
        known = values.neighbors(lab, flushed, settings.neighbors, (*path, "neighbors"))
        flushed = replace(flushed, neighbors=known)
    change.apply(lab, before, flushed)
    return [
        SetLink(before=start, after=lab.links[before.id], where=where, via=step.via),
        *(switches.carry(lab, before.id, settings.tagged, where) if settings.tagged is not None else ()),
    ]


def _set_link(
    lab: Lab, before: AnyLink, settings: Settings, path: Path, step: GivenStep, refusals: Refusals
) -> list[AnyChange]:
    where = lab.file.where(*path)
    refused = refusals.expects(before.id)
    flushed = _flushed(lab, before, settings, path, refused)
    start = replace(before, addresses=flushed.addresses, neighbors=flushed.neighbors)
    if settings.addresses is not None and not refused:
        start, flushed = _readdressed(lab, start, flushed, settings.addresses)
        lab.file.address_paths[before.id] = (*path, "addresses")
    kind = KINDS[before.kind]
    after = _with_settings(lab, flushed, settings, path, refused)
    start, after = kind.change(lab, start, after, settings, path, refused)
    if refused:
        refusal = refusals.take(before.id, "set")
        return [SetLink(before=before, after=after, where=where, via=step.via, refusal=refusal)]
    if settings.duplicate is not None:
        (lab.duplicates.add if settings.duplicate else lab.duplicates.discard)(before.id)
    changes: list[AnyChange] = []
    sysctl = values.enable_v6(lab, after) if settings.addresses is not None else None
    if sysctl is not None and before.mtu < 1280:  # there is no such sysctl before the MTU is raised
        middle = replace(flushed, addresses=start.addresses, neighbors=start.neighbors)
        changes.append(SetLink(before=start, after=middle, where=where))
        start = middle
    if sysctl is not None:
        changes.append(SetSysctl(namespace=before.namespace, path=sysctl, value="0", where=where))
    change.apply(lab, before, after)
    if any(address.family == 4 and address not in start.addresses for address in after.addresses):
        lost.revive(lab, after, (4,))
    start = kind.changed(lab, start, settings, path)
    changes.append(SetLink(before=start, after=lab.links[before.id], where=where, via=step.via))
    changes += change.renewed(lab, before, where)
    return changes


def _readdressed(lab: Lab, start: AnyLink, flushed: AnyLink, new: tuple[Address, ...]) -> tuple[AnyLink, AnyLink]:
    """The link before and after its addresses are replaced, without what the kernel throws away on the way.

    With its last IPv4 address an interface loses its IPv4 neighbours and routes (fib_disable_ip).
    """
    how = transition(flushed.addresses, new, sysctls.promotes(lab.boxes[start.namespace].sysctls, start.ifname))
    gone = [address for address in flushed.addresses if address in how.lost or address not in new]
    lost.by_sources(lab, [(start.id, address.ip) for address in gone])
    for address in flushed.addresses:
        if address in how.lost or address not in new:
            lab.memory.given.pop((start.id, address.ip), None)
        if address in how.remade or address not in new:
            lab.memory.addressed.pop((start.id, address.ip), None)
    neighbors = flushed.neighbors
    if how.emptied:
        neighbors = tuple(neighbor for neighbor in neighbors if ":" in neighbor.ip)
        lost.by_links(lab, [start], (4,))
    return (
        replace(start, addresses=how.start, neighbors=neighbors),
        replace(flushed, addresses=how.end, neighbors=neighbors),
    )


def _flushed(lab: Lab, before: AnyLink, settings: Settings, path: Path, refused: bool) -> AnyLink:
    """The link with its new admin state, flags, MTU and MAC, and without what the kernel then throws away."""
    given: dict[str, Any] = {**flags(settings)}
    if settings.state is not None:
        given["up"] = settings.state == "up"
    if settings.mtu is not None:
        given["mtu"] = settings.mtu
    if settings.mac == "auto":
        where = lab.file.where(*path, "mac", key=False)
        lab.file.problems.add(where, "'auto' is for a new interface", "give the MAC that it is to have")
    elif settings.mac is not None:
        given["mac"] = settings.mac
        if not refused:
            values.check_mac(lab.file, settings.mac, (*path, "mac"))
    quiet = refused or settings.addresses is not None
    return change.flushed(lab, before, replace(before, **given), quiet=quiet)


def _with_settings(lab: Lab, link: AnyLink, settings: Settings, path: Path, refused: bool) -> AnyLink:
    """The link with the other settings that every kind has: addresses, neighbours, limits."""
    given: dict[str, Any] = {}
    if settings.addresses is not None:
        if refused:
            given["addresses"] = settings.addresses
        if link.mtu < 1280 and any(address.family == 6 for address in settings.addresses):
            where = lab.file.where(*path, "addresses")
            lab.file.problems.add(where, f"IPv6 needs an MTU of at least 1280, {link.id} has {link.mtu}")
    if settings.neighbors is not None:
        given["neighbors"] = values.neighbors(lab, link, settings.neighbors, (*path, "neighbors"))
    if settings.own_port is not None and (link.bridges or link.master is not None):
        given["own_port"] = members.own_port(lab.file, link.own_port or Port(), settings.own_port, (*path, "own_port"))
    elif settings.own_port is not None:
        lab.file.problems.add(lab.file.where(*path, "own_port"), f"{link.id} is a port of no bridge itself")
    if settings.limit is not None:
        given["limit"] = check_limit(lab.file, settings.limit or None, link.mtu, (*path, "limit"))
    if settings.netem is not None:
        limit = given.get("limit", link.limit)
        given["netem"] = check_netem(lab.file, settings.netem or None, limit, (*path, "netem"))
    return replace(link, **given)


def _set_box(lab: Lab, box: Box, settings: Settings, path: Path) -> list[AnyChange]:
    file = lab.file
    where = file.where(*path)
    changes: list[AnyChange] = []
    links = lab.links_of(box.id)
    names = {name: link.ifname for link in links for name in (link.name, link.ifname)}
    file.check_sysctls(path, settings.sysctls or {})
    for key, value in (settings.sysctls or {}).items():
        at = file.sysctl_where(path, key)
        interface = sysctls.interface_of(key)
        if interface is not None and interface not in names:
            known = did_you_mean(interface, [link.name for link in links], "interfaces")
            file.problems.add(at, f"no interface {interface!r} in {box.id}", known)
            continue
        real = key if interface is None else sysctls.renamed(key, names[interface])
        bare = [link.ifname for link in links if all(address.family == 6 for address in link.addresses)]
        kept = sysctls.kept(box.sysctls, real, bare)
        sysctls.write(box.sysctls, real, value, [link.ifname for link in links])
        changes.append(SetSysctl(namespace=box.id, path=real, value=value, where=at))
        changes += (SetSysctl(namespace=box.id, path=own, value=old, where=at) for own, old in kept.items())
        if real.endswith("/disable_ipv6"):
            _disabled(lab, box)
    if settings.routes is not None or settings.rules is not None:
        before = lab.namespace(box)
        if settings.rules is not None:
            box.rules = routing.rules(lab, box.id, settings.rules, (*path, "rules"))
        if settings.routes is not None:
            gateways.give(lab, box, routing.routes(lab, box.id, settings.routes, (*path, "routes")))
        changes.append(
            SetRouting(
                before=before,
                after=lab.namespace(box),
                where=where,
                route_places=file.places((*path, "routes"), settings.routes or ()),
                rule_places=file.places((*path, "rules"), settings.rules or ()),
            )
        )
    if settings.nftables is not None:
        changes.append(nftables.change(lab, box, settings.nftables, (*path, "nftables")))
    if settings.files is not None:
        changes += private.change(lab, box, settings.files, (*path, "files"))
    if settings.programs is not None:
        changes += programs.change(lab, box, settings.programs, (*path, "programs"))
    return changes


def _disabled(lab: Lab, box: Box) -> None:
    """IPv6 stops on every interface for which it is switched off, and starts where it is switched on."""
    for link in lab.links_of(box.id):
        if box.sysctls.get(f"net/ipv6/conf/{link.ifname}/disable_ipv6") == "1":
            lab.links[link.id] = change.without_v6(link)
            lost.by_links(lab, [link], (6,))
        else:
            lost.revive(lab, link, (6,))
    settle(lab)
