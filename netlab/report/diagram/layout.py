"""The layout. The pattern is fixed: switches in the middle, each a bar with ports at its edges, and hosts beside it
whose parents face it. So equal scenes give equal pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace

from netlab.contract.dataclass import dataclass
from netlab.report.diagram.boxes import TITLE, Box, Frame, Pill, Row, Wire, box, pill_width
from netlab.report.diagram.scene import Port, Scene, Switch
from netlab.report.diagram.text import shorten, width

_HOST_GAP, _BAND_GAP, _MARGIN, _LANE_GAP = 16, 48, 8, 40
_BAR_MIN, _BAR_HEAD, _BAR_FOOT = 76, 36, 22
_SHORTEST_WIRE = 44


@dataclass(frozen=True)
class PlacedPort:
    """A switch port: its glyph, and its options as tags on the wire."""

    port: Port
    switch: str
    x: float
    y: float
    bus: float
    pills: tuple[Pill, ...] = ()


@dataclass(frozen=True)
class Bar:
    """A switch: its rectangle, and the line inside along which frames go from port to port."""

    switch: Switch
    frame: Frame
    bus: tuple[float, float, float]
    pills: tuple[Pill, ...] = ()


@dataclass
class Layout:
    """Everything with its place, in the order in which it is painted."""

    #: Left, top, width, height.
    view: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    frames: list[Frame] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    ports: list[PlacedPort] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    #: Interfaces whose texts end at their position instead of beginning there: those left of the switches.
    mirrored: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Placed:
    """A host box on a side (-1: left of the switches, 1: right) at a height."""

    box: Box
    side: int
    y: float


def lay_out(scene: Scene, *, sides: int = 2) -> Layout:
    """Place a scene: hosts on both sides of the switches, or (``sides=1``) all to the right, for narrow pages."""
    placed, bottom = _columns(scene, sides)
    extents = _extents(scene, placed, bottom)
    lanes = _lanes(extents)
    wide = [
        max((_bar_width(one) for one in scene.switches if lanes[one.id] == lane), default=0.0)
        for lane in range(max(lanes.values(), default=-1) + 1)
    ]
    left, right = (max((one.box.width for one in placed if one.side == side), default=0.0) for side in (-1, 1))
    gaps = {side: _gap(placed, side) for side in (-1, 1)}
    middle = left + (gaps[-1] if left else 0)
    starts = [middle + sum(wide[:lane]) + _LANE_GAP * lane for lane in range(len(wide))]
    edges = {-1: left, 1: middle + sum(wide) + _LANE_GAP * max(0, len(wide) - 1) + (gaps[1] if right else 0)}
    picture = Layout()
    for switch in scene.switches:
        (top, end), lane = extents[switch.id], lanes[switch.id]
        picture.bars.append(_bar(switch, starts[lane], top, wide[lane], end))
    bars = {bar.switch.id: bar for bar in picture.bars}
    for one in placed:
        _put(picture, one, edges[one.side], bars)
    _trunks(picture, scene, bars)
    _pairs(picture, scene, edges)
    if scene.more:
        _more(picture, scene.more, edges, placed, sides)
    picture.view = _view(picture)
    return picture


# --- hosts ------------------------------------------------------------------------------------------


def _columns(scene: Scene, sides: int) -> tuple[list[_Placed], float]:
    """Hosts from top to bottom: those of the first switch first, alternately left and right."""
    order = {switch.id: i for i, switch in enumerate(scene.switches)}
    bands: dict[tuple[float, float], list[Box]] = {}
    for host in scene.hosts:
        at = sorted({order[nic.switch] for nic in host.nics if nic.switch in order})
        # Between two switches stands who is on both.
        key = (sum(at) / len(at) if at else float(len(order)), float(len(at)))
        bands.setdefault(key, []).append(box(host))
    placed: list[_Placed] = []
    y = 0.0
    for key in sorted(bands):
        columns: dict[int, list[Box]] = {-1: [], 1: []}
        heights = dict.fromkeys(columns, 0.0)
        for one in bands[key]:
            side = _side(heights, placed) if sides == 2 else 1
            columns[side].append(one)
            heights[side] += one.height + _HOST_GAP
        tallest = max(heights.values())
        for side, boxes in columns.items():
            # Both columns begin at the same height: the uppermost parents face each other.
            at_y = y
            for one in boxes:
                placed.append(_Placed(one, side, at_y))
                at_y += one.height + _HOST_GAP
        y += tallest - _HOST_GAP + _BAND_GAP
    return placed, max(0.0, y - _BAND_GAP)


def _side(heights: dict[int, float], placed: Sequence[_Placed]) -> int:
    """The side with more room; where both have as much, the one with fewer hosts above."""
    if heights[-1] != heights[1]:
        return -1 if heights[-1] < heights[1] else 1
    return -1 if sum(one.side for one in placed) >= 0 else 1


def _put(picture: Layout, one: _Placed, edge: float, bars: dict[str, Bar]) -> None:
    """A host's frames, rows and stems, and the wires from its parents to the switches."""

    def x(distance: float) -> float:
        return edge + one.side * distance

    for frame in one.box.frames:
        corner = x(frame.x) if one.side > 0 else x(frame.x + frame.width)
        picture.frames.append(replace(frame, x=corner, y=frame.y + one.y, title_x=x(frame.title_x)))
    for row in one.box.rows:
        across, down, w, h = row.area
        picture.rows.append(
            replace(
                row,
                x=x(row.x),
                y=row.y + one.y,
                text_x=x(row.text_x),
                pills=tuple(_mirror(pill, one, edge) for pill in row.pills),
                area=(x(across) if one.side > 0 else x(across + w), down + one.y, w, h),
            )
        )
        if one.side < 0:
            picture.mirrored.add(row.iface.id)
    picture.wires += (
        replace(wire, points=tuple((x(across), down + one.y) for across, down in wire.points)) for wire in one.box.wires
    )
    if one.side < 0:
        picture.mirrored.update(frame.id for frame in one.box.frames)
    picture.ports += (
        PlacedPort(plug.port, plug.bridge, x(plug.x), plug.y + one.y, x(plug.bus)) for plug in one.box.plugs
    )
    for nic in one.box.host.nics:
        bar = bars.get(nic.switch)
        if nic.port is None or bar is None:
            continue
        y = one.y + one.box.nic_y(nic.iface.id)
        at = bar.frame.x + bar.frame.width if one.side > 0 else bar.frame.x
        picture.wires.append(Wire((nic.iface.id, nic.port.id), ((edge, y), (at, y)), "wire"))
        pills = tuple(_port_pills(nic.port, at, y, one.side))
        picture.ports.append(PlacedPort(nic.port, nic.switch, at, y, bar.bus[0], pills))


