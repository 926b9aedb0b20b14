"""A macvlan or macvtap child of an interface."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from netlab.contract.types import AnyLink, Link, Macvlan, Macvtap
from netlab.contract.types.links import TAKES
from netlab.plan import values
from netlab.plan.request import BuildContext, LinkRequest

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Settings

L = TypeVar("L", bound=Link)
KEYS = frozenset({"parent", "mode", "allowed_macs", "nodst", "flag", "bcqueuelen", "bclim"})
#: What cannot be set later: `nodst` can.
FIXED = frozenset({"flag", "bclim"})


def stacked(context: BuildContext, request: LinkRequest, cls: type[L], **own: Any) -> L | None:
    """A child on the real device below its parent (macvlan_common_newlink: a child's own); ``own`` is what it alone
    has."""
    parent = _parent(context, request, cls)
    given = request.given
    for key in ("mode", "flag"):
        values.check_word(context.lab.file, cls, key, getattr(given, key), request.path)
    if parent is None:
        return None
    if cls.follows and request.mac is not None:
        context.problem(request, "mac", f"{request.id} has the MAC of {parent.id} (EOPNOTSUPP)", "leave 'mac' out")
    # A passthru child takes its parent's MAC (eth_hw_addr_inherit); a given one is set on both afterwards.
    common = context.common(request, given.mtu or parent.mtu)
    if given.mode == "passthru" or cls.follows:
        common["mac"] = parent.mac
    return cls(**common, **{"parent": parent.id, **own})


def build(context: BuildContext, request: LinkRequest, cls: type[Macvlan] = Macvlan) -> Macvlan | None:
    given = request.given
    nodst, nopromisc = bool(given.nodst) or given.flag == "nodst", given.flag == "nopromisc"
    if nopromisc and given.mode != "passthru":
        context.problem(request, "flag", "'nopromisc' belongs to the mode passthru", "add 'mode: passthru'")
    own = {"nodst": nodst, "nopromisc": nopromisc, "bcqueuelen": given.bcqueuelen}
    made = stacked(context, request, cls, mode=given.mode, **own)
    return made if made is None else replace(made, bclim=_limit(context, request, made))


def _limit(context: BuildContext, request: LinkRequest, made: Macvlan) -> int | None:
    """The limit that a parent's children share: each that is given sets it for all (update_port_bc_cutoff)."""
    given = request.given.bclim
    first = next((one for one in context.lab.children_of(made.parent) if isinstance(one, Macvlan)), None)
    if first is None:
        return given
    if given is not None and given != (1 if first.bclim is None else first.bclim):
        message = f"the children of {made.parent} share one, and {first.id} has another"
        context.problem(request, "bclim", message, f"give it to {first.id}, the first: the others then have it, too")
    return first.bclim


def build_tap(context: BuildContext, request: LinkRequest) -> Macvtap | None:
    """The same with a character device."""
    made = build(context, request, Macvtap)
    return made if isinstance(made, Macvtap) else None


def check(context: BuildContext, request: LinkRequest) -> None:
    """What the kernel refuses for sure."""
    if request.given.allowed_macs and request.given.mode != "source":
        context.problem(request, "allowed_macs", "'allowed_macs' belong to source mode", "add 'mode: source'")


def name_macs(context: BuildContext, request: LinkRequest, link: AnyLink) -> AnyLink:
    """Fill in the list of senders, which may name interfaces made later."""
    lab, path = context.lab, (*request.path, "allowed_macs")
    if not isinstance(link, Macvlan) or not request.given.allowed_macs:
        return link
    allowed = values.mac_list(lab, request.given.allowed_macs, path)
    if request.id in lab.links:
        for i, mac in enumerate(allowed):
            values.check_mac(lab.file, mac, (*path, i))
    return replace(link, allowed_macs=allowed)


def change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """What is set of a child. Leaving source mode flushes its list (macvlan_changelink)."""
    assert isinstance(before, Macvlan)
    assert isinstance(after, Macvlan)
    values.check_word(lab.file, after, "mode", settings.mode, path)
    given: dict[str, Any] = {}
    for key in ("mode", "nodst", "bcqueuelen"):
        if (value := getattr(settings, key)) is not None:
            given[key] = value
    mode = given.get("mode", after.effective_mode)
    if mode != "source":
        given["allowed_macs"] = ()
    if settings.allowed_macs is not None:
        macs = values.mac_list(lab, settings.allowed_macs, (*path, "allowed_macs"))
        given["allowed_macs"] = macs
        if not refused:
            for i, mac in enumerate(macs):
                values.check_mac(lab.file, mac, (*path, "allowed_macs", i))
            if mode != "source" and macs:
                where = lab.file.where(*path, "allowed_macs")
                lab.file.problems.add(where, "'allowed_macs' belong to source mode", "add 'mode: source'")
    return replace(before, allowed_macs=()) if mode != "source" else before, replace(after, **given)


def _parent(context: BuildContext, request: LinkRequest, cls: type[Link]) -> AnyLink | None:
    lab, name = context.lab, request.given.parent
    if name is None:
        lost = "parent" in lab.file.spec.pruned
        lab.file.problems.add(request.where, f"{request.id} names no parent", "add 'parent: …'", follows=lost)
        return None
    if name == request.name and request.namespace == request.host:
        context.problem(request, "parent", f"{request.id} cannot be its own parent")
        return None
    here = _id(request, name)
    seen = {request.id}
    while True:
        if here in seen:
            context.problem(request, "parent", f"the parents of {request.id} go round in a circle")
            return None
        seen.add(here)
        link = lab.links.get(here)
        if link is not None and (link.lower is None or not link.takes or not cls.takes):
            return link
        if link is not None and link.takes != cls.takes:
            assert link.lower is not None
            message = f"{link.id} is a child of {link.takes}: no rule for {cls.kind} on it"
            context.problem(request, "parent", message, f"'parent: {link.lower.partition(':')[2]}'")
            return None
        if link is not None:
            here = str(link.lower)
        elif here in lab.refused:
            context.problem(request, "parent", f"{here} is expected to be refused, so it cannot be a parent")
            return None
        elif (below := context.requests.get(here)) is not None and below.given.parent is not None:
            here = f"{below.host}:{below.given.parent}"
        else:
            break
    if here in context.requests:  # it is asked for, but could not be made: that is reported there
        return None
    _unknown(context, request, name)
    return None


def _unknown(context: BuildContext, request: LinkRequest, name: str) -> None:
    host = request.host
    if ":" in name or "/" in name:
        hint = f"interfaces of {host}: {', '.join(context.interfaces(host))}"
        context.problem(
            request, "parent", f"{name!r} is not an interface of {host}; a child sits on its own host", hint
        )
        return
    others = [one for one in context.interfaces(host) if (host, one) != (request.namespace, request.name)]
    context.unknown(request, "parent", "interface", name, others, f" in {host}")


def _id(request: LinkRequest, name: str) -> str:
    """The id of a parent: a container's own interface is named with it, since a bare name is its host's."""
    return name if name.startswith(f"{request.namespace}:") and "/" in name else f"{request.host}:{name}"


def below(context: BuildContext, request: LinkRequest) -> int:
    """How many new interfaces a child sits on that are parents by themselves, though they sit on another."""
    count, seen = 0, {request.id}
    while (lower := context.requests.get(_id(request, request.given.parent or ""))) and lower.id not in seen:
        seen.add(lower.id)
        count += lower.given.parent is not None and not TAKES.get(lower.given.type or "")
        request = lower
    return count
