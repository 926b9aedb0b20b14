"""The sysctls of a namespace: the kernel's compiled defaults, and what else a write changes.

A new namespace inherits IPv4 settings from the machine (devinet_init_net), so every sysctl that the model follows is
written. The order is that of writing: ip_forward and ``all`` reset others, so they come first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: net/ipv4/devinet.c: ipv4_devconf and ipv4_devconf_dflt. What is not 0 is given.
_V4 = {
    "accept_local": 0,
    "accept_redirects": 1,
    "accept_source_route": 0,
    "arp_accept": 0,
    "arp_announce": 0,
    "arp_evict_nocarrier": 1,
    "arp_filter": 0,
    "arp_ignore": 0,
    "arp_notify": 0,
    "bc_forwarding": 0,
    "drop_gratuitous_arp": 0,
    "drop_unicast_in_l2_multicast": 0,
    "ignore_routes_with_linkdown": 0,
    "log_martians": 0,
    "medium_id": 0,
    "promote_secondaries": 0,
    "proxy_arp": 0,
    "proxy_arp_pvlan": 0,
    "route_localnet": 0,
    "rp_filter": 0,
    "secure_redirects": 1,
    "send_redirects": 1,
    "shared_media": 1,
    "src_valid_mark": 0,
}
#: IPv6 settings other than the compiled defaults (net/ipv6/addrconf.c): without duplicate detection an address is
#: usable at once, and without router solicitations only the probes send.
_V6_DEFAULT = {
    "disable_ipv6": 1,
    "accept_dad": 0,
    "router_solicitations": 0,
    "accept_ra": 0,
    "keep_addr_on_down": 0,
    "proxy_ndp": 0,
    "ndisc_notify": 0,
    # Version 1 reports multicast groups at once; version 2 does so two ticks later, among the first probes.
    "force_mld_version": 1,
    # The second report of a group comes at random within this many milliseconds: a day.
    "mldv1_unsolicited_report_interval": 86_400_000,
    "mldv2_unsolicited_report_interval": 86_400_000,
}

IP_FORWARD = "net/ipv4/ip_forward"
#: Two names of one value.
FORWARD4 = (IP_FORWARD, "net/ipv4/conf/all/forwarding")
_FORWARD6 = "net/ipv6/conf/all/forwarding"
_DISABLE6 = "net/ipv6/conf/all/disable_ipv6"
#: A bridge that snoops joins 224.0.0.106 when it comes up. It would report that two ticks later, among the first
#: probes, and again at random within a second (br_multicast_join_snoopers, igmp_ifc_start_timer).
_GROUP_REPORTS = "net/ipv4/igmp_link_local_mcast_reports"
#: How a host reports the IPv4 groups that it has joined.
REPORTS4 = ("net/ipv4/conf/all/force_igmp_version", "net/ipv4/igmp_qrv")
_V4_DEFAULT = "net/ipv4/conf/default/"
_INTERFACE = re.compile(r"(net/ipv[46]/(?:conf|neigh)/)([^/]+)(/.+)")


def _compiled() -> dict[str, str]:
    values: dict[str, str] = {IP_FORWARD: "0", "net/ipv4/conf/all/forwarding": "0"}
    values |= {f"net/ipv4/conf/all/{key}": str(value) for key, value in _V4.items()}
    values["net/ipv4/conf/default/forwarding"] = "0"
    values |= {f"net/ipv4/conf/default/{key}": str(value) for key, value in _V4.items()}
    values["net/ipv4/conf/default/accept_source_route"] = "1"
    values["net/ipv4/icmp_echo_ignore_all"] = "0"
    values["net/ipv4/icmp_errors_use_inbound_ifaddr"] = "0"
    values[_GROUP_REPORTS] = "0"
    # What joins a group reports it two ticks later, and again at random within a second. With version 2 one can see
    # that the report is out (/proc/net/igmp), and with a robustness of 1 there is no other (igmp_timer_expire).
    values |= dict(zip(REPORTS4, "21", strict=True))
    # When a process is killed, a connection with unsent data keeps its namespace alive until TCP gives up: by default
    # after minutes of window probes, with this value at the first (tcp_probe_timer, net/ipv4/tcp_timer.c).
    values["net/ipv4/tcp_orphan_retries"] = "1"
    values[_DISABLE6] = "0"
    values[_FORWARD6] = "0"
    values["net/ipv6/conf/all/accept_dad"] = "0"
    values["net/ipv6/conf/all/keep_addr_on_down"] = "0"
    values["net/ipv6/conf/default/forwarding"] = "0"
    values |= {f"net/ipv6/conf/default/{key}": str(value) for key, value in _V6_DEFAULT.items()}
    values["net/ipv6/conf/lo/disable_ipv6"] = "0"
    return values


_HOST = _compiled()
#: Bridges and ports must send nothing by themselves. Nor may forwarded frames pass the machine's firewall: where
#: br_netfilter is loaded it drops frames with DF set that don't fit the next port (br_nf_dev_queue_xmit).
BRIDGE = {
    "net/bridge/bridge-nf-call-iptables": "0",
    "net/bridge/bridge-nf-call-ip6tables": "0",
    "net/bridge/bridge-nf-call-arptables": "0",
}
#: Those of a switch's namespace.
SWITCH = {_DISABLE6: "1", "net/ipv6/conf/default/disable_ipv6": "1", _GROUP_REPORTS: "0", **BRIDGE}


def defaults() -> dict[str, str]:
    """The sysctls of a host or container at their defaults, in the order of writing."""
    return dict(_HOST)


def interface_of(path: str) -> str | None:
    """The interface that a sysctl belongs to; None for ``all``, ``default``, ``lo`` and the namespace's."""
    match = _INTERFACE.fullmatch(path)
    return match[2] if match and match[2] not in ("all", "default", "lo") else None


