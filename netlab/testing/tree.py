"""From Python values to the tree of nodes that a topology file would have, and from such a tree to YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from netlab.contract.types import Where
from netlab.spec import Problem, TopologyError
from netlab.spec.nodes import Node
from netlab.testing.given import Given


class PlacedNode(Node):
    """A node that comes from a line of Python, in whatever file."""

    __slots__ = ("at",)

    def __init__(self, value: Any, at: Where) -> None:
        super().__init__(value, at.line, at.column)
        self.at = at

    def where(self, file: str, offset: int = 0) -> Where:
        """The line of Python."""
        return self.at


def node(given: Given) -> PlacedNode:
    """The tree of a value: texts as they are written in a file, lists, mappings."""
    value, at = given.value, given.at
    if isinstance(value, Mapping):
        children, keys = {}, {}
        for key, child in value.items():
            name = _text(key, at)
            place = child if isinstance(child, Given) else Given(child, at)
            children[name] = node(place)
            keys[name] = PlacedNode(name, place.at)
        made = PlacedNode(children, at)
        made.keys.update(keys)
        return made
    # Networks can be iterated over, too: they are scalars here.
    if isinstance(value, Iterable) and not isinstance(value, (str, IPv4Network, IPv6Network)):
        items = (child if isinstance(child, Given) else Given(child, at) for child in value)
        return PlacedNode([node(item) for item in items], at)
    return PlacedNode(None if value is None else _text(value, at), at)


def changed(root: Node, sections: Mapping[str, Node | None]) -> Node:
    """A copy of a mapping's node with some of its sections replaced, or left out (None)."""
    assert isinstance(root.value, dict)
    children, keys = dict(root.value), dict(root.keys)
    for name, section in sections.items():
        children.pop(name, None)
        if section is not None:
            children[name] = section
            keys.setdefault(name, section)
    made = Node(children, root.line, root.column)
    made.keys = keys
    return made


def as_yaml(root: Node) -> str:
    """A tree as the text of a topology file."""
    import yaml

    text: str = yaml.safe_dump(root.plainly(), sort_keys=False, allow_unicode=True)
    return text


def _text(value: Any, at: Where) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    bad = next((c for c in text if not (c.isprintable() or c in "\n\t")), None)
    if bad is not None:
        raise TopologyError([Problem(at, f"control character U+{ord(bad):04X}", "remove it")])
    return text
