"""A macvlan or macvtap child of an interface."""

from __future__ import annotations

from netlab.contract.types import AnyLink, Bridge, Macvlan, Macvtap, Pair, Veth
from netlab.plan.wanted import Kin, Wanted

KEYS = frozenset({"parent", "mode", "allowed_macs", "nodst", "bcqueuelen"})


def build(kin: Kin, wanted: Wanted, cls: type[Macvlan] = Macvlan) -> Macvlan | None:
    """The child on the real device below its parent (macvlan_common_newlink: a child's own)."""
    parent = _parent(kin, wanted)
    if parent is None:
        return None
    given = wanted.given
    # A passthru child takes its parent's MAC (eth_hw_addr_inherit); a given one is set on both afterwards.
    common = kin.common(wanted, given.mtu or parent.mtu)
    if given.mode == "passthru":
        common["mac"] = parent.mac
    return cls(
        **common,
        parent=parent.id,
        mode=given.mode,
        nodst=bool(given.nodst),
        bcqueuelen=given.bcqueuelen,
    )


def build_tap(kin: Kin, wanted: Wanted) -> Macvtap | None:
    """The same with a character device."""
    made = build(kin, wanted, Macvtap)
    return made if isinstance(made, Macvtap) else None


def _parent(kin: Kin, wanted: Wanted) -> AnyLink | None:
    lab, name = kin.lab, wanted.given.parent
    if name is None:
        lost = "parent" in lab.spec.pruned
        lab.problems.add(wanted.where, f"{wanted.id} names no parent", "add 'parent: …'", follows=lost)
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
        if isinstance(link, Macvlan):
            here = link.parent
        elif isinstance(link, Veth) and link.master is not None:
            message = f"{link.id} is a port of {link.master}, and a port has no children (EBUSY)"
            kin.problem(wanted, "parent", message, f"'parent: {link.master.partition(':')[2]}'")
            return None
        elif isinstance(link, (Veth, Bridge, Pair)):
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
    kin.unknown(wanted, "parent", "interface", name, kin.interfaces(host), f" in {host}")
