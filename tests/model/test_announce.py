"""What hosts announce after a failover or a new MAC, and which switch ports learn of it."""

from __future__ import annotations

import pytest

from netlab import plan
from netlab.model import announcements

TEXT = """
switches: {lan: {}, far: {links: [lan]}}
hosts:
  A:
    interfaces:
      bond0: {type: bond, mode: active-backup, miimon: 100, MORE, addresses: [10.0.0.1/24, "fd00::1/64"]}
      eth0: {switch: lan, master: bond0}
      eth1: {switch: far, master: bond0}
    containers: {web: {interfaces: {eth0: {type: CHILD, parent: bond0, addresses: [10.0.0.11/24]}}}}
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    sysctls: {SYSCTL}
steps:
  - name: failover
    set: {A:eth0: {state: down}}
  - name: a new MAC
    set: {B:eth0: {mac: 02:00:00:00:00:07}}
"""


def told(step: int, more: str = "num_grat_arp: 1", child: str = "macvlan", sysctl: str = "") -> dict[str, str]:
    """What is announced in a step: the rule by interface and address, link-local ones left out."""
    made = plan.from_file(TEXT.replace("MORE", more).replace("CHILD", child).replace("SYSCTL", sysctl), "t").steps
    found = announcements(made[step - 1].state, made[step].state)
    return {f"{one.link} {one.ip}": one.rule for one in found if not one.ip.startswith("fe80:")}


def test_a_failover_is_announced_and_the_switches_learn() -> None:
    """The bond's addresses are announced by ARP and by an advertisement, and its MAC is then behind the other wire."""
    made = plan.from_file(
        TEXT.replace("MORE", "num_grat_arp: 1").replace("CHILD", "macvlan").replace("SYSCTL", ""), "t"
    )
    before, after = (step.state for step in made.steps[:2])
    found = {one.ip: one for one in announcements(before, after)}
    assert {"10.0.0.1", "fd00::1", "10.0.0.11"} <= set(found)
    assert found["10.0.0.1"].mac == before.link("A:bond0").mac == after.link("A:bond0").mac
    assert dict(found["10.0.0.1"].learned) == {"far": "port(A:eth1)", "lan": "port(lan--far)"}
    assert dict(found["10.0.0.11"].learned) == {"far": "port(A:eth1)", "lan": "port(lan--far)"}


@pytest.mark.parametrize(
    ("more", "child", "rules"),
    [
        ("num_grat_arp: 1", "macvlan", {"bond/failover-announces", "macvlan/failover-announces"}),
        ("num_grat_arp: 1", "'ipvlan', mode: l2", {"bond/failover-announces"}),
        ("num_grat_arp: 0", "macvlan", set()),
    ],
)
def test_who_announces_after_a_failover(more: str, child: str, rules: set[str]) -> None:
    """The bond and macvlan children on it do; ipvlan children don't, and nobody does with num_grat_arp 0."""
    assert set(told(1, more, child).values()) == rules


@pytest.mark.parametrize(
    ("sysctl", "rules"),
    [
        ("", {}),
        ("net.ipv4.conf.all.arp_notify: 1", {"B:eth0 10.0.0.2": "arp/notify"}),
        ("net.ipv4.conf.eth0.arp_notify: 1", {"B:eth0 10.0.0.2": "arp/notify"}),
        ("net.ipv6.conf.all.ndisc_notify: 1", {}),
    ],
)
def test_a_new_mac_is_announced_where_a_sysctl_says_so(sysctl: str, rules: dict[str, str]) -> None:
    """By default nobody announces it; with arp_notify the interface's IPv4 addresses are."""
    assert told(2, sysctl=sysctl) == rules


def test_ndisc_notify_announces_by_an_advertisement() -> None:
    """With ndisc_notify an interface's IPv6 addresses are announced when its MAC changes."""
    text = """
switches: {lan: {}}
hosts:
  B:
    interfaces: {eth0: {switch: lan, addresses: ["fd00::2/64"]}}
    sysctls: {net.ipv6.conf.eth0.ndisc_notify: 1}
steps: [{name: one, set: {"B:eth0": {mac: 02:00:00:00:00:07}}}]
"""
    before, after = (step.state for step in plan.from_file(text, "t").steps)
    found = announcements(before, after)
    assert {(one.rule, one.mac, one.learned) for one in found} == {
        ("nd/notify", "02:00:00:00:00:07", (("lan", "port(B:eth0)"),))
    }
