"""Sysctls: from what a namespace's plan writes to what each interface goes by.

The kernel combines `all` and the interface in one of four ways (include/linux/inetdevice.h): the larger
of both, either, both, or the interface's alone. Interfaces start with a copy of `default`.
"""

from __future__ import annotations

from functools import cache, lru_cache

from netlab.contract import types as plan
from netlab.model.neutral import neutral
from netlab.model.world import Conf
from netlab.plan import sysctls
from netlab.plan.sysctls import FORWARD4

_V4 = "net/ipv4/conf/"
_V6 = "net/ipv6/conf/"

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
        "route_localnet",  # needs no rule: it is about 127.0.0.0/8 alone
        "rp_filter",
        "send_redirects",
    )
)
FOLLOWED6 = frozenset(("disable_ipv6", "force_forwarding", "forwarding"))
#: Those outside conf/; and those that the plan follows, since they decide which addresses are left after a change.
FOLLOWED = frozenset(
    (
        "net/bridge/bridge-nf-call-arptables",
        "net/bridge/bridge-nf-call-ip6tables",
        "net/bridge/bridge-nf-call-iptables",
        "net/ipv4/icmp_echo_ignore_all",
        "net/ipv4/igmp_max_memberships",
        "net/ipv4/ip_forward",
        "net/ipv6/icmp/echo_ignore_all",
        *(f"net/ipv4/{kind}_l3mdev_accept" for kind in ("raw", "tcp", "udp")),
    )
)
PLANNED4 = frozenset(("promote_secondaries",))


#: Where a sysctl is about packets of one family only.
_V4_ONLY = tuple(f"net/ipv4/{name}" for name in ("conf/", "neigh/", "route/", "icmp_", "igmp_"))
_V6_ONLY = ("net/ipv6/",)


@lru_cache(maxsize=1024)
def followed(path: str) -> bool:
    """Whether the model has a rule for a sysctl, given by its path below /proc/sys."""
    folder, _, name = path.rpartition("/")
    if folder.startswith(_V4):
        return name in FOLLOWED4 or name in PLANNED4
    return name in FOLLOWED6 if folder.startswith(_V6) else path in FOLLOWED


@lru_cache(maxsize=1024)
def _harmless(path: str, value: str) -> bool:
    """Whether a sysctl is as every lab has it, or the sweep over the kernel has shown that it changes no letter."""
    if path.startswith("net/bridge/"):
        # The sweep ran without nftables.
        return value == "0"
    interface = sysctls.interface_of(path)
    usual = _usual().get(path if interface is None else sysctls.renamed(path, "default"))
    return value == usual or neutral(path, value)


@cache
def _usual() -> dict[str, str]:
    """What every host is given."""
    return sysctls.defaults()


class Settings:
    """The writes of a namespace, sorted by family and interface."""

    def __init__(self, namespace: plan.Namespace) -> None:
        self.v4: dict[str, dict[str, int]] = {"all": {}, "default": {}}
        self.v6: dict[str, dict[str, int]] = {"all": {}, "default": {}}
        self.echo_ignore = self.echo_ignore6 = False
        #: whether a program can join an IPv4 group: each socket of ours joins one
        self.joins = True
        self.l3mdev_accept = frozenset({"raw"})
        #: the address families of which bridged packets are shown to nftables
        self.bridged: frozenset[int] = frozenset()
        #: sysctls that the model has no rule for, by the address family whose packets they may touch
        self.strange: dict[int, list[str]] = {4: [], 6: []}
        for path, text in namespace.sysctls:
            self._write(path, text)
        #: whether it gives up a link-local address that another has as well
        self.detects = any(path.endswith("/accept_dad") and text != "0" for path, text in namespace.sysctls)

    def _write(self, path: str, text: str) -> None:
        if not followed(path):
            if not _harmless(path, text):
                self._strange(path)
            return
        try:
            value = int(text, 0)
        except ValueError:
            self._strange(path)
            return
        name, _, key = path.rpartition("/")
        if path in FORWARD4:
            self._forward4(value)
        elif path == "net/ipv4/icmp_echo_ignore_all":
            self.echo_ignore = bool(value)
        elif path == "net/ipv4/igmp_max_memberships":
            self.joins = value > 0
        elif path == "net/ipv6/icmp/echo_ignore_all":
            self.echo_ignore6 = bool(value)
        elif path.endswith("_l3mdev_accept"):
            kind = frozenset({key.partition("_")[0]})
            self.l3mdev_accept = self.l3mdev_accept | kind if value else self.l3mdev_accept - kind
        elif path.startswith("net/bridge/"):
            families = frozenset({"iptables": {4}, "ip6tables": {6}}.get(key.rpartition("-")[2], ()))
            self.bridged = self.bridged | families if value else self.bridged - families
        elif path.startswith(_V4):
            self.v4.setdefault(name[len(_V4) :], {})[key] = value
        else:
            if name == "net/ipv6/conf/all" and key == "disable_ipv6":
                for conf in self.v6.values():
                    conf[key] = value
            self.v6.setdefault(name[len(_V6) :], {})[key] = value

    def _strange(self, path: str) -> None:
        for family, others in ((4, _V6_ONLY), (6, _V4_ONLY)):
            if not path.startswith(others):
                self.strange[family].append(path)

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
