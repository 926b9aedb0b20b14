"""A diagram as SVG. Every part says by ``data-at`` what it stands for, so that a page can light up a path."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from itertools import pairwise

from netlab.report.diagram.boxes import Frame, Pill, Row, Wire
from netlab.report.diagram.layout import Bar, Layout, PlacedPort
from netlab.report.diagram.scene import Scene
from netlab.report.diagram.text import attribute, escape

_ROUND = 5.0


def draw(layout: Layout, scene: Scene, label: str, *, alone: bool) -> str:
    """The picture as one ``<svg>``; ``alone`` puts the style and the XML namespace in, for a file of its own."""
    left, top, wide, high = (_number(value) for value in layout.view)
    size = f'width="{wide}" height="{high}" style="--w:{wide}px"'
    head = (
        f'<svg class="diagram" viewBox="{left} {top} {wide} {high}" {size} '
        f'role="img" aria-label={attribute(label)}{_namespace() if alone else ""}>'
    )
    style = f"<style>{css()}</style>" if alone else ""
    return "".join([head, style, *_parts(layout, scene), "</svg>"])


def css() -> str:
    """The diagram's style sheet: colours for light and dark."""
    return resources.files("netlab.report").joinpath("assets/diagram.css").read_text("utf-8")


def _namespace() -> str:
    return ' xmlns="http://www.w3.org/2000/svg"'


def _parts(layout: Layout, scene: Scene) -> Iterator[str]:
    for wire in layout.wires:
        if wire.look == "wire":
            yield _wire(wire)
    for bar in layout.bars:
        yield _bar(bar, [port for port in layout.ports if port.switch == bar.switch.id])
    for frame in layout.frames:
        yield _frame(frame, layout)
    for wire in layout.wires:
        if wire.look != "wire":
            yield _wire(wire)
    # What a script lights up lies below the tags.
    yield '<g class="light"></g>'
    for port in layout.ports:
        yield _port(port)
    for row in layout.rows:
        yield _row(row, layout)
    yield from _aliases(scene)


def _wire(wire: Wire) -> str:
    a, b = wire.ends
    return f'<path class="{wire.look}" data-a={attribute(a)} data-b={attribute(b)} d="{_path(wire.points)}"/>'


def _bar(bar: Bar, ports: list[PlacedPort]) -> str:
    frame, (bus, _, _) = bar.frame, bar.bus
    ys = [port.y for port in ports]
    lines = [f"M{_xy(port.x, port.y)}H{_number(bus)}" for port in ports if port.x != bus]
    if ys:
        lines.append(f"M{_xy(bus, min(ys))}V{_number(max(ys))}")
    title = f'<text class="title" x="{_number(frame.title_x)}" y="{_number(frame.y + 21)}">{escape(frame.title)}</text>'
    return (
        f'<g class="switch" data-at={attribute(bar.switch.id)}'
        f"{_facts(bar.switch.id, bar.switch.facts)}"
        f"{_rect(frame, 10)}{title}"
        f'<path class="bus" d="{"".join(lines)}"/>{"".join(map(_pill, bar.pills))}</g>'
    )


def _frame(frame: Frame, layout: Layout) -> str:
    behind = ""
    if frame.count > 1:
        for shift in (6, 3):
            moved = Frame("behind", frame.x + shift, frame.y + shift, frame.width, frame.height, "", 0)
            behind += _rect(moved, 10)
    anchor = ' text-anchor="end"' if frame.id in layout.mirrored else ""
    if frame.look == "inner":
        return f'<g class="inner">{_rect(frame, 6)}</g>'
    down = {"host": 22, "container": 17, "more": 25}[frame.look]
    title = (
        f'<text class="title" x="{_number(frame.title_x)}" y="{_number(frame.y + down)}"{anchor}>{escape(frame.title)}'
        + (f'<tspan class="count" dx="7">×{frame.count}</tspan>' if frame.count > 1 else "")
        + "</text>"
    )
    return f'<g class="{frame.look}">{behind}{_rect(frame, 10 if frame.look != "container" else 7)}{title}</g>'


