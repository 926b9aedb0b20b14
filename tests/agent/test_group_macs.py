"""Static neighbours whose MAC is a group: what they are sent comes in as a broadcast or multicast, and is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.conftest import Built

REGRESSIONS = Path(__file__).parents[1] / "fuzz" / "regressions"
LAN = """
name: groups
switches: {{lan: {{}}}}
hosts:
  A:
    interfaces:
      eth0:
        switch: lan
        addresses: [10.0.0.1/24, "fd00::1/64"]
        neighbors: {{10.0.0.2: "{mac}", "fd00::2": "{mac}"}}
  B: {{interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.2/24, "fd00::2/64"]}}}}}}
"""


@pytest.mark.parametrize("mac", ["ff:ff:ff:ff:ff:ff", "03:bf:0a:00:00:02", "33:33:ff:00:00:77"])
def test_a_group_mac_reaches_the_holder_of_the_address(build: Callable[[str], Built], mac: str) -> None:
    """Where ping has an answer, icmp, udp, icmp6 and udp6 are R, so is an advertisement; TCP takes no such frame."""
    lab = build(LAN.format(mac=mac))
    for address in ("10.0.0.2", "fd00::2"):
        assert " 0% packet loss" in lab.run("A", "ping", "-c1", "-W5", address)
    layers = ("icmp", "icmp-static", "icmp6", "icmp6-static", "udp", "udp6")
    assert {layer: lab.letter(layer, "A:eth0", "B:eth0") for layer in layers} == dict.fromkeys(layers, "R")
    assert lab.letter("ndp", "B:eth0", "A:eth0") == "R"
    assert "R" not in {lab.letter(layer, "A:eth0", "B:eth0") for layer in ("tcp", "tcp6")}


def test_a_copy_that_comes_after_the_answer(build: Callable[[str], Built]) -> None:
    """What a parent has answered at once is R, not A, where its child gets a copy by the broadcast queue, later."""
    lab = build((REGRESSIONS / "copy-that-comes-later.yaml").read_text())
    assert [lab.letter(layer, "A:eth0", "B:m2") for layer in ("icmp", "udp") * 10] == ["R"] * 20
