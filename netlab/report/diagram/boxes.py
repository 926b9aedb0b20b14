"""Host boxes: each interface a row, children hanging on their parent's stem, containers around theirs.

A box is laid out once, as if its parents were at the left edge; where it stands left of the switch it is
mirrored, so that parents always face the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netlab.report.diagram.scene import Host, Iface, Nic
from netlab.report.diagram.text import shorten, width

NAME, SMALL, TITLE, TAG = 12.5, 11.0, 13.5, 10.5
#: The longest name that is written out; the whole is among the facts.
LONGEST = 26
#: Addresses of one interface that are written out.
MOST_ADDRESSES = 2

_STEM, _STEM_OF_OTHERS, _CHILD, _PAD = 18, 9, 32, 14
_HEADER, _LINE, _GAP, _CONTAINER = 34, 15, 8, 24


@dataclass(frozen=True)
class Pill:
    """A small tag: its left edge, its middle, its width."""

    x: float
    y: float
    width: float
    text: str
    look: str


@dataclass(frozen=True)
class Row:
    """An interface's glyph at (``x``, ``y``), its texts from ``text_x`` on, and the area that belongs to it."""

    iface: Iface
    x: float
    y: float
    text_x: float
    name: str
    lines: tuple[str, ...]
    pills: tuple[Pill, ...]
    area: tuple[float, float, float, float]


@dataclass(frozen=True)
class Frame:
    """A rectangle with a title: a host, a container, or the box that says how many more there are."""

    look: str
    x: float
    y: float
    width: float
    height: float
    title: str
    title_x: float
    id: str = ""
    count: int = 1


@dataclass(frozen=True)
class Wire:
    """A line between two places, through these points."""

    ends: tuple[str, str]
    points: tuple[tuple[float, float], ...]
    look: str = "stem"


@dataclass(frozen=True)
class Box:
    """A host with everything in it, its left upper corner at (0, 0) and its parents at the left edge."""

    host: Host
    width: float
    height: float
    frames: tuple[Frame, ...]
    rows: tuple[Row, ...]
    wires: tuple[Wire, ...]

    def nic_y(self, iface: str) -> float:
        """How far down the glyph of an interface is."""
        return next(row.y for row in self.rows if row.iface.id == iface)


def box(host: Host) -> Box:
    """Lay out one host."""
    drawn = _Drawing()
    for nic in host.nics:
        drawn.nic(nic, _containers(nic, host.nics))
    for iface in host.inner:
        drawn.row(iface, _CHILD)
    if not drawn.rows:
        drawn.y += _LINE
    title = shorten(host.name, LONGEST)
    room = (
        width(title, TITLE, mono=False)
        + 2 * _PAD
        + (pill_width(f"×{host.count}") + 8 if host.count > 1 else 0)
    )
    wide = max(150.0, room, drawn.right + _PAD)
    tall = drawn.y + 4
    frames = (
        Frame("host", 0, 0, wide, tall, title, _PAD, host.id, host.count),
        *(
            Frame("container", _CHILD, top, wide - _CHILD - 10, bottom - top, title_, _CHILD + _PAD, id_)
            for id_, title_, top, bottom in drawn.containers
        ),
    )
    wires = tuple(drawn.wires) + tuple(drawn.foreign(host.nics))
    rows = tuple(drawn.with_area(wide))
    return Box(host, wide, tall, frames, rows, wires)


def pill_width(text: str) -> float:
    """How wide a tag is."""
    return 12 + width(text, TAG)


