"""Classes of equals: what is shared among equal pairs is what a simulation of each pair gives."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netlab.model.prediction import Prediction
from netlab.plan.types import LAYERS, Neighbor
from tests.model.lab import Lab

ALL_LAYERS = (*LAYERS, "icmp/1400", "icmp6/1400")
SYSCTLS = {"arp_ignore": (0, 1, 2), "arp_filter": (0, 1), "rp_filter": (0, 1, 2), "accept_local": (0, 1)}
PORTS = {"hairpin": 0.4, "isolated": 0.15, "flood": 0.1, "bcast_flood": 0.1, "mcast_flood": 0.1, "locked": 0.05}


def random_lab(rng: random.Random) -> Lab:
    """A few kinds of hosts, several of each, with a difference here and there."""
    lab = Lab("lan", "s2").trunk("s2", "lan")
    number = 0

    def address(net: int) -> tuple[str, ...]:
        nonlocal number
        number += 1
        again = rng.randrange(1, number + 1) if rng.random() < 0.03 else number
        return tuple(a for a in (f"10.0.{net}.{again}/24", f"fd00:{net}::{number:x}/64") if rng.random() < 0.85)

    for kind in range(rng.randrange(1, 4)):
        switch = rng.choice(("lan", "lan", "s2"))
        port = {key: key in ("hairpin", "isolated", "locked") for key, chance in PORTS.items() if rng.random() < chance}
        net = rng.choice((0, 0, 0, 1))
        mtu = rng.choice((1500, 1500, 1350))
        sysctls = {key: rng.choice(values) for key, values in SYSCTLS.items() if rng.random() < 0.2}
        modes = [rng.choice(("bridge", "vepa", "private", "source")) for _ in range(rng.randrange(3))]
        at_home = rng.random() < 0.3
        copies = rng.randrange(1, 4)
        wires = rng.choice((1, 1, 2))
        for host in range(rng.randrange(1, 4)):
            name = f"{'ABC'[kind]}{host}"
            for wire in range(wires):
                options: dict[str, Any] = {"up": False} if rng.random() < 0.04 else {}
                lab.veth(f"{name}:eth{wire}", *address(net), switch=switch, port=dict(port), mtu=mtu, **options)
            for key, value in sysctls.items():
                lab.sysctl(name, f"all/{key}", value)
            for k, mode in enumerate(modes):
                for copy in range(copies):
                    space = name if at_home else f"{name}/c{copy}"
                    options = {"up": False} if rng.random() < 0.04 else {}
                    lab.child(f"{space}:m{k}{copy}", f"{name}:eth0", mode, *address(net), mtu=mtu, **options)
    _references(lab, rng)
    return lab


def _references(lab: Lab, rng: random.Random) -> None:
    """Now and then something that speaks of one host by name."""
    macs = [link.mac for link in lab.links]
    ends = [end for end in lab.endpoints if end.v4]
    for link in list(lab.links):
        if getattr(link, "mode", "") == "source" and rng.random() < 0.5:
            lab.change(link.id, allowed_macs=(rng.choice(macs),))
        if link.addresses and ends and rng.random() < 0.05:
            other = rng.choice(ends)
            lab.change(link.id, neighbors=(Neighbor(other.v4.ip, other.mac),))
    spaces = [ns.id for ns in lab.namespaces.values() if ns.kind == "host"]
    if rng.random() < 0.3 and ends:
        router = rng.choice(spaces)
        lab.sysctl(router, "/ip_forward", 1).sysctl(router, "all/forwarding", 1, family=6)
        gate = rng.choice(ends)
        for space in spaces:
            if rng.random() < 0.6:
                lab.route(space, "10.0.0.0/16", via=gate.v4.ip)
    if rng.random() < 0.1:
        lab.sysctl(rng.choice(spaces), "/neigh/default/locktime", 0)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_a_class_is_exact(seed: int) -> None:
    """Whatever the lab, a pair's letter, rule and use of the wire are the same shared as simulated by itself."""
    rng = random.Random(seed)
    state = random_lab(rng).state()
    layers = rng.sample(ALL_LAYERS, 3)
    shared = Prediction(state, layers)
    single = Prediction(state, layers, classes=False)
    assert shared.letters == single.letters
    assert set(shared.unknown) == set(single.unknown)
    for _ in range(20):
        layer = rng.choice(layers)
        i, j = (rng.randrange(len(state.endpoints)) for _ in range(2))
        if shared.letters[layer][i][j] != ".":
            assert shared.rule(layer, i, j) == single.rule(layer, i, j)
            assert shared.on_wire(layer, i, j) == single.on_wire(layer, i, j)


def test_equal_hosts_are_one_class() -> None:
    """A hundred hosts with three children each are told apart by position only: few pairs are simulated."""
    lab = Lab()
    for host in range(100):
        lab.veth(f"h{host}:eth0", f"10.0.{host}.1/16", port={"hairpin": True})
        for child in range(3):
            lab.child(f"h{host}/c{child}:eth0", f"h{host}:eth0", "vepa", f"10.0.{host}.{child + 2}/16")
    prediction = Prediction(lab.state(), ("icmp",))
    assert len(prediction.letters["icmp"]) == 400
    assert len(prediction._letters) == 7  # parent and child: 4 elsewhere, 3 in one host
    assert set("".join(prediction.letters["icmp"])) == {"R", "."}


def test_one_who_is_spoken_of_is_no_equal() -> None:
    """A host that another's route, list or static entry names is a class of its own."""
    lab = Lab()
    for host in range(4):
        lab.veth(f"h{host}:eth0", f"10.0.0.{host + 1}/24")
    plain = Prediction(lab.state(), ("icmp",))._classes
    assert plain is not None
    assert len(set(plain.number)) == 1
    lab.route("h0", "10.9.0.0/16", via="10.0.0.2")
    spoken = Prediction(lab.state(), ("icmp",))._classes
    assert spoken is not None
    assert len(set(spoken.number)) == 3
