"""The attributes of rtnetlink that netlab uses: one table for each level of nesting.

Names, numbers and types as in the kernel's headers, include/uapi/linux; policies as in the kernel of 6.18.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from netlab.agent.netlink.constants import RTNEXTHOP
from netlab.agent.netlink.forms import (
    BE16,
    ENCODED,
    IP,
    MAC,
    S32,
    STRING,
    U8,
    U16,
    U32,
    U64,
    ByKind,
    Bytes,
    Form,
    Table,
    decode,
    each,
    encode,
    nested,
)

NLA_F_NESTED = 0x8000

# linux/if_link.h, enum IFLA_BR_*; times in 1/100 s
BRIDGE = Table(
    {
        "IFLA_BR_FORWARD_DELAY": (1, U32),
        "IFLA_BR_AGEING_TIME": (4, U32),
        "IFLA_BR_STP_STATE": (5, U32),
        # A flag: it is there or isn't.
        "IFLA_BR_FDB_FLUSH": (21, ENCODED),
        "IFLA_BR_VLAN_FILTERING": (7, U8),
        "IFLA_BR_MCAST_SNOOPING": (23, U8),
        "IFLA_BR_VLAN_DEFAULT_PVID": (39, U16),
        "IFLA_BR_FDB_MAX_LEARNED": (49, U32),
    }
)

# linux/if_link.h, enum IFLA_BRPORT_*
BRIDGE_PORT = Table(
    {
        "IFLA_BRPORT_STATE": (1, U8),
        "IFLA_BRPORT_MODE": (4, U8),
        "IFLA_BRPORT_LEARNING": (8, U8),
        "IFLA_BRPORT_UNICAST_FLOOD": (9, U8),
        "IFLA_BRPORT_PROXYARP": (10, U8),
        "IFLA_BRPORT_PROXYARP_WIFI": (12, U8),
        "IFLA_BRPORT_MCAST_FLOOD": (27, U8),
        "IFLA_BRPORT_BCAST_FLOOD": (30, U8),
        "IFLA_BRPORT_NEIGH_SUPPRESS": (32, U8),
        "IFLA_BRPORT_ISOLATED": (33, U8),
        "IFLA_BRPORT_LOCKED": (39, U8),
        "IFLA_BRPORT_MAB": (40, U8),
    }
)

#: What a message of AF_BRIDGE holds of VLANs (linux/if_bridge.h, enum IFLA_BRIDGE_*).
BRIDGE_SPEC = Table(
    {
        "IFLA_AF_SPEC": (
            26,
            nested(Table({"IFLA_BRIDGE_FLAGS": (0, U16), "IFLA_BRIDGE_VLAN_INFO": (2, ENCODED)})),
        )
    }
)

# linux/if_link.h, enum IFLA_MACVLAN_*
MACVLAN = Table(
    {
        "IFLA_MACVLAN_MODE": (1, U32),
        "IFLA_MACVLAN_FLAGS": (2, U16),
        "IFLA_MACVLAN_MACADDR_MODE": (3, U32),
        # Each in an IFLA_MACVLAN_MACADDR.
        "IFLA_MACVLAN_MACADDR_DATA": (5, each(4, MAC)),
        "IFLA_MACVLAN_BC_QUEUE_LEN": (7, U32),
        "IFLA_MACVLAN_BC_CUTOFF": (9, S32),
    }
)

# linux/veth.h
VETH = Table({"VETH_INFO_PEER": (1, ENCODED)})

#: What IFLA_INFO_DATA holds, by the kernel's name of the kind. The module of a kind may add its own (`link_data`).
_LINK_DATA: dict[str, Form] = {
    "bridge": nested(BRIDGE),
    "macvlan": nested(MACVLAN),
    "macvtap": nested(MACVLAN),
    "veth": nested(VETH),
}


def link_data(kind: str, table: Table) -> None:
    """Say what IFLA_INFO_DATA holds of a kind of link."""
    _LINK_DATA[kind] = nested(table)


#: What IFLA_INFO_SLAVE_DATA holds of a member, by the kind of its master; see `member_data`.
_MEMBER_DATA: dict[str, Form] = {"bridge": nested(BRIDGE_PORT)}


def member_data(kind: str, table: Table) -> None:
    """Say what IFLA_INFO_SLAVE_DATA holds of members of a kind of link."""
    _MEMBER_DATA[kind] = nested(table)


# linux/if_link.h, enum IFLA_INFO_*
LINKINFO = Table(
    {
        "IFLA_INFO_KIND": (1, STRING),
        "IFLA_INFO_DATA": (
            2,
            ByKind("IFLA_INFO_KIND", _LINK_DATA),
        ),
        "IFLA_INFO_SLAVE_KIND": (4, STRING),
        "IFLA_INFO_SLAVE_DATA": (5, ByKind("IFLA_INFO_SLAVE_KIND", _MEMBER_DATA)),
    }
)

# linux/if_link.h, enum IFLA_*; behind struct ifinfomsg
LINK = Table(
    {
        "IFLA_ADDRESS": (1, MAC),
        "IFLA_IFNAME": (3, STRING),
        "IFLA_MTU": (4, U32),
        "IFLA_LINK": (5, U32),
        "IFLA_QDISC": (6, STRING),
        "IFLA_MASTER": (10, U32),
        # Without the flag it would be a port's state alone (br_setlink).
        "IFLA_PROTINFO": (12, nested(BRIDGE_PORT, NLA_F_NESTED)),
        "IFLA_OPERSTATE": (16, U8),
        "IFLA_LINKINFO": (18, nested(LINKINFO)),
        "IFLA_NET_NS_FD": (28, U32),
        "IFLA_EXT_MASK": (29, U32),
        "IFLA_PROMISCUITY": (30, U32),
        "IFLA_CARRIER": (33, U8),
        "IFLA_LINK_NETNSID": (37, S32),
        # Each in an IFLA_ALT_IFNAME. The flag must be there: rtnl_linkprop validates strictly.
        "IFLA_PROP_LIST": (52, each(53, STRING, NLA_F_NESTED)),
    }
)

# linux/if_addr.h, behind struct ifaddrmsg
ADDRESS = Table(
    {
        "IFA_ADDRESS": (1, IP),
        "IFA_LOCAL": (2, IP),
        "IFA_BROADCAST": (4, IP),
        "IFA_FLAGS": (8, U32),
    }
)

# linux/neighbour.h, behind struct ndmsg
NEIGHBOR = Table(
    {
        "NDA_DST": (1, IP),
        "NDA_LLADDR": (2, MAC),
        "NDA_VLAN": (5, U16),
        "NDA_PORT": (6, BE16),
        "NDA_VNI": (7, U32),
        "NDA_IFINDEX": (8, U32),
        "NDA_MASTER": (9, U32),
        "NDA_NDM_STATE_MASK": (16, U16),
    }
)

# linux/neighbour.h, enum NDTPA_*; times in ms
NEIGHBOR_PARAMETERS = Table(
    {
        "NDTPA_IFINDEX": (1, U32),
        "NDTPA_APP_PROBES": (9, U32),
        "NDTPA_PROXY_DELAY": (13, U64),
    }
)

# linux/neighbour.h, enum NDTA_*, behind struct ndtmsg
NEIGHBOR_TABLE = Table(
    {
        "NDTA_NAME": (1, STRING),
        "NDTA_PARMS": (6, nested(NEIGHBOR_PARAMETERS, NLA_F_NESTED)),
        # struct ndt_stats
        "NDTA_STATS": (7, ENCODED),
    }
)

# linux/pkt_sched.h, enum TCA_TBF_*
TBF = Table(
    {
        # struct tc_tbf_qopt
        "TCA_TBF_PARMS": (1, ENCODED),
        "TCA_TBF_RATE64": (4, U64),
        "TCA_TBF_BURST": (6, U32),
    }
)

# linux/pkt_sched.h, enum TCA_HTB_*
HTB = Table(
    {
        # struct tc_htb_opt
        "TCA_HTB_PARMS": (1, ENCODED),
        # struct tc_htb_glob
        "TCA_HTB_INIT": (2, ENCODED),
        "TCA_HTB_RATE64": (6, U64),
        "TCA_HTB_CEIL64": (7, U64),
    }
)

# linux/rtnetlink.h, enum TCA_*, behind struct tcmsg
QDISC = Table(
    {
        "TCA_KIND": (1, STRING),
        "TCA_OPTIONS": (
            2,
            ByKind("TCA_KIND", {"tbf": nested(TBF), "htb": nested(HTB), "bfifo": U32, "netem": ENCODED}),
        ),
        # struct tc_stats
        "TCA_STATS": (3, ENCODED),
    }
)

#: What stands behind each struct rtnexthop.
_NEXTHOP = Table({"RTA_GATEWAY": (5, IP)})


class Way(NamedTuple):
    """Where a route leads: gateway, ifindex (0: none), RTNH_F_*, and the weight from 1 on."""

    via: str | None
    ifindex: int
    flags: int
    weight: int = 1


def _pack_ways(ways: Iterable[Way]) -> bytes:
    found = bytearray()
    for way in ways:
        gateway = encode(_NEXTHOP, {"RTA_GATEWAY": way.via})
        found += RTNEXTHOP.pack(RTNEXTHOP.size + len(gateway), way.flags, way.weight - 1, way.ifindex) + gateway
    return bytes(found)


def _unpack_ways(data: Bytes) -> list[Way]:
    found = []
    while data:
        length, flags, hops, index = RTNEXTHOP.unpack_from(data)
        got = decode(_NEXTHOP, data[:length], RTNEXTHOP.size)
        found.append(Way(got.get("RTA_GATEWAY"), index, flags, hops + 1))
        data = data[-(-length // 4) * 4 :]
    return found


# linux/rtnetlink.h, enum rtattr_type_t; behind struct rtmsg
ROUTE = Table(
    {
        "RTA_DST": (1, IP),
        "RTA_OIF": (4, U32),
        "RTA_GATEWAY": (5, IP),
        "RTA_PRIORITY": (6, U32),
        "RTA_PREFSRC": (7, IP),
        "RTA_MULTIPATH": (9, Form(_pack_ways, _unpack_ways)),
        "RTA_TABLE": (15, U32),
    }
)


def ways_of(route: Mapping[str, Any], flags: int = 0) -> list[Way]:
    """Where a decoded route leads; ``flags`` are those of its header, which say of a single way what it is."""
    single = Way(route.get("RTA_GATEWAY"), route.get("RTA_OIF", 0), flags)
    return route.get("RTA_MULTIPATH") or [single]


# linux/fib_rules.h, behind struct fib_rule_hdr
RULE = Table(
    {
        "FRA_DST": (1, IP),
        "FRA_SRC": (2, IP),
        "FRA_IIFNAME": (3, STRING),
        "FRA_PRIORITY": (6, U32),
        "FRA_FWMARK": (10, U32),
        "FRA_TABLE": (15, U32),
        "FRA_FWMASK": (16, U32),
        "FRA_OIFNAME": (17, STRING),
    }
)
