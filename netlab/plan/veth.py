"""A "physical" interface: a wire to a switch."""

from __future__ import annotations

from dataclasses import replace

from netlab.plan import macs
from netlab.plan.types import Port, Veth
from netlab.plan.wanted import Kin, Wanted
from netlab.spec.schema import Port as GivenPort

KEYS = frozenset({"switch", "port"})
MTU = 1500


def build(kin: Kin, wanted: Wanted) -> Veth | None:
    """The veth of an interface that names a switch."""
    lab, switch = kin.lab, wanted.given.switch
    if switch is None:
        lab.problems.add(wanted.where, f"{wanted.id} names no switch", "add 'switch: …'", follows=True)
        return None
    if lab.bridge(switch) is None:
        kin.unknown(wanted, "switch", "switch", switch, lab.switches())
        return None
    return Veth(
        **kin.common(wanted, wanted.given.mtu or MTU),
        switch=switch,
        port=port(Port(), wanted.given.port),
        port_ifname=lab.port_name(switch),
        port_ifindex=lab.index(),
        port_mac=macs.derive(lab.spec.name, wanted.namespace, wanted.name, "port"),
    )


def port(before: Port, given: GivenPort | None) -> Port:
    """A port's options with those that are given (``fdb`` apart, whose names are resolved later).

    A port that is taken off the bridge, and one that is put back, has none of its options (del_nbp, new_nbp).
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
