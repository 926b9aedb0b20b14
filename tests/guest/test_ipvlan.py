"""ipvlan's truth tables, as expectations of files: by the model for 6.1 and 6.12, and on both kernels, in guests.

Measured on 6.1 and 6.12, where nothing differs but what becomes of children while their parent is down.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netlab import check, pipeline, plan
from netlab.client import Agent
from netlab.contract.kernels import Version

KERNELS = ("6.1", "6.12")
#: c1 and c2, a child and its parent, a child and the host outside: with hairpin off, and on where it differs.
ONE_SUBNET = {
    ("l2", "bridge"): ("R", "UR", "R"),
    ("l2", "private"): ("U", "UR", "R"),
    ("l2", "vepa"): ("UR", "UR", "R"),
    **{(mode, "bridge"): ("R", "U", "U") for mode in ("l3", "l3s")},
    **{(mode, flag): ("U", "U", "U") for mode in ("l3", "l3s") for flag in ("private", "vepa")},
}
OUTCOMES = {"R": "reachable", "U": "unreachable"}
CHILD = "interfaces: {{eth0: {{type: ipvlan, parent: eth0, mode: {mode}, flag: {flag}, addresses: [{address}]}}}}"


def lines(indent: int, mode: str, expected: tuple[str, str, str], **more: str) -> str:
    """The expectations of a state."""
    children, parent, outside = (OUTCOMES[letter] for letter in expected)
    found = [f"c1:eth0 <-> H/c2:eth0 [icmp, tcp]: {children}", f"c1:eth0 <-> H:eth0 [icmp]: {parent}"]
    found += [f"c1:eth0 <-> X:eth0 [icmp, tcp, udp]: {outside}", *(f"{k}: {value}" for k, value in more.items())]
    broadcast = OUTCOMES["R" if mode == "l2" else "U"]
    if not more:
        # Whatever the flag: flags filter unicast alone.
        found += [f"c1:eth0 -> H/c2 [broadcast]: {broadcast}", f"c1:eth0 <-> X:eth0 [broadcast]: {broadcast}"]
    return "".join(f"{' ' * indent}- H/{one}\n" for one in found)


def one_subnet(mode: str, flag: str, kernel: str) -> str:
    """Parent, children and outside in one network, with hairpin off and on, the parent down, and up again."""
    text = "name: ipvlan\nswitches: {lan: {}}\nhosts:\n  H:\n"
    text += "    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}\n    containers:\n"
    for k in (1, 2):
        text += f"      c{k}: {{{CHILD.format(mode=mode, flag=flag, address=f'10.0.0.1{k}/24')}}}\n"
    text += "  X: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.100/24]}}}\n"
    off, on = (tuple(told[place] for told in ONE_SUBNET[mode, flag]) for place in (0, -1))
    text += "expect:\n" + lines(2, mode, off)  # type: ignore[arg-type]
    text += "steps:\n  - name: hairpin\n    set: {H:eth0: {port: {hairpin: true}}}\n    expect:\n"
    text += lines(6, mode, on)  # type: ignore[arg-type]
    # Since 6.10 a child has no carrier while its parent is down (ipvlan_device_event).
    down = OUTCOMES[off[0] if kernel == "6.1" else "U"]
    text += "  - name: down\n    set: {H:eth0: {port: {hairpin: false}, state: down}}\n    expect:\n"
    text += f"      - H/c1:eth0 <-> H/c2:eth0 [icmp]: {down}\n      - H/c1:eth0 <-> X:eth0 [icmp]: unreachable\n"
    text += "  - name: up\n    set: {H:eth0: {state: up}}\n    expect:\n"
    return text + lines(6, mode, off)  # type: ignore[arg-type]


def routed(mode: str, flag: str) -> str:
    """Children of two networks, which the host outside reaches by its routes to the parent's address."""
    text = "name: routed\nswitches: {lan: {}}\nhosts:\n  H:\n"
    text += "    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}\n    containers:\n"
    for k in (1, 2):
        child = CHILD.format(mode=mode, flag=flag, address=f"10.1.{k}.11/24")
        text += f"      c{k}: {{{child}, routes: [{{to: default, dev: eth0}}]}}\n"
    text += "  X:\n    interfaces: {eth0: {switch: lan, addresses: [10.0.0.100/24]}}\n"
    text += "    routes: [{to: 10.1.0.0/16, via: 10.0.0.1}]\nexpect:\n"
    return text + lines(2, mode, ("R" if flag == "bridge" else "U", "U", "R"))


#: What the kernel refuses of a new link beside an ipvlan child or on a bridge's port.
REFUSALS = """
name: refusals
switches: {lan: {}}
hosts:
  H:
    interfaces:
      eth0: {switch: lan}
      eth1: {switch: lan, master: br0}
      br0: {type: bridge}
      i0: {type: ipvlan, parent: eth0, mode: l2, addresses: [10.0.0.11/24]}
    containers:
      c:
        interfaces:
          beside: {type: macvlan, parent: eth0, mode: bridge}
          on-a-port: {type: ipvlan, parent: eth1, mode: l2}
          twice: {type: ipvlan, parent: eth0, mode: l2, addresses: [10.0.0.11/24], duplicate: true}
expect:
  - H/c:beside: {refused: EBUSY, at: create}
  - H/c:on-a-port: {refused: EBUSY, at: create}
  - H/c:twice: {refused: EADDRINUSE, at: create}
"""
TABLES: dict[str, Callable[[str], str]] = {
    **{f"{mode}-{flag}": lambda kernel, m=mode, f=flag: one_subnet(m, f, kernel) for mode, flag in ONE_SUBNET},  # type: ignore[misc]
    **{f"routed-{mode}-{flag}": lambda _, m=mode, f=flag: routed(m, f) for mode, flag in ONE_SUBNET},  # type: ignore[misc]
    "refusals": lambda _: REFUSALS,
}


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("table", TABLES)
def test_the_model_has_the_table(table: str, version: str) -> None:
    """The model foresees each cell of the table, and each refusal, for both kernels."""
    major, minor = map(int, version.split("."))
    made = plan.from_file(TABLES[table](version), "table.yaml", Version(major, minor))
    assert check.warnings(made) == []


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("table", TABLES)
def test_the_kernel_has_the_table(table: str, version: str, guest: Callable[[str], Agent], tmp_path: Path) -> None:
    """In a guest each cell is as the table says, and every other one as the model says."""
    path = tmp_path / "table.yaml"
    path.write_text(TABLES[table](version))
    record = pipeline.run(path, guest(version), pipeline.Options(layers=("icmp", "tcp", "udp", "broadcast", "arp")))
    # Before 6.10 children go on while their parent is down, when nothing from outside can prove them alive.
    open_ = {finding["step"] for finding in record["findings"] if finding["verdict"] == "?"}
    assert open_ <= ({"down"} if version == "6.1" else set()), record["findings"]
    assert (record["summary"]["fail"], record["summary"]["pass"] > 0) == (0, True), record["findings"]
