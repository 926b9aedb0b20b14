"""The first state: names, MACs, indexes, order, sysctls, replicas, carriers, hops."""

from __future__ import annotations

import pytest

from netlab.contract.types import (
    AddLink,
    AddNamespace,
    Macvlan,
    Macvtap,
    Neighbor,
    SetLink,
    SwitchLink,
    Veth,
)
from netlab.plan import from_file
from netlab.spec import find, shipped
from tests.plan.labs import TWO, added, baseline, plan, veth

# --- order, names, numbers ----------------------------------------------------------------------------


def test_creation_order() -> None:
    """Namespaces come first, then bridges, wires in the order of the file, and children after all wires."""
    made = plan(TWO)
    assert added(made) == [
        *("A", "A/c1", "A/c2", "B", "lan"),
        *("lan", "A:eth0", "B:eth0", "A/c1:eth0", "A/c2:eth0"),
    ]
    assert [ns.id for ns in made.steps[0].state.namespaces] == ["A", "A/c1", "A/c2", "B", "lan"]
    assert [link.id for link in made.steps[0].state.links] == ["lan", "A:eth0", "B:eth0", "A/c1:eth0", "A/c2:eth0"]


def test_a_child_that_stands_before_its_parent_is_made_after_it() -> None:
    """Order of creation is wires, then children, but endpoints keep the order of the file."""
    state = baseline("switches: {s: }\nhosts: {A: {interfaces: {x: {type: macvlan, parent: e}, e: {switch: s}}}}\n")
    assert [link.id for link in state.links] == ["s", "A:e", "A:x"]
    assert [endpoint.id for endpoint in state.endpoints] == ["A:x", "A:e"]


def test_ifindexes_are_unique_in_the_whole_lab() -> None:
    """Both ends of every wire, bridges and children each have a number of their own, from 10 on."""
    state = baseline(
        "switches: {s1: , s2: {links: [s1]}}\nhosts: {A: {replicas: 3, interfaces: {e: {switch: s1}, "
        "m: {type: macvlan, parent: e}}}}\n"
    )
    numbers: list[int] = []
    for link in state.links:
        numbers.append(link.ifindex)
        if isinstance(link, Veth):
            numbers.append(link.port_ifindex)
        if isinstance(link, SwitchLink):
            numbers.append(link.peer_ifindex)
    assert sorted(numbers) == list(range(10, 10 + len(numbers)))
    assert len(numbers) == 2 + 2 + 3 * 3


def test_macs_are_derived_from_names_alone() -> None:
    """A MAC depends on topology, namespace and interface alone; all are local unicast, and differ."""
    first, second = baseline("name: t\n" + TWO), baseline("name: t\n" + TWO.replace("c1:", "c0:"))
    assert first.link("A:eth0").mac == second.link("A:eth0").mac
    assert first.link("A:eth0").mac != baseline("name: u\n" + TWO).link("A:eth0").mac
    macs = [mac for link in first.links for mac in (link.mac, getattr(link, "port_mac", None)) if mac]
    assert len(set(macs)) == len(macs) == 7
    assert all(mac.startswith("02:") for mac in macs)


def test_a_given_mac_is_kept_and_auto_is_the_kernels() -> None:
    """A MAC of the file is used as it is; ``auto`` is None for link and endpoint."""
    state = baseline(
        "switches: {s: }\nhosts: {A: {interfaces: {e: {switch: s, mac: AA:00:00:00:00:01}, "
        "f: {switch: s, mac: auto}}}}\n"
    )
    assert state.link("A:e").mac == "aa:00:00:00:00:01"
    assert state.link("A:f").mac is None
    assert [endpoint.mac for endpoint in state.endpoints] == ["aa:00:00:00:00:01", None]


def test_long_interface_names_get_a_short_one() -> None:
    """A name of more than 15 bytes stays the link's name, and a generated ifname is used where the kernel needs one."""
    name = "a-very-long-interface-name"
    state = baseline(
        f"switches: {{s: }}\nhosts: {{A: {{sysctls: {{net.ipv4.conf.{name}.rp_filter: 2}},\n"
        f"  interfaces: {{{name}: {{switch: s}}, {name}2: {{switch: s}}}}}}}}\n"
    )
    link, other = state.link(f"A:{name}"), state.link(f"A:{name}2")
    assert len(link.ifname.encode()) <= 15
    assert link.ifname != other.ifname
    assert state.namespace("A").sysctl(f"net/ipv4/conf/{link.ifname}/rp_filter") == "2"


