"""Sysctls: from what a namespace's plan writes to what each interface goes by.

The kernel combines `all` and the interface in one of four ways (include/linux/inetdevice.h): the larger
of both, either, both, or the interface's alone. Interfaces start with a copy of `default`.
"""

from __future__ import annotations

from netlab.model.world import DEFAULT_CONF, Conf
from netlab.plan import types as plan

_V4 = "net/ipv4/conf/"
_V6 = "net/ipv6/conf/"

#: Settings that no probe of ours can feel, whatever their value.
NEUTRAL = frozenset(
    (
        "accept_dad",
        "accept_ra",
        "accept_ra_defrtr",
        "accept_ra_pinfo",
        "accept_redirects",
        "accept_source_route",
        "accept_untracked_na",
        "arp_evict_nocarrier",
        "arp_notify",
        "autoconf",
        "bc_forwarding",
        "bootp_relay",
        "dad_transmits",
        "disable_policy",
        "disable_xfrm",
        "drop_gratuitous_arp",
        "drop_unicast_in_l2_multicast",
        "force_igmp_version",
        "force_mld_version",
        "igmpv2_unsolicited_report_interval",
        "igmpv3_unsolicited_report_interval",
        "keep_addr_on_down",
        "log_martians",
        "max_addresses",
        "mc_forwarding",
        "medium_id",
        "mldv1_unsolicited_report_interval",
        "mldv2_unsolicited_report_interval",
        "ndisc_evict_nocarrier",
        "ndisc_notify",
        "ndisc_tclass",
        "promote_secondaries",
        "router_solicitation_delay",
        "router_solicitation_interval",
        "router_solicitation_max_interval",
        "router_solicitations",
        "secure_redirects",
        "src_valid_mark",
        "suppress_frag_ndisc",
        "tag",
        "temp_prefered_lft",
        "temp_valid_lft",
        "use_tempaddr",
    )
)
#: Settings that no probe can feel at this value; the model has no rule for others.
NEUTRAL_AT = {
    "addr_gen_mode": 0,
    "arp_accept": 0,
    "enhanced_dad": 1,
    "force_tllao": 0,
    "hop_limit": 64,
    "optimistic_dad": 0,
    "proxy_arp_pvlan": 0,
    "proxy_ndp": 0,
    "shared_media": 1,
    "use_optimistic": 0,
}
#: Settings outside conf/ that no probe of ours can feel.
NEUTRAL_GLOBAL = frozenset(
    (
        "net/ipv4/icmp_errors_use_inbound_ifaddr",
        "net/ipv4/igmp_link_local_mcast_reports",
        "net/ipv4/tcp_orphan_retries",
    )
)

#: Settings that the model follows.
FOLLOWED4 = frozenset(
    (
        "accept_local",
        "accept_redirects",
        "arp_announce",
        "arp_filter",
        "arp_ignore",
        "forwarding",
        "ignore_routes_with_linkdown",
        "proxy_arp",
        "route_localnet",
        "rp_filter",
        "send_redirects",
    )
)
FOLLOWED6 = frozenset(("disable_ipv6", "force_forwarding", "forwarding"))


class Settings:
    """The writes of a namespace, sorted by family and interface."""

    def __init__(self, namespace: plan.Namespace) -> None:
        self.v4: dict[str, dict[str, int]] = {"all": {}, "default": {}}
        self.v6: dict[str, dict[str, int]] = {"all": {}, "default": {}}
        self.echo_ignore = self.echo_ignore6 = False
        #: sysctls that the model has no rule for
        self.strange: list[str] = []
        for path, text in namespace.sysctls:
            self._write(path, text)

    def _write(self, path: str, text: str) -> None:
        try:
            value = int(text, 0)
        except ValueError:
            self.strange.append(path)
            return
        if path == "net/ipv4/ip_forward":
            self._forward4(value)
        elif path == "net/ipv4/icmp_echo_ignore_all":
            self.echo_ignore = bool(value)
        elif path == "net/ipv6/icmp/echo_ignore_all":
            self.echo_ignore6 = bool(value)
        elif path.startswith(_V4):
            self._conf(self.v4, path[len(_V4) :], value, path, FOLLOWED4)
        elif path.startswith(_V6):
            self._conf(self.v6, path[len(_V6) :], value, path, FOLLOWED6)
        elif path.startswith("net/bridge/bridge-nf-call-"):
            # The machine's firewall has a say in what a bridge forwards, or not: the plan keeps it out.
            self.strange += [path] if value else []
        elif path not in NEUTRAL_GLOBAL:
            self.strange.append(path)

    def _conf(
        self, confs: dict[str, dict[str, int]], rest: str, value: int, path: str, followed: frozenset[str]
    ) -> None:
        name, _, key = rest.rpartition("/")
        if path == "net/ipv4/conf/all/forwarding":
            self._forward4(value)
        elif key in followed:
            if name == "all" and key == "disable_ipv6":
                for conf in confs.values():
                    conf[key] = value
            confs.setdefault(name, {})[key] = value
        elif key not in NEUTRAL and NEUTRAL_AT.get(key) != value:
            self.strange.append(path)

    def _forward4(self, value: int) -> None:
        # Writing ip_forward or all/forwarding writes every interface's (inet_forward_change).
        for conf in self.v4.values():
            conf["forwarding"] = value
        self.v4["all"]["accept_redirects"] = not value

    @property
    def routes6(self) -> bool:
        """Whether any interface may be a router's (addrconf_join_anycast looks at its own `forwarding`)."""
        return any(conf.get("forwarding") for conf in self.v6.values())

    def conf(self, ifname: str) -> Conf:
        """What an interface goes by."""
        every, default, own = self.v4["all"], self.v4["default"], self.v4.get(ifname, {})

        def one(key: str, compiled: int) -> int:
            return own.get(key, default.get(key, compiled))

        def both(key: str, compiled: int = 0) -> tuple[int, int]:
            return every.get(key, compiled), one(key, compiled)

        conf = Conf()
        conf.rp_filter = max(both("rp_filter"))
        conf.arp_ignore = max(both("arp_ignore"))
        conf.arp_announce = max(both("arp_announce"))
        conf.arp_filter = any(both("arp_filter"))
        conf.accept_local = any(both("accept_local"))
        conf.proxy_arp = any(both("proxy_arp"))
        conf.route_localnet = any(both("route_localnet"))
        conf.send_redirects = any(both("send_redirects", 1))
        conf.forwarding = bool(one("forwarding", 0))
        redirects = both("accept_redirects", 1)
        conf.accept_redirects = all(redirects) if conf.forwarding else any(redirects)
        conf.ignore_linkdown = any(both("ignore_routes_with_linkdown"))
        default6, own6 = self.v6["default"], self.v6.get(ifname, {})
        # The IPv6 forwarding path looks at `all` only (ip6_forward).
        conf.ipv6 = not own6.get("disable_ipv6", default6.get("disable_ipv6", 0))
        conf.forwarding6 = bool(self.v6["all"].get("forwarding", 0) or own6.get("force_forwarding", 0))
        return conf


assert DEFAULT_CONF.send_redirects
