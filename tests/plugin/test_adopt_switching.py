"""What programs change of bridges, their ports and forwarding tables is news, too."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest

from netlab import Lab
from tests.fuzz.hunt import made, plan_of, text_of
from tests.plugin.test_adopt import agree

#: A switch with three hosts, of which C has a bridge with containers behind it.
LAN = """\
name: lan
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
  C:
    interfaces:
      eth0: {switch: lan}
      br0: {type: bridge, addresses: [10.0.1.1/24]}
      p0: {peer: "C/c3:eth0", master: br0}
    containers:
      c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.1.2/24]}}}
      c2: {interfaces: {eth0: {bridge: br0, addresses: [10.0.1.3/24]}}}
      c3: {interfaces: {eth0: {peer: "C:p0"}}}
"""
lan = pytest.mark.topology(LAN)
#: The same on kernels with VLANs.
VLANS = LAN.replace("lan: {}", "lan: {}, other: {vlan_filtering: true}")


def bridge(lab: Lab, where: str, words: str, tool: str = "bridge") -> None:
    """Run bridge(8), or another tool, in a host or a switch."""
    lab[where].run(tool, *words.split())


def port(lab: Lab, link_id: str) -> str:
    """The name of the switch port that an interface is plugged into."""
    place = lab.state.link(link_id).port_place
    assert place is not None
    return place.ifname


@lan
def test_ports_of_a_host(lab: Lab) -> None:
    """A port that a program has isolated is known to be; and again when it no longer is."""
    c1, c2 = port(lab, "C/c1:eth0"), port(lab, "C/c2:eth0")
    lab.must_reach("C/c1", "C/c2")
    for name in (c1, c2):
        bridge(lab, "C", f"link set dev {name} isolated on")
    adopted = lab.adopt("C")
    assert "C/c1:eth0: port: {'isolated': True}" in adopted.changes
    assert adopted.unknown == {}
    lab.must_not_reach("C/c1", "C/c2")
    lab.must_reach("C/c1", "C")
    bridge(lab, "C", f"link set dev {c1} isolated off hairpin on learning off")
    agree(lab)
    bridge(lab, "C", f"link set {c2} down", "ip")
    lab.must_not_reach("C/c1", "C/c2")
    agree(lab)
    bridge(lab, "C", f"link set {c2} up nomaster", "ip")
    lab.must_not_reach("C/c1", "C/c2")
    # The topology says it all.
    assert "isolated" in lab.topology
    assert not lab.adopt()


@lan
def test_ports_of_a_switch(lab: Lab) -> None:
    """What is done in a switch itself is known: options of its ports, its own, and static entries."""
    a, b = port(lab, "A:eth0"), port(lab, "B:eth0")
    mac = lab["A"].interface("eth0").mac
    bridge(lab, "lan", f"link set dev {a} flood off learning off")
    lab.must_not_reach("B", "A")
    bridge(lab, "lan", f"fdb add {mac} dev {a} master static")
    lab.must_reach("B", "A")
    assert mac in lab.topology
    bridge(lab, "lan", f"fdb del {mac} dev {a} master static")
    bridge(lab, "lan", f"fdb add {mac} dev {b} master static")
    bridge(lab, "lan", f"link set dev {b} learning off")
    lab.must_not_reach("B", "A")
    agree(lab)
    bridge(lab, "lan", f"fdb del {mac} dev {b} master static")
    bridge(lab, "lan", f"link set dev {a} flood on learning on")
    bridge(lab, "lan", "link set br0 type bridge ageing_time 0", "ip")
    lab.must_reach("B", "A")
    agree(lab)
    bridge(lab, "lan", "link set br0 down", "ip")
    lab.must_not_reach("B", "A")
    agree(lab)


@pytest.mark.topology(VLANS)
def test_vlans(lab: Lab) -> None:
    """VLANs that a program has given to ports keep them apart."""
    c1, c2 = port(lab, "C/c1:eth0"), port(lab, "C/c2:eth0")
    bridge(lab, "C", "link set br0 type bridge vlan_filtering 1", "ip")
    lab.must_reach("C/c1", "C/c2")
    for name in (c1, c2):
        bridge(lab, "C", f"vlan add dev {name} vid 10 pvid untagged")
        bridge(lab, "C", f"vlan del dev {name} vid 1")
    lab.must_reach("C/c1", "C/c2")
    lab.must_not_reach("C", "C/c1")
    agree(lab)
    bridge(lab, "C", "vlan add dev br0 vid 10 pvid untagged self")
    lab.must_reach("C", "C/c1")
    agree(lab)
    lab["A"].interface("eth0").set(mtu=1400)


@lan
@pytest.mark.parametrize(
    ("where", "words", "tool", "place", "why"),
    [
        ("lan", "fdb add 02:00:00:00:00:09 dev PORT master static sticky", "bridge", "lan", "sticky"),
        ("lan", "fdb add 02:00:00:00:00:09 dev PORT master permanent", "bridge", "lan", "a MAC of its own"),
        ("lan", "link set dev PORT mcast_to_unicast on", "bridge", "lan", "another mcast_to_unicast"),
        ("lan", "link set br0 type bridge nf_call_iptables 1", "ip", "lan", "another nf_call_iptables"),
        ("lan", "address add 10.0.0.9/24 dev br0", "ip", "lan", "address 10.0.0.9/24"),
        ("lan", "link add v9 link br0 type macvlan", "ip", "lan", "v9"),
        ("C", "fdb add 02:00:00:00:00:09 dev p0 master static", "bridge", "C:br0", "p0 has fdb"),
    ],
)
def test_what_no_topology_says(lab: Lab, where: str, words: str, tool: str, place: str, why: str) -> None:
    """What can't be said of a bridge is listed with it, and the pairs whose frames pass it are only observed."""
    bridge(lab, where, words.replace("PORT", port(lab, "A:eth0")), tool)
    adopted = lab.adopt()
    assert list(adopted.unknown or {}) == [place]
    assert why in (adopted.unknown or {})[place]
    letters = lab.predicted["icmp", "A:eth0", "B:eth0"], lab.predicted["icmp", "C/c1:eth0", "C/c2:eth0"]
    assert letters == (("?", "R") if place == "lan" else ("R", "?"))
    assert lab.predicted["broadcast", "A:eth0", "B:eth0"] == letters[0]
    assert lab.hosts().record["summary"]["fail"] == 0
    assert not lab.adopt()