def test_ports_are_named_per_switch() -> None:
    """Ports are p1, p2, … of each switch, wires between switches included, which carry any host's frames."""
    state = baseline(
        "switches: {s1: , s2: {links: [s1]}}\nhosts: {A: {interfaces: {e: {switch: s1, mtu: 9000}, f: {switch: s2}}}}\n"
    )
    wire = state.link("s2--s1")
    assert isinstance(wire, SwitchLink)
    assert wire.mtu == 9000
    assert (wire.ifname, wire.peer_ifname) == ("p1", "p1")
    assert (veth(state, "A:e").port_ifname, veth(state, "A:f").port_ifname) == ("p2", "p2")
    assert veth(state, "A:e").port_id == "port(A:e)"


# --- kinds --------------------------------------------------------------------------------------------


def test_kinds_and_their_options() -> None:
    """Veth where a switch is given; macvlan and macvtap with their options; no mode is left to the kernel."""
    state = baseline(
        """\
switches: {s: }
hosts:
  A:
    interfaces:
      e: {switch: s, mtu: 9000, port: {hairpin: on, isolated: on, fdb: [02:00:00:00:00:99, A:m]}}
      m: {type: macvlan, parent: e}
      t: {type: macvtap, parent: e, mode: source, allowed_macs: [A:e], nodst: on, bcqueuelen: 0, mtu: 1400}
"""
    )
    wire, child, tap = state.link("A:e"), state.link("A:m"), state.link("A:t")
    assert isinstance(wire, Veth)
    assert (wire.port.hairpin, wire.port.isolated, wire.port.learning) == (True, True, True)
    assert wire.port.fdb == ("02:00:00:00:00:99", child.mac)
    assert isinstance(child, Macvlan)
    assert (child.kind, child.mode, child.effective_mode, child.mtu, child.bcqueuelen) == (
        "macvlan",
        None,
        "vepa",
        9000,
        None,
    )
    assert isinstance(tap, Macvtap)
    assert (tap.kind, tap.mode, tap.nodst, tap.bcqueuelen, tap.mtu) == ("macvtap", "source", True, 0, 1400)
    assert tap.allowed_macs == (wire.mac,)


def test_a_child_of_a_child_sits_on_the_real_parent() -> None:
    """The kernel binds a macvlan on a macvlan to the device below, in whatever order the file has them."""
    state = baseline(
        """\
switches: {s: }
hosts:
  A:
    interfaces:
      z: {type: macvlan, parent: y, mode: bridge}
      y: {type: macvlan, parent: e, mode: bridge}
      e: {switch: s}
    containers: {c: {interfaces: {x: {type: macvlan, parent: z}}}}
"""
    )
    parents = {link.id: link.parent for link in state.links if isinstance(link, Macvlan)}
    assert parents == {"A:z": "A:e", "A:y": "A:e", "A/c:x": "A:e"}


def test_a_passthru_child_has_its_parents_mac() -> None:
    """Without a MAC the child takes its parent's; a given one is set afterwards, on both."""
    head = "switches: {s: }\nhosts: {A: {interfaces: {e: {switch: s}, x: {type: macvlan, parent: e, mode: passthru"
    state = baseline(head + "}}}}\n")
    assert state.link("A:x").mac == state.link("A:e").mac
    made = plan(head + ", mac: 02:00:00:00:00:07}}}}\n")
    state = made.steps[0].state
    assert [state.link(name).mac for name in ("A:x", "A:e")] == ["02:00:00:00:00:07"] * 2
    add, change = made.steps[0].changes[-2:]
    assert isinstance(add, AddLink)
    assert isinstance(change, SetLink)
    assert add.link.mac == change.before.mac != "02:00:00:00:00:07"
    assert change.after.mac == "02:00:00:00:00:07"


