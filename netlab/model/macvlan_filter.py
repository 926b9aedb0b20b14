"""Which groups macvlan children hear, and which their parent takes at all."""

from __future__ import annotations

from netlab.model.sim import Unknown
from netlab.model.world import ALL_STATIONS, BROADCAST, IP4, IP6, Device, Frame, MacvlanPort


def hears(child: Device, frame: Frame) -> bool:
    """Whether a multicast passes the child's filter (macvlan_compute_filter).

    The filter is a hash of 256 bits, salted with the child's address in memory (macvlan_hash_mix). So sometimes a group
    that wasn't joined passes it, too.
    """
    # A bridge makes its ports promiscuous (br_add_if), and their filters are open. What sits on the child joins by it.
    if frame.cast == BROADCAST or child.member is not None or any(frame.dst in one.groups for one in child.above()):
        return True
    if addressed(child, frame):
        raise Unknown(f"{child.id} may hear the group {frame.dst}, though it hasn't joined it")
    return False


#: The kinds of parents that put their children's MACs on a filter (IFF_UNICAST_FLT; bond_setup, vlan_setup).
_FILTERING = ("bond", "vlan")


def filters(parent: Device, port: MacvlanPort) -> bool:
    """Whether the parent has a filter of groups, and doesn't take all of them (macvlan_compute_filter)."""
    open_ = parent.promisc or port.passthru is not None
    return bool(parent.kind in _FILTERING and not open_ and not any(one.promisc or one.member for one in port.order))


def crowded(port: MacvlanPort, frame: Frame) -> bool:
    """Whether a group is one that more children have joined than the port's limit, or has the hash of such a group, or
    of a broadcast (macvlan_compute_filter, mc_hash): 33:33:ff:00:00:08 has."""
    joined = [frozenset().union(*(one.groups for one in child.above())) for child in port.order]
    busy = {group for group in frozenset().union(*joined) if sum(group in one for one in joined) > port.bclim}
    return _hashed(frame.dst) in {_hashed(group) for group in (ALL_STATIONS, *busy)}


def _hashed(mac: str) -> int:
    """The bit of a MAC in a port's filter, which has no salt (mc_hash, hash_32)."""
    return (int.from_bytes(bytes.fromhex(mac.replace(":", ""))[2:], "little") * 0x61C88647 & 0xFFFFFFFF) >> 24


def addressed(child: Device, frame: Frame) -> bool:
    """Whether a frame carries a packet to an address of a child's namespace."""
    proto, payload = frame.proto, frame.payload
    local = child.domain.local4 if proto == IP4 else (*child.domain.local6, child.linklocal)
    return proto in (IP4, IP6) and payload.dst != 0 and payload.dst in local
