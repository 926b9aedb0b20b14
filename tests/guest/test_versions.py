"""What Linux does from one version on, foreseen and seen on both sides of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netlab import pipeline
from netlab.client import Agent, BuildError
from netlab.plan import from_file
from netlab.spec import find

Guest = Callable[[str], Agent]


@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_a_parent_that_is_down(guest: Guest, version: str) -> None:
    """Before and since 6.10 ipvlan children do what the file expects of their kernel, and nothing is unproved."""
    record = pipeline.run(find("ipvlan-parent-down.yaml"), guest(version))
    assert record["predicted_for"] == version
    assert (record["summary"]["fail"], record["summary"]["inconclusive"]) == (0, 0)


@pytest.mark.parametrize("name", ["bridge-broadcast", "bridge-whole-subnet"])
def test_reflected_broadcasts(guest: Guest, name: str) -> None:
    """On the newest kernel a bridge child hears its own broadcast that comes back, as the file and the model say."""
    record = pipeline.run(find(f"{name}.yaml"), guest("7.3"))
    assert record["predicted_for"] == "7.3"
    assert (record["summary"]["fail"], record["summary"]["inconclusive"]) == (0, 0)


BEFORE = """
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan}}, containers: {c: {interfaces: {m: {type: macvlan, parent: eth0, bclim: -1}}}}}
"""
MAB = """
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, port: {locked: on, mab: on}}}}
"""


@pytest.mark.parametrize(
    ("text", "where", "key", "since"),
    [(BEFORE, "f:4:72: A/c:m", "bclim", "6.4"), (MAB, "f:4:20: A:eth0", "mab", "6.2")],
)
def test_what_a_kernel_ignores_is_refused(guest: Guest, text: str, where: str, key: str, since: str) -> None:
    """An option that is newer than the kernel would be ignored: exit code 3, its name, its place and its version."""
    agent = guest("6.1")
    made = from_file(text, "f", agent.kernel)
    with agent.lab(made) as lab, pytest.raises(BuildError) as caught:
        lab.enter(made.steps[0]).result()
    assert caught.value.exit_code == 3
    assert str(caught.value).startswith(f"{where}: this kernel has no {key}")
    assert caught.value.fix == f"leave {key} out, or use a kernel that has it ({key}: {since})"


@pytest.mark.parametrize(("name", "version"), [("neigh-suppress", "6.1"), ("mab", "6.12"), ("proxy-arp", "7.3")])
def test_bridges_that_answer(guest: Guest, name: str, version: str) -> None:
    """What answers or admits on this machine's kernel does so on others."""
    record = pipeline.run(find(f"{name}.yaml"), guest(version))
    assert (record["summary"]["fail"], record["summary"]["inconclusive"]) == (0, 0)


def test_filters_are_there_before_the_first_broadcast(guest: Guest) -> None:
    """New macvlan children hear the first broadcast from outside, each of twenty times, though Linux 7 brings their
    filters up to date from a workqueue."""
    for _ in range(20):
        record = pipeline.run(
            find("bridge-two-node.yaml"), guest("7.3"), pipeline.Options(layers=("broadcast",), stories=False)
        )
        assert (record["summary"]["fail"], record["summary"]["inconclusive"]) == (0, 0)
