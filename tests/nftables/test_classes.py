"""Equal hosts with equal rulesets are simulated once, and that changes no letter."""

from __future__ import annotations

import pytest

from netlab.contract.types import ALL_LAYERS
from netlab.model.prediction import Prediction
from netlab.plan import from_file
from tests.nftables.rulesets import quoted, table

#: Rulesets of web and of R: what they name tells hosts of web apart, or doesn't.
RULESETS = {
    "no address": (
        table("inet", ("filter input 0 drop", "ct state established,related accept", "icmp type 8 accept")),
        "",
    ),
    "one of them": ("", table("ip", ("filter forward 0", "ip saddr 10.0.0.12 drop"))),
    "some of them": ("", table("inet", ("filter forward 0", "ip saddr 10.0.0.11-10.0.0.13 drop"))),
    "each of another": (table("ip6", ("filter input 0", "ip6 saddr { fd00::11, fd00::14 } drop")), ""),
    "translated": ("", table("ip", ("nat prerouting -100", "ip daddr 10.2.0.1 dnat to 10.0.0.13"))),
    "masqueraded": ("", table("inet", ("nat postrouting 100", 'oifname "up" masquerade'))),
    "by MAC": ("", table("ip", ("filter forward 0", "ether saddr 02:00:00:00:00:12 drop"))),
    "a group": (table("ip6", ("filter input 0", "ip6 daddr ff02::1:ff00:12 drop")), ""),
}

LAB = """
switches: {lan: {}, wan: {}}
hosts:
  web:
    replicas: 6
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.10/24, "fd00::10/64"], mac: "02:00:00:00:00:10"}}
    routes: [{to: default, via: 10.0.0.1}, {to: "::/0", via: "fd00::1"}]
    nftables: WEB
  R:
    interfaces:
      dn: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}
      up: {switch: wan, addresses: [10.2.0.1/24, "fd02::1/64"]}
    sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1}
    nftables: ROUTER
  x:
    replicas: 2
    interfaces: {eth0: {switch: wan, addresses: [10.2.0.10/24, "fd02::10/64"]}}
    routes: [{to: default, via: 10.2.0.1}, {to: "::/0", via: "fd02::1"}]
"""


@pytest.mark.parametrize("name", RULESETS)
def test_classes_change_no_letter(name: str) -> None:
    """The letters are those of a prediction that simulates each pair by itself."""
    web, router = RULESETS[name]
    state = from_file(LAB.replace("WEB", quoted(web)).replace("ROUTER", quoted(router)), "t").steps[0].state
    shared, single = (Prediction(state, ALL_LAYERS, classes=classes).letters for classes in (True, False))
    assert shared == single


def test_hosts_that_no_rule_tells_apart_are_simulated_once() -> None:
    """Of a thousand hosts with one ruleset few pairs are simulated."""
    web, router = RULESETS["no address"]
    text = LAB.replace("WEB", quoted(web)).replace("ROUTER", quoted(router)).replace("replicas: 6", "replicas: 200")
    prediction = Prediction(from_file(text, "t").steps[0].state, ("icmp", "tcp"))
    assert max(prediction._looked_at.values()) < 30
