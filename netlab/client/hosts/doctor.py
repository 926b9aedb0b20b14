"""What each machine can do, and whether the network between them passes the frames of a macvlan child: all tried."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from netlab.client.errors import CannotRun, LabError
from netlab.client.hosts.client import HostsClient
from netlab.client.hosts.inventory import Machine
from netlab.client.hosts.nics import Facts, check_nics, hosts_of, nics_of
from netlab.client.hosts.ssh import Remote
from netlab.contract.lacks import finding, install
from netlab.contract.types import Plan
from netlab.errors import NetlabError

Finding = dict[str, Any]

#: The maker of the (virtual) switch, by the machine's hardware, and the setting that lets foreign MACs pass there.
FILTERS = (
    (
        ("VirtualBox", "innotek"),
        "VirtualBox",
        "VBoxManage modifyvm NAME --nicpromisc2 allow-all   (adapter 2: the lab's)",
    ),
    (("VMware",), "VMware", "allow promiscuous mode, MAC address changes and forged transmits on the port group"),
    (("Microsoft",), "Hyper-V", "Set-VMNetworkAdapter -VMName NAME -MacAddressSpoofing On"),
    (
        ("Amazon", "Google", "DigitalOcean", "Hetzner", "Alibaba"),
        "a cloud",
        "none: clouds pass only the MACs they gave out",
    ),
    (
        ("QEMU", "KVM", "Red Hat", "Bochs"),
        "QEMU",
        "libvirt: a network on a Linux bridge, never macvtap (type='direct')",
    ),
)
_ELSE = "the switch's port security must admit more than one MAC; Wi-Fi never does"


def examine(
    find: Callable[[list[str]], Mapping[str, Machine]], demo: Plan, *, allow_management: bool, by_address: bool
) -> list[Finding]:
    """Look at every machine, then send real frames. Each finding: name, ok, detail, fix, required.

    ``by_address``: the machines play the hosts of ``demo``, and their NICs are those with its addresses.
    """
    found: list[Finding] = []
    machines = find(hosts_of(demo) if by_address else [])
    usable: dict[str, Machine] = {}
    hardware: dict[str, str] = {}
    for host, machine in machines.items():
        try:
            facts, kinds = _look(machine)
        except LabError as error:
            found.append(_finding(machine, "agent", False, str(error), error.fix))
            continue
        hardware[host] = facts["hardware"]
        found.append(
            _finding(
                machine, "agent", True, f"root, Python {facts['python']}, Linux {facts['kernel']} {facts['machine']}"
            )
        )
        found += (
            _finding(machine, one["name"], one["ok"], one["detail"], one["fix"])
            for one in kinds
            if one["name"] == "link kind macvlan"
        )
        nics = _nics(machine, facts, demo if by_address else None, allow_management, found)
        iperf3 = facts["iperf3"]
        found.append(
            _finding(
                machine, "iperf3", bool(iperf3), iperf3 or "not installed: throughput is measured by a built-in engine",
                f"ssh {machine.ssh} {install('iperf3')}", required=False,
            )
        )  # fmt: skip
        if nics:
            usable[host] = replace(machine, nics=(("nic", nics),))
    if len(usable) > 1 and len(usable) == len(machines):
        found += _frames(usable, hardware, allow_management)
    return found


def _look(machine: Machine) -> tuple[Facts, list[Finding]]:
    remote = Remote.reach(machine, os.urandom(4))
    try:
        return remote.request("facts").result(), remote.request("kinds").result()
    finally:
        remote.close()


def _nics(machine: Machine, facts: Facts, demo: Plan | None, allow_management: bool, found: list[Finding]) -> str:
    """The machine's NIC, found out as a run would; '' where it can't be used."""
    try:
        plan = demo or _plan([machine.host])
        one = machine if demo else replace(machine, nics=(("", next((nic for _, nic in machine.nics), "")),))
        [(link, name)] = nics_of(plan, one, facts).items()
        check_nics(machine, facts, {link: name}, allow_management)
    except (NetlabError, CannotRun) as error:
        found.append(_finding(machine, "NIC", False, str(error), error.fix))
        return ""
    read = facts["links"][name]
    state = "carries" if read["carrier"] else "up, no carrier" if read["up"] else "down: a lab brings it up"
    promiscuous = "already promiscuous" if read["promiscuity"] else "promiscuous while a lab uses it"
    found.append(_finding(machine, "NIC", True, f"{name}, {read['mac']}, {state}, {promiscuous}"))
    return name


def _plan(hosts: list[str]) -> Plan:
    """A NIC and a child in a container on each machine; no addresses: nothing on a machine is touched."""
    from netlab.plan import from_file

    child = {"type": "macvlan", "parent": "nic", "mode": "bridge"}
    inside = {"interfaces": {"nic": {"switch": "lan"}}, "containers": {"child": {"interfaces": {"eth0": child}}}}
    tree = {"name": "doctor", "switches": {"lan": {}}, "hosts": dict.fromkeys(hosts, inside)}
    return from_file(json.dumps(tree, indent=1), "doctor")


def _frames(machines: Mapping[str, Machine], hardware: Mapping[str, str], allow_management: bool) -> list[Finding]:
    """Real frames between each two machines, to a child's MAC and from it."""
    found: list[Finding] = []
    try:
        with HostsClient(lambda _hosts: machines, allow_management=allow_management) as client:
            plan = client.adapt(_plan(list(machines)))
            with client.lab(plan) as lab:
                lab.enter(plan.steps[0]).result()
                [seen] = lab.probe(("unicast",)).result()
    except LabError as error:
        return [_finding(next(iter(machines.values())), "frames", False, str(error), error.fix)]
    index = plan.steps[0].state.index
    for here, machine in machines.items():
        for there in machines:
            if there == here:
                continue
            nic, child = index[f"{there}:nic"], index[f"{here}/child:eth0"]
            for source, destination, what in (
                (nic, index[f"{here}:nic"], f"frames of {there} for the NIC's own MAC"),
                (nic, child, f"frames of {there} for a child's MAC"),
                (child, nic, f"frames of a child to {there}"),
            ):
                letter = seen.rows[source][destination]
                why = str(seen.evidence.get(f"{source},{destination}", {}).get("reason", ""))
                detail = "arrive" if letter == "R" else f"don't arrive ({why})" if letter == "U" else why
                own = destination == index[f"{here}:nic"]
                fix = "are they on one network?" if own else _fix(hardware[here])
                found.append(_finding(machine, what, letter == "R", detail, fix))
    return found


def _fix(hardware: str) -> str:
    for words, name, setting in FILTERS:
        if any(word in hardware for word in words):
            return f"{name} filters them: {setting}"
    return _ELSE


def _finding(machine: Machine, what: str, ok: bool, detail: str, fix: str = "", *, required: bool = True) -> Finding:
    detail = detail.removeprefix(f"{machine}: ")
    return finding(f"{machine.host}: {what}", ok, detail, fix, required=required)
