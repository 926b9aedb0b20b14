"""What a file asks of one interface, before it is a link."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netlab.contract.types import Address, Limit, Where
from netlab.contract.types.links import FLAGS
from netlab.plan import macs
from netlab.plan.names import ifname
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import IFNAME_BYTES

#: Bytes of an Ethernet header.
ETHERNET = 14

if TYPE_CHECKING:
    from netlab.plan.file import File, Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Interface, Settings


def check_limit(file: File, limit: Limit | None, mtu: int, path: Path) -> Limit | None:
    """The limit, if frames of this MTU can pass it at all (tbf_enqueue drops larger ones than the burst)."""
    if limit is not None and limit.burst < mtu + ETHERNET:
        message = f"a burst of {limit.burst} bytes is less than a frame of {mtu + ETHERNET}"
        file.problems.add(file.where(*path, key=False), message, "a larger one")
    return limit


def flags(given: Interface | Settings) -> dict[str, bool]:
    """Those of `FLAGS` that are given."""
    return {name: value for name in FLAGS if (value := getattr(given, name)) is not None}


@dataclass
class Wanted:
    """One interface of one namespace. ``mac`` None: derived from the names; ``auto``: the kernel's."""

    namespace: str
    name: str
    given: Interface
    path: Path
    where: Where
    addresses: tuple[Address, ...] = ()
    mac: str | None = None
    replicated: bool = False

    @property
    def id(self) -> str:
        """``A:ens160``."""
        return f"{self.namespace}:{self.name}"

    @property
    def host(self) -> str:
        """The host it is in."""
        return self.namespace.partition("/")[0]


@dataclass
class Kin:
    """The lab, and the interfaces that are to be made together. ``broken`` could not be made."""

    lab: Lab
    wanted: dict[str, Wanted] = field(default_factory=dict)
    built: set[str] = field(default_factory=set)

    def problem(self, wanted: Wanted, key: str, message: str, hint: str = "", *, follows: bool = False) -> None:
        """Note what is wrong with a key of an interface."""
        self.lab.file.problems.add(self.lab.file.where(*wanted.path, key, key=False), message, hint, follows=follows)

    def common(self, wanted: Wanted, mtu: int, mac: str | None = None) -> dict[str, Any]:
        """The values that every link has. ``mac``, where given, is the one that its kind gives it."""
        lab = self.lab
        taken: set[str] = set()
        if len(wanted.name.encode()) > IFNAME_BYTES:
            taken = {link.ifname for link in lab.links.values() if link.namespace == wanted.namespace}
            taken |= {other.name for other in self.wanted.values() if other.namespace == wanted.namespace}
        if mac is None and wanted.mac != "auto":
            mac = wanted.mac or macs.derive(lab.file.spec.name, wanted.namespace, wanted.name)
        return {
            "namespace": wanted.namespace,
            "name": wanted.name,
            "ifname": ifname(wanted.name, taken),
            "ifindex": lab.index(),
            "mac": mac,
            "mtu": mtu,
            "up": wanted.given.state != "down",
            "addresses": wanted.addresses,
            "limit": self.limit(wanted, mtu),
            "where": wanted.where,
            **flags(wanted.given),
        }

    def limit(self, wanted: Wanted, mtu: int) -> Limit | None:
        """The limit of an interface, if it has one."""
        return check_limit(self.lab.file, wanted.given.limit or None, mtu, (*wanted.path, "limit"))

    def interfaces(self, host: str) -> list[str]:
        """Names of the interfaces of a host, made or wanted."""
        made = [link.name for link in self.lab.links_of(host)]
        return list(dict.fromkeys(made + [w.name for w in self.wanted.values() if w.namespace == host]))

    def unknown(self, wanted: Wanted, key: str, what: str, name: str, known: list[str], where: str = "") -> None:
        """Note a name that nothing has."""
        if name not in self.lab.file.spec.pruned:
            self.problem(
                wanted,
                key,
                f"no {what} {name!r}{where}",
                did_you_mean(name, known, f"{what}es" if what[-1] == "h" else f"{what}s"),
            )
