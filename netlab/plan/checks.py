"""What is wrong with a lab as a whole: the same address twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.contract.types import AnyLink, stack
from netlab.plan import switches

if TYPE_CHECKING:
    from netlab.plan.file import File
    from netlab.plan.lab import Lab


def check(lab: Lab) -> None:
    """Everything that only the whole shows."""
    switches.check_loops(lab)
    _addresses(lab)


def _addresses(lab: Lab) -> None:
    """The same address twice in a namespace is an error, on one network a warning, unless it is meant."""
    segments = switches.segments(lab)
    holders: dict[str, list[tuple[AnyLink, int]]] = {}
    for link in lab.links.values():
        for i, address in enumerate(link.addresses):
            holders.setdefault(address.ip, []).append((link, i))
    for ip, links in holders.items():
        if len(links) < 2:
            continue
        for n, (link, i) in enumerate(links):
            for other, _ in links[:n]:
                if (other.namespace, other.domain) == (link.namespace, link.domain):
                    _twice(lab.file, ip, link, i, other)
                    break
            else:
                there = next(
                    (o for o, _ in links[:n] if _segment(lab, o, segments) == _segment(lab, link, segments)),
                    None,
                )
                if there is not None:
                    _elsewhere(lab, ip, link, i, there)


def _twice(file: File, ip: str, link: AnyLink, i: int, other: AnyLink) -> None:
    where = file.address_where(link.id, i)
    what = "twice" if other.id == link.id else f"at {other.id}, too"
    file.problems.add(where, f"{link.id} has the address {ip} {what}", "an address can be in a namespace only once")


def _elsewhere(lab: Lab, ip: str, link: AnyLink, i: int, other: AnyLink) -> None:
    file = lab.file
    if link.id in lab.duplicates or other.id in lab.duplicates:
        return
    where = file.address_where(link.id, i)
    if link.id in lab.replicated or other.id in lab.replicated:
        hint = "a larger 'step', or addresses further apart"
        file.problems.add(where, f"the address {ip} of {link.id} is that of {other.id}, too", hint)
    else:
        file.warn(
            where,
            f"{link.id} and {other.id} have the same address {ip}; say 'duplicate: true' if that is meant",
        )


def _segment(lab: Lab, link: AnyLink, segments: dict[str, str]) -> str | None:
    """The network that a link is in; None where it is in none that a switch makes."""
    root = stack(link, lab.links.__getitem__)[-1]
    return segments.get(root.id if root.bridges else root.plugs[-1].bridge if root.plugs else "")
