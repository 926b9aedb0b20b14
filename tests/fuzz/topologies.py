"""Random topologies: hosts on switches, children on their parents, addresses; the rest is `options` and `steps`.

`topology` draws everything from one `random.Random`, so a number and the kinds of links that the kernel has are enough
to have a topology again. `topologies` is the same as a hypothesis strategy, for tests that need no kernel.
"""

from __future__ import annotations

import random
from collections.abc import Set

from hypothesis import strategies as st

from tests.fuzz import bonds, loopbacks, options, steps, vrfs
from tests.fuzz.lan import KINDS, Document, Lan, Nic

HOSTS = "ABCDE"
#: How often the ends of a VXLAN meet in a multicast group.
IN_GROUP = 0.4
MODES = ("bridge", "vepa", "private", "source", "passthru")


def topology(rng: random.Random, kinds: Set[str] = frozenset()) -> Document:
    """A topology as a user could have written it; the plan may still find that something doesn't fit.

    Of the links that not every kernel has it may hold those ``kinds``.
    """
    lan = Lan(rng, kinds)
    _switches(lan)
    modes = [mode for mode in ("bridge", "vepa", "private") if lan.chance(0.55)] or ["bridge"]
    if lan.has("source"):
        modes.append("source")
    room = lan.pick((2, 3, 4, 5, 6, 8, 10), (1, 2, 4, 5, 5, 3, 1))
    hosts = HOSTS[: lan.pick((1, 2, 3, 4, 5), (1, 5, 6, 3, 1))]
    for host in hosts:
        lan.document["hosts"][host] = {"interfaces": {}}
        for k in range(2 if lan.chance(0.4, "two-parents") else 1):
            _parent(lan, host, f"eth{k}")
        if lan.chance(0.6, "host-bridge"):
            _bridge(lan, host)
        if lan.chance(0.6, "bond"):
            bonds.bond(lan, host)
        if lan.chance(0.5, "dummy"):
            _dummy(lan, host)
    if lan.has("pair"):
        _pair(lan, hosts)
    for host in hosts:
        for _ in range(lan.pick((0, 1, 2, 3)) if lan.has("vlan") else 0):
            _vlan(lan, host)
    tunnels = _tunnels(lan, hosts) if lan.has("vxlan") else []
    while len(lan.nics) < room:
        _child(lan, lan.pick(lan.parents()), modes)
    _members(lan)
    if lan.has("vrf"):
        vrfs.vrfs(lan)
    addresses(lan, lan.nics)
    if lan.has("vrf"):
        vrfs.tenants(lan)
    _far_ends(lan, tunnels)
    options.dress(lan)
    if lan.has("vrf"):
        vrfs.routes(lan)
    if lan.has("loopback"):
        loopbacks.loopbacks(lan)
    if lan.chance(0.4, "ways") and lan.has("ipv4"):
        _ask(lan)
    if lan.has("refusals"):
        steps.refusals(lan)
    if lan.has("steps"):
        steps.steps(lan)
    return lan.document


#: The same as a strategy: hypothesis shrinks the choices.
topologies: st.SearchStrategy[Document] = st.randoms(use_true_random=False).map(lambda rng: topology(rng, KINDS.keys()))


def _ask(lan: Lan) -> None:
    """Let a host ask for an address by itself, which one interface has, or several, or none."""
    ips = [ip for nic in lan.living() for ip in nic.ips(4)]
    able = [nic.namespace for nic in lan.living() if nic.ips(4)]
    if able:
        wanted = lan.pick(ips) if lan.chance(0.6) else "10.0.0.77"
        lan.document["expect"] = [{f"{lan.pick(able)} -> {wanted} [icmp, tcp]": "reachable"}]


def _switches(lan: Lan) -> None:
    switches = lan.document["switches"] = {"s1": {}}
    if lan.has("two-switches"):
        switches["s2"] = {"links": ["s1"]} if lan.chance(0.85) else {}
    for switch in switches.values():
        if lan.chance(0.7, "fdb_max_learned"):
            switch["fdb_max_learned"] = lan.pick((1, 2, 3))
        if lan.chance(0.5, "vlan"):
            switch["vlan_filtering"] = True
            if lan.chance(0.2):
                switch["default_pvid"] = lan.pick((0, 10))
            if "links" in switch:
                switch["tagged"] = [10]
        if lan.chance(0.5, "snooping"):
            switch["mcast_snooping"] = True
        if lan.chance(0.5, "switch-down"):
            switch["state"] = "down"


def _parent(lan: Lan, host: str, name: str) -> None:
    switch = lan.pick(list(lan.document["switches"]))
    spec: Document = {"switch": switch}
    lan.document["hosts"][host]["interfaces"][name] = spec
    lan.nics.append(Nic(host, host, name, spec))


def _dummy(lan: Lan, host: str) -> None:
    spec: Document = {"type": "dummy"}
    lan.document["hosts"][host]["interfaces"]["d0"] = spec
    lan.nics.append(Nic(host, host, "d0", spec))