def test_neighbours_survive_the_mac_of_a_passthru_child() -> None:
    """Setting that MAC flushes the static neighbours of both, so both are given theirs again."""
    near = "neighbors: {10.0.0.9: 02:00:00:00:00:09}"
    made = plan(
        f"switches: {{s: }}\nhosts: {{A: {{interfaces: {{e: {{switch: s, {near}}},\n"
        f"  x: {{type: macvlan, parent: e, mode: passthru, mac: 02:00:00:00:00:07, {near}}}}}}}}}\n"
    )
    changes = [change for change in made.steps[0].changes if isinstance(change, SetLink)]
    assert [(c.after.id, len(c.before.neighbors), len(c.after.neighbors)) for c in changes] == [
        ("A:x", 0, 1),
        ("A:e", 0, 1),
    ]
    assert all(made.steps[0].state.link(name).neighbors for name in ("A:e", "A:x"))


def test_neighbours_by_name() -> None:
    """A static neighbour's MAC may be given as the interface that has it, made later or of another host."""
    state = baseline(
        "switches: {s: }\nhosts: {A: {interfaces: {e: {switch: s, neighbors: {10.0.0.2: B:e, 10.0.0.3: "
        "02:00:00:00:00:03}}}}, B: {interfaces: {e: {switch: s}}}}\n"
    )
    mac = state.link("B:e").mac
    assert mac is not None
    assert state.link("A:e").neighbors == (Neighbor("10.0.0.2", mac), Neighbor("10.0.0.3", "02:00:00:00:00:03"))


# --- replicas -----------------------------------------------------------------------------------------


def test_replicas_count_up() -> None:
    """Names, addresses and MACs of replicas count up by the step."""
    state = baseline(
        "switches: {s: }\nhosts: {w: {replicas: 3, step: 10, interfaces: {e: {switch: s, "
        "addresses: [10.0.0.1/24, fd00::1/64], mac: 02:00:00:00:00:fe}}}}\n"
    )
    assert [(e.id, str(e.v4), str(e.v6), e.mac) for e in state.endpoints] == [
        ("w-1:e", "10.0.0.1/24", "fd00::1/64", "02:00:00:00:00:fe"),
        ("w-2:e", "10.0.0.11/24", "fd00::b/64", "02:00:00:00:01:08"),
        ("w-3:e", "10.0.0.21/24", "fd00::15/64", "02:00:00:00:01:12"),
    ]


def test_nested_replicas() -> None:
    """A container's addresses count by host index × its replicas + its index; without either it moves with its host."""
    state = baseline(
        """\
switches: {s: }
hosts:
  h:
    replicas: 2
    step: 50
    interfaces: {e: {switch: s, addresses: [10.0.0.1/24]}}
    containers:
      c: {replicas: 3, step: 2, interfaces: {m: {type: macvlan, parent: e, addresses: [10.0.0.100/24]}}}
      d: {interfaces: {m: {type: macvlan, parent: e, addresses: [10.0.0.2/24]}}}
"""
    )
    assert [f"{e.id} {e.v4.ip}" for e in state.endpoints if e.v4] == [
        "h-1:e 10.0.0.1",
        "h-1/c-1:m 10.0.0.100",
        "h-1/c-2:m 10.0.0.102",
        "h-1/c-3:m 10.0.0.104",
        "h-1/d:m 10.0.0.2",
        "h-2:e 10.0.0.51",
        "h-2/c-1:m 10.0.0.106",
        "h-2/c-2:m 10.0.0.108",
        "h-2/c-3:m 10.0.0.110",
        "h-2/d:m 10.0.0.52",
    ]


# --- endpoints ----------------------------------------------------------------------------------------


def test_endpoints() -> None:
    """One per interface, with its first address of each family; further addresses are endpoints of their own."""
    state = baseline(
        """\
switches: {s: }
hosts:
  A:
    interfaces:
      e: {switch: s, addresses: [10.0.0.1/24, 10.0.1.1/24, fd00::1/64, fd01::1/64]}
      f: {switch: s}
    containers: {c: {interfaces: {m: {type: macvlan, parent: e}}}}
  B: {interfaces: {e: {switch: s, state: down}}}
"""
    )
    assert [(e.id, e.v4 and e.v4.ip, e.v6 and e.v6.ip, e.extra) for e in state.endpoints] == [
        ("A:e", "10.0.0.1", "fd00::1", False),
        ("A:e@10.0.1.1", "10.0.1.1", None, True),
        ("A:e@fd01::1", None, "fd01::1", True),
        ("A:f", None, None, False),
        ("A/c:m", None, None, False),
        ("B:e", None, None, False),
    ]
    assert all(e.link == "A:e" and e.mac == state.link("A:e").mac for e in state.endpoints[:3])


