"""What is offered where a tunnel keeps a pair apart."""

from __future__ import annotations

from tests.why.test_fixes import ask, first

TUNNEL = """
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      vx: {type: vxlan, id: 42, dev: eth0, addresses: [10.42.0.1/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
      vx: {type: vxlan, id: 42, dev: eth0, remote: [10.0.0.9], addresses: [10.42.0.2/24]}
"""


def test_a_tunnel_gets_the_other_end_as_a_remote() -> None:
    """Where neither end of a VXLAN knows the other, both are made anew, each with the other's address."""
    fix = ask(TUNNEL, "A", "B:vx").fixes[0]
    step = first(fix)
    assert step["delete"] == ["A:vx", "B:vx"]
    hosts = step["add"]["hosts"]
    assert hosts["A"]["interfaces"]["vx"]["remote"] == ["10.0.0.2"]
    assert hosts["B"]["interfaces"]["vx"]["remote"] == ["10.0.0.9", "10.0.0.1"]
    lines = [line for run in fix.commands for line in run.lines]
    assert any("type vxlan id 42 dev eth0 remote 10.0.0.2 dstport 4789" in line for line in lines)
    assert "bridge fdb append 00:00:00:00:00:00 dev vx dst 10.0.0.1 self permanent" in lines


def test_an_end_joins_the_group_of_the_other() -> None:
    """Where one end of a VXLAN is in a group and the other has a remote, the latter is made anew, in that group."""
    text = TUNNEL.replace("id: 42, dev: eth0, addresses", "id: 42, dev: eth0, group: 239.1.1.1, addresses")
    [step] = [first(fix) for fix in ask(text, "A", "B:vx").fixes if first(fix).get("delete") == ["B:vx"]]
    made = step["add"]["hosts"]["B"]["interfaces"]["vx"]
    assert (made["group"], "remote" in made) == ("239.1.1.1", False)
