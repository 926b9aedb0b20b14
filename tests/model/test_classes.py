"""Classes of equals: what is shared among equal pairs is what a simulation of each pair gives."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netlab.contract.types import HOST_LAYERS, LAYERS, Address, Neighbor
from netlab.model.prediction import Prediction
from tests.model.lab import Lab

ALL_LAYERS = (*HOST_LAYERS, *LAYERS, "host:icmp/1400", "icmp/1400", "icmp6/1400")
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
    _trifles(lab, rng)
    if rng.random() < 0.5:
        _ways(lab, rng)
    for _ in range(rng.randrange(3)):
        lab.target(f"10.0.0.{rng.randrange(1, number + 4)}").target(f"fd00::{rng.randrange(1, number + 4):x}")
    return lab


def _ways(lab: Lab, rng: random.Random) -> None:
    """What a program's packets go by: metrics, sources, types, several next hops, rules; and a second address."""
    ends = [end for end in lab.endpoints if end.v4 and end.v6]
    spaces = {end.namespace for end in ends}
    for number, space in enumerate(sorted(spaces)):
        if rng.random() < 0.2:
            continue
        own = [end for end in ends if end.namespace == space]
        one, other = rng.choice(ends), rng.choice(own)
        for family, prefix in ((4, "10.0.0.0/25"), (6, "fd00::/120")):
            hops = [end.address(family).ip for end in rng.sample(own, min(2, len(own)))]
            fields: dict[str, Any] = rng.choice((
                {"via": one.address(family).ip}, {"dev": other.ifname, "src": rng.choice(own).address(family).ip},
                {"type": rng.choice(("blackhole", "unreachable", "prohibit"))}, {"hops": hops}, {},
            ))  # fmt: skip
            if fields:
                lab.route(space, prefix, metric=rng.choice((None, 5)), **fields)
            if rng.random() < 0.3:
                lab.rule(space, table=7, priority=9, family=family, src=f"{other.address(family).ip}/25")
                lab.route(space, prefix, dev=rng.choice(own).ifname, table=7)
        if rng.random() < 0.3:
            link = next(link for link in lab.links if link.id == other.link)
            more = Address(f"fd00:{rng.randrange(1, 3)}::{900 + number:x}", rng.choice((64, 64, 128)))
            lab.change(link.id, addresses=(*link.addresses, more))


def _trifles(lab: Lab, rng: random.Random) -> None:
    """What most probes don't feel, but some may: MTUs, settings, further addresses, routes to nowhere, entries."""
    if rng.random() < 0.4:
        return
    spaces = [ns.id for ns in lab.namespaces.values() if ns.kind == "host"]
    for space in spaces:
        for key, values in SYSCTLS.items():
            if rng.random() < 0.2:
                lab.sysctl(space, f"all/{key}", rng.choice(values))
        if rng.random() < 0.2:
            lab.route(space, f"10.77.{rng.randrange(9)}.0/24", via="10.0.0.1")
    ends = [end for end in lab.endpoints if end.v4]
    for number, link in enumerate(list(lab.links)):
        if not link.addresses:
            continue
        if rng.random() < 0.3 and not getattr(link, "parent", ""):
            lab.change(link.id, mtu=rng.choice((1500, 1600, 9000, 1450)))
        if rng.random() < 0.2:
            net = rng.randrange(2)
            more = [Address(f"10.0.{net}.{100 + 4 * number % 90 + k}", 24) for k in range(rng.randrange(1, 5))]
            lab.change(link.id, addresses=(*link.addresses, *more))
            first = next(end for end in lab.endpoints if end.link == link.id)
            for one in more:
                lab.endpoints.append(replace(first, id=f"{link.id}@{one.ip}", v4=one, v6=None, extra=True))
        if ends and rng.random() < 0.2:
            others = rng.sample(ends, min(2, len(ends)))
            macs = [*(end.mac for end in ends), "ff:ff:ff:ff:ff:ff", "03:bf:0a:00:00:01"]
            lab.change(link.id, neighbors=tuple(Neighbor(one.v4.ip, rng.choice(macs)) for one in others))


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
        lab.sysctl(rng.choice(spaces), "/neigh/eth0/app_solicit", 1)


@settings(max_examples=40, deadline=None)
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
        i, j = rng.randrange(len(state.sources(layer))), rng.randrange(len(state.destinations(layer)))
        if shared.letters[layer][i][j] != ".":
            assert shared.rule(layer, i, j) == single.rule(layer, i, j) == single.story(layer, i, j).rule
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
    plain = Prediction(lab.state(), ("icmp",))._classes[False, 4].rows
    assert len(set(plain.number)) == 1
    lab.route("h0", "10.9.0.0/16", via="10.0.0.2")
    nowhere = Prediction(lab.state(), ("icmp",))._classes[False, 4].rows
    assert len(set(nowhere.number)) == 1
    lab.route("h0", "10.0.0.4/32", via="10.0.0.2")
    spoken = Prediction(lab.state(), ("icmp",))._classes[False, 4].rows
    assert len(set(spoken.number)) == 4


def test_what_no_probe_feels_makes_no_class() -> None:
    """Hosts that differ in MTU, in settings of no effect, or in entries for each other, are simulated as a few."""
    lab = Lab()
    for host in range(40):
        lab.veth(f"h{host}:eth0", f"10.0.0.{host + 1}/24", mtu=1400 + host)
        lab.sysctl(f"h{host}", "all/rp_filter", host % 3).sysctl(f"h{host}", "all/arp_announce", host % 2)
        lab.change(
            f"h{host}:eth0", neighbors=(Neighbor(f"10.0.0.{(host + 1) % 40 + 1}", f"02:00:00:00:01:{host:02x}"),)
        )
    prediction = Prediction(lab.state(), ("unicast", "icmp", "tcp"))
    assert len(set(prediction._classes[False, 4].rows.number)) == 1
    # An entry is felt by the two whose it is, as it names no MAC that there is.
    rows = prediction.letters["icmp"]
    assert {(i, j) for i, row in enumerate(rows) for j, letter in enumerate(row) if letter == "U"} == {
        pair for i in range(40) for pair in ((i, (i + 1) % 40), ((i + 1) % 40, i))
    }


def test_many_addresses_are_alike() -> None:
    """A hundred further addresses of one interface are of one class; the first, which is chosen as a source, is not."""
    lab = Lab()
    lab.veth("A:eth0", *(f"10.0.0.{k}/24" for k in range(1, 102)))
    lab.veth("B:eth0", "10.0.0.200/24")
    prediction = Prediction(lab.state(), ("arp", "icmp"))
    assert len(set(prediction._classes[False, 4].rows.number)) == 3
    single = Prediction(lab.state(), ("arp", "icmp"), classes=False)
    assert prediction.letters == single.letters