# --- sysctls ------------------------------------------------------------------------------------------


def test_sysctls_are_written_from_the_widest_on() -> None:
    """ip_forward comes before all, all before default, and what is given replaces a default in its place."""
    made = plan(TWO.replace("  A:\n", "  A:\n    sysctls: {net.ipv4.conf.all.rp_filter: 2, net.ipv4.tcp_ecn: 0}\n"))
    values = made.steps[0].state.namespace("A").sysctls
    paths = [path for path, _ in values]
    assert paths[:2] == ["net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding"]
    assert paths.index("net/ipv4/conf/all/arp_ignore") < paths.index("net/ipv4/conf/default/arp_ignore")
    assert paths.index("net/ipv6/conf/all/disable_ipv6") < paths.index("net/ipv6/conf/default/disable_ipv6")
    assert len(set(paths)) == len(paths)
    given = dict(values)
    assert given["net/ipv4/conf/all/rp_filter"] == "2"
    assert given["net/ipv4/conf/default/rp_filter"] == "0"
    assert given["net/ipv4/tcp_ecn"] == "0"


def test_forwarding_takes_what_the_kernel_changes_with_it() -> None:
    """ip_forward switches conf.all and conf.default, and all.accept_redirects off, unless the file says otherwise."""
    head = "switches: {s: }\nhosts: {R: {interfaces: {e: {switch: s}}, sysctls: {net.ipv4.ip_forward: 1"
    state = baseline(head + "}}}\n")
    values = dict(state.namespace("R").sysctls)
    assert values["net/ipv4/conf/all/forwarding"] == values["net/ipv4/conf/default/forwarding"] == "1"
    assert values["net/ipv4/conf/all/accept_redirects"] == "0"
    assert state.routers == 1
    values = dict(baseline(head + ", net.ipv4.conf.all.accept_redirects: 1}}}\n").namespace("R").sysctls)
    assert values["net/ipv4/conf/all/accept_redirects"] == "1"
    alias = head.replace("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
    assert dict(baseline(alias + "}}}\n").namespace("R").sysctls)["net/ipv4/ip_forward"] == "1"


def test_sysctls_of_interfaces_come_with_the_link() -> None:
    """A namespace is born without them, the link brings them, and the state has both."""
    made = plan(TWO.replace("  A:\n", "  A:\n    sysctls: {net.ipv4.conf.eth0.rp_filter: 1}\n"))
    (born,) = [c.namespace for c in made.steps[0].changes if isinstance(c, AddNamespace) and c.namespace.id == "A"]
    (link,) = [c for c in made.steps[0].changes if isinstance(c, AddLink) and c.link.id == "A:eth0"]
    assert born.sysctl("net/ipv4/conf/eth0/rp_filter") is None
    assert link.sysctls == (("net/ipv4/conf/eth0/rp_filter", "1"),)
    assert made.steps[0].state.namespace("A").sysctl("net/ipv4/conf/eth0/rp_filter") == "1"


def test_ipv6_is_on_where_there_is_an_address() -> None:
    """By default IPv6 is off; an interface with such an address switches it on for itself, and is usable at once."""
    made = plan(TWO)
    (link,) = [c for c in made.steps[0].changes if isinstance(c, AddLink) and c.link.id == "B:eth0"]
    assert link.sysctls == (("net/ipv6/conf/eth0/disable_ipv6", "0"),)
    values = dict(made.steps[0].state.namespace("B").sysctls)
    assert values["net/ipv6/conf/default/disable_ipv6"] == "1"
    assert values["net/ipv6/conf/default/accept_dad"] == "0"
    assert values["net/ipv6/conf/default/router_solicitations"] == "0"
    assert made.steps[0].state.namespace("A").sysctl("net/ipv6/conf/eth0/disable_ipv6") is None
    assert dict(made.steps[0].state.namespace("lan").sysctls)["net/ipv6/conf/all/disable_ipv6"] == "1"


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_what_ships_resolves(path: object) -> None:
    """Every topology that ships has a plan, without a warning."""
    made = from_file(find(str(path)))
    assert made.steps[0].name == "baseline"
    assert made.warnings == ()
