"""What was read of a machine's networks, whichever format it came from."""

from __future__ import annotations

from dataclasses import field

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Where


@dataclass(frozen=True, slots=True)
class Left:
    """Something that the topology file doesn't have: where it stands (None: in no text), what it is, and why.

    ``unknown`` says that netlab doesn't know the key, ``loses`` that something which decides who reaches whom is lost;
    where that is a ``route`` it is its destination.
    """

    where: Where | None
    path: str
    #: The path with ``*`` for names and numbers: what is left out many times is told once.
    pattern: str
    why: str
    unknown: bool = False
    loses: bool = False
    route: str = ""


@dataclass(frozen=True, slots=True)
class Subnet:
    """Addresses of a network. ``pool`` is what addresses are given out from, ``reserved`` who else has one."""

    prefix: str
    gateway: str | None = None
    pool: str | None = None
    reserved: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A container in a network. ``addresses`` have prefix lengths; ``options`` are further keys of its interface."""

    container: str
    addresses: tuple[str, ...] = ()
    mac: str | None = None
    interface: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    assumed: str = ""


@dataclass(frozen=True, slots=True)
class Firewall:
    """What the tool's own rules do to packets that the host forwards, to and from one bridge.

    ``guarded``: none may enter that the network didn't ask for. ``isolated``: none from another isolated network.
    ``closed``: none may leave either. ``apart``: its containers can't talk to each other.
    """

    masquerade: bool = False
    guarded: bool = False
    isolated: bool = False
    closed: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """A network. ``kind`` is macvlan, ipvlan, bridge or ptp; ``device`` the parent or the bridge in the host.

    ``default_route``: its containers have one by the gateway. ``routes`` are further ones: destination and gateway.
    ``options`` are further keys of the device, ``child`` those of each container's interface.
    """

    name: str
    kind: str
    device: str
    subnets: tuple[Subnet, ...] = ()
    members: tuple[Member, ...] = ()
    mode: str = ""
    mtu: int | None = None
    default_route: bool = True
    routes: tuple[tuple[str, str], ...] = ()
    #: The bridge has the gateway's address.
    gateway_on_bridge: bool = True
    #: There is no wire below the parent: it is a dummy.
    dummy: bool = False
    firewall: Firewall = Firewall()
    options: tuple[tuple[str, str], ...] = ()
    child: tuple[tuple[str, str], ...] = ()

    @property
    def stacked(self) -> bool:
        """Whether its containers have children of the parent."""
        return self.kind in ("macvlan", "ipvlan")

    @property
    def bare_default(self) -> bool:
        """Whether the default route of its containers names no gateway: ipvlan in l3 and l3s asks for no neighbours."""
        return self.kind == "ipvlan" and self.mode != "l2"


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a text says: networks, sysctls of all containers, what was assumed, what was left out."""

    tool: str
    file: str
    networks: tuple[Network, ...]
    assumed: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    #: Container (``*`` for all) → sysctls.
    sysctls: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
