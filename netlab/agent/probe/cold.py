"""Cold state: no dynamic neighbour entry and no learned MAC anywhere in the lab.

One dump and one batch of deletions per namespace, over a socket that stays open: this runs before every
wave (2 s with one ``ip neigh flush`` per namespace of a hundred, 0.07 s like this).
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING

from netlab.agent import sysctl
from netlab.agent.netlink import constants as nl
from netlab.agent.netlink import dumps, fdb_entry, fdb_flush, neighbors, set_kind, tunnel_deletion
from netlab.agent.netns import Netns
from netlab.contract.types import State, nics

if TYPE_CHECKING:
    from netlab.agent.lab import Lab


def flush_neighbors(ns: Netns, family: int = socket.AF_UNSPEC, *, noarp: bool = False) -> bool:
    """Delete every neighbour entry that is neither permanent nor NOARP; returns whether packets may have waited for
    one.

    Waiting packets end with an error (neigh_invalidate), which may make hosts look for the packets' senders.

    ``family`` limits it to that family's entries: the kernel has a table for each. ``noarp`` deletes NOARP entries,
    too, which broadcast and multicast addresses have. After a step such an address may be a neighbour's
    (arp_constructor). They also cache the header that was last sent to them: after a change of the parent's MAC it has
    a passthru child's old one (macvlan_sync_address sends no notification).
    """
    kept = nl.NUD_PERMANENT if noarp else nl.NUD_PERMANENT | nl.NUD_NOARP
    entries = neighbors.read(ns.netlink, family, without=kept)
    # An entry may go by itself between the dump and its deletion.
    ns.netlink.carry_out(
        [neighbors.deletion(entry.ifindex, entry.ip) for entry in entries],
        "a neighbour entry cannot be deleted",
        allowed={errno.ENOENT},
    )
    return any(entry.state & (nl.NUD_INCOMPLETE | nl.NUD_PROBE) for entry in entries)


def forget(ns: Netns, entries: Iterable[tuple[int, bytes]]) -> None:
    """Delete these neighbour entries (the index of an interface, a packed address), as far as they are there.

    The kernel walks its whole table for a dump, which has room for all entries that this machine has ever had at once,
    of all namespaces (neigh_hash_grow; it never shrinks). It finds one entry at once.
    """
    requests = [neighbors.deletion(index, ip) for index, ip in entries]
    ns.netlink.carry_out(requests, "a neighbour entry cannot be deleted", allowed={errno.ENOENT})


def flush_exceptions(ns: Netns, four: bool, six: bool) -> None:
    """Delete redirects and path MTUs (fib_nh_exception, rt6_exception) of these families.

    For IPv4 one write to a sysctl does it. For IPv6 that spares path MTUs until they expire
    (rt6_age_examine_exception), so each is deleted, as ``ip -6 route flush cache`` does.
    """
    if four:
        with ns:
            sysctl.write("net/ipv4/route/flush", "1")
    if six:
        deletions = list(dumps.exceptions(ns.netlink))
        # An exception may expire between the dump and its deletion.
        ns.netlink.carry_out(deletions, "what a router taught cannot be forgotten", allowed={errno.ESRCH})


def flush_fdb(ns: Netns, bridge: int) -> None:
    """Forget every learned MAC of a bridge (br_fdb_delete_bulk); static entries stay.

    Older kernels can only do it by a change of the link. That makes a bridge that is an interface of a host report its
    multicast groups again (addrconf_notify), and other bridges learn its MAC again.
    """
    if ns.netlink.failures([fdb_flush(bridge)]):
        _flush_by_link(ns, bridge)


def _flush_by_link(ns: Netns, bridge: int) -> None:
    """The same before Linux 5.19 (br_fdb_flush)."""
    request = set_kind("", bridge, "", "bridge", {"IFLA_BR_FDB_FLUSH": b""}, "fdb_flush")
    ns.netlink.carry_out([request.message], "the forwarding table cannot be flushed")


def flush_learned(ns: Netns, indexes: Set[int]) -> None:
    """Forget every MAC that these links have learned by themselves (vxlan_snoop); entries of the file stay."""
    found = [
        tunnel_deletion(index, got["NDA_LLADDR"])
        for index, state, flags, got in dumps.fdb(ns.netlink)
        if index in indexes and flags & nl.NTF_SELF and not state & (nl.NUD_PERMANENT | nl.NUD_NOARP)
    ]
    # It may have been learned anew, or aged, since.
    ns.netlink.carry_out(found, "what a tunnel has learned cannot be forgotten", allowed={errno.ENOENT})


def flush_bridges(lab: Lab) -> None:
    """Forget every MAC that the bridges of a lab have learned; static entries are on their ports again."""
    for bridge in lab.bridges.values():
        flush_fdb(lab.namespaces[bridge.namespace], bridge.ifindex)
    restore_fdb(lab.namespaces, lab.state)


def restore_fdb(namespaces: Mapping[str, Netns], state: State | None) -> None:
    """Put every static entry back on its port: a port that learns may have taken it (br_fdb_update)."""
    for veth in nics(state.links) if state is not None else ():
        if veth.port.fdb and veth.port.attached:
            ns, index, dev = veth.port_namespace, veth.port_ifindex, veth.port_ifname
            requests = [fdb_entry("replace", ns, index, dev, mac).message for mac in veth.port.fdb]
            namespaces[ns].netlink.carry_out(requests, "a static entry cannot be put back")
