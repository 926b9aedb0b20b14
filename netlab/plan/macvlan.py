"""A macvlan or macvtap child of an interface."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from netlab.contract.types import AnyLink, Link, Macvlan, Macvtap
from netlab.plan import values
from netlab.plan.wanted import Kin, Wanted

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Settings

L = TypeVar("L", bound=Link)
KEYS = frozenset({"parent", "mode", "allowed_macs", "nodst", "flag", "bcqueuelen"})
#: What cannot be set later: `nodst` can.
FIXED = frozenset({"flag"})


def stacked(kin: Kin, wanted: Wanted, cls: type[L], **own: Any) -> L | None:
    """A child on the real device below its parent (macvlan_common_newlink: a child's own); ``own`` is what it alone
    has."""
    parent = _parent(kin, wanted, cls)
    given = wanted.given
    for key, words in (("mode", cls.modes), ("flag", cls.port_flags)):
        word = getattr(given, key)
        if word is not None and words and word not in words:
            kin.problem(wanted, key, f"{word!r} is no {key} of {cls.kind}", f"these are: {', '.join(words)}")
    if parent is None:
        return None
    if cls.follows and wanted.mac is not None:
        kin.problem(wanted, "mac", f"{wanted.id} has the MAC of {parent.id} (EOPNOTSUPP)", "leave 'mac' out")
    # A passthru child takes its parent's MAC (eth_hw_addr_inherit); a given one is set on both afterwards.
    common = kin.common(wanted, given.mtu or parent.mtu)
    if given.mode == "passthru" or cls.follows:
        common["mac"] = parent.mac
    return cls(**common, **{"parent": parent.id, **own})


def build(kin: Kin, wanted: Wanted, cls: type[Macvlan] = Macvlan) -> Macvlan | None:
    """A macvlan child."""
    given = wanted.given
    nodst = bool(given.nodst) or given.flag == "nodst"
    return stacked(kin, wanted, cls, mode=given.mode, nodst=nodst, bcqueuelen=given.bcqueuelen)


def build_tap(kin: Kin, wanted: Wanted) -> Macvtap | None:
    """The same with a character device."""
    made = build(kin, wanted, Macvtap)
    return made if isinstance(made, Macvtap) else None


def check(kin: Kin, wanted: Wanted) -> None:
    """What the kernel refuses for sure."""
    if wanted.given.allowed_macs and wanted.given.mode != "source":
        kin.problem(wanted, "allowed_macs", "'allowed_macs' belong to source mode", "add 'mode: source'")


def name_macs(kin: Kin, wanted: Wanted, link: AnyLink) -> AnyLink:
    """Fill in the list of senders, which may name interfaces made later."""
    lab, path = kin.lab, (*wanted.path, "allowed_macs")
    if not isinstance(link, Macvlan) or not wanted.given.allowed_macs:
        return link
    allowed = values.mac_list(lab, wanted.given.allowed_macs, path)
    if wanted.id in lab.links:
        for i, mac in enumerate(allowed):
            values.check_mac(lab.file, mac, (*path, i))
    return replace(link, allowed_macs=allowed)


def change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """What is set of a child. Leaving source mode flushes its list (macvlan_changelink)."""
    assert isinstance(before, Macvlan)
    assert isinstance(after, Macvlan)
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


def _parent(kin: Kin, wanted: Wanted, cls: type[Link]) -> AnyLink | None:
    lab, name = kin.lab, wanted.given.parent
    if name is None:
        lost = "parent" in lab.file.spec.pruned
        lab.file.problems.add(wanted.where, f"{wanted.id} names no parent", "add 'parent: …'", follows=lost)
        return None
    if name == wanted.name and wanted.namespace == wanted.host:
        kin.problem(wanted, "parent", f"{wanted.id} cannot be its own parent")
        return None
    here = f"{wanted.host}:{name}"
    seen = {wanted.id}
    while True:
        if here in seen:
            kin.problem(wanted, "parent", f"the parents of {wanted.id} go round in a circle")
            return None
        seen.add(here)
        link = lab.links.get(here)
        if link is not None and link.lower is not None and link.takes != cls.takes:
            message = f"{link.id} is a child of {link.takes}: no rule for {cls.kind} on it"
            kin.problem(wanted, "parent", message, f"'parent: {link.lower.partition(':')[2]}'")
            return None
        if link is not None and link.lower is not None:
            here = link.lower
        elif link is not None and link.port_of is not None:
            message = f"{link.id} is a port of {link.port_of}, and a port has no children (EBUSY)"
            kin.problem(wanted, "parent", message, f"'parent: {link.port_of.partition(':')[2]}'")
            return None
        elif link is not None:
            return link
        elif here in lab.refused:
            kin.problem(wanted, "parent", f"{here} is expected to be refused, so it cannot be a parent")
            return None
        elif (below := kin.wanted.get(here)) is not None and below.given.parent is not None:
            here = f"{below.host}:{below.given.parent}"
        else:
            break
    if here in kin.wanted:  # it is wanted, but could not be made: that is reported there
        return None
    _unknown(kin, wanted, name)
    return None


def _unknown(kin: Kin, wanted: Wanted, name: str) -> None:
    host = wanted.host
    if ":" in name or "/" in name:
        hint = f"interfaces of {host}: {', '.join(kin.interfaces(host))}"
        kin.problem(wanted, "parent", f"{name!r} is not an interface of {host}; a child sits on its own host", hint)
        return
    others = [one for one in kin.interfaces(host) if (host, one) != (wanted.namespace, wanted.name)]
    kin.unknown(wanted, "parent", "interface", name, others, f" in {host}")
