"""Steps: what they ask the agent to do, and what the kernel does along with it."""

from __future__ import annotations

import pytest

from netlab.contract.types import (
    AddLink,
    Address,
    DeleteLink,
    DeleteNamespace,
    Macvlan,
    Port,
    Refusal,
    SetLink,
    SetRouting,
    SetSysctl,
    Switch,
)
from netlab.plan.macs import derive
from tests.plan.labs import TWO, added, plan, set_links, veth


def steps(*lines: str, head: str = TWO) -> str:
    """A topology with steps s1, s2, …, each given by the lines of its mapping."""
    text = head + "steps:\n"
    for number, line in enumerate(lines, 1):
        text += f"  - {{name: s{number}, {line}}}\n"
    return text


def test_steps_are_cumulative() -> None:
    """Each step begins where the last one ended, and links that stay keep their ifindexes."""
    made = plan(steps("set: {A:eth0: {mtu: 1400}}", "set: {B:eth0: {mac: 02:00:00:00:00:0b}}"))
    first, second, third = (step.state for step in made.steps)
    assert [step.name for step in made.steps] == ["baseline", "s1", "s2"]
    assert [state.link("A:eth0").mtu for state in (first, second, third)] == [1500, 1400, 1400]
    assert third.link("B:eth0").mac == "02:00:00:00:00:0b"
    assert [link.ifindex for link in first.links] == [link.ifindex for link in third.links]
    (change,) = set_links(made, 1)
    assert (change.before, change.after) == (first.link("A:eth0"), second.link("A:eth0"))
    assert str(change.where) == "f:13:22"


def test_delete_comes_first_then_set_then_add() -> None:
    """The order is fixed, so that a name can be used again and a MAC can move."""
    made = plan(
        steps(
            "add: {hosts: {A: {interfaces: {eth1: {switch: lan}}}}}, set: {B:eth0: {mtu: 1300}}, "
            "delete: [A/c1, A/c2:eth0]"
        )
    )
    assert [type(change) for change in made.steps[1].changes] == [DeleteNamespace, DeleteLink, SetLink, AddLink]


# --- links that go, and with them --------------------------------------------------------------------


def test_a_parent_takes_its_children_along() -> None:
    """Deleting a parent is one change, and its children are gone from the state."""
    made = plan(steps("delete: [A:eth0]"))
    assert made.steps[1].changes == (DeleteLink(id="A:eth0", where=made.steps[1].changes[0].where),)
    assert [link.id for link in made.steps[1].state.links] == ["lan", "B:eth0"]
    assert [ns.id for ns in made.steps[1].state.namespaces] == ["A", "A/c1", "A/c2", "B", "lan"]


def test_a_host_takes_its_containers_along() -> None:
    """Deleting a host deletes its containers first, and all their links."""
    made = plan(steps("delete: [A]"))
    assert [change.id for change in made.steps[1].changes if isinstance(change, DeleteNamespace)] == [
        "A/c1",
        "A/c2",
        "A",
    ]
    state = made.steps[1].state
    assert [ns.id for ns in state.namespaces] == ["B", "lan"]
    assert [link.id for link in state.links] == ["lan", "B:eth0"]


def test_a_name_that_was_deleted_can_be_used_again() -> None:
    """An interface made anew has a new ifindex, its old MAC, and none of its old sysctls."""
    head = TWO.replace("      c1: {", "      c1: {sysctls: {net.ipv4.conf.eth0.rp_filter: 2}, ")
    again = "eth0: {type: macvlan, parent: eth0, mode: vepa}"
    made = plan(
        steps(
            "delete: [A/c1:eth0]",
            f"add: {{hosts: {{A: {{containers: {{c1: {{interfaces: {{{again}}}}}}}}}}}}}",
            head=head,
        )
    )
    first, gone, last = (step.state for step in made.steps)
    assert "A/c1:eth0" not in gone.index
    assert last.link("A/c1:eth0").ifindex > max(link.ifindex for link in first.links)
    assert last.link("A/c1:eth0").mac == first.link("A/c1:eth0").mac
    assert first.namespace("A/c1").sysctl("net/ipv4/conf/eth0/rp_filter") == "2"
    assert last.namespace("A/c1").sysctl("net/ipv4/conf/eth0/rp_filter") is None


def test_new_hosts_containers_and_switches() -> None:
    """What a step adds is made in the order of the baseline, and endpoints stay grouped by host."""
    made = plan(
        steps(
            "add: {switches: {s2: {links: [lan]}}, hosts: {A: {containers: {c3: {interfaces: {eth0: "
            "{type: macvlan, parent: eth0}}}}}, C: {interfaces: {eth0: {switch: s2}}}}}"
        )
    )
    assert added(made, 1) == ["A/c3", "C", "s2", "s2", "s2--lan", "C:eth0", "A/c3:eth0"]
    state = made.steps[1].state
    assert [e.id for e in state.endpoints] == [*("A:eth0", "A/c1:eth0", "A/c2:eth0", "A/c3:eth0", "B:eth0", "C:eth0")]
    assert state.hops == made.steps[0].state.hops + 1


