"""Whether IPv6 addresses are at work: who doesn't listen to an address's solicited-node group is never found."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from netlab.agent.netns import Netns

#: What every solicited-node group begins with (RFC 4291, 2.7.1), in the digits of /proc/net/igmp6.
_SOLICITED = "ff0200000000000000000001ff"


def deaf(ns: Netns, addresses: Mapping[int, Iterable[str]]) -> set[int]:
    """The links, by ifindex, that haven't joined the groups of all their addresses (``ip/prefixlen``). Raises OSError.

    An address is there as soon as it was asked for, but its group is joined and its local route made by a worker that
    needs the rtnl lock (addrconf_dad_work, addrconf_join_solict), so later, if another lab is being taken down.
    """
    wanted = {index: {_group(one) for one in there if ":" in one} for index, there in addresses.items()}
    if not any(wanted.values()):
        return set()
    joined: dict[int, set[str]] = {}
    with ns, open("/proc/thread-self/net/igmp6") as file:
        for line in file:
            index, _name, group, *_ = line.split()
            joined.setdefault(int(index), set()).add(group)
    return {index for index, groups in wanted.items() if not groups <= joined.get(index, set())}


def _group(address: str) -> str:
    return _SOLICITED + ipaddress.ip_interface(address).ip.packed[-3:].hex()
