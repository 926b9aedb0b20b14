"""What a diagram shows, out of a state in plain JSON (as it stands in a record): hosts, switches, wires.

No coordinates yet, and nothing of SVG, Mermaid or DOT: all three are written from this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.groups import pattern

Plain = Mapping[str, Any]

#: More hosts than this are folded into groups of alike ones, and the rest counted.
MOST_HOSTS = 12

#: Switch port options as a tag says them, where they are not the kernel's default.
_PORT_WORDS: dict[str, dict[object, str]] = {
    "hairpin": {True: "hairpin"},
    "isolated": {True: "isolated"},
    "locked": {True: "locked"},
    "mab": {True: "mab"},
    "neigh_suppress": {True: "suppressed"},
    "proxy_arp": {True: "proxy arp"},
    "proxy_arp_wifi": {True: "proxy arp wifi"},
    "learning": {False: "no learning"},
    "flood": {False: "no flood"},
    "mcast_flood": {False: "no mcast"},
    "bcast_flood": {False: "no bcast"},
    "attached": {False: "detached"},
    "up": {False: "port down"},
}


@dataclass(frozen=True)
class Iface:
    """An interface: its id (``A:ens160``), what is written beside it, and its facts for a closer look.

    ``kind`` is the link's (``veth``, ``macvlan``, …), ``mode`` a child's; ``flaws`` are ``down`` and the like.
    ``parent`` is the link of the same host on which it hangs: a child's parent, the bridge that it is plugged into,
    a bridge's way out. ``port`` is the bridge's end of its wire, where there is one.
    """

    id: str
    name: str
    kind: str
    namespace: str
    mode: str = ""
    parent: str | None = None
    port: Port | None = None
    addresses: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Port:
    """A switch port: its id (``port(A:ens160)``), the interface at the other end, its options as tags."""

    id: str
    iface: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Nic:
    """An interface at the edge of a host, and the switch port that it is wired to (of a pair there is none)."""

    iface: Iface
    port: Port | None = None
    switch: str = ""


@dataclass(frozen=True)
class Host:
    """A host, or ``count`` alike ones that stand for each other; ``inner`` has what is not at its edge."""

    id: str
    name: str
    nics: tuple[Nic, ...] = ()
    inner: tuple[Iface, ...] = ()
    members: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many hosts this box stands for."""
        return len(self.members)

    def ifaces(self) -> Iterator[Iface]:
        """Every interface of the host, those at its edge first."""
        for nic in self.nics:
            yield nic.iface
        yield from self.inner

    def hanging(self, parent: str) -> Iterator[Iface]:
        """What hangs on an interface, in the order of creation."""
        return (iface for iface in self.inner if iface.parent == parent)


@dataclass(frozen=True)
class Switch:
    """A switch and what is special about it."""

    id: str
    tags: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trunk:
    """A wire between two switches, each end a port."""

    id: str
    ends: tuple[str, str]
    ports: tuple[Port, Port]


