"""Bridges inside of hosts, and pairs, in the file and in the plan."""

from __future__ import annotations

import pytest

from netlab import plan
from netlab.contract.types import Bridge, Pair, Veth
from netlab.spec import TopologyError

HEAD = "switches: {lan: {}}\nhosts:\n"


def faults(hosts: str, more: str = "") -> list[str]:
    """What is wrong with a file of these hosts."""
    with pytest.raises(TopologyError) as caught:
        plan.from_file(HEAD + hosts + more, "f")
    return str(caught.value).splitlines()


def test_what_is_plugged_into_a_bridge_is_a_veth_of_its_host() -> None:
    """The other end is a port in the host, with a name that no interface there has."""
    state = (
        plan.from_file(
            HEAD
            + """\
  A:
    interfaces: {v1: {switch: lan, master: br0}, br0: {type: bridge, stp: on, ageing_time: 7}}
    containers: {c: {interfaces: {eth0: {bridge: br0, port: {hairpin: on}, addresses: [10.0.0.1/24]}}}}
""",
            "f",
        )
        .steps[0]
        .state
    )
    bridge, wire, plugged = state.link("A:br0"), state.link("A:v1"), state.link("A/c:eth0")
    assert isinstance(bridge, Bridge)
    assert (bridge.stp, bridge.ageing_time, bridge.carrier) == (True, 7, True)
    assert isinstance(wire, Veth)
    assert wire.master == "A:br0"
    assert isinstance(plugged, Veth)
    assert (plugged.switch, plugged.port_namespace, plugged.port.hairpin) == ("A:br0", "A", True)
    assert plugged.port_ifname == "v2"
    assert [endpoint.id for endpoint in state.endpoints] == ["A:v1", "A:br0", "A/c:eth0"]
    assert len({link.ifindex for link in state.links} | {wire.port_ifindex, plugged.port_ifindex}) == 6


def test_a_bridge_without_a_live_port_has_no_carrier() -> None:
    """As the kernel has it, and so has what stands on it."""
    state = (
        plan.from_file(
            HEAD
            + """\
  A:
    interfaces: {br0: {type: bridge}, m: {type: macvlan, parent: br0}, br1: {type: bridge}}
    containers: {c: {interfaces: {eth0: {bridge: br1, port: {up: false}}}}}
""",
            "f",
        )
        .steps[0]
        .state
    )
    assert [state.link(name).carrier for name in ("A:br0", "A:m", "A:br1", "A/c:eth0")] == [False] * 4


def test_a_pair_knows_its_other_end() -> None:
    """The end that comes first makes both."""
    state = (
        plan.from_file(
            HEAD
            + '  A: {interfaces: {a: {peer: "B:b"}}}\n'
            + '  B: {interfaces: {b: {peer: "A:a", mac: "02:00:00:00:00:09"}}}\n',
            "f",
        )
        .steps[0]
        .state
    )
    first, second = state.link("A:a"), state.link("B:b")
    assert isinstance(first, Pair)
    assert isinstance(second, Pair)
    assert (first.makes, second.makes) == (True, False)
    assert (first.peer_ifname, first.peer_ifindex, first.peer_mac) == ("b", second.ifindex, "02:00:00:00:00:09")
    assert first.carrier
    assert second.carrier


def test_a_host_bridge_makes_chains_longer() -> None:
    """From a container over a bridge, the host's wire and a switch there are more queues to wait in."""
    plain = HEAD + "  A: {interfaces: {e: {switch: lan}}}\n  B: {interfaces: {e: {switch: lan}}}\n"
    bridged = plain.replace("{e: {switch: lan}}}\n  B", "{e: {switch: lan, master: br0}, br0: {type: bridge}}}\n  B")
    hops = [plan.from_file(text, "f").steps[0].state.hops for text in (plain, bridged)]
    assert hops[1] == hops[0] + 1


