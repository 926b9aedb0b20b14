"""Cold state: no dynamic neighbour entry and no learned MAC anywhere in the lab.

One dump and one batch of deletions per namespace, over a socket that stays open, encoded by hand: this
runs before every wave (2 s with one ``ip neigh flush`` per namespace of a hundred, 0.07 s like this).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import TYPE_CHECKING

from netlab.agent import sysctl
from netlab.agent.netlink.socket import NLM_F_DUMP, NLM_F_REQUEST, Answer, attributes, header, nla
from netlab.agent.netns import Netns
from netlab.contract.types import Veth

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

RTM_NEWLINK, RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 16, 28, 29, 30
NUD_INCOMPLETE, NUD_PROBE, NUD_NOARP, NUD_PERMANENT = 0x01, 0x10, 0x40, 0x80
NDA_DST, NDA_LLADDR, NDA_NDM_STATE_MASK = 1, 2, 16
AF_BRIDGE, NTF_SELF, NTF_MASTER = 7, 0x02, 0x04
NLM_F_REPLACE, NLM_F_BULK, NLM_F_CREATE = 0x100, 0x200, 0x400
IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_BR_FDB_FLUSH = 18, 1, 2, 21

NDMSG = struct.Struct("=BxxxiHBB")
RTMSG = struct.Struct("=8BI")
RTM_DELROUTE, RTM_GETROUTE = 25, 26
RTM_F_CLONED = 0x200
_DUMP6 = header(
    RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, RTMSG.pack(socket.AF_INET6, 0, 0, 0, 0, 0, 0, 0, RTM_F_CLONED)
)
_DUMPS: dict[int, bytes] = {
    family: header(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, NDMSG.pack(family, 0, 0, 0, 0))
    for family in (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6)
}


def flush_neighbors(ns: Netns, family: int = socket.AF_UNSPEC, *, noarp: bool = False) -> bool:
    """Delete every neighbour entry that is neither permanent nor NOARP; whether packets may have waited for one.

    Those are given up with an error (neigh_invalidate), which may make others look for their senders. With ``family``
    only its own entries: the kernel walks a table for each. With ``noarp`` also NOARP ones, of broadcast and multicast
    addresses: what was one may be a neighbour's address now (arp_constructor), and they keep the header that was last
    sent to them, with a passthru child's old MAC when its parent's was changed (macvlan_sync_address tells nobody).
    """
    deletions = []
    awaited = False
    kept = NUD_PERMANENT if noarp else NUD_PERMANENT | NUD_NOARP
    for message in ns.netlink.dump(_DUMPS[family]):
        its, index, state, _flags, _kind = NDMSG.unpack_from(message, 16)
        if state & kept or its not in (socket.AF_INET, socket.AF_INET6):
            continue
        for kind, value in attributes(message, 28):
            if kind == NDA_DST:
                body = NDMSG.pack(its, index, 0, 0, 0) + nla(NDA_DST, bytes(value))
                deletions.append(header(RTM_DELNEIGH, NLM_F_REQUEST, body))
                awaited |= bool(state & (NUD_INCOMPLETE | NUD_PROBE))
                break
    if not deletions:
        return False
    # An entry may go by itself between the dump and its deletion.
    _check(ns.netlink.failures(deletions), "a neighbour entry cannot be deleted", errno.ENOENT)
    return awaited


def flush_exceptions(ns: Netns, four: bool, six: bool) -> None:
    """Forget what routers taught (redirects and path MTUs: fib_nh_exception, rt6_exception), for these families.

    One write does it for IPv4. For IPv6 it spares path MTUs until they expire (rt6_age_examine_exception), so each is
    deleted, as ``ip -6 route flush cache`` does.
    """
    if four:
        with ns:
            sysctl.write("net/ipv4/route/flush", "1")
    deletions = []
    for message in ns.netlink.dump(_DUMP6) if six else ():
        family, *_, flags = RTMSG.unpack_from(message, 16)
        if family == socket.AF_INET6 and flags & RTM_F_CLONED:
            deletions.append(header(RTM_DELROUTE, NLM_F_REQUEST, bytes(message[16:])))
    # An exception may expire between the dump and its deletion.
    _check(ns.netlink.failures(deletions), "what a router taught cannot be forgotten", errno.ESRCH)


def flush_fdb(ns: Netns, bridge: int) -> None:
    """Forget every learned MAC of a bridge (br_fdb_delete_bulk); static entries stay.

    A change of the link itself is what older kernels know, and it makes a bridge that is an interface of a host report
    its multicast groups anew (addrconf_notify): then everybody learns its MAC who was just made to forget it.
    """
    body = NDMSG.pack(AF_BRIDGE, bridge, 0, NTF_SELF, 0) + nla(
        NDA_NDM_STATE_MASK, struct.pack("=H", NUD_PERMANENT | NUD_NOARP)
    )
    if ns.netlink.failures([header(RTM_DELNEIGH, NLM_F_REQUEST | NLM_F_BULK, body)]):
        _flush_by_link(ns, bridge)


def _flush_by_link(ns: Netns, bridge: int) -> None:
    """The same before Linux 5.19 (br_fdb_flush)."""
    data = nla(IFLA_INFO_KIND, b"bridge\0") + nla(IFLA_INFO_DATA, nla(IFLA_BR_FDB_FLUSH, b""))
    body = struct.pack("=BxHiII", 0, 0, bridge, 0, 0) + nla(IFLA_LINKINFO, data)
    request = header(RTM_NEWLINK, NLM_F_REQUEST, body)
    _check(ns.netlink.failures([request]), "the forwarding table cannot be flushed")


def restore_fdb(lab: Lab) -> None:
    """Put every static entry back on its port: a port that learns takes even those along (br_fdb_update)."""
    for link in lab.state.links if lab.state is not None else ():
        if not isinstance(link, Veth) or not link.port.fdb or not link.port.attached:
            continue
        head = NDMSG.pack(AF_BRIDGE, link.port_ifindex, NUD_NOARP, NTF_MASTER, 0)
        requests = [
            header(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, head + nla(NDA_LLADDR, mac))
            for mac in (bytes.fromhex(text.replace(":", "")) for text in link.port.fdb)
        ]
        _check(lab.namespaces[link.port_namespace].netlink.failures(requests), "a static entry cannot be put back")


def _check(failures: list[Answer], what: str, *allowed: int) -> None:
    for failure in failures:
        if failure.errno not in allowed:
            raise OSError(failure.errno, f"{what}: {failure.message or os.strerror(failure.errno)}")
