"""A "physical" interface: a wire to a switch, or to a bridge inside its host; or one end of a plain pair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netlab.contract.policies import NONE, POLICIES
from netlab.contract.types import AnyLink, Pair, Port, Veth
from netlab.plan import macs, members, pair, values
from netlab.plan.request import BuildContext, LinkRequest
from netlab.plan.settling import settle
from netlab.spec.schema import Port as GivenPort

if TYPE_CHECKING:
    from netlab.plan.file import File, Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Settings

#: What names the other end of the wire.
ENDS = ("switch", "bridge", "peer")
KEYS = frozenset({"switch", "bridge", "peer", "port"})
MTU = 1500


def build(context: BuildContext, request: LinkRequest) -> Veth | Pair | None:
    """The veth of an interface that names a switch, a bridge or a peer."""
    lab, given = context.lab, request.given
    ends = [key for key in ENDS if getattr(given, key) is not None]
    if not ends:
        hint = "add 'switch: …', 'bridge: …' or 'peer: …'"
        lab.file.problems.add(
            request.where, f"{request.id} names no switch", hint, follows=bool(lab.file.spec.pruned & {*ENDS})
        )
        return None
    if len(ends) > 1:
        context.problem(request, ends[1], f"{request.id} has one other end, not two", f"{ends[0]} or {ends[1]}")
        return None
    if given.peer is not None:
        if given.port is not None:
            context.problem(request, "port", "'port' means nothing on a pair without a switch", "leave it out")
        return pair.build(context, request, given.peer)
    if given.bridge is not None:
        found = members.find(context, request, "bridge", given.bridge, "port")
        switch = found.id if found is not None else None
    else:
        assert given.switch is not None
        switch = given.switch if lab.has_switch(given.switch) else None
        if switch is None:
            context.unknown(request, "switch", "switch", given.switch, lab.switches())
    if switch is None:
        return None
    return Veth(
        **context.common(request, given.mtu or MTU),
        switch=switch,
        port=port(Port(), given.port),
        port_ifname=lab.port_name(switch, {one.name for one in context.requests.values()}),
        port_ifindex=lab.index(),
        port_mac=macs.derive(lab.file.spec.name, request.namespace, request.name, "port"),
    )


def port(before: Port, given: GivenPort | None) -> Port:
    """A port's options with those that are given (``fdb`` apart, whose names are resolved later).

    Those of a policy count where none is given itself. A port that is detached, and one that is attached again, loses
    its options (del_nbp, new_nbp).
    """
    if given is None:
        return before
    values = {
        name: value for name in given.model_fields_set if name != "fdb" and (value := getattr(given, name)) is not None
    }
    attached = values.get("attached", before.attached)
    if attached != before.attached:
        before = Port(up=before.up)
    if given.policy is not None:
        known = POLICIES.get(given.policy, NONE)
        values = {**known.options, **values, "policy": given.policy if known is not NONE else "", "fdb": ()}
    return replace(before, **values)


def name_macs(context: BuildContext, request: LinkRequest, link: AnyLink) -> AnyLink:
    """Fill in the static entries of its port, which may name interfaces made later."""
    given = request.given.port
    if not isinstance(link, Veth) or given is None:
        return link
    return replace(link, port=_entries(context.lab, link, link.port, given, (*request.path, "port")))


def _entries(lab: Lab, link: Veth, made: Port, given: GivenPort, path: Path) -> Port:
    """A port with the static entries that are given, or that of its policy: its interface's MAC."""
    if given.fdb is not None:
        return replace(made, fdb=values.mac_list(lab, given.fdb, (*path, "fdb")))
    if not given.policy or not made.policy:
        return made
    if link.mac is None:
        where = lab.file.where(*path, "policy", key=False)
        lab.file.problems.add(where, f"the MAC of {link.id} is left to the kernel", "give it one, without 'auto'")
    return replace(made, fdb=(link.mac,) if link.mac else ())


def check_made(lab: Lab, link: AnyLink, path: Path) -> None:
    """A port that is as the file says."""
    if isinstance(link, Veth):
        _check_port(lab.file, link, (*path, "port"), stated=True)
        members.check_vlans(lab, link.port, link.switch, (*path, "port"))


def change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """The options of the port that are set."""
    if isinstance(after, Pair):
        pair.check_settings(lab, after, settings, path)
    elif isinstance(after, Veth) and settings.port is not None:
        made = _entries(lab, after, port(after.port, settings.port), settings.port, (*path, "port"))
        return before, replace(after, port=made)
    return before, after


def changed(lab: Lab, before: AnyLink, settings: Settings, path: Path) -> AnyLink:
    """Set a port's state, after a change that may have reset it; returns ``before``, with the state that is left."""
    now = lab.links[before.id]
    if not isinstance(before, Veth) or not isinstance(now, Veth):
        return before
    stated = settings.port is not None and settings.port.state is not None
    if settings.port is not None and settings.port.state is not None and now.carrier:
        now = lab.set(now, port=replace(now.port, state=settings.port.state))
        settle(lab)
    if settings.port is not None:
        _check_port(lab.file, now, (*path, "port"), stated=stated)
        members.check_vlans(lab, now.port, now.switch, (*path, "port"))
    return before if stated else replace(before, port=replace(before.port, state=now.port.state))


def _check_port(file: File, link: Veth, path: Path, *, stated: bool) -> None:
    """Report options of a port that isn't attached, and a state without carrier (br_set_port_state: ENETDOWN)."""
    port = link.port
    if not port.attached and port != Port(up=port.up, attached=False):
        where = file.where(*path)
        file.problems.add(where, f"the port of {link.id} is not attached, so it has no options", "leave them out")
    elif stated and not link.carrier and port.state in ("listening", "learning"):
        where = file.where(*path, "state", key=False)
        file.problems.add(where, f"the port of {link.id} has no carrier, so its state cannot be set to {port.state!r}")
    members.check_mab(file, port, path)