# --- ports and switches -------------------------------------------------------------------------------


def test_port_options_are_merged() -> None:
    """What a step sets of a port leaves its other options as they are; the tool is the step's."""
    made = plan(
        steps(
            "via: brctl, set: {A:eth0: {port: {hairpin: on}}}",
            "set: {A:eth0: {port: {isolated: on, fdb: [B:eth0]}}}",
        )
    )
    assert [change.via for step in (1, 2) for change in set_links(made, step)] == ["brctl", "netlink"]
    port = veth(made.steps[2].state, "A:eth0").port
    assert (port.hairpin, port.isolated, port.fdb) == (True, True, (made.steps[0].state.link("B:eth0").mac,))


def test_a_port_that_is_attached_anew_has_lost_its_options() -> None:
    """Taking it off the bridge resets all options; putting it back gives defaults and what the step says."""
    head = TWO.replace("{switch: lan, addresses: [10.0.0.1/24]}", "{switch: lan, port: {hairpin: on, locked: on}}")
    made = plan(
        steps(
            "set: {A:eth0: {port: {attached: off}}}",
            "set: {A:eth0: {port: {attached: on, isolated: on}}}",
            head=head,
        )
    )
    assert [veth(step.state, "A:eth0").port for step in made.steps] == [
        Port(hairpin=True, locked=True),
        Port(attached=False),
        Port(isolated=True),
    ]
    assert all(step.state.link("A:eth0").carrier for step in made.steps)


@pytest.mark.parametrize("flap", ["A:eth0: {state: %s}", "A:eth0: {port: {up: %s}}", "lan: {state: %s}"])
def test_a_port_whose_carrier_returns_starts_afresh(flap: str) -> None:
    """A state set by hand is gone after the link, the port or the bridge has been down."""
    made = plan(
        steps(
            "set: {A:eth0: {port: {state: listening}}}",
            f"set: {{{flap % 'down'}}}" if "up:" not in flap else f"set: {{{flap % 'off'}}}",
            f"set: {{{flap % 'up'}}}" if "up:" not in flap else f"set: {{{flap % 'on'}}}",
        )
    )
    assert [veth(made.steps[n].state, "A:eth0").port.state for n in (1, 3)] == ["listening", "forwarding"]


def test_a_state_set_with_the_carrier_is_set_after_it() -> None:
    """Bringing a port up and giving it a state in one step ends in that state."""
    made = plan(steps("set: {A:eth0: {port: {up: off}}}", "set: {A:eth0: {port: {up: on, state: learning}}}"))
    assert veth(made.steps[2].state, "A:eth0").port == Port(state="learning")
    assert set_links(made, 2)[0].after == made.steps[2].state.link("A:eth0")


def test_switches_can_be_set() -> None:
    """Options and admin state of a switch change, and its wires keep their carrier."""
    made = plan(steps("set: {lan: {stp: on, ageing_time: 10, state: down}}"))
    lan = made.steps[1].state.link("lan")
    assert isinstance(lan, Switch)
    assert (lan.stp, lan.ageing_time, lan.up, lan.carrier) == (True, 10, False, False)
    assert made.steps[1].state.link("A:eth0").carrier


# --- modes, addresses, sysctls, routes ----------------------------------------------------------------


def test_modes_change_live_and_leaving_source_mode_forgets_its_list() -> None:
    """The list of allowed MACs belongs to source mode."""
    made = plan(
        steps(
            "set: {A/c1:eth0: {mode: source, allowed_macs: [B:eth0]}}",
            "set: {A/c1:eth0: {nodst: on}}",
            "set: {A/c1:eth0: {mode: private}}",
        )
    )
    (left,) = set_links(made, 3)
    assert isinstance(left.before, Macvlan)
    assert left.before.allowed_macs == ()
    links = [step.state.link("A/c1:eth0") for step in made.steps]
    assert [(link.mode, len(link.allowed_macs), link.nodst) for link in links if isinstance(link, Macvlan)] == [
        ("bridge", 0, False),
        ("source", 1, False),
        ("source", 1, True),
        ("private", 0, True),
    ]


def test_addresses_are_replaced_and_ipv6_switched_on() -> None:
    """A first IPv6 address brings the sysctl that makes it possible, before the address."""
    made = plan(steps("set: {A:eth0: {addresses: [10.0.0.5/24, fd00::5/64]}}"))
    again = plan(steps("set: {B:eth0: {addresses: [fd00::3/64]}}"))
    assert [type(change) for change in again.steps[1].changes] == [SetLink]
    sysctl, change = made.steps[1].changes
    assert isinstance(sysctl, SetSysctl)
    assert (sysctl.namespace, sysctl.path, sysctl.value) == ("A", "net/ipv6/conf/eth0/disable_ipv6", "0")
    assert isinstance(change, SetLink)
    assert [str(address) for address in change.after.addresses] == ["10.0.0.5/24", "fd00::5/64"]
    assert made.steps[1].state.namespace("A").sysctl("net/ipv6/conf/eth0/disable_ipv6") == "0"


