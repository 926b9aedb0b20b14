"""Host boxes: each interface a row, children hanging on their parent's stem, containers around theirs.

A box is laid out once, as if its parents were at the left edge; where it stands left of the switch it is
mirrored, so that parents always face the wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netlab.contract.dataclass import dataclass
from netlab.report.diagram.scene import Host, Iface, Port
from netlab.report.diagram.text import shorten, width

NAME, SMALL, TITLE, TAG = 12.5, 11.0, 13.5, 10.5
#: The longest name that is written out; the whole is among the facts.
LONGEST = 26
#: Addresses of one interface that are written out.
MOST_ADDRESSES = 2

_STEM, _STEM_OF_OTHERS, _CHILD, _STEP, _PAD = 18, 9, 32, 26, 14
#: How wide a bridge inside of a host is.
_BAR = 16
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
class Plug:
    """The port of a bridge inside a host: its glyph, and the line inside the bridge (``bus``)."""

    port: Port
    bridge: str
    x: float
    y: float
    bus: float


@dataclass(frozen=True)
class Box:
    """A host with everything in it, its left upper corner at (0, 0) and its parents at the left edge."""

    host: Host
    width: float
    height: float
    frames: tuple[Frame, ...]
    rows: tuple[Row, ...]
    wires: tuple[Wire, ...]
    plugs: tuple[Plug, ...]

    def nic_y(self, iface: str) -> float:
        """How far down the glyph of an interface is."""
        return next(row.y for row in self.rows if row.iface.id == iface)


def box(host: Host) -> Box:
    """Lay out one host."""
    drawn = _Drawing(host)
    for nic in host.nics:
        drawn.root(nic.iface, 0.0)
    known = {iface.id for iface in host.ifaces()}
    for iface in host.inner:
        # What hangs on nothing of this host, and what hangs on that.
        if iface.id not in drawn.rows and iface.parent not in known:
            drawn.lone(iface)
    if not drawn.rows:
        drawn.y += _LINE
    title = shorten(host.name, LONGEST)
    count = pill_width(f"×{host.count}") + 8 if host.count > 1 else 0
    wide = max(150.0, width(title, TITLE, mono=False) + 2 * _PAD + count, drawn.right + _PAD)
    tall = drawn.y + 4
    frames = (
        Frame("host", 0, 0, wide, tall, title, _PAD, host.id, host.count),
        *(
            Frame("container", at, top, wide - at - 10, bottom - top, label, at + _PAD, id_)
            for id_, label, at, top, bottom in drawn.containers
        ),
        *drawn.bridges(),
    )
    return Box(host, wide, tall, frames, tuple(drawn.sized(wide)), tuple(drawn.wires()), tuple(drawn.plugs()))


def pill_width(text: str) -> float:
    """How wide a tag is."""
    return 12 + width(text, TAG)


class _Drawing:
    """Rows from top to bottom, each followed by what hangs on it; then the stems between them."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.y = float(_HEADER)
        self.right = 0.0
        self.rows: dict[str, Row] = {}
        #: id, title, left edge, top, bottom
        self.containers: list[tuple[str, str, float, float, float]] = []

    def root(self, iface: Iface, at: float) -> None:
        """An interface and everything below it."""
        below = list(self.host.hanging(iface.id))
        self.row(iface, at, _STEM + 12 if below and not at else at + _PAD)
        self.below(iface, at)

    def lone(self, iface: Iface) -> None:
        """An interface that hangs on nothing: in its container, or by itself."""
        if iface.namespace == self.host.id:
            self.root(iface, _CHILD)
        else:
            self.container(iface.namespace, _CHILD)

    def below(self, iface: Iface, at: float) -> None:
        """What hangs on an interface: beside it first, then container by container."""
        inside = at + _STEP if at else _CHILD
        for child in self.host.hanging(iface.id):
            if child.namespace == self.host.id and child.id not in self.rows:
                self.root(child, inside)
        for child in self.host.hanging(iface.id):
            if child.namespace != self.host.id and child.id not in self.rows:
                self.container(child.namespace, inside)

    def container(self, name: str, at: float) -> None:
        """A container with all of its interfaces: drawn once, below the first parent of any of them."""
        top = self.y
        self.y += _CONTAINER
        label = shorten(name.partition("/")[2], LONGEST)
        self.right = max(self.right, at + _PAD + width(label, SMALL, mono=False) + 10)
        members = [iface for iface in self.host.inner if iface.namespace == name]
        for iface in members:
            self.row(iface, at)
        self.containers.append((name, label, at, top, self.y - 2))
        self.y += _GAP
        for iface in members:
            self.below(iface, at)

    def row(self, iface: Iface, at: float, text: float = 0) -> None:
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
        ends = (x - 5, *(text_x + width(one, SMALL) for one in lines))
        self.right = max(self.right, *(end + inside for end in ends))
        area = (at, self.y - 2, 0.0, 20 + _LINE * len(lines))
        self.rows[iface.id] = Row(iface, at, self.y + 9, text_x, name, tuple(lines), tuple(pills), area)
        self.y += 20 + _LINE * len(lines) + _GAP / 2

    def wires(self) -> Iterable[Wire]:
        """The stems: from each parent to what hangs on it."""
        for row in self.rows.values():
            parent = self.rows.get(row.iface.parent or "")
            if parent is None:
                continue
            if row.iface.port is not None:
                plug = self._plug(row, parent)
                yield Wire((plug.port.id, row.iface.id), ((plug.x, plug.y), (row.x, row.y)))
                continue
            yield Wire((parent.iface.id, row.iface.id), (*self._stem(parent, row), (row.x, row.y)))

    def _stem(self, parent: Row, row: Row) -> tuple[tuple[float, float], ...]:
        if parent.x:
            # Straight down from what is inside of the box itself.
            return (parent.x, parent.y), (parent.x, row.y)
        own = self._root_of(row) == parent.iface.id
        stem = _STEM if own else _STEM_OF_OTHERS
        return (parent.x, parent.y), (stem, parent.y), (stem, row.y)

    def _root_of(self, row: Row) -> str:
        """The interface at the edge below which a row stands."""
        above = [one for one in self.rows.values() if not one.x and one.y < row.y]
        return max(above, key=lambda one: one.y).iface.id if above else ""

    def plugs(self) -> Iterable[Plug]:
        """The ports of bridges inside of the host."""
        for row in self.rows.values():
            parent = self.rows.get(row.iface.parent or "")
            if row.iface.port is not None and parent is not None:
                yield self._plug(row, parent)

    def _plug(self, row: Row, bridge: Row) -> Plug:
        assert row.iface.port is not None
        return Plug(row.iface.port, bridge.iface.id, bridge.x + _BAR / 2, row.y, bridge.x)

    def bridges(self) -> Iterable[Frame]:
        """Bridges inside of the host: narrow bars from their own row to their last port's."""
        for row in self.rows.values():
            if row.iface.kind == "bridge":
                ends = [plug.y for plug in self.plugs() if plug.bridge == row.iface.id]
                bottom = max([row.y, *ends]) + 10
                yield Frame("inner", row.x - _BAR / 2, row.y - 10, _BAR, bottom - row.y + 10, "", row.x, row.iface.id)

    def sized(self, wide: float) -> Iterable[Row]:
        """The rows, each with its area as wide as the box allows."""
        for row in self.rows.values():
            left, top, _, height = row.area
            yield replace(row, area=(left, top, wide - left - (10 if left else 0), height))


def _words(iface: Iface) -> list[tuple[str, str]]:
    words = []
    if iface.mode:
        words.append((iface.mode, f"mode-{iface.mode}"))
    if iface.kind not in ("veth", "macvlan"):
        words.append(("Linux bridge" if iface.kind == "bridge" else iface.kind, "kind"))
    # A switch port's options are written on its wire; inside a host there is no room there, so they stand here.
    words += ((tag, "port") for tag in (iface.port.tags if iface.port else ()))
    return [*words, *((flaw, "flaw") for flaw in iface.flaws)]
