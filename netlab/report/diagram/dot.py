"""A diagram as DOT text, for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.report.diagram.nodes import Edge, Graph, Group, Node
from netlab.report.diagram.text import clean


def write(graph: Graph, title: str) -> str:
    """The graph as an undirected DOT graph; hosts and containers are clusters."""
    return "\n".join(_lines(graph, title)) + "\n"


def _lines(graph: Graph, title: str) -> Iterator[str]:
    yield f"graph {_quote(title)} {{"
    yield '  graph [rankdir=LR, fontname="Helvetica"]'
    yield '  node [shape=box, style=rounded, fontname="Helvetica", fontsize=11]'
    yield '  edge [fontname="Helvetica", fontsize=10]'
    for switch in graph.switches:
        yield f'  {switch.name} [label={_label(switch)}, shape=box, style="filled", fillcolor="#e9edf3"]'
    for host in graph.hosts:
        yield from _group(host, "  ")
    if graph.more:
        yield f'  more [label="and {graph.more} more hosts", style=dashed]'
    for edge in graph.edges:
        yield f"  {_edge(edge)}"
    yield "}"


def _group(group: Group, indent: str) -> Iterator[str]:
    yield f"{indent}subgraph cluster_{group.name} {{"
    yield f"{indent}  label={_quote(group.title)}"
    for node in group.nodes:
        yield f"{indent}  {node.name} [label={_label(node)}]"
    for inner in group.groups:
        yield from _group(inner, indent + "  ")
    if not group.nodes and not group.groups:
        yield f'{indent}  {group.name}_empty [label="no interface", style=dashed]'
    yield f"{indent}}}"


def _edge(edge: Edge) -> str:
    options = [f"label={_quote(edge.label)}"] if edge.label else []
    if edge.look == "child":
        options.append("style=dashed")
    return f"{edge.a} -- {edge.b}" + (f" [{', '.join(options)}]" if options else "")


def _label(node: Node) -> str:
    # The line break is DOT's own escape, so it is put in after the lines are quoted.
    return '"' + r"\n".join(_inner(line) for line in node.lines) + '"'


def _quote(text: str) -> str:
    return f'"{_inner(text)}"'


def _inner(text: str) -> str:
    return clean(text).replace("\\", "\\\\").replace('"', '\\"')
