"""What a file asks of one interface, before it is a link."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Address, Limit, Netem, Where
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


def check_netem(file: File, netem: Netem | None, limit: Limit | None, path: Path) -> Netem | None:
    """What is done to its frames; an interface has one queueing discipline at its root."""
    if netem is not None and limit is not None:
        file.problems.add(file.where(*path), "an interface has 'limit' or 'netem'", "netem has a rate of its own")
    return netem


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
class LinkRequest:
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
class BuildContext:
    """The lab, and the interfaces that are to be made together. ``broken`` could not be made."""

    lab: Lab
    requests: dict[str, LinkRequest] = field(default_factory=dict)
    built: set[str] = field(default_factory=set)

    def problem(self, request: LinkRequest, key: str, message: str, hint: str = "", *, follows: bool = False) -> None:
        """Note what is wrong with a key of an interface."""
        self.lab.file.problems.add(self.lab.file.where(*request.path, key, key=False), message, hint, follows=follows)

    def common(self, request: LinkRequest, mtu: int, mac: str | None = None) -> dict[str, Any]:
        """The values that every link has. ``mac``, where given, is the one that its kind gives it."""
        lab = self.lab
        taken: set[str] = set()
        if len(request.name.encode()) > IFNAME_BYTES:
            taken = {link.ifname for link in lab.links.values() if link.namespace == request.namespace}
            taken |= {other.name for other in self.requests.values() if other.namespace == request.namespace}
        if mac is None and request.mac != "auto":
            mac = request.mac or macs.derive(lab.file.spec.name, request.namespace, request.name)
        return {
            "namespace": request.namespace,
            "name": request.name,
            "ifname": ifname(request.name, taken),
            "ifindex": lab.index(),
            "mac": mac,
            "mtu": mtu,
            "up": request.given.state != "down",
            "addresses": request.addresses,
            "limit": (limit := self.limit(request, mtu)),
            "netem": check_netem(self.lab.file, request.given.netem or None, limit, (*request.path, "netem")),
            "where": request.where,
            **flags(request.given),
        }

    def limit(self, request: LinkRequest, mtu: int) -> Limit | None:
        """The limit of an interface, if it has one."""
        return check_limit(self.lab.file, request.given.limit or None, mtu, (*request.path, "limit"))

    def interfaces(self, host: str) -> list[str]:
        """Names of the interfaces of a host, made or asked for."""
        made = [link.name for link in self.lab.links_of(host)]
        return list(dict.fromkeys(made + [w.name for w in self.requests.values() if w.namespace == host]))

    def unknown(self, request: LinkRequest, key: str, what: str, name: str, known: list[str], where: str = "") -> None:
        """Note a name that nothing has."""
        if name not in self.lab.file.spec.pruned:
            self.problem(
                request,
                key,
                f"no {what} {name!r}{where}",
                did_you_mean(name, known, f"{what}es" if what[-1] == "h" else f"{what}s"),
            )