class _Drawing:
    """Rows from top to bottom."""

    def __init__(self) -> None:
        self.y = float(_HEADER)
        self.right = 0.0
        self.rows: list[Row] = []
        self.wires: list[Wire] = []
        self.containers: list[tuple[str, str, float, float]] = []

    def nic(self, nic: Nic, containers: dict[str, list[Iface]]) -> None:
        """A parent at the edge, then its children: those beside it first, then container by container."""
        parent = self.row(nic.iface, 0, _STEM + 12 if nic.children else _PAD)
        for child in nic.children:
            if child.namespace == nic.iface.namespace:
                self.child(parent, child)
        for id_, members in containers.items():
            top = self.y
            self.y += _CONTAINER
            label = shorten(id_.partition("/")[2], LONGEST)
            self.right = max(self.right, _CHILD + _PAD + width(label, SMALL, mono=False) + 10)
            for child in members:
                if child.parent == nic.iface.id or _same_stem(child, nic):
                    self.child(parent, child, _CHILD)
                else:
                    self.row(child, _CHILD)
            self.containers.append((id_, label, top, self.y - 2))
            self.y += _GAP

    def child(self, parent: Row, iface: Iface, at: float = _CHILD) -> None:
        row = self.row(iface, at)
        points = ((parent.x, parent.y), (_STEM, parent.y), (_STEM, row.y), (row.x, row.y))
        self.wires.append(Wire((parent.iface.id, iface.id), points))

    def row(self, iface: Iface, at: float, text: float = 0) -> Row:
        """One interface: name and tags, and its addresses below."""
        name = shorten(iface.name, LONGEST)
        lines = list(iface.addresses[:MOST_ADDRESSES])
        if len(iface.addresses) > MOST_ADDRESSES:
            lines[-1] += f" +{len(iface.addresses) - MOST_ADDRESSES}"
        text_x = text or at + _PAD
        x = text_x + width(name, NAME) + 8
        pills = []
        for word, look in _words(iface):
            pills.append(Pill(x, self.y + 9, pill_width(word), word, look))
            x += pills[-1].width + 5
        inside = 10 if "/" in iface.namespace else 0
        self.right = max(
            self.right, *(end + inside for end in (x - 5, *(text_x + width(one, SMALL) for one in lines)))
        )
        area = (at, self.y - 2, 0.0, 20 + _LINE * len(lines))
        row = Row(iface, at, self.y + 9, text_x, name, tuple(lines), tuple(pills), area)
        self.rows.append(row)
        self.y += 20 + _LINE * len(lines) + _GAP / 2
        return row

    def foreign(self, nics: Sequence[Nic]) -> Iterable[Wire]:
        """The stems of children that live in a container which is drawn below another parent."""
        drawn = {wire.ends for wire in self.wires}
        rows = {row.iface.id: row for row in self.rows}
        for nic in nics:
            for child in nic.children:
                if (nic.iface.id, child.id) not in drawn and child.id in rows:
                    parent, row = rows[nic.iface.id], rows[child.id]
                    points = (
                        (parent.x, parent.y),
                        (_STEM_OF_OTHERS, parent.y),
                        (_STEM_OF_OTHERS, row.y),
                        (row.x, row.y),
                    )
                    yield Wire((nic.iface.id, child.id), points)

    def with_area(self, wide: float) -> Iterable[Row]:
        """The rows, each with its area as wide as the box allows."""
        for row in self.rows:
            left, top, _, height = row.area
            area = (left, top, wide - left - (10 if left else 0), height)
            yield Row(row.iface, row.x, row.y, row.text_x, row.name, row.lines, row.pills, area)


def _same_stem(child: Iface, nic: Nic) -> bool:
    return any(one.id == child.id for one in nic.children)


def _words(iface: Iface) -> list[tuple[str, str]]:
    words = []
    if iface.mode:
        words.append((iface.mode, f"mode-{iface.mode}"))
    if iface.kind not in ("veth", "macvlan"):
        words.append((iface.kind, "kind"))
    return [*words, *((flaw, "flaw") for flaw in iface.flaws)]


def _containers(nic: Nic, nics: Sequence[Nic]) -> dict[str, list[Iface]]:
    """The containers that are drawn below this parent, each with all of its interfaces.

    A container with interfaces on several parents is drawn once, below the first of them.
    """
    homes: dict[str, str] = {}
    members: dict[str, list[Iface]] = {}
    for one in nics:
        for child in one.children:
            if child.namespace != one.iface.namespace:
                homes.setdefault(child.namespace, one.iface.id)
                members.setdefault(child.namespace, []).append(child)
    return {name: members[name] for name, home in homes.items() if home == nic.iface.id}