def _pairs(picture: Layout, scene: Scene, edges: dict[int, float]) -> None:
    """Wires between two interfaces without a switch: along the edges of the hosts' columns."""
    rows = {row.iface.id: row for row in picture.rows}
    for k, (a, b) in enumerate(scene.pairs):
        one, other = rows[a], rows[b]
        lane, opposite = (_lane(row, picture, edges, k) for row in (one, other))
        bends = (
            ((lane, one.y), (lane, other.y))
            if lane == opposite
            else ((lane, one.y), (opposite, one.y), (opposite, other.y))
        )
        picture.wires.append(Wire((a, b), ((one.x, one.y), *bends, (other.x, other.y)), "wire"))


def _lane(row: Row, picture: Layout, edges: dict[int, float], number: int) -> float:
    """The x of a pair's wire, just outside its column of hosts; each pair has a lane of its own."""
    side = -1 if row.iface.id in picture.mirrored else 1
    return edges[side] - side * (10 + 6 * (number % 4))


def _mirror(pill: Pill, one: _Placed, edge: float) -> Pill:
    left = edge + pill.x if one.side > 0 else edge - pill.x - pill.width
    return replace(pill, x=left, y=pill.y + one.y)


def _port_pills(port: Port, x: float, y: float, side: int) -> Iterator[Pill]:
    """A port's options, on the wire beside it, one below the other."""
    for k, tag in enumerate(port.tags):
        wide = pill_width(tag)
        left = x + 12 if side > 0 else x - 12 - wide
        yield Pill(left, y + (k - (len(port.tags) - 1) / 2) * 17, wide, tag, "port")


def _gap(placed: Sequence[_Placed], side: int) -> float:
    tags = [
        pill_width(tag)
        for one in placed
        if one.side == side
        for nic in one.box.host.nics
        if nic.port
        for tag in nic.port.tags
    ]
    return max(_SHORTEST_WIRE, *(wide + 26 for wide in tags)) if tags else _SHORTEST_WIRE


# --- switches ---------------------------------------------------------------------------------------


def _extents(scene: Scene, placed: Sequence[_Placed], bottom: float) -> dict[str, tuple[float, float]]:
    """From where to where each switch reaches: around all of its ports, or below everything."""
    ends: dict[str, list[float]] = {switch.id: [] for switch in scene.switches}
    for one in placed:
        for nic in one.box.host.nics:
            if nic.switch in ends:
                ends[nic.switch].append(one.y + one.box.nic_y(nic.iface.id))
    extents = {}
    for switch in scene.switches:
        head = _BAR_HEAD + 17 * len(switch.tags)
        if ends[switch.id]:
            extents[switch.id] = (min(ends[switch.id]) - head, max(ends[switch.id]) + _BAR_FOOT)
        else:
            extents[switch.id] = (bottom + _BAND_GAP, bottom + _BAND_GAP + head + 8)
            bottom += _BAND_GAP + head + 8
    return extents


