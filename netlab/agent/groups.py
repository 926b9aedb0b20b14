"""Whether IPv6 addresses are usable yet, and IPv4 groups reported. Before a host has joined an address's solicited-node
group, and while it checks whether another host has the address, others can't find it, and it can't ask for others."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from netlab.agent.netns import Netns

#: What every solicited-node group begins with (RFC 4291, 2.7.1), in the digits of /proc/net/igmp6.
_SOLICITED = "ff0200000000000000000001ff"


#: include/uapi/linux/if_addr.h
IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40


def idle(ns: Netns, addresses: Mapping[int, Iterable[str]]) -> set[int]:
    """The links, by ifindex, that haven't joined the groups of all their addresses (``ip/prefixlen``), or have a
    tentative one. Raises OSError.

    An address exists as soon as it was added. A worker joins its group and makes its local route (addrconf_dad_work,
    addrconf_join_solict). The worker needs the rtnl lock, so this takes longer while another lab is being taken down.
    Duplicate detection, where the file wants it, takes up to a second more than its transmissions (addrconf_dad_kick).
    It covers the link-local address, too, by which a router asks.
    """
    wanted = {index: {_group(one) for one in there if ":" in one} for index, there in addresses.items()}
    if not any(wanted.values()):
        return set()
    joined: dict[int, set[str]] = {}
    with ns, open("/proc/thread-self/net/igmp6") as file, open("/proc/thread-self/net/if_inet6") as addressed:
        for line in file:
            index, _name, group, *_ = line.split()
            joined.setdefault(int(index), set()).add(group)
        tentative = {_tentative(line) for line in addressed}
    return {
        index for index, groups in wanted.items()
        if groups and (index in tentative or not groups <= joined.get(index, set()))
    }  # fmt: skip


def _tentative(line: str) -> int:
    """The ifindex of an address in /proc/net/if_inet6 that is still checked for duplicates, else 0."""
    _address, index, _prefixlen, _scope, flags, _name = line.split()
    return int(index, 16) if int(flags, 16) & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == IFA_F_TENTATIVE else 0


def _group(address: str) -> str:
    return _SOLICITED + ipaddress.ip_interface(address).ip.packed[-3:].hex()


def is_one(end: str) -> bool:
    """Whether the other end of a tunnel is an IPv4 group."""
    return ":" not in end and 224 <= int(end.partition(".")[0]) < 240


def reporting(ns: Netns) -> bool:
    """Whether a group that tunnels have joined is still to be reported, of which switches would learn a MAC (IGMPv2:
    igmp_start_timer). Raises OSError."""
    with ns, open("/proc/thread-self/net/igmp") as file:
        # Below the line of an interface there is one for each group: its address, users, timer, and who reported last.
        return any(words[2].startswith("1:") for words in map(str.split, file) if len(words) == 4 and words[1] != ":")
