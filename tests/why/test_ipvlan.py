"""What would make a host, and others, reach an ipvlan child."""

from __future__ import annotations

from typing import Any

import pytest

from .test_fixes import ask, first

L3 = """
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    containers:
      web: {interfaces: {eth0: {type: ipvlan, parent: eth0, mode: l3, addresses: [ADDRESS]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


@pytest.mark.parametrize(
    ("address", "routes"),
    [
        ("10.0.0.11/24", {"B": [{"to": "10.0.0.11/32", "via": "10.0.0.1"}]}),
        (
            "10.1.0.11/24",
            {"B": [{"to": "10.1.0.11/32", "via": "10.0.0.1"}], "A/web": [{"to": "default", "dev": "eth0"}]},
        ),
    ],
)
@pytest.mark.parametrize("ask_from", ["B", "A/web"])
def test_a_route_by_the_parent_leads_to_an_l3_child(address: str, routes: dict[str, Any], ask_from: str) -> None:
    """Nobody answers ARP for an ipvlan child in l3: the other end gets a route by its parent's address, and it one
    back."""
    pair = (ask_from, "A/web" if ask_from == "B" else "B")
    told = ask(L3.replace("ADDRESS", address), *pair)
    fix = next(one for one in told.fixes if "the address of its parent A:eth0" in one.title)
    assert fix is told.fixes[0]
    assert first(fix)["set"] == {place: {"routes": given} for place, given in routes.items()}


@pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])
@pytest.mark.parametrize("address", ["10.0.0.11/24", "10.1.0.11/24"])
def test_a_host_meets_its_ipvlan_child_by_another(mode: str, address: str) -> None:
    """First comes a child for the host, of the kind and mode of the other, in whose network it has an address."""
    told = ask(L3.replace("l3", mode).replace("ADDRESS", address), "A", "A/web")
    fix = told.fixes[0]
    alone = f"{address.rpartition('.')[0]}.254/32"
    made = {"type": "ipvlan", "parent": "eth0", "mode": mode, "addresses": [alone]}
    assert (told.letter, fix.letter) == ("U", "R")
    assert first(fix)["add"] == {"hosts": {"A": {"interfaces": {"shim": made}}}}
    assert f"ip link add link eth0 name shim type ipvlan mode {mode}" in fix.commands[0].lines


def test_an_l3_child_whose_host_has_no_way_back() -> None:
    """The parent's namespace routes what the child sends, so the host gets it: that its answer has no route decides."""
    text = L3.replace("ADDRESS", "10.1.0.11/24")
    text = text.replace(
        "addresses: [10.1.0.11/24]}}}", "addresses: [10.1.0.11/24]}}, routes: [{to: default, dev: eth0}]}"
    )
    told = ask(text, "A/web", "A")
    assert (told.letter, told.rule) == ("U", "ip/no-route-back")
    assert told.place.startswith("A, echo reply")


def test_of_several_at_once_those_first_that_change_least() -> None:
    """Where only two changes together work, none that changes fewer other pairs comes later; a network comes last."""
    told = ask(L3.replace("mode: l3", "mode: l3, flag: private").replace("ADDRESS", "10.1.0.11/24"), "A", "A/web")
    *several, network = told.fixes
    assert [fix.others for fix in several] == [1, 3]
    assert "second network" in network.title


def test_a_sibling_in_l3_is_reached_by_delivery() -> None:
    """That it sends its answer without asking for a MAC is an event of the answer, and not why the request arrived."""
    sibling = "db: {interfaces: {eth0: {type: ipvlan, parent: eth0, mode: l3, addresses: [10.1.0.12/24]}}}"
    told = ask(L3.replace("  B:", f"      {sibling}\n  B:").replace("ADDRESS", "10.1.0.11/24"), "A/web", "A/db")
    assert (told.letter, told.rule) == ("R", "ip/delivered")
    phases = [(hop.phase, hop.at) for hop in told.hops if hop.rule == "neigh/no-arp"]
    assert phases == [("echo-request", "A/web:eth0"), ("echo-reply", "A/db:eth0")]
