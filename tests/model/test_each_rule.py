"""Each rule decides, or takes part in, what becomes of a probe, or why a change is refused."""

from __future__ import annotations

import pytest

from netlab.contract.types import AddLink, Address, Bridge, Macvlan, Port, State
from netlab.contract.types.links import Ipvlan, Vlan, Vxlan
from netlab.model import RULES, predict
from tests.model.lab import Lab
from tests.model.scene_labs import H, Text, bridged, in_groups, ipvlans, tagging
from tests.model.scenes import SCENES
from tests.model.test_refusals import base, changed, new, predict_refusal


def ipvlan(state: State) -> AddLink:
    """One more ipvlan child of h, with an address that one has already."""
    address = (Address("10.0.0.11", 24),)
    return AddLink(link=Ipvlan(namespace="h", name="v", ifname="v", ifindex=99, parent=H, addresses=address))


def bridge(**options: str) -> AddLink:
    """One more bridge of h, or a child of the first."""
    make = Macvlan if "parent" in options else Bridge
    return AddLink(link=make(namespace="h", name="n", ifname="n", ifindex=99, master="h:br0", member="port", **options))


def vlan(state: State, parent: str = "h:eth0", **options: int) -> AddLink:
    """One more vlan interface."""
    fields = {"vid": 11, "mtu": 1500} | options
    return AddLink(link=Vlan(namespace="h", name="n", ifname="n", ifindex=99, parent=parent, **fields))


REFUSALS = {
    "refuse/vlan-id-taken": (tagging().state(), vlan(tagging().state(), vid=10)),
    "refuse/vlan-mtu-above-parent": (tagging().state(), vlan(tagging().state(), mtu=1600)),
    "refuse/vlan-on-ipvlan": (ipvlans("l2")().state(), vlan(ipvlans("l2")().state(), "h/c1:eth0")),
    "refuse/vlan-up-on-down-parent": (
        (
            down := Text(
                tagging().text.replace(
                    "eth0: {switch: lan, addresses: [10.0.0.1/24]}", "eth0: {switch: lan, state: down}"
                )
            ).state()
        ),
        changed(down, "h:v10", up=True),
    ),
    "refuse/too-many-groups": (
        in_groups("239.1.1.1", "239.1.1.2").sysctl("h", "/igmp_max_memberships", 1).state(),
        AddLink(link=Vxlan(namespace="h", name="n", ifname="n", ifindex=99, vni=7, dev=H, group="239.1.1.3")),
    ),
    "refuse/not-a-port": (bridged().state(), bridge()),
    "refuse/member-of-what-it-sits-on": (bridged().state(), bridge(parent="h:br0")),
    "refuse/multicast-mac": (base(), new(mac="01:00:00:00:00:01")),
    "refuse/child-mtu-above-parent": (base(), new(mtu=1500)),
    "refuse/passthru-alone": (base(), new(mode="passthru")),
    "refuse/passthru-mode-fixed": (base(), changed(base(), "h/a:eth0", mode="passthru")),
    "refuse/source-list-needs-source-mode": (base(), new(allowed_macs=("02:00:00:00:00:01",))),
    "refuse/mac-in-use-at-up": (base(), new(mac="02:00:00:00:00:aa")),
    "refuse/mac-in-use-at-set": (base(), changed(base(), "h/a:eth0", mac="02:00:00:00:00:aa")),
    "refuse/one-driver-takes-a-parent": (base(), ipvlan(base())),
    "refuse/ipvlan-address-taken": (ipvlans("l2")().state(), ipvlan(ipvlans("l2")().state())),
    "refuse/stp-owns-port-state": (
        Lab(stp=True).veth(H).state(),
        changed(Lab(stp=True).veth(H).state(), H, port=Port(state="learning")),
    ),
    "refuse/port-state-needs-link": (
        Lab().veth(H, up=False).state(),
        changed(Lab().veth(H, up=False).state(), H, port=Port(state="learning")),
    ),
}


#: Those of `netlab.model.announce`, which tests/model/test_announce.py tries: they change no letter.
ANNOUNCED = ("arp/notify", "bond/failover-announces", "macvlan/failover-announces", "nd/notify")


def test_every_rule_has_a_scene() -> None:
    """No rule is without a lab in which it matters, and no scene is without a rule."""
    assert sorted([*SCENES, *REFUSALS, *ANNOUNCED]) == sorted(RULES)


@pytest.mark.parametrize("rule", sorted(SCENES))
def test_the_rule_takes_part(rule: str) -> None:
    """In its scene the rule is among those that the story of the probe names."""
    lab, layer, source, target = SCENES[rule]
    state = lab().state()
    story = predict(state, (layer,)).story(layer, state.row(layer, source), state.column(layer, target))
    assert rule in {story.rule, *(hop.rule for hop in story.hops)}


@pytest.mark.parametrize("rule", sorted(REFUSALS))
def test_the_rule_refuses(rule: str) -> None:
    """In its scene the rule is the one that the refusal names."""
    refused = predict_refusal(*REFUSALS[rule])
    assert refused is not None
    assert refused[2] == rule