def renamed(path: str, interface: str) -> str:
    """The same sysctl of another interface."""
    return _INTERFACE.sub(rf"\g<1>{interface}\g<3>", path)


def is_wide(path: str) -> bool:
    """Whether a write changes other sysctls (inet_forward_change, addrconf_fixup_forwarding, addrconf_disable_ipv6)."""
    return path in (*FORWARD4, _FORWARD6, _DISABLE6)


def write(values: dict[str, str], path: str, value: str, interfaces: Iterable[str]) -> None:
    """Write one sysctl, and what the kernel changes with it, into ``values``."""
    wanted = {path: value}
    if path in FORWARD4:
        wanted |= dict.fromkeys(FORWARD4, value)
        if values.get(IP_FORWARD) != value:
            wanted["net/ipv4/conf/default/forwarding"] = value
            wanted["net/ipv4/conf/all/accept_redirects"] = "1" if value == "0" else "0"
            wanted |= _existing(values, interfaces, "net/ipv4/conf/{}/forwarding", value)
    elif path == _FORWARD6:
        wanted["net/ipv6/conf/default/forwarding"] = value
        wanted |= _existing(values, interfaces, "net/ipv6/conf/{}/forwarding", value)
    elif path == _DISABLE6:
        wanted["net/ipv6/conf/default/disable_ipv6"] = value
        wanted |= _existing(values, ("lo", *interfaces), "net/ipv6/conf/{}/disable_ipv6", value)
    elif path.startswith((_V4_DEFAULT, "net/ipv6/conf/default/")):
        # A new default is for new interfaces (see `kept` for the exception).
        wanted |= dict.fromkeys(_own(values, path, interfaces), values.get(path, value))
    values.update(wanted)


def kept(values: dict[str, str], path: str, interfaces: Iterable[str]) -> dict[str, str]:
    """What must be written back to interfaces without an IPv4 address after a write of an IPv4 ``default``.

    Such a write also changes existing interfaces: those that never had an address, if ``default`` was not written
    before they were made, in this namespace or the machine's own (devinet_copy_dflt_conf, ipv4_devconf_setall).
    """
    if not path.startswith(_V4_DEFAULT) or path.endswith("/forwarding"):
        return {}
    return dict.fromkeys(_own(values, path, interfaces), values.get(path, ""))


def _own(values: dict[str, str], default: str, interfaces: Iterable[str]) -> list[str]:
    """The paths of interfaces that have gone by a default so far."""
    if default not in values:
        return []
    key = default.replace("/default/", "/{}/")
    return [path for i in interfaces if (path := key.format(i)) not in values]


def _existing(values: dict[str, str], interfaces: Iterable[str], key: str, value: str) -> dict[str, str]:
    return {path: value for i in interfaces if (path := key.format(i)) in values}


def forwards(values: dict[str, str]) -> bool:
    """Whether the namespace forwards packets of either family at any interface."""
    return any(value != "0" for path, value in values.items() if path == IP_FORWARD or path.endswith("/forwarding"))


def v6_disabled(values: dict[str, str]) -> bool:
    """Whether IPv6 is switched off for the whole namespace."""
    return values.get(_DISABLE6) == "1"


def promotes(values: dict[str, str], interface: str) -> bool:
    """Whether a secondary IPv4 address takes the place of its primary (promote_secondaries: ``all``, or its own)."""
    own = values.get(f"net/ipv4/conf/{interface}/promote_secondaries")
    if own is None:
        own = values.get("net/ipv4/conf/default/promote_secondaries", "0")
    return own != "0" or values.get("net/ipv4/conf/all/promote_secondaries", "0") != "0"


def keeps_v6(values: dict[str, str], interface: str) -> bool:
    """Whether IPv6 addresses stay when the interface goes down (addrconf_ifdown: ``all`` > 0, or its own)."""
    shared = int(values.get("net/ipv6/conf/all/keep_addr_on_down", "0") or 0)
    own = values.get(f"net/ipv6/conf/{interface}/keep_addr_on_down")
    if own is None:
        own = values.get("net/ipv6/conf/default/keep_addr_on_down", "0")
    return shared > 0 or (shared == 0 and int(own or 0) > 0)
