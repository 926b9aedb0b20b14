"""Rules of `netlab check --live` about links that not every kernel has, on machines as values."""

from __future__ import annotations

from dataclasses import replace

from netlab.live.machine.faults import Fault, faults
from netlab.live.machine.kinship import kinship
from netlab.live.machine.values import Device, Ip, LiveRoute, Machine, Space, Way

LOOPBACK = Device(index=1, name="lo", loopback=True, ether=False)
SUBNET = (LiveRoute(to="192.168.26.0/24", family=4, ways=(Way(dev=2),), protocol=2),)


def wire(index: int, name: str, there: str, far: int, **more: object) -> Device:
    """An end of a wire."""
    return Device(index=index, name=name, kind="veth", lower=(there, far), mac=f"02:00:00:00:00:{index:02x}", **more)


def machine(*more: Device, own: str = "far", **port: object) -> Machine:
    """Two hosts at a bridge that knows VLANs; one of them has ``more`` interfaces."""
    data = {"vlan_filtering": True, "vlan_default_pvid": 1}
    ports = [
        wire(3, "p0", "here", 2, master=2, port_kind="bridge"),
        wire(4, "p1", "far", 2, master=2, port_kind="bridge"),
    ]
    vlans = ((3, 1, True, True), (4, 1, True, True), (3, 10, False, False))
    lan = Space(
        key="lan", names=("lan",), devices=(LOOPBACK, Device(index=2, name="br0", kind="bridge", data=data), *ports),
        vlans=vlans,
    )  # fmt: skip
    spaces = [lan]
    for key, ip in (("here", "192.168.26.10"), ("far", "192.168.26.20")):
        nic = wire(2, "eth0", "lan", 3 if key == "here" else 4, addresses=(Ip(ip, 24),))
        those = tuple(one for one in more if key == own)
        spaces.append(Space(key=key, names=(key,), home=key == "here", devices=(LOOPBACK, nic, *those), routes=SUBNET))
    return Machine(tuple(spaces), ("here",))


def found(made: Machine, rule: str) -> list[Fault]:
    """The faults that one rule finds."""
    return [one for one in faults(kinship(made, "host", False)) if one.rule == rule]


def test_a_vlan_that_the_port_does_not_carry() -> None:
    """An interface in VLAN 10 behind a port that is no member: told at the port, with the command; else nothing is."""
    tagged = Device(index=5, name="eth0.10", kind="vlan", lower=("far", 2), data={"id": 10})
    (fault,) = found(machine(tagged), "vlan-not-carried")
    assert (fault.place, fault.severity, fault.fix) == ("lan:p1", "warning", ("bridge vlan add vid 10 dev p1",))
    assert found(machine(replace(tagged, lower=("here", 2)), own="here"), "vlan-not-carried") == []


def test_an_ipvlan_without_a_route_to_it() -> None:
    """A neighbour without a route to an address of l3 is told, with the route by the parent; with one, nothing is."""
    made = machine()
    child = Device(
        index=6, name="i0", kind="ipvlan", lower=("here", 2), data={"mode": "l3"}, addresses=(Ip("10.7.0.5", 24),)
    )
    pod = Space(key="pod", names=("pod",), devices=(LOOPBACK, child))
    (fault,) = found(replace(made, spaces=(*made.spaces, pod)), "l3-no-route")
    assert (fault.place, fault.severity) == ("far", "note")
    assert fault.fix == ("ip route add 10.7.0.5 via 192.168.26.10",)
    routed = LiveRoute(to="10.7.0.5/32", family=4, ways=(Way("192.168.26.10", 2),))
    spaces = [replace(one, routes=(*one.routes, routed)) if one.key == "far" else one for one in made.spaces]
    assert found(replace(made, spaces=(*spaces, pod)), "l3-no-route") == []
