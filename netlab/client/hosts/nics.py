"""Which NIC of its machine each interface of a topology is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netlab.client.errors import CannotRun
from netlab.client.hosts.inventory import Machine
from netlab.contract.types import Plan, Veth, nics
from netlab.errors import UsageError
from netlab.plan import sysctls

Facts = Mapping[str, Any]


def hosts_of(plan: Plan) -> list[str]:
    """The hosts of a topology, whenever they come in."""
    return list(dict.fromkeys(ns.id for step in plan.steps for ns in step.state.namespaces if ns.kind == "host"))


def nics_of(plan: Plan, machine: Machine, facts: Facts) -> dict[str, str]:
    """Which NIC each interface of a host is: link id to name. Raises CannotRun, UsageError."""
    found: dict[str, str] = {}
    given = dict(machine.nics)
    links = facts["links"]
    wires = {link.id: link for step in plan.steps for link in nics(step.state.links)}
    mine = [link for link in wires.values() if link.namespace == machine.host]
    unknown = sorted(set(given) - {"", *(link.name for link in mine)})
    if unknown:
        raise UsageError(f"{machine}: {machine.host} has no interface {unknown[0]!r} that is plugged into a switch")
    if "" in given and len(mine) > 1:
        names = ", ".join(link.name for link in mine)
        raise UsageError(f"{machine}: {machine.host} has several interfaces: say nic: {{{names.split(', ')[0]}: …}}")
    for link in mine:
        name = given.get(link.name, given.get("", "")) or _by_address(links, link)
        if not name:
            wanted = ", ".join(map(str, link.addresses)) or "no address"
            raise CannotRun(f"{machine}: no NIC there has {link.id}'s address ({wanted})", "name it with 'nic:'")
        if name not in links:
            there = ", ".join(sorted(one for one in links if one != "lo"))
            raise CannotRun(f"{machine}: there is no NIC {name!r}", f"it has {there}")
        found[link.id] = name
    return found


def _by_address(links: Mapping[str, Facts], link: Veth) -> str:
    wanted = {str(address) for address in link.addresses}
    return next((name for name, read in links.items() if wanted & set(read["addresses"])), "")


def check_nics(machine: Machine, facts: Facts, nics: Mapping[str, str], allow_management: bool) -> None:
    """Refuse the NIC of the ssh session, and names that the machine uses already. Raises CannotRun."""
    for link_id, name in nics.items():
        if name in facts["management"] and not allow_management:
            raise CannotRun(
                f"{machine}: {name} ({link_id}) carries the ssh session", "another NIC, or --allow-management-nic"
            )
        if facts["links"][name]["master"]:
            raise CannotRun(f"{machine}: {name} ({link_id}) is a port of another interface there", "another NIC")


def wanted_sysctls(nics: Iterable[str]) -> list[str]:
    """The paths that are read on a machine: all that the model knows, and the NICs' own."""
    paths = list(sysctls.defaults())
    for name in nics:
        paths += (
            path.replace("/conf/default/", f"/conf/{name}/") for path in sysctls.defaults() if "/conf/default/" in path
        )
    return paths
