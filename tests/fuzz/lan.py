"""A topology in the making: the document that a user could have written, and what is known of it meanwhile."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netlab.contract.kernels import Version
from netlab.plan.macs import derive

T = TypeVar("T")
Document = dict[str, Any]

#: What a topology may hold, and how often it does. A topology draws its own subset, and only what is in it is used:
#: many things mixed once, few things mixed often.
FEATURES = {
    "two-switches": 0.22, "two-parents": 0.25, "same-namespace": 0.4, "crowded": 0.2, "macvtap": 0.15,
    "passthru": 0.15, "source": 0.25, "nodst": 0.3, "bcqueuelen": 0.1, "hairpin": 0.5, "isolated": 0.15,
    "learning": 0.12, "flood": 0.12, "mcast_flood": 0.1, "bcast_flood": 0.1, "locked": 0.1, "state": 0.1,
    "detached": 0.07, "port-down": 0.07, "link-down": 0.15, "switch-down": 0.04, "neighbors": 0.25,
    "sysctls": 0.4, "forward": 0.2, "rules": 0.12, "mtu": 0.18, "ipv4": 0.9, "ipv6": 0.35, "extra-address": 0.15,
    "two-subnets": 0.15, "prefixes": 0.1, "no-address": 0.12, "same-mac": 0.1, "auto-mac": 0.05, "steps": 0.3,
    "refusals": 0.15, "fdb_max_learned": 0.05, "snooping": 0.05, "same-ip": 0.05, "stacked": 0.06,
    "host-bridge": 0.2, "pair": 0.08, "own-mac": 0.04, "silent": 0.05, "flags": 0.12, "ways": 0.15,
    "nftables": 0.1, "member": 0.3,
}  # fmt: skip

#: Kinds of links that not every kernel has: they are drawn where it has them, as the features are.
KINDS = {
    "dummy": 0.2,
    "ipvlan": 0.5,
    "vxlan": 0.25,
    "vlan": 0.35,
    "bond": 0.3,
    "vrf": 0.2,
    "loopback": 0.3,
    "bclim": 0.15,
    "mab": 0.15,
    "proxies": 0.15,
}
#: Those that are options of others, and the first kernel that has them.
SINCE = {"loopback": Version(2, 6), "bclim": Version(6, 4), "mab": Version(6, 2), "proxies": Version(5, 10)}

#: What is seldom met by chance: drawn together, now and then.
THEMES = (
    {"forward", "two-parents", "two-subnets", "two-switches", "ipv4", "ipv6", "mtu"},
    {"forward", "circle", "two-subnets", "ipv4", "ipv6"},
    {"forward", "circle", "two-subnets", "ipv4", "ipv6", "mtu"},
    {"same-namespace", "sysctls", "ipv4"},
    {"refused-set", "steps"},
    {"refused-set", "steps", "link-down", "port-down", "state"},
    {"refusals", "same-mac"},
    {"same-ip", "ipv6"},
    {"same-ip", "prefixes", "ipv4"},
    {"passthru", "passthru-down"},
    {"source", "nodst", "hairpin"},
    {"ways", "two-parents", "two-subnets", "two-switches", "forward", "ipv4", "ipv6", "extra-address"},
    {"ways", "rules", "two-parents", "same-namespace", "two-subnets", "ipv4", "steps"},
    {"ways", "rules", "two-parents", "same-namespace", "extra-address", "ipv4", "ipv6"},
    {"flags", "same-namespace", "host-bridge", "ipv4", "ipv6"},
    {"member", "host-bridge", "same-namespace", "passthru", "hairpin", "source", "ipv4", "ipv6"},
    {"nftables", "forward", "two-parents", "two-subnets", "host-bridge", "ipv4", "steps"},
)
THEME_SHARE = 0.25


@dataclass(eq=False)
class Nic:
    """An interface: its place in the document (``spec``) and how it stands after the steps so far."""

    host: str
    namespace: str
    name: str
    spec: Document
    parent: Nic | None = None
    alive: bool = True
    addresses: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """``A/c1:m0``."""
        return f"{self.namespace}:{self.name}"

    @property
    def plugged(self) -> bool:
        """Whether the other end is a port of a switch, or of a bridge in the host."""
        return "switch" in self.spec or "bridge" in self.spec

    @property
    def mode(self) -> str:
        """The macvlan mode; '' for a parent, and for a child of another driver."""
        return str(self.spec.get("mode", "vepa")) if self.parent and self.driver == "macvlan" else ""

    @property
    def driver(self) -> str:
        """The driver of a child."""
        return "ipvlan" if self.spec.get("type") == "ipvlan" else "macvlan"

    @property
    def hidden(self) -> bool:
        """Whether no packet socket sees what comes in at it, so that nobody can tell it from another with its
        address."""
        return self.spec.get("mode") == "l3s"

    def ips(self, family: int) -> list[str]:
        """Addresses of a family, without their prefix length."""
        return [a.partition("/")[0] for a in self.addresses if (":" in a) == (family == 6)]


class Lan:
    """A document, its random choices, and its interfaces."""

    def __init__(self, rng: random.Random, kinds: Set[str] = frozenset()) -> None:
        self.rng = rng
        self.features = {name for name, share in FEATURES.items() if rng.random() < share}
        if rng.random() < THEME_SHARE:
            self.features |= THEMES[rng.randrange(len(THEMES))]
        self.features |= {kind for kind in sorted(kinds & KINDS.keys()) if rng.random() < KINDS[kind]}
        if not self.features & {"ipv4", "ipv6"}:
            self.features.add("ipv4")
        self.document: Document = {"name": "fuzz", "switches": {}, "hosts": {}}
        self.nics: list[Nic] = []
        #: The names of the members of each host's bond.
        self.members: dict[str, list[str]] = {}

    def has(self, feature: str) -> bool:
        """Whether this topology may hold such a thing."""
        return feature in self.features

    def chance(self, share: float, feature: str = "") -> bool:
        """A coin with this share of heads; tails always, where the topology hasn't the feature."""
        return (not feature or feature in self.features) and self.rng.random() < share

    def pick(self, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
        """One of several, the first where the weights run out."""
        if weights is None:
            return options[self.rng.randrange(len(options))]
        mark = self.rng.random() * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            mark -= weight
            if mark < 0:
                return option
        return options[0]

    def mac_of(self, nic: Nic) -> str:
        """The MAC that an interface was given, or that the plan derives from its names."""
        given = str(nic.spec.get("mac", "auto"))
        return given if given.count(":") == 5 else derive("fuzz", nic.namespace, nic.name)

    # --- what there is ------------------------------------------------------------------------------

    def living(self) -> list[Nic]:
        """Interfaces that are there now."""
        return [nic for nic in self.nics if nic.alive]

    def parents(self) -> list[Nic]:
        """Interfaces of hosts that can have children: those on wires, and bridges; a port of a bridge can't."""
        return [
            nic
            for nic in self.living()
            if nic.parent is None
            and "master" not in nic.spec
            and nic.host == nic.namespace
            and nic.spec.get("type") != "vrf"
        ]

    def wires(self) -> list[Nic]:
        """Interfaces whose other end is a port."""
        return [nic for nic in self.living() if nic.plugged]

    def children(self, of: Nic | None = None) -> list[Nic]:
        """Children, of one parent or of all."""
        return [nic for nic in self.living() if nic.parent is not None and of in (None, nic.parent)]

    def namespaces(self) -> Iterator[tuple[str, Document]]:
        """Hosts and containers of the baseline, with what the document says of them."""
        for host, given in self.document["hosts"].items():
            yield host, given
            for name, inside in given.get("containers", {}).items():
                yield f"{host}/{name}", inside

    def inside(self, namespace: str) -> list[Nic]:
        """The interfaces of a namespace."""
        return [nic for nic in self.living() if nic.namespace == namespace]

    def mac(self) -> str:
        """A MAC that nobody has, or that of an interface."""
        if self.chance(0.3):
            return f"02:aa:00:00:00:{self.rng.randrange(1, 250):02x}"
        named = [nic for nic in self.living() if nic.spec.get("mac") != "auto"]
        return self.pick(named).id if named else "02:aa:00:00:00:01"
