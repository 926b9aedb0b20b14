"""Candidates about tunnels: an end that doesn't know the other, or isn't in its group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netlab.contract.types import AnyLink
from netlab.contract.types.links import Vxlan
from netlab.why.case import Candidate, Case, Step, inside

REMOTE = (
    "An end of a VXLAN sends broadcasts, ARP's among them, to its remotes alone; others it learns only by what comes"
    " from them."
)
GROUP = "An end of a VXLAN with a group sends broadcasts to that group alone, and only its members hear them."


def remotes(case: Case) -> Iterator[Candidate]:
    """Each end gets the address of the other's interface as a remote, where it hasn't got it."""
    made = [new for end, far in _both_ways(case) if (new := _knowing(case, end, far)) is not None]
    if made and (step := _anew(case, made)) is not None:
        told = " and ".join(f"{end.id} (to {end.remotes[-1]})" for end in made)
        yield case.candidate("remotes", f"make {told} anew, with the other end as a remote", REMOTE, step)


def group(case: Case) -> Iterator[Candidate]:
    """One end joins the group of the other."""
    for end, far in _both_ways(case):
        if far.group not in (None, end.group) and (step := _anew(case, [replace(end, group=far.group, remotes=())])):
            yield case.candidate("group", f"make {end.id} anew, in the group {far.group}", GROUP, step)


def _both_ways(case: Case) -> list[tuple[Vxlan, Vxlan]]:
    """The ends of one VXLAN that the pair has, each with the other."""
    one, other = (case.state.root(link.id) for link in case.links)
    if not isinstance(one, Vxlan) or not isinstance(other, Vxlan) or one.overlay != other.overlay or one is other:
        return []
    return [(one, other), (other, one)]


def _anew(case: Case, made: list[Vxlan]) -> Step | None:
    """The step in which ends take the places of those of their names; None where something sits on one."""
    if any(next(case.state.children_of(end.id), None) for end in made):
        return None
    step: Step = {"delete": [end.id for end in made], "add": {"hosts": {}}}
    for end in made:
        inside(step["add"]["hosts"], end.namespace)["interfaces"] = {end.name: _written(end)}
    return step


def _knowing(case: Case, end: Vxlan, far: Vxlan) -> Vxlan | None:
    """An end with the other as one more remote; None where it has it, or the other has no address."""
    below: AnyLink = case.state.link(far.dev)
    ip = next((address.ip for address in below.addresses if address.family == 4), None)
    if ip is None or ip in end.remotes or end.group is not None:
        return None
    return replace(end, remotes=(*end.remotes, ip))


def _written(end: Vxlan) -> Step:
    """An end as the file has it."""
    found: Step = {"type": "vxlan", "id": end.vni, "dev": end.dev.partition(":")[2]}
    found |= {"group": end.group} if end.group else {"remote": list(end.remotes)}
    found |= {"local": end.local} if end.local else {}
    found |= {"dstport": end.dstport, "learning": end.learning, "mtu": end.mtu}
    found |= {"fdb": dict(end.entries)} if end.entries else {}
    found |= {"mac": end.mac} if end.mac else {}
    found |= {"master": end.master.partition(":")[2]} if end.master else {}
    return {**found, "addresses": [str(address) for address in end.addresses]}
