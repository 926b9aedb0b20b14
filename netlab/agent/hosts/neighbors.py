"""Neighbour entries of a real machine: only the topology's own addresses are ever touched."""

from __future__ import annotations

import errno
import ipaddress

from netlab.agent.netlink import Socket, neighbors
from netlab.agent.netlink.constants import NUD_NOARP, NUD_PERMANENT, NUD_STALE
from netlab.contract.dataclass import dataclass


@dataclass(frozen=True)
class Entry:
    """One entry: of which interface, for which address, with which MAC ('' where it has none), in which state."""

    index: int
    ip: str
    mac: str
    state: int


def entries(netlink: Socket) -> list[Entry]:
    """Every neighbour entry of the socket's namespace, NOARP ones left out."""
    return [
        Entry(entry.ifindex, str(ipaddress.ip_address(entry.ip)), entry.mac.hex(":"), entry.state)
        for entry in neighbors.read(netlink)
    ]


def forget(netlink: Socket, mine: dict[int, set[str]], *, permanent: bool = False) -> None:
    """Delete the entries of these addresses at these interfaces, permanent ones only if asked for. Raises OSError."""
    requests = [
        neighbors.deletion(entry.ifindex, entry.ip)
        for entry in neighbors.read(netlink, without=NUD_NOARP if permanent else NUD_NOARP | NUD_PERMANENT)
        if str(ipaddress.ip_address(entry.ip)) in mine.get(entry.ifindex, ())
    ]
    netlink.carry_out(requests, allowed={errno.ENOENT, errno.ENODEV})


def restore(netlink: Socket, before: list[Entry]) -> None:
    """Put entries back: a permanent one as it was, any other as STALE (its age isn't known). Raises OSError."""
    requests = []
    for entry in before:
        if entry.mac:
            state = NUD_PERMANENT if entry.state & NUD_PERMANENT else NUD_STALE
            ip = ipaddress.ip_address(entry.ip).packed
            said = neighbors.of(ip) + neighbors.says(bytes.fromhex(entry.mac.replace(":", "")))
            requests.append(neighbors.put(entry.index, neighbors.family_of(ip), state, len(said)) + said)
    netlink.carry_out(requests, allowed={errno.ENODEV, errno.ENETDOWN})
