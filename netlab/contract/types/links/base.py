"""What every link has, and what can be asked of it. A kind answers in its own module where it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple, TypeVar

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version
from netlab.contract.types.parts import MAIN_TABLE, NEW_PORT, Address, Limit, Neighbor, Netem, Port, PortState
from netlab.contract.where import Where

#: Where a frame may wait: a CPU's receive backlog behind a wire, the workqueue of a parent's broadcasts, or a tunnel.
Queue = Literal["backlog", "workqueue", "tunnel"]
L = TypeVar("L", bound="Link")
#: What of an interface can be switched on and off, as ip-link(8) calls it.
FLAGS = ("arp", "promisc", "allmulticast", "multicast")


class Place(NamedTuple):
    """Where a link can be watched: ``id`` as people write it, and the interface that it is in the kernel."""

    id: str
    namespace: str
    ifname: str
    ifindex: int


class Plug(NamedTuple):
    """An end of a link that is a port of ``bridge``, with its options; ``field`` is where the link holds them."""

    bridge: str
    place: Place
    mac: str | None
    port: Port
    field: str = "port"

    @property
    def attached(self) -> bool:
        """Whether it is enslaved to the bridge."""
        return self.port.attached


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What every interface has, whatever its kind.

    ``name`` is the user's; ``ifname`` the kernel's (at most 15 bytes, else generated and ``name``
    becomes an altname). ``mac`` is None where the kernel chooses. ``carrier`` is what the plan says
    will be read back once the lab has settled. Without ``arp`` (IFF_NOARP) it neither asks for MACs nor answers.
    ``master`` is the link in its own namespace of which it is a ``member``: what that link's kind makes of its members.
    ``own_port`` are the options of the port that the interface itself is then; of a bridge, its own interface's VLANs.

    Other rooms ask a link what they need to know of it, by the class variables and properties below, not for its kind.
    """

    #: What iproute2 calls the kind.
    kind: ClassVar[str] = ""
    #: Whether it is an interface of a host or container; a switch and the wires between switches are not.
    interface: ClassVar[bool] = True
    #: Whether it is a bridge, which others are ports of.
    bridges: ClassVar[bool] = False
    #: The queues that a frame may wait in on its way from this link to its next neighbour.
    queues: ClassVar[frozenset[Queue]] = frozenset()
    #: Whether a broadcast that it sends waits in its parent's workqueue, too, before its siblings get it.
    queues_own: ClassVar[bool] = False
    #: Whether its driver throws away whatever it is told to send: nothing outside can be reached by it.
    swallows: ClassVar[bool] = False
    bindable: ClassVar[bool] = True  #: Whether programs ask by it, and frames are meant for it.
    #: The driver that takes what comes in at the link below it; a link has one taker at most (rx_handler).
    takes: ClassVar[str] = ""
    #: The modes that its kind has, and its flags, as ip-link(8) calls them.
    modes: ClassVar[tuple[str, ...]] = ()
    port_flags: ClassVar[tuple[str, ...]] = ()
    #: Whether it always has the MAC and the MTU of the link that it sits on.
    follows: ClassVar[bool] = False
    #: Whether it goes down, and comes up again, with the link that it sits on.
    rises: ClassVar[bool] = False
    #: Why no vlan interface can sit on it, by the kernel's errno; empty where one can.
    no_vlan: ClassVar[str] = ""
    #: What those become that name it as their master: ``port`` of a bridge; empty where it takes none.
    members: ClassVar[str] = ""
    #: Whether it announces its addresses when the link that it sits on does.
    passes_on: ClassVar[bool] = False
    #: Whether it chooses among its members by which of them it sends.
    chooses: ClassVar[bool] = False
    #: Why nothing can take what comes in at it, why it is no member, and no port of a bridge (br_add_if), by errno.
    no_taker: ClassVar[str] = ""
    no_part: ClassVar[str] = ""
    no_port: ClassVar[str] = ""

    namespace: str
    name: str
    ifname: str
    ifindex: int
    mac: str | None = None
    mtu: int = 1500
    up: bool = True
    carrier: bool = True
    arp: bool = True
    promisc: bool = False
    allmulticast: bool = False
    multicast: bool = True
    addresses: tuple[Address, ...] = ()
    neighbors: tuple[Neighbor, ...] = ()
    limit: Limit | None = None
    netem: Netem | None = None
    master: str | None = None
    member: str = ""
    own_port: Port | None = None
    where: Where | None = None

    @property
    def shaped(self) -> bool:
        """Whether frames wait in a queueing discipline of it, and leave it in the order in which they came."""
        return self.limit is not None or (self.netem is not None and not self.netem.chance)

    @property
    def id(self) -> str:
        """``A:ens160``."""
        return f"{self.namespace}:{self.name}"

    @property
    def flags(self) -> dict[str, bool]:
        """Those of `FLAGS` that aren't as its kind has them when new."""
        new = type(self).__dataclass_fields__
        return {name: value for name in FLAGS if (value := getattr(self, name)) != new[name].default}

    def flags_over(self, below: Iterable[Link]) -> dict[str, bool]:
        """Those that have to be set where it is made on these links, whose flags it may begin with."""
        return self.flags

    # --- what it is connected to --------------------------------------------------------------------

    @property
    def lower(self) -> str | None:
        """The id of the link that it sits on; None where it sits on none."""
        return None

    @property
    def underlay(self) -> str | None:
        """The id of the link by which its frames travel, in packets of the namespace's own, where it is a tunnel."""
        return None

    @property
    def overlay(self) -> str | None:
        """A name of the network that it is in by its tunnel."""
        return None

    @property
    def ends(self) -> tuple[tuple[str, str], ...]:
        """The entries of its own forwarding table, where it is a tunnel: MACs, each with the end behind which it is."""
        return ()

    @property
    def learns(self) -> bool:
        """Whether it learns by itself, without a bridge, where MACs are."""
        return False

    def wrapped(self, frame: bytes) -> tuple[int, bytes]:
        """The UDP port and the datagram by which a frame comes in at it, where it is a tunnel."""
        raise NotImplementedError

    @property
    def bottoms(self) -> tuple[str, ...]:
        """The ids of the links by which its frames leave, where these are others than that at the bottom of it."""
        return ()

    @property
    def peer_id(self) -> str | None:
        """The id of the link at the other end of its wire, where both ends are links."""
        return None

    @property
    def plugs(self) -> tuple[Plug, ...]:
        """Where it is a port of a bridge, by which of its ends."""
        return self.own_plugs

    @property
    def own_plugs(self) -> tuple[Plug, ...]:
        """Where the interface itself is a port."""
        if self.member != "port" or self.master is None:
            return ()
        return (Plug(self.master, self.place, self.mac, self.own_port or NEW_PORT, "own_port"),)

    @property
    def port_of(self) -> str | None:
        """The bridge that the interface itself is a port of."""
        return next((plug.bridge for plug in self.own_plugs), None)

    @property
    def port_id(self) -> str | None:
        """The name of the switch port that it is plugged into by its wire: ``port(A:ens160)``."""
        return None

    @property
    def port_place(self) -> Place | None:
        """That switch port, as a place to watch."""
        return None

    @property
    def trunk(self) -> bool:
        """Whether it is a wire between switches, which frames of all hosts may pass."""
        return not self.interface and bool(self.plugs)

    @property
    def place(self) -> Place:
        """The link itself, as a place to watch."""
        return Place(self.id, self.namespace, self.ifname, self.ifindex)

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place where it can be watched: its own, and the switch port at the other end of its wire."""
        mine = self.place
        return (mine, *(plug.place for plug in self.plugs if plug.place.id != mine.id))

    # --- what it has of others, and what happens to it with them ------------------------------------

    @property
    def mac_of(self) -> str | None:
        """The id of the link that it shares its MAC with: a change of either changes both. None: it shares none."""
        return None

    @property
    def gives_mac(self) -> bool:
        """Whether a change of its MAC changes that of the link that it shares it with, too."""
        return False

    @property
    def tag(self) -> int | None:
        """The tag that its frames have on the link that it sits on: the id of a VLAN, with `AD` added for 802.1ad."""
        return None

    @property
    def domain(self) -> str | None:
        """The id of the VRF that its addresses and routes belong to; None: to the namespace's own tables."""
        return self.master if self.member == "part" else None

    @property
    def vrf_table(self) -> int | None:
        """The number of the table that it is the VRF of, if it is one."""
        return None

    @property
    def depends(self) -> tuple[str, ...]:
        """The ids of the links without which no frame gets to it."""
        return tuple(
            filter(None, (self.lower, self.underlay, self.peer_id, self.master, *(plug.bridge for plug in self.plugs)))
        )

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Whether it has a carrier; ``live`` are the bridges with a port that forwards."""
        return self.up

    def goes_on(self, kernel: Version) -> bool:
        """Whether its carrier stays as it is while the link that it sits on is down."""
        return False

    def chosen(self: L, members: Sequence[Link], find: Callable[[str], Link | None]) -> L:
        """The link once it has chosen among its members, in the order in which they joined."""
        return self

    def shows(self, member: str) -> tuple[bool, bool] | None:
        """What the kernel tells of a member by its id: whether it is active, and taken for alive; None: nothing."""
        return None

    def announces(self, before: Link) -> bool:
        """Whether it announces its addresses by itself, having been as ``before``."""
        return False

    @property
    def watches(self) -> bool:
        """Whether it finds out when one of its members has no carrier any more."""
        return True

    # --- what it does to frames ---------------------------------------------------------------------

    @property
    def effective_mode(self) -> str | None:
        """The mode the kernel uses, for kinds that have modes."""
        return None

    @property
    def hears_only(self) -> tuple[str, ...] | None:
        """The MACs of the only senders whose frames it gets; None: it gets frames of all."""
        return None

    @property
    def takes_all(self) -> bool:
        """Whether nothing that comes in gets past it: neither to its siblings nor to the link that it sits on."""
        return False

    @property
    def carries_frames(self) -> bool:
        """Whether it sends and gets frames of any protocol; else IP packets alone."""
        return True

    @property
    def drops(self) -> bool:
        """Whether its driver tells a sender of what it drops (NET_XMIT_DROP): ENOBUFS is then an answer."""
        return not self.carries_frames

    @property
    def seen(self) -> bool:
        """Whether what comes in from outside passes the packet sockets at it."""
        return True

    def conflicts(self, other: Link) -> Iterator[tuple[str, str, str]]:
        """What another link can't have on the link that both sit on: key of the file, what is wrong, what helps."""
        if self.takes and other.takes and self.takes != other.takes:
            message = f"{self.id} and {other.id} can't sit on one interface: {self.takes} and {other.takes} (EBUSY)"
            yield "parent", message, "an interface of its own for each driver"

    @property
    def queue_length(self) -> int | None:
        """The length of the broadcast queue that it asks its parent for; None where it uses none."""
        return None

    @property
    def spanning(self) -> bool:
        """Whether it takes part in a spanning tree."""
        return False

    @property
    def room(self) -> int | None:
        """How many addresses it may learn, where that is limited."""
        return None

    @property
    def argv(self) -> tuple[str, ...]:
        """The words of ip-link(8) that say what it is: ``type macvlan mode bridge``."""
        return ("type", self.kind)

    def settings(self, before: Link | None) -> tuple[tuple[str, ...], ...]:
        """What ip-link(8) is to set of its kind after ``type KIND``, a request each: what differs from ``before``
        (None: what can't be said when it is made).
        """
        return ()

    @property
    def entries_argv(self) -> tuple[tuple[str, ...], ...]:
        """The words after ``bridge fdb append`` that fill its own forwarding table, a command each."""
        return ()

    @property
    def cabling(self) -> str:
        """What it stands for where no command makes it: ``a cable to the switch s2``; else empty."""
        return ""

    @property
    def new_pvid(self) -> int:
        """The VLAN that a bridge gives to new ports, for frames without a tag; 0 for none."""
        return 0

    @property
    def filters_vlans(self) -> bool:
        """Whether it is a bridge whose ports are members of VLANs."""
        return False

    @property
    def words(self) -> tuple[str, ...]:
        """What it is, for people: ``on switch lan``, ``macvlan bridge on A:eth0``."""
        return ()