@pytest.mark.parametrize(
    ("hosts", "fault"),
    [
        ("  A: {interfaces: {e: {bridge: br0}}}\n", "f:3:32: no bridge 'br0' in A"),
        ("  A: {interfaces: {e: {bridge: br, switch: lan}}}\n", "A:e has one other end, not two"),
        ("  A: {interfaces: {e: {bridge: e2}, e2: {switch: lan}}}\n", "A:e2 is no bridge; name an interface with"),
        ("  A: {interfaces: {e: {type: veth}}}\n", "A:e names no switch; add 'switch: …', 'bridge: …' or 'peer: …'"),
        ("  A: {interfaces: {b: {type: bridge, mac: auto}}}\n", "changes a bridge's own MAC with its ports"),
        ("  A: {interfaces: {b: {type: bridge, mode: vepa}}}\n", "'mode' means nothing on a bridge"),
        ("  A: {interfaces: {e: {switch: lan, stp: on}}}\n", "'stp' means nothing on a veth; it belongs to bridge"),
        ("  A: {interfaces: {e: {switch: lan, master: b}}}\n", "no bridge, bond or vrf 'b' in A"),
        (
            "  A: {interfaces: {b: {type: bridge}, e: {switch: lan, master: b}, m: {type: macvlan, parent: e}}}\n",
            "A:e is a port of A:b, and a port has no children (EBUSY); 'parent: b'",
        ),
        (
            "  A: {interfaces: {b: {type: bridge}, e: {switch: lan, master: b}, f: {switch: lan, master: b}}}\n",
            "the link between A:b and lan closes a loop of switches",
        ),
        ("  A: {interfaces: {b: {type: bridge}, e: {bridge: b, master: b}}}\n", "both ends of A:e would be ports"),
        (
            "  A: {interfaces: {b: {type: bridge}, c: {type: bridge, master: b}}}\n",
            "A:c can't be a port of a bridge (ELOOP)",
        ),
        (
            "  A: {interfaces: {b: {type: bridge}, e: {switch: lan}, i: {type: ipvlan, parent: e, master: b}}}\n",
            "A:i can't be a port of a bridge (EINVAL)",
        ),
        (
            "  A: {interfaces: {b: {type: bridge}, m: {type: macvlan, parent: b, master: b}}}\n",
            "A:m sits on A:b, and can't be a member of it (EBUSY)",
        ),
        (
            "  A: {interfaces: {b: {type: bridge}, e: {switch: lan}, m: {type: macvlan, parent: e, master: b},"
            " n: {type: macvlan, parent: e, master: b}}}\n",
            "the link between lan and A:b closes a loop of switches",
        ),
        ('  A: {interfaces: {e: {peer: "A:e2", master: x}, e2: {peer: "A:e"}}}\n', "no bridge, bond or vrf 'x' in A"),
        ('  A: {interfaces: {e: {peer: "A:f"}}}\n', "f:3:30: no interface 'A:f'"),
        ('  A: {interfaces: {e: {peer: "A:e"}}}\n', "A:e cannot be its own peer"),
        ('  A: {interfaces: {e: {peer: "A:f"}, f: {switch: lan}}}\n', "A:f names no peer; the two ends name"),
        (
            '  A: {interfaces: {e: {peer: "A:f"}, f: {peer: "A:e", mtu: 1400}}}\n',
            "A:e and A:f have different MTUs; a wire has one",
        ),
        ('  A: {interfaces: {e: {peer: "A:f", port: {hairpin: on}}, f: {peer: "A:e"}}}\n', "'port' means nothing"),
    ],
)  # fmt: skip
def test_one_fault(hosts: str, fault: str) -> None:
    """What can't be is said in words, at its place, with what would be right."""
    found = faults(hosts)
    assert any(fault in one for one in found), found


def test_a_bridge_goes_last() -> None:
    """One that still has ports isn't deleted under them."""
    hosts = "  A: {interfaces: {b: {type: bridge}}, containers: {c: {interfaces: {e: {bridge: b}}}}}\n"
    [fault] = faults(hosts, "steps: [{name: s, delete: [A:b]}]\n")
    assert "A:b still has ports; delete its ports first: A/c:e" in fault


def test_a_loop_is_allowed_where_all_bridges_of_it_speak_stp() -> None:
    """STP cuts it; the model then says that it doesn't know."""
    text = """\
switches: {lan: {stp: on}}
hosts:
  A: {interfaces: {b: {type: bridge, stp: on}, e: {switch: lan, master: b}, f: {switch: lan, master: b}}}
"""
    assert plan.from_file(text, "f").steps[0].state.link("A:b").carrier
