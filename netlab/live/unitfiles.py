"""Units of systemd: a text of several files with sections, whose keys may be given again, as a tree with places."""

from __future__ import annotations

import re
from pathlib import PurePath

from netlab.contract.types import Where
from netlab.spec.nodes import Node
from netlab.spec.problems import Problems

#: What stands before each file where several are in one text, as ``networkctl cat`` prints them.
_HEAD = re.compile(r"# ((?:/|\.{1,2}/).*\.(?:netdev|network|link|conf))\s*")
#: Sections that are there once for each thing that they describe; others with one name are one.
_MANY = ("Address", "Route", "Neighbor", "RoutingPolicyRule", "NextHop", "BridgeVLAN", "BridgeFDB", "BridgeMDB",
         "VXLAN.FDB", "IPv6Prefix", "IPv6RoutePrefix", "SR-IOV")  # fmt: skip
#: Keys that collect what they are given; of others the last counts.
_LISTS = {
    "Match": ("Name", "MACAddress", "PermanentMACAddress"),
    "Network": ("Address", "Gateway", "MACVLAN", "MACVTAP", "IPVLAN", "IPVTAP", "VLAN", "VXLAN", "Tunnel", "DNS",
                "Domains", "NTP", "Xfrm", "BindCarrier"),
    "MACVLAN": ("SourceMACAddress",),
    "MACVTAP": ("SourceMACAddress",),
    "BridgeVLAN": ("VLAN", "EgressUntagged"),
}  # fmt: skip
#: Of these one line may have several, parted by spaces.
_WORDS = {("Match", key) for key in _LISTS["Match"]} | {(kind, "SourceMACAddress") for kind in ("MACVLAN", "MACVTAP")}


class Spot(Node):
    """A node that knows its file: a text may be of several."""

    __slots__ = ("file",)

    def __init__(self, value: str | list[Node] | dict[str, Node] | None, place: Where) -> None:
        super().__init__(value, place.line, place.column or 1)
        self.file = place.file
        self.plain = True

    def where(self, file: str, offset: int = 0) -> Where:
        """The place of the node, in its own file."""
        return Where(self.file, self.line, self.column + offset)


def parse(text: str, file: str, problems: Problems) -> Node:
    """File → section → key → value, or a list of them; what is wrong is noted in ``problems``."""
    root = Spot({}, Where(file, 1, 1))
    unit: Node | None = None
    section: Node | None = None
    title, number, held, begun = "", 0, "", 0
    for line in text.split("\n"):
        number += 1
        if (head := _HEAD.fullmatch(line)) is not None:
            file, number, unit, section = head[1].removeprefix("./"), 0, None, None
            continue
        if not held:
            begun = number
            if not line.strip() or line.lstrip()[0] in "#;":
                continue
        elif line.lstrip()[:1] in ("#", ";"):
            continue
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            continue
        line, held = held + line, ""
        place = Where(file, begun, len(line) - len(line.lstrip()) + 1)
        word = line.strip()
        if word.startswith("["):
            if not word.endswith("]"):
                problems.add(place, f"{word!r} is no section", "as in [Network]")
                continue
            title = word[1:-1]
            unit = unit or _unit(root, file, place)
            section = _section(unit, title, place)
            continue
        key, equals, value = word.partition("=")
        if not equals or section is None:
            message = f"{word[:60]!r} stands before any section" if equals else f"{word[:60]!r} is no 'Key=value'"
            problems.add(place, message, "a section begins with [Name]")
            continue
        start = line.index("=") + 1
        shift = len(line[start:]) - len(line[start:].lstrip())
        before = section.value.get(key.strip()) if isinstance(section.value, dict) and title == "NetDev" else None
        if isinstance(before, Spot) and before.file == file:
            problems.add(place, f"{key.strip()}= is given twice", "a .netdev file describes one device")
        _assign(section, title, key.strip(), value.strip(), place, Where(file, begun, start + shift + 1))
    return root


def _unit(root: Node, file: str, place: Where) -> Node:
    """The node of a file; what is dropped into a unit's folder (``a.network.d/*.conf``) belongs to the unit."""
    path = PurePath(file)
    unit = str(path.parent)[:-2] if path.suffix == ".conf" and path.parent.suffix == ".d" else file
    assert isinstance(root.value, dict)
    return _put(root, unit, Spot({}, place), place)


def _put(node: Node, key: str, child: Node, place: Where) -> Node:
    assert isinstance(node.value, dict)
    if key not in node.value:
        node.value[key] = child
        node.keys[key] = Spot(key, place)
    return node.value[key]


def _section(unit: Node, title: str, place: Where) -> Node:
    if title not in _MANY:
        return _put(unit, title, Spot({}, place), place)
    many = _put(unit, title, Spot([], place), place)
    assert isinstance(many.value, list)
    many.value.append(Spot({}, place))
    return many.value[-1]


def _assign(section: Node, title: str, key: str, value: str, place: Where, at: Where) -> None:
    assert isinstance(section.value, dict)
    if key not in _LISTS.get(title, ()):
        section.value[key] = Spot(value, at)
        section.keys[key] = Spot(key, place)
        return
    if not value:
        # Nothing clears what was given before.
        section.value.pop(key, None)
        return
    many = _put(section, key, Spot([], at), place)
    assert isinstance(many.value, list)
    many.value += [Spot(word, at) for word in (value.split() if (title, key) in _WORDS else [value])]
