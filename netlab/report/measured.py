"""Measurements on a terminal: matrices of figures and their ratio to the best, lists of pairs, comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from netlab import units
from netlab.report.columns import aligned, pad, visible
from netlab.report.style import Style, clean

Record = dict[str, Any]

#: Fewer pairs than this are listed, more make a matrix.
MATRIX_FROM = 4
_CAVEAT = (
    "Figures are this machine's, at that moment; ratios say more. CPU is that of both ends' processes (wait4), "
    "without what the kernel does for them in soft interrupts."
)
_UNITS = {"throughput": units.RATES, "latency": units.TIMES}


def show(record: Record, step: str, style: Style) -> Iterator[str]:
    """What was measured in one step; nothing where nothing was."""
    kinds = {kind: [one for one in record[kind] if one["step"] == step] for kind in ("throughput", "latency")}
    compared = [one for one in record["compare"] if one["step"] == step]
    for kind, entries in kinds.items():
        for members in _groups(entries):
            yield ""
            yield from _heading(kind, members, style)
            yield from _matrix(kind, members, style) if _is_matrix(members, style) else _list(kind, members, style)
    for one in compared:
        yield ""
        yield from _compare(one, style)
    if step == _last(record):
        yield ""
        yield from (style.paint(line, "dim") for line in style.wrap(_CAVEAT, "  ", "  "))


def _last(record: Record) -> str:
    """The last step in which throughput was measured."""
    order = [step["name"] for step in record["steps"]]
    measured = {one["step"] for one in record["throughput"]}
    measured |= {one["step"] for one in record["compare"] if one["metric"] != "latency"}
    return max(measured, key=order.index, default="")


def _groups(entries: Sequence[Record]) -> list[list[Record]]:
    groups: dict[int, list[Record]] = {}
    for one in entries:
        groups.setdefault(one["group"], []).append(one)
    return list(groups.values())


def _heading(kind: str, members: Sequence[Record], style: Style) -> Iterator[str]:
    first = members[0]
    how = ", ".join(filter(None, (_how(first), _times(members))))
    lead = f"  {style.paint(kind, 'bold')}  "
    yield from style.wrap(f"{first['text']}   ({how})", lead, "    ")


def _how(one: Record) -> str:
    """``TCP, 1 s, 4 streams, iperf3 3.12``."""
    options = one["options"]
    words = [one["protocol"].upper() + (" over IPv6" if one["family"] == 6 else "")]
    if options["reverse"]:
        words.append("reverse")
    if options["duration"] is not None:
        words.append(f"{options['duration']:g} s")
    for name, unit in (("bytes", "bytes"), ("count", "round trips")):
        if options[name] is not None:
            words.append(f"{options[name]} {unit}")
    if options["streams"] > 1:
        words.append(f"{options['streams']} streams")
    for name in ("mss", "length"):
        if options[name] is not None:
            words.append(f"{name} {options[name]}")
    if options["bitrate"] is not None:
        words.append(f"at {units.bits(options['bitrate'])}")
    return ", ".join([*words, *([one["engine"]] if one["engine"] else [])])


def _times(members: Sequence[Record]) -> str:
    most = max(len(one["repetitions"]) for one in members)
    return f"median of {most}" if most > 1 else ""


# --- matrices ---------------------------------------------------------------------------------------


def _is_matrix(members: Sequence[Record], style: Style) -> bool:
    """Whether the pairs are many enough, and the columns few enough."""
    sources, columns = _axes(members)
    dense = 2 * len(members) >= len(sources) * (len(columns) - 1) and min(len(sources), len(columns)) > 1
    return dense and len(members) >= MATRIX_FROM and len(columns) * 6 < style.width - 24


def _axes(members: Sequence[Record]) -> tuple[list[str], list[str]]:
    """Rows and columns: equal ones where every endpoint is both."""
    sources = list(dict.fromkeys(one["src"] for one in members))
    targets = list(dict.fromkeys(one["dst"] for one in members))
    return (sources, sources) if set(sources) == set(targets) else (sources, targets)


def _matrix(kind: str, members: Sequence[Record], style: Style) -> Iterator[str]:
    sources, columns = _axes(members)
    by_pair = {(one["src"], one["dst"]): one for one in members}
    values = [one["value"] for one in members if one["value"] is not None]
    best = (max if kind == "throughput" else min)(values, default=None)
    # The unit of a matrix is that of its middle value.
    unit, size = units.unit(sorted(values)[len(values) // 2] if values else 1.0, _UNITS[kind])
    names = list(dict.fromkeys((*sources, *columns)))
    number = {name: str(i) for i, name in enumerate(names, 1)}
    wide = len(columns) * 11 < style.width - 24
    rows = [[style.paint(unit, "dim"), *(number[name] for name in columns)]]
    for source in sources:
        cells = [_cell(by_pair.get((source, target)), size, best, style, with_ratio=wide) for target in columns]
        rows.append([f"{number[source]} {source}", *cells])
    yield from _indented(aligned(rows))
    extra = [name for name in columns if name not in sources]
    if extra:
        yield f"  columns: {', '.join(f'{number[name]} {name}' for name in extra)}"
    yield style.paint(
        f"  row {style.arrow} column: {unit}" + (", and its ratio to the best cell" if wide else ""), "dim"
    )
    yield from _costs(kind, members)
    for one in members:
        if one["verdict"] in "F?":
            yield from _remark(kind, one, style)


def _cell(one: Record | None, size: float, best: float | None, style: Style, *, with_ratio: bool) -> str:
    if one is None:
        return style.paint(".", "dim")
    if one["value"] is None or best is None:
        mark = {"unreachable": "U"}.get(one["status"], "?")
        return style.paint(mark, "dim" if one["verdict"] == "S" else "red")
    text = units.digits(one["value"] / size)
    if with_ratio:
        text += style.paint(f" {one['value'] / best:.2f}{style.pick('×', 'x')}", "dim")
    marks = {"F": style.paint("!", "bold", "red"), "?": style.paint("?", "yellow")}
    return text + marks.get(one["verdict"], "")


def _costs(kind: str, members: Sequence[Record]) -> Iterator[str]:
    costs = [one["cpu"] for one in members if one["cpu"] is not None]
    if kind == "throughput" and costs:
        sent_again = sum(sample.get("retransmits") or 0 for one in members for sample in one["repetitions"])
        words = f"  {min(costs):.2f} to {units.cpu(max(costs))}"
        yield words + (f", {sent_again} segments sent again" if members[0]["protocol"] == "tcp" else "")


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in lines)


# --- lists ------------------------------------------------------------------------------------------


def _list(kind: str, members: Sequence[Record], style: Style) -> Iterator[str]:
    values = [one["value"] for one in members if one["value"] is not None]
    best = (max if kind == "throughput" else min)(values, default=None)
    rows = []
    for one in members:
        figures = [style.paint(_failure(one), "red")]
        if one["value"] is not None:
            figures = [units.TEXT[kind](one["value"])]
            if len(members) > 1 and best:
                figures.append(f"{one['value'] / best:.2f}{style.pick('×', 'x')}")
            figures += _details(kind, one)
        rows.append([f"{style.verdict(one['verdict'])} {one['src']} {style.arrow} {one['dst']}", *figures])
    yield from _indented(aligned(rows))
    for one in members:
        if one["detail"]:
            yield from _remark(kind, one, style)


def _failure(one: Record) -> str:
    return str(one["status"])


def _details(kind: str, one: Record) -> list[str]:
    """The other figures of the last repetition that has them."""
    last = next((sample for sample in one["repetitions"][::-1] if sample["value"] is not None), None)
    if last is None:
        return []
    if kind == "latency":
        return [f"{name} {units.seconds(last[name])}" for name in ("p90", "p99", "max")]
    found = [units.cpu(one["cpu"])] if one["cpu"] is not None else []
    if one["protocol"] == "udp" and last.get("packets"):
        found.append(f"{100 * last['lost'] / last['packets']:.1f} % lost")
    elif last.get("retransmits") is not None:
        found.append(f"{last['retransmits']} sent again")
    return found


def _remark(kind: str, one: Record, style: Style) -> Iterator[str]:
    bound = f"{one['bound']['text']}: " if one["bound"] else ""
    lead = f"    {style.verdict(one['verdict'])} "
    said = f"{one['src']} {style.arrow} {one['dst']}: {bound}{one['detail'] or units.TEXT[kind](one['value'])}"
    yield from style.wrap(said, lead, "      ")


# --- comparisons ------------------------------------------------------------------------------------


def _compare(one: Record, style: Style) -> Iterator[str]:
    yield from style.wrap(f"{one['name']}: {one['by']}", f"  {style.verdict(one['verdict'])} ", "    ")
    metric = " ".join(filter(None, (one["metric"], one["percentile"])))
    if one["ratio"] is not None:
        times = style.pick("×", "x")
        low, high = one["interval"]
        ratio = style.paint(f"{one['ratio']:.2f}{times}", "bold")
        level = f", {one['level']:.1%}" if one["level"] is not None else ""
        rounds = f"after {one['rounds']} of {one['planned']} rounds"
        yield f"      {metric}: {ratio}  ({low:.2f} to {high:.2f}{level}) {rounds}"
    if one["detail"]:
        yield from style.wrap(one["detail"], "      ", "      ")
    text = units.TEXT[one["metric"]]
    sides = [one["faster"], one["than"]]
    names = [f"      {clean(side['text'])}" for side in sides]
    width = max(map(visible, names))
    for side, name in zip(sides, names, strict=True):
        figures = [_spread(one, side, text)]
        if one["metric"] == "throughput" and side["cpu"] is not None:
            figures.append(units.cpu(side["cpu"]))
        yield f"{pad(name, width)}   {'   '.join(figures)}"
    yield style.paint(f"      {_how(one['faster'])}", "dim")
    if _how(one["faster"]) != _how(one["than"]):
        yield style.paint(f"      {_how(one['than'])}", "dim")


def _spread(one: Record, side: Record, text: Callable[[float], str]) -> str:
    if side["value"] is None:
        return "not measured"
    key = {"throughput": "value", "cpu": "cpu"}.get(one["metric"], one["percentile"])
    values = [sample[key] for sample in side["repetitions"] if sample.get(key) is not None]
    return f"{text(side['value'])}  ({text(min(values))} to {text(max(values))})"
