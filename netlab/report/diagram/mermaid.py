"""A diagram as Mermaid text: what Markdown viewers draw by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netlab.report.diagram.nodes import Edge, Graph, Group, Node
from netlab.report.diagram.text import clean

_PLAIN = re.compile(r"[^A-Za-z0-9 .:/_-]")


def write(graph: Graph) -> str:
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    for switch in graph.switches:
        yield f"  {switch.name}([{_label(switch)}])"
    for host in graph.hosts:
        yield from _group(host, "  ")
    if graph.more:
        yield f'  more["and {graph.more} more hosts"]'
    for edge in graph.edges:
        yield f"  {_edge(edge)}"
    yield "  classDef child stroke-dasharray:4 3"
    children = [edge.b for edge in graph.edges if edge.look == "child"]
    if children:
        yield f"  class {','.join(children)} child"


def _group(group: Group, indent: str) -> Iterator[str]:
    yield f'{indent}subgraph {group.name}["{_text(group.title)}"]'
    for node in group.nodes:
        yield f"{indent}  {node.name}[{_label(node)}]"
    for inner in group.groups:
        yield from _group(inner, indent + "  ")
    if not group.nodes and not group.groups:
        yield f'{indent}  {group.name}e["no interface"]'
    yield f"{indent}end"


def _label(node: Node) -> str:
    return '"' + "<br/>".join(_text(line) for line in node.lines) + '"'


def _edge(edge: Edge) -> str:
    if edge.look == "child":
        return f"{edge.a} -.- {edge.b}"
    return f'{edge.a} ---|"{_text(edge.label)}"| {edge.b}' if edge.label else f"{edge.a} --- {edge.b}"


def _text(text: str) -> str:
    """Anything but plain letters as Mermaid's entity codes (``#60;``)."""
    return _PLAIN.sub(lambda match: f"#{ord(match[0])};", clean(text))