@lan
def test_traffic_is_no_news(lab: Lab) -> None:
    """A static entry that a port has taken by learning is put back before a probe: it is no news."""
    lab["A"].interface("eth0").set(port={"fdb": [lab["A"].interface("eth0").mac]})
    lab["lan"].run("true")
    lab["B"].interface("eth0").set(mac=lab["A"].interface("eth0").mac)
    lab["B"].run("ping", "-c1", "-W1", "10.0.0.77", check=False)
    assert not lab.adopt()


@lan
def test_a_wire_that_is_cut(lab: Lab) -> None:
    """A wire that was deleted from the side of the switch is gone in the host, too."""
    bridge(lab, "lan", f"link delete {port(lab, 'B:eth0')}", "ip")
    lab.must_reach("A", "A:eth0")
    assert "B:eth0" not in lab.links
    agree(lab)


@pytest.mark.topology("""\
name: tunnel
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      vx0: {type: vxlan, id: 7, dev: eth0, remote: [10.0.0.2], addresses: [10.7.0.1/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
      vx0: {type: vxlan, id: 7, dev: eth0, remote: [10.0.0.1], addresses: [10.7.0.2/24]}
""")
def test_a_tunnel(lab: Lab) -> None:
    """An entry that a program has made for another end of a tunnel is listed; the pairs outside of it stay known."""
    lab["A"].run("true")
    assert not lab.adopt()
    bridge(lab, "A", "fdb append 02:00:00:00:00:09 dev vx0 dst 10.0.0.9")
    with pytest.warns(UserWarning, match=r"A:vx0: unknown to the model, .* 02:00:00:00:00:09 at 10.0.0.9"):
        lab.must_reach("A", "10.7.0.2")
    assert lab.predicted["icmp", "A:vx0", "B:vx0"] == "?"
    assert lab.predicted["icmp", "A:eth0", "B:eth0"] == "R"
    bridge(lab, "A", "fdb delete 02:00:00:00:00:09 dev vx0 dst 10.0.0.9")
    agree(lab)


@pytest.mark.parametrize("number", range(12))
def test_nothing_is_news_where_nothing_was_changed(lab_factory: Callable[..., Lab], number: int) -> None:
    """A random lab, with all that it has of bridges and ports, is as its topology says, in each of its steps."""
    drawn = (made("news", 100 * number + further) for further in range(100))
    document = next(one for one in drawn if plan_of(one))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with lab_factory(text_of(document)) as lab:
            for namespace in lab:
                namespace.run("true")
            for step in ("", *lab.blueprint.steps):
                if step:
                    lab.step(step)
                adopted = lab.adopt()
                assert not adopted, f"{text_of(document)}\n{adopted}"
