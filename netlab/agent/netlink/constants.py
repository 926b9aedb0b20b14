"""The numbers of rtnetlink that netlab uses, by the kernel's names, and the headers of its messages.

From include/uapi/linux: rtnetlink.h, netlink.h, if.h, if_link.h, if_addr.h, neighbour.h, fib_rules.h, pkt_sched.h.
"""

from __future__ import annotations

import struct

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC = 36, 37, 38
RTM_NEWTCLASS = 40
RTM_GETNEIGHTBL, RTM_SETNEIGHTBL = 66, 67
RTM_NEWLINKPROP = 108

NLM_F_REQUEST, NLM_F_ACK = 0x1, 0x4
#: Of requests that make or change something.
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
#: Of requests that delete something.
NLM_F_BULK = 0x200
#: Of requests that ask for something.
NLM_F_DUMP = 0x300
#: Of answers.
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200

AF_BRIDGE = 7
IFF_UP = 0x1
#: The other flags by the words of ip-link(8), which says ``arp`` of what IFF_NOARP says the opposite of.
IFF = {"arp": 0x80, "promisc": 0x100, "allmulticast": 0x200, "multicast": 0x1000}
IFA_F_NODAD, IFA_F_NOPREFIXROUTE = 0x02, 0x200
RTEXT_FILTER_SKIP_STATS = 1 << 3
NUD_INCOMPLETE, NUD_STALE, NUD_PROBE, NUD_NOARP, NUD_PERMANENT = 0x01, 0x04, 0x10, 0x40, 0x80
NTF_SELF, NTF_MASTER = 0x02, 0x04
FR_ACT_TO_TBL = 1
RT_TABLE_COMPAT, RT_TABLE_LOCAL = 252, 255
RTPROT_REDIRECT, RTPROT_KERNEL, RTPROT_BOOT = 1, 2, 3
#: RTN_*, by the words of ip-route(8).
RTN = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8}
ROUTE_TYPES = {number: word for word, number in RTN.items()}
RTNH_F_ONLINK = 0x4
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_NOWHERE = 0, 253, 255
RTM_F_CLONED = 0x200
TC_H_ROOT = 0xFFFFFFFF

#: What stands before the body of each message, struct nlmsghdr: length, type, flags, sequence number, port.
NLMSGHDR = struct.Struct("=LHHLL")
#: struct ifinfomsg: family, type, index, flags, which of the flags to change.
IFINFOMSG = struct.Struct("=BxHiII")
#: struct bridge_vlan_info (linux/if_bridge.h): flags, VLAN.
BRIDGE_VLAN_INFO = struct.Struct("=HH")
BRIDGE_VLAN_INFO_PVID, BRIDGE_VLAN_INFO_UNTAGGED = 0x2, 0x4
BRIDGE_FLAGS_SELF = 2
#: Of a dump of links: the VLANs of bridge ports.
RTEXT_FILTER_BRVLAN = 0x2
#: struct ifaddrmsg: family, prefixlen, flags, scope, index.
IFADDRMSG = struct.Struct("=BBBBI")
#: struct ndmsg: family, ifindex, state, flags, type.
NDMSG = struct.Struct("=BxxxiHBB")
#: struct ndtmsg: family.
NDTMSG = struct.Struct("=Bxxx")
#: struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
RTMSG = struct.Struct("=BBBBBBBBI")
#: struct rtnexthop: length with the attributes that follow, flags, weight less one, ifindex.
RTNEXTHOP = struct.Struct("=HBBi")
#: struct fib_rule_hdr: family, dst_len, src_len, tos, table, two reserved, action, flags.
FIB_RULE_HDR = struct.Struct("=BBBBBxxBI")
#: struct tcmsg: family, ifindex, handle, parent, info.
TCMSG = struct.Struct("=BxxxiIII")
