"""What follows from a change by itself: carriers, connected routes, the bridges' own MACs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.plan import carrier, lost, owned

if TYPE_CHECKING:
    from netlab.plan.lab import Lab


def settle(lab: Lab) -> None:
    """Bring all of it up to date."""
    carrier.settle(lab.links, lab.kernel)
    _connect(lab)
    owned.follow(lab.memory, lab.links.values())


def _connect(lab: Lab) -> None:
    """Bring up to date which connected routes there are, and note the addresses that the kernel takes no packet for."""
    lost.by_sources(lab, [pair for pair in lab.memory.given if not _there(lab, *pair)], deleted=False)
    for link, address, first in lab.memory.connect(lab.links.values()):
        where = lab.file.address_where(link.id, link.addresses.index(address))
        words = f"{address.ip} has {first.ip} as its primary address, a broadcast address of {link.namespace}"
        lab.file.problems.add(where, words, "the kernel takes no packet for it; give it first, or another prefix")


def _there(lab: Lab, link_id: str, ip: str) -> bool:
    link = lab.links.get(link_id)
    return link is not None and any(address.ip == ip for address in link.addresses)
