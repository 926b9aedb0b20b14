"""Bridges that answer for others, or keep questions from some of their ports: proxy_arp, neigh_suppress, mab."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.contract import waves
from netlab.plan import from_file
from tests.model.lab import letter, letters
from tests.model.scene_labs import H, X, proxied, two


def host(port: str = "", own: str = "", neighbors: str = "", more: str = "") -> dict[str, Any]:
    """A's bridge, with a container c and the wire to a switch where B is; what each layer says, by pair."""
    text = f"""
switches: {{lan: {{}}}}
hosts:
  A:
    interfaces:
      br0: {{type: bridge, addresses: [10.0.0.1/24, 'fd00::1/64'], neighbors: {{{neighbors}}}{more}}}
      eth0: {{switch: lan, master: br0, own_port: {{{own}}}}}
    containers:
      c: {{interfaces: {{eth0: {{bridge: br0, port: {{{port}}}, addresses: [10.0.0.2/24, 'fd00::2/64']}}}}}}
      d: {{interfaces: {{eth0: {{bridge: br0, addresses: [10.0.0.5/24, 'fd00::5/64']}}}}}}
  B: {{interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.3/24, 'fd00::3/64']}}}}}}
"""
    state = from_file(text, "f").steps[0].state
    return {layer: letters(state, layer) for layer in ("arp", "ndp", "icmp", "icmp6")}


C, D, BR, B = "A/c:eth0", "A/d:eth0", "A:br0", "B:eth0"


def test_the_switch_answers_for_whom_it_knows() -> None:
    """What is known, and where, is found though it answers nothing; without an entry of either kind it is asked."""
    silent = proxied("neigh_suppress").change(H, arp=False)
    assert letter(silent.state(), "arp", X, H) == "R"
    port = next(link for link in silent.links if link.id == H).port
    assert letter(silent.change("lan", neighbors=()).state(), "arp", X, H) == "U"
    forgotten = proxied("neigh_suppress").change(H, arp=False, port=type(port)(neigh_suppress=True))
    assert letter(forgotten.state(), "arp", X, H) == "U"


def test_a_suppressed_port_is_still_asked_for_strangers() -> None:
    """Only what the switch can answer is kept from it."""
    assert letter(two(neigh_suppress=True).state(), "icmp", X, H) == "R"
    assert letter(two(proxy_arp_wifi=True).state(), "icmp", X, H) == "R"


def test_nothing_is_flooded_to_a_port_with_proxy_arp() -> None:
    """Neither broadcasts nor frames to an unknown MAC; IPv6 neighbour discovery neither."""
    state = two(proxy_arp=True).state()
    found = {layer: letter(state, layer, X, H) for layer in ("broadcast", "unicast", "arp", "ndp", "icmp")}
    assert found == dict.fromkeys(found, "U")
    assert letter(state, "broadcast", H, X) == "R"


@pytest.mark.parametrize(("option", "arp", "ndp"), [("neigh_suppress", "R", "R"), ("proxy_arp_wifi", "R", "U")])
def test_a_bridge_in_a_host_answers_by_its_neighbours(option: str, arp: str, ndp: str) -> None:
    """For a MAC that is known behind such a port; neigh_suppress is for both families, proxy_arp_wifi for ARP alone."""
    # B's MAC is said to be behind c's port, which isn't true: asked, B would not hear.
    entries = {"port": f"{option}: on, fdb: [B:eth0], bcast_flood: off", "own": "bcast_flood: off, mcast_flood: off"}
    found = host(neighbors=f"10.0.0.3: {B}, 'fd00::3': {B}", **entries)
    assert (found["arp"][D, B], found["ndp"][D, B]) == (arp, ndp)
    bare = host(**entries)
    assert (bare["arp"][D, B], bare["ndp"][D, B]) == ("U", "U")


def test_a_question_for_the_bridge_itself_reaches_it() -> None:
    """Suppressed ports aren't asked for the bridge's own addresses; its interface answers as ever."""
    found = host(port="neigh_suppress: on", own="neigh_suppress: on")
    assert {found[layer][end, BR] for layer in found for end in (B, C, D)} == {"R"}


def test_what_a_bridge_answers_to_its_own_host_is_not_known() -> None:
    """A host with an entry doesn't ask; where it is made to, the answer goes where the model has no rule for."""
    found = host(port="neigh_suppress: on, fdb: [A/c:eth0]", neighbors="10.0.0.2: A/c:eth0")
    assert found["arp"][BR, C] == "?"
    assert found["icmp"][BR, C] == "R"


def test_neighbours_of_a_vlan_are_not_followed() -> None:
    """A VLAN-aware bridge looks into the neighbours of its vlan interface; without one it floods."""
    aware = ", vlan_filtering: on"
    known = {"port": "neigh_suppress: on, fdb: [A/c:eth0]", "neighbors": f"10.0.0.2: {C}"}
    assert host(more=aware, **known)["arp"][D, C] == "R"


def test_a_question_with_a_tag_is_answered_without_one() -> None:
    """Where the switch keeps no VLANs apart the answer passes the VLAN by, and nobody else is asked."""
    vlan = "{type: vlan, parent: eth0, id: 20, addresses: [10.0.0.%d/24]}"
    text = f"""
switches: {{lan: {{neighbors: {{10.0.0.1: 'A:eth0'}}}}}}
hosts:
  A: {{interfaces: {{eth0: {{switch: lan, port: {{neigh_suppress: true, fdb: ['A:eth0']}}}}, v: {vlan % 1}}}}}
  B: {{interfaces: {{eth0: {{switch: lan}}, v: {vlan % 2}}}}}
"""
    state = from_file(text, "f").steps[0].state
    assert letters(state, "icmp")["B:v", "A:v"] == "U"
    assert letters(state, "icmp-static")["B:v", "A:v"] == "R"


def test_mab_notes_a_stranger_and_drops_its_frames() -> None:
    """Nothing comes from a MAC without an entry, with mab or without; but with it frames to it find its port alone."""
    for mab in (False, True):
        lab = two(locked=True, mab=mab)
        assert letter(lab.state(), "icmp", H, X) == "U"
        assert letter(lab.state(), "unicast", X, H) == "R"
    admitted = proxied("proxy_arp_wifi")
    port = next(link for link in admitted.links if link.id == H).port
    admitted.change(H, port=type(port)(locked=True, mab=True, fdb=port.fdb))
    assert letter(admitted.state(), "icmp", H, X) == "R"


def test_probes_are_alone_where_a_bridge_answers() -> None:
    """What one probe teaches a bridge would change what it answers to another: a wave is one probe."""
    state = proxied("neigh_suppress").state()
    pairs = [(0, 1), (1, 0)]
    assert [len(wave) for wave in waves.cut(state, "arp", pairs, 1, warms=True)] == [1, 1]
    assert [sorted(wave) for wave in waves.cut(two().state(), "arp", pairs, 1, warms=False)] == [pairs]
