"""A veth pair without any switch: two interfaces that name each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.contract.types import Pair
from netlab.plan.request import BuildContext, LinkRequest
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Settings

MTU = 1500


def build(context: BuildContext, request: LinkRequest, peer: str) -> Pair | None:
    """One end. The end that comes first in the file makes the pair, and is completed by `join`."""
    other = context.requests.get(peer)
    if other is None:
        if peer in context.lab.links:
            context.problem(request, "peer", f"{peer} exists already", "both ends of a pair are made together")
        else:
            context.problem(
                request, "peer", f"no interface {peer!r}", did_you_mean(peer, context.requests, "as in A/c1:eth0")
            )
        return None
    if other.id == request.id:
        context.problem(request, "peer", f"{request.id} cannot be its own peer")
        return None
    if other.given.peer != request.id:
        says = f"names {other.given.peer!r}" if other.given.peer else "names no peer"
        context.problem(request, "peer", f"{peer} {says}", f"the two ends name each other: 'peer: {request.id}'")
        return None
    mtu = request.given.mtu or MTU
    if (other.given.mtu or MTU) != mtu:
        context.problem(request, "mtu", f"{request.id} and {peer} have different MTUs", "a wire has one")
        return None
    first = next(name for name in context.requests if name in (request.id, peer)) == request.id
    return Pair(**context.common(request, mtu), peer=peer, makes=first)


def join(context: BuildContext) -> None:
    """Give the end that makes a pair the other's names; an end without the other is an error."""
    lab = context.lab
    for name in context.requests:
        link = lab.links.get(name)
        if not isinstance(link, Pair):
            continue
        other = lab.links.get(link.peer)
        if not isinstance(other, Pair):
            del lab.links[name]
            lab.file.broken.add(name)
        elif link.makes:
            lab.set(link, peer_ifname=other.ifname, peer_ifindex=other.ifindex, peer_mac=other.mac)


def check_settings(lab: Lab, link: Pair, settings: Settings, path: Path) -> None:
    """A pair has no port, and one MTU."""
    file = lab.file
    if settings.port is not None:
        where = file.where(*path, "port")
        file.problems.add(where, f"{link.id} is not plugged into a switch, so it has no port", "leave it out")
    if settings.mtu is not None:
        where = file.where(*path, "mtu")
        file.problems.add(where, f"the MTU of {link.id} is that of both ends", "give it to both when they are made")
