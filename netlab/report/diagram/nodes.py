"""The scene as nodes inside boxes, and edges between them: Mermaid and DOT do the layout."""

from __future__ import annotations

from netlab.contract.dataclass import dataclass
from netlab.report.diagram.scene import Host, Iface, Scene


@dataclass(frozen=True)
class Node:
    """An interface or a switch: its short name in the text, its lines, ``switch`` or the interface's mode."""

    name: str
    lines: tuple[str, ...]
    look: str = ""


@dataclass(frozen=True)
class Group:
    """A host or a container with what is in it."""

    name: str
    title: str
    nodes: tuple[Node, ...] = ()
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True)
class Edge:
    """A line between two nodes, with a label where a port has options."""

    a: str
    b: str
    label: str = ""
    look: str = "wire"


@dataclass(frozen=True)
class Graph:
    """Everything, in the scene's order."""

    switches: tuple[Node, ...]
    hosts: tuple[Group, ...]
    edges: tuple[Edge, ...]
    more: int = 0


def build(scene: Scene) -> Graph:
    """Number a scene's parts, so that no name from a file is ever an identifier of the text."""
    names: dict[str, str] = {}
    for switch in scene.switches:
        names[switch.id] = f"s{len(names)}"
    for host in scene.hosts:
        for iface in host.ifaces():
            names[iface.id] = f"i{len(names)}"
    edges = [
        Edge(
            names[trunk.ends[0]],
            names[trunk.ends[1]],
            ", ".join((*trunk.ports[0].tags, *trunk.ports[1].tags)),
        )
        for trunk in scene.trunks
        if set(trunk.ends) <= names.keys()
    ]
    for host in scene.hosts:
        for nic in host.nics:
            if nic.switch in names:
                tags = ", ".join(nic.port.tags if nic.port else ())
                edges.append(Edge(names[nic.switch], names[nic.iface.id], tags))
        for iface in host.inner:
            if iface.parent is not None and iface.parent in names:
                tags = ", ".join(iface.port.tags if iface.port else ())
                edges.append(Edge(names[iface.parent], names[iface.id], tags, "child" if iface.mode else "wire"))
    edges += (Edge(names[a], names[b]) for a, b in scene.pairs)
    switches = tuple(Node(names[one.id], (one.id, *one.tags), "switch") for one in scene.switches)
    hosts = tuple(_host(host, f"h{i}", names) for i, host in enumerate(scene.hosts))
    return Graph(switches, hosts, tuple(edges), scene.more)


def _host(host: Host, name: str, names: dict[str, str]) -> Group:
    own: list[Node] = []
    inside: dict[str, list[Node]] = {}
    for iface in host.ifaces():
        into = own if iface.namespace == host.id else inside.setdefault(iface.namespace, [])
        into.append(_node(iface, names))
    groups = tuple(
        Group(f"{name}c{i}", container.partition("/")[2], tuple(nodes))
        for i, (container, nodes) in enumerate(inside.items())
    )
    title = f"{host.name} ×{host.count}" if host.count > 1 else host.name
    return Group(name, title, tuple(own), groups)


def _node(iface: Iface, names: dict[str, str]) -> Node:
    special = [iface.mode] if iface.mode else []
    if iface.kind not in ("veth", "macvlan"):
        special.append(iface.kind)
    words = " ".join([*special, *iface.flaws])
    lines = (iface.name, *((words,) if words else ()), *iface.addresses[:2])
    return Node(names[iface.id], lines, iface.mode or "parent")
