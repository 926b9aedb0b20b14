"""Links that are members of others: ports of a bridge in their own namespace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from netlab.contract.types import AnyLink, Link, Port, stack
from netlab.contract.types.links import INTERFACES, TAKERS
from netlab.plan.request import BuildContext, LinkRequest

if TYPE_CHECKING:
    from netlab.plan.file import File, Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Port as GivenPort

L = TypeVar("L", bound=Link)


def find(context: BuildContext, request: LinkRequest, key: str, name: str, members: str = "") -> AnyLink | None:
    """The link that an interface names, which takes members (of the kind ``members``); what is wrong is noted."""
    kinds = [kind for kind in INTERFACES if kind in TAKERS and members in ("", TAKERS[kind])]
    host = request.host if key == "bridge" else request.namespace
    link: AnyLink | None = context.lab.links.get(f"{host}:{name}")
    if link is not None and link.kind in kinds:
        return link
    there = context.requests.get(f"{host}:{name}")
    words = " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
    if link is not None or (there is not None and there.given.type not in kinds):
        context.problem(request, key, f"{host}:{name} is no {words}", f"name an interface with 'type: {kinds[0]}'")
    elif there is None:  # one that is asked for, but could not be made, is reported there
        known = [one.name for one in context.lab.links_of(host) if one.kind in kinds]
        known += [one.name for one in context.requests.values() if one.namespace == host and one.given.type in kinds]
        context.unknown(request, key, words, name, list(dict.fromkeys(known)), f" in {host}")
    return None


def join(context: BuildContext, request: LinkRequest, link: L, *, refused: bool) -> L | None:
    """The link as a member of the master that the file gives it; None where that can't be, which is noted.

    What the kernel refuses is a problem, unless the file expects it to be ``refused``.
    """
    if request.given.master is None:
        if request.given.own_port is not None and not link.bridges:
            context.problem(request, "own_port", f"{link.id} is a port of no bridge itself", "add 'master: …'")
        return link
    master = find(context, request, "master", request.given.master)
    if master is None:
        return None
    made = replace(link, master=master.id, member=master.members)
    if request.given.own_port is not None and made.member != "part":
        path = (*request.path, "own_port")
        made = replace(made, own_port=own_port(context.lab.file, Port(), request.given.own_port, path))
    elif made.own_port is None and request.given.own_port is not None:
        context.problem(request, "own_port", f"{link.id} is no port, but a part of the VRF {master.id}", "leave it out")
    if not refused and (why := _refusal(context, made, master)):
        context.problem(request, "master", *why)
        return None
    return made


def own_port(file: File, before: Port, given: GivenPort, path: Path) -> Port:
    """The options of the port that an interface is itself; its state, and whether it is one, are the interface's."""
    for key in ("up", "attached", "state", "fdb"):
        if getattr(given, key) is not None:
            file.problems.add(file.where(*path, key), f"{key!r} can't be given for an interface's own port")
    values = {name: value for name in given.model_fields_set if (value := getattr(given, name)) is not None}
    made = replace(before, **values)
    check_mab(file, made, path)
    return made


def check_mab(file: File, port: Port, path: Path) -> None:
    """Report mab without what it needs (br_setport)."""
    if port.mab and not (port.locked and port.learning):
        what = "'locked: on'" if not port.locked else "'learning: on'"
        file.problems.add(file.where(*path, "mab"), "'mab' is for a port that is locked and learns (EINVAL)", what)


def check_vlans(lab: Lab, port: Port, bridge: str, path: Path) -> None:
    """Report a VLAN that a port would send both with and without tag, and warn where its bridge keeps none apart."""
    both = {*port.untagged, port.pvid or 0} & {*port.tagged} - {port.pvid}
    if both:
        message = f"VLAN {min(both)} is both in 'untagged' and in 'tagged'"
        lab.file.problems.add(lab.file.where(*path, "tagged"), message, "a port sends it in one way")
    if (port.pvid is not None or port.untagged or port.tagged) and not lab.links[bridge].filters_vlans:
        where = lab.file.where(*path)
        lab.file.warn(where, f"the VLANs of a port count for nothing: {bridge} has no vlan_filtering")


def check_parent(context: BuildContext, request: LinkRequest, link: Link) -> None:
    """Note what a link can't have on the one that it sits on, which may be a port, or have children already."""
    parent = context.lab.links[link.lower or ""]
    inner = "one of its members" if parent.members else "another interface"
    if link.takes and parent.no_taker:
        message = f"{parent.id} is {parent.kind}, on which no {link.kind} can sit ({parent.no_taker})"
        context.problem(request, "parent", message, inner)
    if link.takes and parent.member in ("port", "member"):
        what, master = parent.member, parent.master or ""
        message = f"{parent.id} is a {what} of {master}, and a {what} has no children (EBUSY)"
        context.problem(request, "parent", message, f"'parent: {master.partition(':')[2]}'")
    if link.tag is not None and parent.no_vlan:
        message = f"{parent.id} is {parent.kind}, which takes no vlan interfaces ({parent.no_vlan})"
        below = f"'parent: {parent.lower.partition(':')[2]}'" if parent.lower else inner
        context.problem(request, "parent", message, below)
    for sibling in context.lab.children_of(parent.id):
        for key, message, hint in link.conflicts(sibling):
            context.problem(request, key, message, hint)


def _refusal(context: BuildContext, link: Link, master: AnyLink) -> tuple[str, str] | None:
    """Why a link can't be a member: in words, and what would help."""
    if master.id in (plug.bridge for plug in link.plugs if plug.place.id != link.id):
        return f"both ends of {link.id} would be ports of {master.id}", "a loop"
    if link.member == "port" and link.no_port:
        message = f"{link.id} can't be a port of a bridge ({link.no_port})"
        return message, "a macvlan child, a veth or a dummy can"
    if master in stack(context.lab.links.get(link.lower or "", link), context.lab.links.__getitem__):
        return f"{link.id} sits on {master.id}, and can't be a member of it (EBUSY)", "another master or parent"
    return None
