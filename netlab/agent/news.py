"""What the kernel has of a namespace now: whatever programs have changed there, as plain values for the front.

Sysctls are compared with those that were there before the first program: only what has changed is told.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

from netlab.agent import compare, readback, switching
from netlab.agent.links.bridge import OPTIONS
from netlab.agent.netlink import constants as nl
from netlab.agent.netlink import dumps, neighbors
from netlab.agent.netlink.attributes import ROUTE, RULE, ways_of
from netlab.agent.netlink.forms import decode
from netlab.agent.netlink.socket import attributes
from netlab.agent.netns import Netns
from netlab.contract.types import State

#: Selectors of rules that no plan has, by number (include/uapi/linux/fib_rules.h).
_STRANGE = {4: "goto", 12: "tun_id", 13: "suppress", 14: "suppress_prefixlength", 20: "uidrange", 22: "ipproto",
            23: "sport", 24: "dport"}  # fmt: skip
FRA_L3MDEV, FRA_PROTOCOL = 19, 21
#: include/uapi/linux/netlink.h
NETLINK_NETFILTER = 12
#: The same of routes (include/uapi/linux/rtnetlink.h).
_ODD = {18: "a gateway of the other family", 21: "an encapsulation", 8: "metrics of its own"}
#: The rules that every namespace has (fib_default_rules_init): family, priority and table.
_DEFAULT = {(4, 0, 255), (4, 32766, 254), (4, 32767, 253), (6, 0, 255), (6, 32766, 254)}
#: The sysctls that decide which packets pass: of each interface, and of the namespace.
_CONF = {
    "net/ipv4/conf": (
        "accept_local", "arp_announce", "arp_filter", "arp_ignore", "forwarding", "ignore_routes_with_linkdown",
        "promote_secondaries", "proxy_arp", "route_localnet", "rp_filter", "send_redirects", "accept_redirects",
    ),
    "net/ipv6/conf": ("disable_ipv6", "forwarding"),
}  # fmt: skip
#: What is compared by itself, in words.
_TOLD = ("ARP", "mtu", "MAC", "master", "addresses", *nl.IFF, *OPTIONS)
_WIDE = ("net/ipv4/icmp_echo_ignore_all", "net/ipv4/ip_forward", "net/ipv6/icmp/echo_ignore_all")


def read(ns: Netns, state: State) -> dict[str, Any]:
    """Links and addresses by ifindex, routes, rules, static neighbours, what bridges forward by, changed sysctls; the
    ruleset, if it changed; and what else isn't as the state says: the link, what, and what it is."""
    links = readback.read_links(ns)
    now = settings(ns)
    # The port of a wire is in another namespace.
    mine = [link for link in state.links_of(ns.id) if link.ifindex in links and link.port_place is None]
    return {
        "links": {str(index): link for index, link in links.items()},
        "differs": [
            [link.id, what, str(got)] for link in mine
            for what, want, got in compare.checks(link, {"addresses": [], **links[link.ifindex]})
            if want != got and what not in _TOLD
        ],
        "addresses": list(_addresses(ns)),
        "routes": [route for family in (4, 6) for route in _routes(ns, family)],
        "rules": [rule for family in (4, 6) for rule in _rules(ns, family)],
        "neighbors": [
            [one.ifindex, str(ipaddress.ip_address(one.ip)), one.mac.hex(":")]
            for one in neighbors.read(ns.netlink) if one.state & nl.NUD_PERMANENT and one.mac
        ],
        "sysctls": {path: value for path, value in now.items() if ns.settings.get(path, value) != value},
        "new_sysctls": {path: value for path, value in now.items() if path not in ns.settings or "/default/" in path},
        **switching.read(ns, links),
        "nftables": ruleset(ns) if generation(ns) != ns.generation else None,
    }  # fmt: skip


def visit(ns: Netns) -> None:
    """A program or a socket of the user's is about to be in a namespace."""
    if not ns.visited:
        remember(ns)
        ns.visited = True


def remember(ns: Netns) -> None:
    """Take what is there now for what the plan has made."""
    ns.settings = settings(ns)
    ns.generation = generation(ns)


def settings(ns: Netns) -> dict[str, str]:
    """The sysctls that decide, by path below /proc/sys."""
    found: dict[str, str] = {}

    def look(path: str) -> None:
        try:
            with open(f"/proc/sys/{path}") as file:
                found[path] = file.read().strip()
        except OSError:
            # Gone with its interface, or not of this kernel.
            return

    with ns:
        for folder, names in _CONF.items():
            try:
                interfaces = os.listdir(f"/proc/sys/{folder}")
            except OSError:
                continue
            for interface in interfaces:
                for name in names:
                    look(f"{folder}/{interface}/{name}")
        for path in _WIDE:
            look(path)
    return found