def _bridge(lan: Lan, host: str) -> None:
    """A bridge inside of a host, with or without the host's own wire, and what is plugged into it."""
    given = lan.document["hosts"][host]
    spec: Document = {"type": "bridge"}
    given["interfaces"]["br0"] = spec
    lan.nics.append(Nic(host, host, "br0", spec))
    if lan.chance(0.5, "vlan"):
        spec["vlan_filtering"] = True
        spec["own_port"] = options.vlans(lan)
    if lan.chance(0.6):
        given["interfaces"]["eth0"]["master"] = "br0"
        if lan.chance(0.5, "vlan"):
            given["interfaces"]["eth0"]["own_port"] = options.vlans(lan)
    for _ in range(lan.pick((0, 1, 2))):
        plugged: Document = {"bridge": "br0"}
        if lan.chance(0.2, "crowded"):
            name, namespace, place = f"b{len(lan.nics)}", host, given["interfaces"]
        else:
            inside = f"d{len(lan.nics)}"
            name, namespace = "eth0", f"{host}/{inside}"
            place = given.setdefault("containers", {}).setdefault(inside, {"interfaces": {}})["interfaces"]
        place[name] = plugged
        lan.nics.append(Nic(host, namespace, name, plugged))


def _vlan(lan: Lan, host: str) -> None:
    """A vlan interface of a host or of a container, on any interface of the host that can be a parent."""
    inner = {nic.name for nic in lan.nics if nic.host == host and nic.spec.get("type") == "vlan"}
    # Of frames with three tags the model says nothing.
    able = [nic for nic in lan.parents() if nic.host == host and nic.spec.get("parent") not in inner]
    vid, under = lan.pick((10, 20)), lan.pick(able)
    taken = [nic.spec for nic in lan.nics if nic.host == host and nic.spec.get("parent") == under.name]
    if any(one.get("id") == vid for one in taken):
        return
    spec: Document = {"type": "vlan", "parent": under.name, "id": vid}
    if lan.chance(0.1):
        spec["protocol"] = "802.1ad"
    given, name = lan.document["hosts"][host], f"v{len(lan.nics)}"
    namespace, place = host, given["interfaces"]
    if lan.chance(0.3):
        namespace = f"{host}/{name}"
        place = given.setdefault("containers", {}).setdefault(name, {"interfaces": {}})["interfaces"]
    place[name] = spec
    lan.nics.append(Nic(host, namespace, name, spec))


def _members(lan: Lan) -> None:
    """Make an interface of a host a port of its bridge: at most one that has a wire below it, or there is a loop."""
    for bridge in [nic for nic in lan.nics if nic.spec.get("type") == "bridge" and lan.chance(0.7, "member")]:
        host = lan.document["hosts"][bridge.host]["interfaces"]
        able = [
            nic for nic in lan.nics
            if nic.namespace == bridge.host and nic.parent is not bridge and not nic.plugged and nic is not bridge
            and not lan.children(nic) and not ((nic.parent or nic.name == bonds.NAME) and host["eth0"].get("master"))
            and host.get(str(nic.spec.get("peer")).rpartition(":")[2], {}).get("master") is None
        ]  # fmt: skip
        if able:
            lan.pick(able).spec["master"] = bridge.name


def _tunnels(lan: Lan, hosts: str) -> list[Nic]:
    """Ends of a VXLAN on some hosts."""
    ends = []
    for host in hosts:
        if lan.chance(0.7):
            # The MTU is said, since children are given theirs by it.
            spec: Document = {"type": "vxlan", "id": 7, "dev": "eth0", "mtu": 1450}
            if lan.chance(0.2):
                spec["learning"] = False
            lan.document["hosts"][host]["interfaces"]["v0"] = spec
            ends.append(Nic(host, host, "v0", spec))
    lan.nics += ends
    return ends


def _far_ends(lan: Lan, ends: list[Nic]) -> None:
    """Say where the other ends are, as far as they have an address; now and then too few, or a wrong one. Or have them
    meet in a group; now and then an end is in another one, or in none."""
    below = {end: next(nic for nic in lan.inside(end.host) if nic.name == "eth0") for end in ends}
    in_group = lan.chance(IN_GROUP)
    group = lan.pick(("239.1.1.1", "239.1.1.1", "239.1.1.1", "232.1.2.3", "224.0.0.77")) if in_group else ""
    for end in ends:
        others = [other for other in ends if other is not end and below[other].ips(4)]
        found = [below[other].ips(4)[0] for other in others if lan.chance(0.85)]
        if in_group and lan.chance(0.85):
            end.spec["group"] = "239.0.0.9" if lan.chance(0.1) else group
        elif found and lan.chance(0.9):
            end.spec["remote"] = found
        if others and lan.chance(0.3):
            end.spec["fdb"] = {other.id: below[lan.pick(others)].ips(4)[0] for other in others if lan.chance(0.6)}


