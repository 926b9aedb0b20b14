"""Reachability on paths on which frames have to wait for their turn."""

from __future__ import annotations

import pytest

from netlab import pipeline
from netlab.client import Agent
from tests.measure.conftest import HOSTS

#: A large ping takes 45 ms, once the burst is used up: far longer than any round without a fence.
SLOW = {
    "tbf": "limit: {rate: 256kbit, burst: 1600, queue: 64k}",
    "htb": "limit: {rate: 256kbit, burst: 1600, queue: 64k, kind: htb}",
}


@pytest.mark.parametrize("kind", SLOW)
@pytest.mark.parametrize("where", ["wire", "child"])
def test_what_waits_is_waited_for(agent: Agent, kind: str, where: str) -> None:
    """On a path of 256 kbit/s every pair is found to be what the model says, though frames come late."""
    old, new = {
        "wire": ('"fd00::1/64"]}', f'"fd00::1/64"], {SLOW[kind]}}}'),
        "child": ("addresses: [10.0.0.11/24]", f"addresses: [10.0.0.11/24], {SLOW[kind]}"),
    }[where]
    assert old in HOSTS
    record = pipeline.run(HOSTS.replace(old, new), agent, pipeline.Options(layers=("icmp", "icmp/1400")))
    assert record["findings"] == []
    assert record["summary"]["exit_code"] == 0


def test_a_limit_is_read_back(agent: Agent) -> None:
    """The kernel says which queueing discipline an interface has, and none once it was taken away."""
    text = (
        HOSTS.replace('"fd00::1/64"]}', '"fd00::1/64"], limit: 10mbit}')
        + "steps: [{name: s, set: {A:eth0: {limit: none}, B:eth0: {limit: {rate: 1mbit, kind: htb}}}}]\n"
    )
    record = pipeline.run(text, agent, pipeline.Options(layers=("icmp",)))
    found = [{name: step["links"][name]["qdisc"] for name in ("A:eth0", "B:eth0")} for step in record["steps"]]
    assert found == [{"A:eth0": "tbf", "B:eth0": "noqueue"}, {"A:eth0": "noqueue", "B:eth0": "htb"}]
    assert record["steps"][1]["changes"] == ["A:eth0: limit none", "B:eth0: limit htb 1000000bit"]