def _port(placed: PlacedPort) -> str:
    port = placed.port
    facts = f"{_facts(port.id, ('switch port of ' + port.iface, *port.tags))}"
    way = f'data-switch={attribute(placed.switch)} data-bus="{_number(placed.bus)}"'
    return (
        f'<g class="port" data-at={attribute(port.id)} {way}'
        f"{facts}{_glyph(placed.x, placed.y)}"
        f"{''.join(map(_pill, placed.pills))}</g>"
    )


def _row(row: Row, layout: Layout) -> str:
    iface = row.iface
    anchor = ' text-anchor="end"' if iface.id in layout.mirrored else ""
    x, y, wide, high = (_number(value) for value in row.area)
    inside = f' data-switch={attribute(iface.id)} data-bus="{_number(row.x)}"'
    bus = inside if iface.kind == "bridge" else ""
    look = " ".join(["iface", iface.kind, *(["off"] if iface.flaws else [])])
    left = f'x="{_number(row.text_x)}"'
    lines = "".join(
        f'<text class="address" {left} y="{_number(row.y + 19 + 15 * k)}"{anchor}>{escape(line)}</text>'
        for k, line in enumerate(row.lines)
    )
    return (
        f'<g class="{look}" data-at={attribute(iface.id)}{bus}{_facts(iface.id, iface.facts)}'
        f'<rect class="area" x="{x}" y="{y}" width="{wide}" height="{high}" rx="5"/>'
        f"{_glyph(row.x, row.y)}"
        f'<text class="name" {left} y="{_number(row.y + 4)}"{anchor}>{escape(row.name)}</text>'
        f"{''.join(map(_pill, row.pills))}{lines}</g>"
    )


def _aliases(scene: Scene) -> Iterator[str]:
    """Where what a folded host stands for is drawn: for scripts, nothing to see."""
    for name, drawn in (scene.alias or {}).items():
        yield f"<g data-alias={attribute(name)} data-of={attribute(drawn)}/>"


# --- shapes -----------------------------------------------------------------------------------------


def _facts(name: str, facts: tuple[str, ...]) -> str:
    """The end of a start tag, and what a closer look shows: the ``<title>`` of the group."""
    return f"><title>{escape(name)}\n{escape_lines(facts)}</title>"


def escape_lines(lines: tuple[str, ...]) -> str:
    """Several lines of text."""
    return "\n".join(escape(line) for line in lines)


def _rect(frame: Frame, radius: float) -> str:
    return (
        f'<rect class="{frame.look}" x="{_number(frame.x)}" y="{_number(frame.y)}" width="{_number(frame.width)}" '
        f'height="{_number(frame.height)}" rx="{_number(radius)}"/>'
    )


def _glyph(x: float, y: float) -> str:
    return f'<rect class="glyph" x="{_number(x - 4.5)}" y="{_number(y - 4.5)}" width="9" height="9" rx="2"/>'


def _pill(pill: Pill) -> str:
    return (
        f'<g class="pill {pill.look}"><rect x="{_number(pill.x)}" y="{_number(pill.y - 7.5)}" '
        f'width="{_number(pill.width)}" height="15" rx="7.5"/>'
        f'<text x="{_number(pill.x + pill.width / 2)}" y="{_number(pill.y + 3.7)}">{escape(pill.text)}</text></g>'
    )


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Straight lines with rounded bends."""
    trail = [points[0], *(b for a, b in pairwise(points) if a != b)]
    parts = [f"M{_xy(*trail[0])}"]
    for before, bend, after in zip(trail, trail[1:], trail[2:], strict=False):
        parts.append(f"L{_xy(*_towards(bend, before))}Q{_xy(*bend)} {_xy(*_towards(bend, after))}")
    parts.append(f"L{_xy(*trail[-1])}")
    return "".join(parts)


def _towards(bend: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    dx, dy = other[0] - bend[0], other[1] - bend[1]
    length = (dx * dx + dy * dy) ** 0.5
    part = min(_ROUND, length / 2) / length
    return bend[0] + dx * part, bend[1] + dy * part


def _xy(x: float, y: float) -> str:
    return f"{_number(x)} {_number(y)}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
