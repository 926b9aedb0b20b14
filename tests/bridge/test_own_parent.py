"""Children on an interface of a container's own, and a passthru child that leaves its parent's filter alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlab import pipeline
from netlab.client import Agent
from tests.plan.labs import faults, hosts

TEXT = """
name: inside
switches: {lan: {}}
hosts:
  A:
    interfaces:
      br0: {type: bridge}
      eth0: {switch: lan, master: br0}
    containers:
      pod:
        interfaces:
          eth0: {bridge: br0}
          child: {type: macvlan, parent: "A/pod:eth0", mode: bridge, addresses: [10.0.0.2/24]}
  B:
    interfaces: {eth0: {switch: lan}}
    containers:
      vm: {interfaces: {eth0: {type: macvtap, parent: eth0, mode: passthru, flag: nopromisc, addresses: [10.0.0.3/24]}}}
expect:
  - A/pod <-> B/vm: reachable
  - A/pod:child -> B/vm [icmp, broadcast, arp]: reachable
  - A/pod:eth0: {promiscuity: 1}
  - B:eth0: {promiscuity: 0}
"""


def test_the_kernel_agrees(tmp_path: Path) -> None:
    """The child in the pod is reached through the bridge; nopromisc keeps the parent from becoming promiscuous."""
    (tmp_path / "inside.yaml").write_text(TEXT)
    with Agent.start() as agent:
        record = pipeline.run(tmp_path / "inside.yaml", agent)
    assert record["summary"]["verdict"] == "pass", record["findings"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("x: {type: macvlan, parent: e, flag: nopromisc}", "'nopromisc' belongs to the mode passthru"),
        ("x: {type: macvlan, parent: 'B/c:e'}", "'B/c:e' is not an interface of A; a child sits on its own host"),
    ],
)
def test_what_cannot_be(line: str, fault: str) -> None:
    """The flag has one mode, and a child sits on its own host or in its own container."""
    [found] = faults(hosts("e: {switch: s}", line))
    assert fault in found