def _pair(lan: Lan, hosts: str) -> None:
    """Two interfaces that are each other's other end, of one host or of two."""
    ends = []
    for host in (lan.pick(hosts), lan.pick(hosts)):
        given = lan.document["hosts"][host]
        name, namespace, place = f"w{len(lan.nics)}", host, given["interfaces"]
        if lan.chance(0.4):
            namespace = f"{host}/p{len(lan.nics)}"
            place = given.setdefault("containers", {}).setdefault(f"p{len(lan.nics)}", {"interfaces": {}})["interfaces"]
        place[name] = {}
        ends.append(Nic(host, namespace, name, place[name]))
        lan.nics.append(ends[-1])
    for end, other in (ends, ends[::-1]):
        end.spec["peer"] = other.id


def _child(lan: Lan, parent: Nic, modes: list[str]) -> None:
    brothers = lan.children(parent)
    if any(one.mode == "passthru" for one in brothers):
        # Nothing can stand beside a passthru child; the parents are few, so rather make another host's.
        others = [one for one in lan.parents() if not any(c.mode == "passthru" for c in lan.children(one))]
        if not others:
            extra = chr(ord("P") + len(lan.nics))
            lan.document["hosts"][extra] = {"interfaces": {}}
            _parent(lan, extra, "eth0")
            return
        parent = lan.pick(others)
        brothers = lan.children(parent)
    if brothers[0].driver == "ipvlan" if brothers else lan.chance(0.8, "ipvlan"):
        put(lan, parent, ipvlan(lan, parent, brothers), f"i{len(lan.nics)}")
        return
    mode = "passthru" if not brothers and lan.chance(0.4, "passthru") else lan.pick(modes)
    on = parent.name
    if lan.chance(0.3, "stacked"):
        inner = [one for one in brothers if one.namespace == parent.host and one.mode != "passthru"]
        on = lan.pick(inner).name if inner else on
    spec: Document = {"type": "macvtap" if lan.chance(0.4, "macvtap") else "macvlan", "parent": on}
    if mode != "vepa" or lan.chance(0.9):
        spec["mode"] = mode
    put(lan, parent, spec, f"m{len(lan.nics)}")


def ipvlan(lan: Lan, parent: Nic, brothers: list[Nic]) -> Document:
    """An ipvlan child; mode and flag are those of its brothers."""
    if brothers:
        return {key: brothers[0].spec[key] for key in ("type", "parent", "mode", "flag") if key in brothers[0].spec}
    spec: Document = {"type": "ipvlan", "parent": parent.name}
    if lan.chance(0.9):
        spec["mode"] = lan.pick(("l2", "l3", "l3s"), (3, 2, 2))
    if lan.chance(0.6):
        spec["flag"] = lan.pick(("bridge", "private", "vepa"))
    return spec


def put(lan: Lan, parent: Nic, spec: Document, name: str) -> None:
    """Put a child into its parent's namespace, or into a container."""
    host = lan.document["hosts"][parent.host]
    if lan.chance(0.5, "same-namespace"):
        namespace, place = parent.host, host["interfaces"]
    else:
        containers = host.setdefault("containers", {})
        shared = lan.pick(list(containers)) if containers and lan.chance(0.4, "crowded") else ""
        inside = shared or f"c{len(lan.nics)}"
        namespace = f"{parent.host}/{inside}"
        place = containers.setdefault(inside, {"interfaces": {}})["interfaces"]
    place[name] = spec
    lan.nics.append(Nic(parent.host, namespace, name, spec, parent))


def addresses(lan: Lan, nics: list[Nic]) -> None:
    """Give interfaces their addresses, all of one subnet as a rule."""
    for nic in nics:
        number = lan.nics.index(nic) + 1
        found: list[str] = []
        if lan.chance(0.3, "no-address"):
            continue
        net = lan.pick((0, 1)) if lan.has("two-subnets") else 0
        if lan.has("forward") and nic.parent is None:
            # A second parent is usually a router's second leg.
            net = 1 if nic.name == "eth1" else net
        if nic.spec.get("type") == "vxlan" and lan.chance(0.6):
            net = 1
        if lan.has("ipv4") and (not lan.has("ipv6") or lan.chance(0.85)):
            length = lan.pick((24, 16, 25, 30, 32, 31)) if lan.chance(0.3, "prefixes") else 24
            found.append(f"10.0.{net}.{number}/{length}")
        if lan.has("ipv6") and (not lan.has("ipv4") or lan.chance(0.7)):
            length = lan.pick((64, 48, 124, 128)) if lan.chance(0.2, "prefixes") else 64
            found.append(f"fd00:{net}::{number:x}/{length}")
        if lan.chance(0.3, "extra-address"):
            far = lan.pick((0, 1))
            found.append(f"10.0.{far}.{100 + number}/24" if lan.has("ipv4") else f"fd00:{far}::1{number:02x}/64")
        if lan.chance(0.2, "same-ip"):
            there = [
                a
                for other in lan.nics
                for a in other.addresses
                if other.namespace != nic.namespace and not other.hidden
            ]
            if there and not nic.hidden:
                found = [lan.pick(there)]
                nic.spec["duplicate"] = True
        if found:
            nic.spec["addresses"] = found
            nic.addresses = list(found)
