"""A "physical" interface: a wire to a switch, or to a bridge inside its host; or one end of a plain pair."""

from __future__ import annotations

from dataclasses import replace

from netlab.contract.types import Pair, Port, Veth
from netlab.plan import bridge as bridges
from netlab.plan import macs, pair
from netlab.plan.wanted import Kin, Wanted
from netlab.spec.schema import Port as GivenPort

#: What names the other end of the wire.
ENDS = ("switch", "bridge", "peer")
KEYS = frozenset({"switch", "bridge", "peer", "port", "master"})
MTU = 1500


def build(kin: Kin, wanted: Wanted) -> Veth | Pair | None:
    """The veth of an interface that names a switch, a bridge or a peer."""
    lab, given = kin.lab, wanted.given
    ends = [key for key in ENDS if getattr(given, key) is not None]
    if not ends:
        hint = "add 'switch: …', 'bridge: …' or 'peer: …'"
        lab.problems.add(wanted.where, f"{wanted.id} names no switch", hint, follows=bool(lab.spec.pruned & {*ENDS}))
        return None
    if len(ends) > 1:
        kin.problem(wanted, ends[1], f"{wanted.id} has one other end, not two", f"{ends[0]} or {ends[1]}")
        return None
    if given.peer is not None:
        for key in ("port", "master"):
            if getattr(given, key) is not None:
                kin.problem(wanted, key, f"{key!r} means nothing on a pair without a switch", "leave it out")
        return pair.build(kin, wanted, given.peer)
    if given.bridge is not None:
        found = bridges.find(kin, wanted, "bridge", given.bridge)
        switch = found.id if found is not None else None
    else:
        assert given.switch is not None
        switch = given.switch if lab.bridge(given.switch) is not None else None
        if switch is None:
            kin.unknown(wanted, "switch", "switch", given.switch, lab.switches())
    if switch is None:
        return None
    master = None
    if given.master is not None:
        found = bridges.find(kin, wanted, "master", given.master)
        if found is None:
            return None
        if found.id == switch:
            kin.problem(wanted, "master", f"both ends of {wanted.id} would be ports of {found.id}", "a loop")
            return None
        master = found.id
    return Veth(
        **kin.common(wanted, given.mtu or MTU),
        switch=switch,
        port=port(Port(), given.port),
        port_ifname=lab.port_name(switch, {one.name for one in kin.wanted.values()}),
        port_ifindex=lab.index(),
        port_mac=macs.derive(lab.spec.name, wanted.namespace, wanted.name, "port"),
        master=master,
    )


def port(before: Port, given: GivenPort | None) -> Port:
    """A port's options with those that are given (``fdb`` apart, whose names are resolved later).

    A port that is detached, and one that is attached again, loses its options (del_nbp, new_nbp).
    """
    if given is None:
        return before
    values = {
        name: value for name in given.model_fields_set if name != "fdb" and (value := getattr(given, name)) is not None
    }
    attached = values.get("attached", before.attached)
    if attached != before.attached:
        before = Port(up=before.up)
    return replace(before, **values)