def test_sysctls_and_what_the_kernel_changes_with_them() -> None:
    """A write is one change, the state knows its consequences; an IPv6 default leaves old interfaces alone."""
    made = plan(
        steps(
            "set: {B: {sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.default.accept_ra: 2}}}",
            "set: {B: {sysctls: {net.ipv6.conf.all.disable_ipv6: 1}}}",
        )
    )
    assert [change.path for change in made.steps[1].changes if isinstance(change, SetSysctl)] == [
        "net/ipv4/ip_forward",
        "net/ipv6/conf/default/accept_ra",
    ]
    namespace = made.steps[1].state.namespace("B")
    assert namespace.sysctl("net/ipv4/conf/all/accept_redirects") == "0"
    assert namespace.sysctl("net/ipv6/conf/eth0/accept_ra") == "0"
    assert made.steps[1].state.routers == 1
    assert made.steps[2].state.link("B:eth0").addresses == (Address("10.0.0.2", 24),)


def test_routes_are_replaced() -> None:
    """Routes given in a step are the routes from then on, with both sides in the change."""
    made = plan(
        steps(
            "set: {A: {routes: [{to: 10.9.0.0/16, via: 10.0.0.2}]}}",
            "set: {A: {routes: [], rules: [{from: 10.0.0.1, table: 7}]}}",
        )
    )
    first, second = made.steps[1].changes[0], made.steps[2].changes[0]
    assert isinstance(first, SetRouting)
    assert isinstance(second, SetRouting)
    assert len(first.after.routes) == len(second.before.routes) == 1
    assert (second.after.routes, len(second.after.rules)) == ((), 1)


def test_a_new_default_is_for_new_interfaces() -> None:
    """An IPv4 default of a step reaches no interface: where there is no address, the old value is written back."""
    made = plan(
        "switches: {lan: {}}\nhosts:\n"
        "  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}, bare: {switch: lan}}}\n"
        "steps:\n  - {name: one, set: {B: {sysctls: {net.ipv4.conf.default.rp_filter: 1}}}}\n"
    )
    written = [(change.path, change.value) for change in made.steps[1].changes if isinstance(change, SetSysctl)]
    assert written == [("net/ipv4/conf/default/rp_filter", "1"), ("net/ipv4/conf/bare/rp_filter", "0")]
    after = made.steps[1].state.namespace("B")
    assert after.sysctl("net/ipv4/conf/eth0/rp_filter") == after.sysctl("net/ipv4/conf/bare/rp_filter") == "0"


# --- refusals -----------------------------------------------------------------------------------------


def test_refused_links_are_tried_and_are_not_there() -> None:
    """A link that is to be refused is asked for at its place among the children, and is no part of the state."""
    head = TWO.replace(
        "  B:\n",
        "  B:\n    containers: {c: {interfaces: {x: {type: macvlan, parent: eth0, mac: 01:00:00:00:00:01}}}}\n",
    )
    made = plan(head + "expect:\n  - B/c:x: {refused: EADDRNOTAVAIL}\n")
    last = made.steps[0].changes[-1]
    assert isinstance(last, AddLink)
    assert (last.link.id, last.refusal) == ("B/c:x", Refusal("EADDRNOTAVAIL", "create"))
    assert "B/c:x" not in made.steps[0].state.index


def test_a_refused_setting_leaves_the_link_as_it_was() -> None:
    """A change that is to be refused carries the refusal, and the state stays."""
    made = plan(steps("set: {A/c1:eth0: {mode: passthru}}, expect: [{A/c1:eth0: {refused: EINVAL}}]"))
    (change,) = set_links(made, 1)
    assert change.refusal == Refusal("EINVAL", "set")
    assert isinstance(change.after, Macvlan)
    assert change.after.mode == "passthru"
    assert made.steps[1].state.link("A/c1:eth0") == made.steps[0].state.link("A/c1:eth0")


@pytest.mark.parametrize(("target", "changes"), [("A/c:x", ["DeleteLink"]), ("A/c", ["DeleteLink", "DeleteNamespace"])])
def test_a_passthru_child_that_goes_gives_its_parent_its_mac_back(target: str, changes: list[str]) -> None:
    """It goes at once, even with its namespace, and with the MAC go the parent's static neighbours."""
    head = (
        "switches: {lan: {}}\nhosts: {A: {interfaces: {e: {switch: lan, neighbors: {10.0.0.9: 02:00:00:00:00:09}}}, "
        "containers: {c: {interfaces: {x: {type: macvlan, parent: e, mode: passthru, mac: 02:00:00:00:00:07}}}}}}\n"
    )
    made = plan(steps(f"delete: ['{target}']", head=head))
    before, after = (step.state.link("A:e") for step in made.steps)
    assert (before.mac, after.mac) == ("02:00:00:00:00:07", derive("f", "A", "e"))
    assert (len(before.neighbors), after.neighbors) == (1, ())
    assert [type(change).__name__ for change in made.steps[1].changes] == changes