def _lanes(extents: dict[str, tuple[float, float]]) -> dict[str, int]:
    """Switches one below the other where they don't overlap, else side by side."""
    lanes: dict[str, int] = {}
    ends: list[float] = []
    for name, (top, bottom) in sorted(extents.items(), key=lambda item: item[1]):
        lane = next((k for k, end in enumerate(ends) if end + 12 <= top), len(ends))
        if lane == len(ends):
            ends.append(bottom)
        ends[lane] = bottom
        lanes[name] = lane
    return lanes


def _bar_width(switch: Switch) -> float:
    title = width(shorten(switch.id, 20), TITLE, mono=False) + 24
    return max(_BAR_MIN, title, *(pill_width(tag) + 16 for tag in switch.tags)) if switch.tags else max(_BAR_MIN, title)


def _bar(switch: Switch, x: float, top: float, wide: float, bottom: float) -> Bar:
    middle = x + wide / 2
    pills = tuple(
        Pill(middle - pill_width(tag) / 2, top + 34 + 17 * k, pill_width(tag), tag, "port")
        for k, tag in enumerate(switch.tags)
    )
    frame = Frame("switch", x, top, wide, bottom - top, shorten(switch.id, 20), middle, switch.id)
    return Bar(switch, frame, (middle, top, bottom), pills)


def _trunks(picture: Layout, scene: Scene, bars: dict[str, Bar]) -> None:
    """Wires between switches: straight down within a lane, level or with a bend between lanes."""
    for trunk in scene.trunks:
        if not all(end in bars for end in trunk.ends):
            continue
        # Ports from the upper (or left) switch's to the lower's.
        pairs = sorted(
            zip(trunk.ends, trunk.ports, strict=True),
            key=lambda pair: (bars[pair[0]].bus[0], bars[pair[0]].frame.y),
        )
        (first, near), (second, far) = pairs
        points = _between(bars[first], bars[second], [bar.frame for bar in picture.bars])
        picture.wires.append(Wire((near.id, far.id), points, "wire"))
        for port, switch, (x, y) in ((near, first, points[0]), (far, second, points[-1])):
            pills = tuple(_port_pills(port, x, y - 12 if y == points[0][1] else y + 12, 1))
            picture.ports.append(PlacedPort(port, switch, x, y, bars[switch].bus[0], pills))


def _between(first: Bar, second: Bar, others: Sequence[Frame]) -> tuple[tuple[float, float], ...]:
    upper, lower = first.frame, second.frame
    if first.bus[0] == second.bus[0]:
        if not any(upper.y < other.y < lower.y and other.x == upper.x for other in others):
            return (first.bus[0], upper.y + upper.height), (first.bus[0], lower.y)
        # Another switch stands between the two: round it.
        side = upper.x + upper.width
        out = side + 14
        start, end = upper.y + upper.height - 10, lower.y + 14
        return (side, start), (out, start), (out, end), (lower.x + lower.width, end)
    level = max(upper.y, lower.y) + 20
    if level < min(upper.y + upper.height, lower.y + lower.height):
        return (upper.x + upper.width, level), (lower.x, level)
    y1 = upper.y + upper.height - 10 if upper.y < lower.y else upper.y + 14
    y2 = lower.y + 14 if upper.y < lower.y else lower.y + lower.height - 10
    bend = upper.x + upper.width + _LANE_GAP / 2
    return (upper.x + upper.width, y1), (bend, y1), (bend, y2), (lower.x, y2)


# --- the whole --------------------------------------------------------------------------------------


def _more(picture: Layout, count: int, edges: dict[int, float], placed: Sequence[_Placed], sides: int) -> None:
    """A dashed box for the hosts that are not drawn."""
    ends = {
        side: max((one.y + one.box.height + _HOST_GAP for one in placed if one.side == side), default=0.0)
        for side in ((-1, 1) if sides == 2 else (1,))
    }
    side = min(ends, key=lambda one: (ends[one], one))
    title = f"and {count} more hosts"
    wide = width(title, TITLE, mono=False) + 28
    x = edges[side] if side > 0 else edges[side] - wide
    picture.frames.append(Frame("more", x, ends[side], wide, 40, title, edges[side] + side * 14, "more"))
    if side < 0:
        picture.mirrored.add("more")


def _view(picture: Layout) -> tuple[float, float, float, float]:
    """Left, top, width and height of everything, with a margin."""
    frames = [*picture.frames, *(bar.frame for bar in picture.bars)]
    corners = [xy for wire in picture.wires for xy in wire.points]
    # Folded hosts have a second edge behind them.
    corners += [(one.x + one.width + 6 * (one.count > 1), one.y + one.height + 6 * (one.count > 1)) for one in frames]
    corners += [(one.x, one.y) for one in frames] or [(0.0, 0.0)]
    left, top = min(x for x, _ in corners) - _MARGIN, min(y for _, y in corners) - _MARGIN
    right, bottom = max(x for x, _ in corners) + _MARGIN, max(y for _, y in corners) + _MARGIN
    return left, top, right - left, bottom - top
