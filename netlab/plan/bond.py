"""Bonds: what a file says of one, the MACs of its members, and which of these it uses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from netlab.contract.types import AnyLink, Link, SetLink
from netlab.contract.types.links import Bond
from netlab.plan import change as changes
from netlab.plan import values
from netlab.plan.request import BuildContext, LinkRequest
from netlab.plan.settling import settle

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Interface, Settings

L = TypeVar("L", bound=Link)
KEYS = frozenset({"mode", "miimon", "primary", "fail_over_mac", "num_grat_arp"})
#: What can't be set of a bond with members (BOND_OPTFLAG_NOSLAVES), and what its members would have to follow.
FIXED = frozenset({"mode", "fail_over_mac", "mtu"})
MTU = 1500


def build(context: BuildContext, request: LinkRequest) -> Bond | None:
    """The bond; its members say by themselves that they are its members. Without a MAC it gets that of the first."""
    given = request.given
    values.check_word(context.lab.file, Bond, "mode", given.mode, request.path)
    if given.mode not in (None, *Bond.modes):
        return None
    common = context.common(request, given.mtu or MTU)
    if request.mac in (None, "auto"):
        common["mac"] = None
    options = {key: getattr(given, key) for key in ("mode", "miimon", "fail_over_mac", "num_grat_arp")}
    made = Bond(**common, **options)
    if made.mode == "802.3ad" and made.miimon == 0:
        context.problem(request, "miimon", "802.3ad needs to look at carriers", "leave 'miimon' out, or give 100")
    if given.primary is not None and made.mode != "active-backup":
        context.problem(request, "primary", "'primary' belongs to active-backup", "add 'mode: active-backup'")
    return made


def adopt(context: BuildContext, request: LinkRequest, link: L, bond: AnyLink) -> L | None:
    """The link as a member: it has the bond's MTU, and its MAC but for some `fail_over_mac`."""
    lab, given = context.lab, request.given
    assert isinstance(bond, Bond)
    if link.kind not in ("veth", "dummy"):
        context.problem(request, "master", f"no rule for a {link.kind} as a member of a bond", "a veth or a dummy")
        return None
    for key in ("addresses", "neighbors"):
        if getattr(given, key):
            context.problem(
                request, key, f"nobody reaches an address of {link.id}, a member of {bond.id}", f"give it to {bond.id}"
            )
    if bond.own_macs and bond.fail_over_mac == "follow" and not link.up:
        # It is up when it joins (bond_enslave), and gives the bond's MAC away once the monitor finds it down.
        words = f"{link.id} can't begin down: with fail_over_mac follow its MAC would depend on when that is noticed"
        context.problem(request, "state", words, "set it down in a step")
    if link.mtu != bond.mtu:
        if given.mtu is not None or link.port_id is None:
            context.problem(
                request, "mtu", f"{link.id} has the MTU {link.mtu}, {bond.id} {bond.mtu}", f"'mtu: {bond.mtu}'"
            )
        link = replace(link, mtu=bond.mtu)
    if bond.mac is None:
        bond = lab.set(bond, mac=link.mac)
    return link if bond.own_macs else replace(link, mac=bond.mac)


def complete(lab: Lab, bond: AnyLink, given: Interface, path: Path) -> list[SetLink]:
    """Name the primary of a bond, once its members are there."""
    assert isinstance(bond, Bond)
    primary = _member(lab, bond, given.primary, path) if given.primary is not None else None
    if primary is None:
        return []
    after = lab.set(bond, primary=primary)
    return [SetLink(before=bond, after=after, where=lab.file.where(*path, "primary"))]


def change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    assert isinstance(after, Bond)
    given: dict[str, Any] = {}
    for key in ("miimon", "num_grat_arp"):
        if (value := getattr(settings, key)) is not None:
            given[key] = value
    file = lab.file
    if given.get("miimon") == 0 and after.miimon:
        file.problems.add(file.where(*path, "miimon"), "no rule for a bond that stops looking", "begin without miimon")
    if settings.primary is not None and (primary := _member(lab, after, settings.primary, path)):
        given["primary"] = primary
        if primary in after.linked:
            # It becomes active at once, before the bond notices what else the step does (bond_option_primary_set).
            given["senders"] = (primary,)
    if settings.mac is not None and after.own_macs:
        words = f"with fail_over_mac {after.fail_over_mac} the kernel ignores a MAC that {after.id} is given"
        file.problems.add(file.where(*path, "mac"), words, "leave it out")
    return before, replace(after, **given)


def changed(lab: Lab, before: AnyLink, settings: Settings, path: Path) -> AnyLink:
    """Give the members the bond's new MAC (bond_set_mac_address), or the new primary its own."""
    bond = lab.links[before.id]
    assert isinstance(bond, Bond)
    if settings.primary is not None and bond.own_macs and bond.senders == (bond.primary,):
        lab.set(bond, mac=_moved(lab, bond, bond.senders[0]).mac)
    if settings.mac is not None:
        for link in list(lab.links.values()):
            if link.master == before.id:
                lab.set(link, mac=lab.links[before.id].mac)
    return before


def _member(lab: Lab, bond: Bond, name: str, path: Path) -> str | None:
    names = {link.name: link.id for link in lab.links.values() if link.master == bond.id}
    if name not in names:
        from netlab.spec.problems import did_you_mean

        where = lab.file.where(*path, "primary", key=False)
        lab.file.problems.add(where, f"{name!r} is no member of {bond.id}", did_you_mean(name, names, "members"))
    return names.get(name)


def choose(lab: Lab) -> None:
    """Let every bond choose among its members, at the end of a step, and change MACs with its choice."""
    for bond in [link for link in lab.links.values() if isinstance(link, Bond)]:
        members = [link for link in lab.links.values() if link.master == bond.id]
        after = bond.chosen(members, lab.links.get)
        if not members and bond.team:
            # With its last member it loses its MAC (__bond_release_one).
            after = replace(after, mac=None)
        active = after.senders[0] if after.senders else None
        if active is None and after.own_macs and not bond.team and not all(one.up for one in members):
            # Members are up when they join (bond_enslave): one was active, or one more if it looked in between.
            assert bond.where is not None
            words = f"with fail_over_mac the MAC of {bond.id} would depend on when it finds its members down"
            lab.file.problems.add(bond.where, words, "leave one of them up, or set them down in a step")
        before = bond
        if after.own_macs and active is not None:
            if not bond.senders:
                # The first is active until the primary is named; the bond gets its neighbours in between.
                after = _moved(lab, after, after.linked[0])
                before = replace(bond, mac=after.mac)
            after = _moved(lab, after, active)
        if after != bond:
            changes.apply(lab, bond, changes.flushed(lab, before, after))
    settle(lab)


def _moved(lab: Lab, bond: Bond, active: str) -> Bond:
    """The MACs of a bond and its members once one has become active (bond_do_fail_over_mac)."""
    new = lab.links[active]
    if bond.fail_over_mac == "active":
        return replace(bond, mac=new.mac)
    if new.mac != bond.mac:
        for link in list(lab.links.values()):
            if link.master == bond.id and link.mac == bond.mac:
                lab.set(link, mac=new.mac)
        lab.set(new, mac=bond.mac)
    return bond