def _addresses(ns: Netns) -> Iterator[dict[str, Any]]:
    for address in dumps.addresses(ns.netlink):
        odd = ""
        if address.far:
            odd = f"the other end is {address.far}"
        elif address.flags & nl.IFA_F_NOPREFIXROUTE:
            odd = "noprefixroute"
        yield {"ifindex": address.ifindex, "address": address.own, "odd": odd}


def _routes(ns: Netns, family: int) -> Iterator[dict[str, Any]]:
    """The routes that the kernel hasn't made by itself."""
    everywhere = "::" if family == 6 else "0.0.0.0"
    for data in ns.netlink.dump(dumps.ROUTES[family == 6]):
        its, length, source, tos, _, protocol, _, kind, flags = nl.RTMSG.unpack_from(data, 16)
        got = decode(ROUTE, data, 28)
        table = got["RTA_TABLE"]
        made = protocol in (nl.RTPROT_KERNEL, nl.RTPROT_REDIRECT) or flags & nl.RTM_F_CLONED
        if made or table == nl.RT_TABLE_LOCAL or its != (socket.AF_INET6 if family == 6 else socket.AF_INET):
            continue
        to = f"{got.get('RTA_DST', everywhere)}/{length}"
        numbers = {number for number, _ in attributes(data, 28)}
        odd = [word for number, word in _ODD.items() if number in numbers]
        odd += (["tos"] if tos else []) + (["a source prefix"] if source else [])
        if kind not in nl.ROUTE_TYPES:
            odd.append(f"type {kind}")
        yield {
            "to": to, "table": table, "metric": got.get("RTA_PRIORITY", 0),
            "type": nl.ROUTE_TYPES.get(kind, "unicast"), "src": got.get("RTA_PREFSRC"), "odd": ", ".join(odd),
            "ways": [
                {"via": way.via, "ifindex": way.ifindex, "weight": way.weight,
                 "onlink": bool(way.flags & nl.RTNH_F_ONLINK)}
                for way in ways_of(got, flags)
            ],
        }  # fmt: skip


def _rules(ns: Netns, family: int) -> Iterator[dict[str, Any]]:
    for data in ns.netlink.dump(dumps.RULES[family == 6]):
        _its, to_length, from_length, tos, table, action, flags = nl.FIB_RULE_HDR.unpack_from(data, 16)
        got = decode(RULE, data, 28)
        numbers = {number for number, _ in attributes(data, 28)}
        table, priority = got.get("FRA_TABLE", table), got.get("FRA_PRIORITY", 0)
        if (family, priority, table) in _DEFAULT:
            continue
        if FRA_L3MDEV in numbers and _made_by(data) == nl.RTPROT_KERNEL:
            # It comes with the first VRF (vrf_add_fib_rules), and leads nowhere where there is none.
            continue
        odd = [word for number, word in _STRANGE.items() if number in numbers and not _unset(number, data)]
        odd += (["tos"] if tos else []) + (["not"] if flags & 2 else []) + (["l3mdev"] if FRA_L3MDEV in numbers else [])
        odd += [f"action {action}"] if action != nl.FR_ACT_TO_TBL else []
        yield {
            "family": family, "table": table, "priority": priority, "odd": ", ".join(odd),
            "from": f"{got['FRA_SRC']}/{from_length}" if "FRA_SRC" in got else None,
            "to": f"{got['FRA_DST']}/{to_length}" if "FRA_DST" in got else None,
            "iif": got.get("FRA_IIFNAME"), "oif": got.get("FRA_OIFNAME"),
            # A mark of 0 is left out, its mask isn't (fib_nl_fill_rule).
            "fwmark": [got.get("FRA_FWMARK", 0), got["FRA_FWMASK"]] if got.get("FRA_FWMASK") else None,
        }  # fmt: skip


def _made_by(data: memoryview) -> int:
    """A rule's RTPROT_…: the kernel, or a program."""
    return next((value[0] for number, value in attributes(data, 28) if number == FRA_PROTOCOL), 0)


def _unset(number: int, data: memoryview) -> bool:
    """Whether an attribute holds -1, which every rule has (fib_nl_fill_rule)."""
    return any(kind == number and bytes(value) == b"\xff" * 4 for kind, value in attributes(data, 28))


_GETGEN = struct.pack("=IHHIIBBH", 20, 10 << 8 | 16, 1, 0, 0, 0, 0, 0)


def generation(ns: Netns) -> int:
    """A number that counts the changes of a namespace's nftables (NFT_MSG_GETGEN); 0 where the kernel has none."""
    try:
        with ns, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as sock:
            sock.send(_GETGEN)
            data = sock.recv(4096)
    except OSError:
        return 0
    # struct nlmsghdr, struct nfgenmsg, NFTA_GEN_ID in network byte order
    if len(data) < 28 or struct.unpack_from("=H", data, 4)[0] & 0xFF != 15:
        return 0
    number: int = struct.unpack_from("!I", data, 24)[0]
    return number


def ruleset(ns: Netns) -> str:
    """The ruleset as nft lists it. Raises OSError where nft can't be run."""
    return ns.run(["nft", "list", "ruleset"]).stdout