@dataclass(frozen=True)
class Scene:
    """The whole picture. ``alias`` maps what a folded host stands for to the id that is drawn."""

    hosts: tuple[Host, ...]
    switches: tuple[Switch, ...]
    trunks: tuple[Trunk, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    more: int = 0
    alias: Mapping[str, str] | None = None


def build(state: Plain, most: int = MOST_HOSTS) -> Scene:
    """The scene of a state. Alike hosts are folded where there are more than ``most``."""
    links: Sequence[Plain] = state.get("links", ())
    kinds = {ns["id"]: ns["kind"] for ns in state.get("namespaces", ())}
    switches = tuple(_switch(link) for link in links if kinds.get(link["namespace"]) == "switch" and _is_bridge(link))
    trunks = tuple(_trunk(link) for link in links if link["type"] == "SwitchLink")
    inside: dict[str, list[Plain]] = {}
    for link in links:
        inside.setdefault(_host_of(link["namespace"]), []).append(link)
    hosts = [_host(name, inside.get(name, [])) for name, kind in kinds.items() if kind == "host"]
    drawn, alias = _fold(hosts) if len(hosts) > most else (hosts, {})
    # One place is kept for the box that says how many there are besides.
    shown = drawn if len(drawn) <= most else drawn[: most - 1]
    seen = {iface.id for host in shown for iface in host.ifaces()}
    pairs = tuple(
        (_id(link), link["peer"])
        for link in links
        if link["type"] == "Pair" and link.get("makes") and {_id(link), link["peer"]} <= seen
    )
    more = sum(host.count for host in drawn[len(shown) :])
    return Scene(tuple(shown), switches, trunks, pairs, more, alias)


# --- hosts ------------------------------------------------------------------------------------------


def _host(name: str, mine: Sequence[Plain]) -> Host:
    ways = _ways_out(mine)
    nics, inner = [], []
    for link in mine:
        if link["type"] == "Veth" and ":" not in link["switch"]:
            nics.append(Nic(_iface(link), _port(link), link["switch"]))
        elif link["type"] == "Pair" and link["namespace"] == name:
            nics.append(Nic(_iface(link)))
        else:
            iface = _iface(link)
            inner.append(replace(iface, parent=ways.get(iface.id, iface.parent)))
    return Host(name, name, tuple(nics), tuple(inner), (name,))


def _ways_out(links: Sequence[Plain]) -> dict[str, str]:
    """The wire by which each bridge of a host leads out of it: the first that is a port of it."""
    found: dict[str, str] = {}
    for link in links:
        if link.get("master"):
            found.setdefault(link["master"], _id(link))
    return found


def _iface(link: Plain) -> Iface:
    kind = "veth" if link["type"] == "Pair" else link["type"].lower()
    mode = _mode(link)
    addresses = tuple(f"{one['ip']}/{one['prefixlen']}" for one in link.get("addresses", ()))
    if link.get("up", True) is False:
        flaws: tuple[str, ...] = ("down",)
    else:
        flaws = () if link.get("carrier", True) else ("no carrier",)
    facts = [
        _what(link, kind, mode),
        f"MAC {link['mac']}" if link.get("mac") else "MAC of the kernel's choice",
        *(addresses or ("no address",)),
    ]
    if link.get("mtu", 1500) != 1500:
        facts.append(f"MTU {link['mtu']}")
    facts += (f"static neighbour {one['ip']} at {one['mac']}" for one in link.get("neighbors", ()))
    if mode == "source":
        facts.append(f"listens to {', '.join(link.get('allowed_macs', ())) or 'no MAC'}")
    facts += flaws
    return Iface(
        id=_id(link),
        name=link["name"],
        kind=kind,
        namespace=link["namespace"],
        mode=mode,
        parent=_parent(link),
        port=_port(link) if link["type"] == "Veth" and ":" in link["switch"] else None,
        addresses=addresses,
        flaws=flaws,
        facts=tuple(facts),
    )


def _what(link: Plain, kind: str, mode: str) -> str:
    if mode:
        return f"{kind} {mode} on {_parent(link)}"
    if link["type"] == "Pair":
        return f"wired to {link['peer']}"
    if link["type"] == "Vlan":
        return f"VLAN {link['vid']} of {link['parent']}"
    if link["type"] == "Vxlan":
        to = f"the group {link['group']}" if link.get("group") else ", ".join(link.get("remotes", ()))
        return f"VXLAN {link['vni']} by {link['dev']}" + (f" to {to}" if to else "")
    if link["type"] == "Bridge":
        return "a bridge inside of the host"
    words = f"plugged into {link['switch']}" if "switch" in link else kind
    return f"{words}, a port of {link['master']}" if link.get("master") else words


def _mode(link: Plain) -> str:
    if link["type"] not in ("Macvlan", "Macvtap"):
        return ""
    # A mode that was not given is the kernel's, vepa; the plan's own default is bridge.
    return link.get("mode", "bridge") or "vepa"


def _parent(link: Plain) -> str | None:
    """What a link hangs on in its own host: a child's parent, a tunnel's way out, the bridge that a veth is plugged
    into."""
    plugged = link["switch"] if link["type"] == "Veth" and ":" in link["switch"] else None
    parent: str | None = link.get("parent") or link.get("dev") or plugged
    return parent


def _id(link: Plain) -> str:
    if link["type"] == "SwitchLink":
        return f"{link['namespace']}--{link['peer']}"
    if link["type"] == "Switch":
        return str(link["namespace"])
    return f"{link['namespace']}:{link['name']}"


def _host_of(namespace: str) -> str:
    return namespace.partition("/")[0]


# --- switches ---------------------------------------------------------------------------------------


def _is_bridge(link: Plain) -> bool:
    return bool(link["type"] == "Switch")


def _switch(link: Plain) -> Switch:
    tags = []
    if link.get("stp"):
        tags.append("STP")
    if link.get("vlan_filtering"):
        tags.append("VLANs")
    if link.get("mcast_snooping"):
        tags.append("snooping")
    if link.get("fdb_max_learned"):
        tags.append(f"learns {link['fdb_max_learned']}")
    if link.get("up", True) is False:
        tags.append("down")
    facts = ["switch (a Linux bridge)"]
    if link.get("mac"):
        facts.append(f"MAC {link['mac']}")
    if link.get("ageing_time", 300) != 300:
        facts.append(f"ageing time {link['ageing_time']} s")
    return Switch(link["namespace"], tuple(tags), (*facts, *tags))


def _port(link: Plain) -> Port:
    return Port(f"port({_id(link)})", _id(link), tuple(_tags(link.get("port", {}))))


def _trunk(link: Plain) -> Trunk:
    here, there = link["namespace"], link["peer"]
    return Trunk(
        _id(link),
        (here, there),
        (
            Port(f"port({here}--{there})", there, tuple(_tags(link.get("port", {})))),
            Port(f"port({there}--{here})", here, tuple(_tags(link.get("peer_port", {})))),
        ),
    )


def _tags(port: Plain) -> Iterator[str]:
    for name, words in _PORT_WORDS.items():
        if port.get(name) in words:
            yield words[port[name]]
    if port.get("state", "forwarding") != "forwarding":
        yield str(port["state"])
    if port.get("fdb"):
        yield f"fdb {len(port['fdb'])}"
    if port.get("pvid") is not None:
        yield f"pvid {port['pvid']}" if port["pvid"] else "no pvid"
    for name in ("untagged", "tagged"):
        if port.get(name):
            yield f"{name} {' '.join(map(str, port[name]))}"


# --- folding ----------------------------------------------------------------------------------------


def _fold(hosts: Iterable[Host]) -> tuple[list[Host], dict[str, str]]:
    """Hosts that differ in a trailing number only become one; and where each interface is now drawn."""
    groups: dict[object, list[Host]] = {}
    for host in hosts:
        groups.setdefault((pattern(host.id), _shape(host)), []).append(host)
    drawn, alias = [], {}
    for members in groups.values():
        first = members[0]
        if len(members) == 1:
            drawn.append(first)
            continue
        drawn.append(replace(first, name=pattern(first.id), members=tuple(host.id for host in members)))
        for host in members[1:]:
            alias.update({one.id: other.id for one, other in zip(host.ifaces(), first.ifaces(), strict=True)})
            alias.update(
                {
                    nic.port.id: other.port.id
                    for nic, other in zip(host.nics, first.nics, strict=True)
                    if nic.port and other.port
                }
            )
    return drawn, alias


def _shape(host: Host) -> object:
    """What must be equal for two hosts to be drawn as one."""
    nics = tuple((nic.switch, nic.port.tags if nic.port else ()) for nic in host.nics)
    ifaces = tuple((one.name, pattern(one.namespace), one.kind, one.mode, one.flaws) for one in host.ifaces())
    return nics, ifaces