def stack(link: L, find: Callable[[str], L]) -> list[L]:
    """A link and those below it, down to the one that sits on none."""
    found = [link]
    while (lower := found[-1].lower) is not None:
        found.append(find(lower))
    return found


def table(link: L, find: Callable[[str], L]) -> int:
    """The number of the table that the routes of its addresses are in."""
    return (find(link.domain).vrf_table if link.domain is not None else None) or MAIN_TABLE


def tags(links: Iterable[Link]) -> tuple[int, ...]:
    """The tags on the wire of frames of a link, the outermost first; ``links`` are its `stack`."""
    return tuple(link.tag for link in links if link.tag is not None)[::-1]


def joins(link: L, find: Callable[[str], L]) -> tuple[str, str] | None:
    """The two networks between which a link carries frames: bridges, or what is at the bottom of the link. None where
    it carries none."""
    plugs = link.plugs
    if len(plugs) == 2:
        return plugs[0].bridge, plugs[1].bridge
    if link.port_of is None:
        return None
    return network(stack(link, find)[-1]), link.port_of


def network(root: Link) -> str:
    """The network that a link is in which sits on none: that of the bridge at the other end of its wire, or its own."""
    far = next((plug.bridge for plug in root.plugs if plug.place.id != root.id), None)
    return root.overlay or root.id if root.bridges or root.overlay else far or min(root.id, root.peer_id or root.id)


def with_state(link: L, plug: Plug, state: PortState) -> L:
    """The link, one port of it in another state."""
    return replace(link, **{plug.field: replace(plug.port, state=state)})  # type: ignore[arg-type]
