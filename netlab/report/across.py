"""One topology on several kernels: what is not the same on all of them, and by which rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.report import axes
from netlab.report.markdown import code, plain
from netlab.report.style import Style, clean

Record = Mapping[str, Any]

#: Pairs of one row that are named.
EXAMPLES = 4
#: In the place of a value that a kernel doesn't have.
NONE = "-"


@dataclass(frozen=True)
class Row:
    """What differs in a step: ``what`` (pairs, or what else was seen), on which layers, its value on each kernel, and
    the rule by which."""

    step: str
    what: tuple[str, ...]
    values: tuple[str, ...]
    rules: tuple[str, ...]
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Across:
    """A topology on the kernels on which it was ``seen``. ``same`` and ``cells`` count the cells of all of them;
    ``unproved`` says of how many nothing was proved, ``lacking`` why a kernel has none at all. ``rules`` are those that
    came or went with a version, of all that were met: sentence, and when.
    """

    topology: str
    seen: tuple[str, ...]
    rows: tuple[Row, ...]
    cells: int
    same: int
    unproved: Mapping[str, int]
    lacking: Mapping[str, str]
    rules: Mapping[str, tuple[str, str]]


#: A value for each kernel, and the rule by which; by step, layer ('' for none) and what it is of.
_Found = dict[tuple[str, str, str], dict[str, tuple[str, str]]]


def across(
    topology: str, records: Mapping[str, Record], lacking: Mapping[str, str], bounds: Mapping[str, str]
) -> Across:
    """Compare the records of runs of a topology, by kernel. ``bounds`` are when rules hold, where not always."""
    found: _Found = {}
    met: dict[str, tuple[str, str]] = {}
    for kernel, record in records.items():
        for step, layer, what, value, rule in _values(record):
            found.setdefault((step, layer, what), {})[kernel] = value, rule
        met |= {name: (rule["sentence"], bounds[name]) for name, rule in record["rules"].items() if name in bounds}
    cells = {key: by for key, by in found.items() if key[1]}
    silent = {kernel: sum(by.get(kernel, _ABSENT)[0] == "?" for by in cells.values()) for kernel in records}
    differing = {key: by for key, by in found.items() if _differs(by, len(records))}
    return Across(
        topology=topology,
        seen=tuple(records),
        rows=tuple(_folded(_row(key, by, records) for key, by in differing.items())),
        cells=len(cells),
        same=sum(key not in differing and not _unproved(by) for key, by in cells.items()),
        unproved={kernel: count for kernel, count in silent.items() if count},
        lacking=lacking,
        rules=dict(sorted(met.items())),
    )


_ABSENT = (NONE, "")


def _unproved(by: Mapping[str, tuple[str, str]]) -> bool:
    return any(value == "?" for value, _ in by.values())


def _differs(by: Mapping[str, tuple[str, str]], kernels: int) -> bool:
    """Whether kernels are known to differ: what wasn't proved on one says nothing of it."""
    values = {value for value, _ in by.values()} - {"?"}
    return len(values) > 1 or (len(by) < kernels and bool(values))


def _values(record: Record) -> Iterator[tuple[str, str, str, str, str]]:
    """Everything in a record that may differ between kernels: step, layer, what, value, rule."""
    for step in record["steps"]:
        name = step["name"]
        for layer in step["layers"]:
            yield from _cells(record, step, layer)
        for source, heard in step["heard"].items():
            # Interfaces but its own are cells.
            for place in (one for one in heard if one == source or one.startswith("port(")):
                where = f"{source} hears its own" if place == source else f"{place} hears {source}'s"
                yield name, "", f"{where} broadcast", "yes", ""
        for link, refusal in step["refused"].items():
            if refusal:
                yield name, "", f"{link} is refused", f"{refusal['errno']} at {refusal['at']}", ""
    for planned in record["topology"]["plan"]["steps"]:
        for link in planned["state"]["links"]:
            if link.get("up", True):
                carrier = "yes" if link.get("carrier", True) else "no"
                yield planned["name"], "", f"{link['namespace']}:{link['name']} has a carrier", carrier, ""


def _cells(record: Record, step: Record, layer: str) -> Iterator[tuple[str, str, str, str, str]]:
    told = step["layers"][layer]
    rows, columns = axes.rows(record, step, layer), axes.columns(record, step, layer)
    keys, names = told["rules"]["keys"], told["rules"]["rows"]
    for i, source in enumerate(rows):
        for j, target in enumerate(columns):
            letter, expected = told["observed"][i][j], told["expected"][i][j]
            if letter in ". ":
                continue
            # Which of the two a race ends in is chance.
            value = "B" if expected == "B" and letter in "RA" else letter
            yield (
                step["name"],
                layer,
                f"{source['id']} → {target['id']}",
                value,
                keys.get(names[i][j], "") if names else "",
            )


def _row(key: tuple[str, str, str], by: Mapping[str, tuple[str, str]], records: Iterable[str]) -> Row:
    step, layer, what = key
    values, rules = zip(*(by.get(kernel, _ABSENT) for kernel in records), strict=True)
    return Row(step, (what,), values, rules, (layer,) if layer else ())


def _folded(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows of one pair on several layers as one, and then rows that are alike in all but the pair."""
    layers: dict[Row, list[str]] = {}
    for row in rows:
        layers.setdefault(replace(row, layers=()), []).extend(row.layers)
    pairs: dict[Row, list[str]] = {}
    for row, several in layers.items():
        pairs.setdefault(replace(row, what=(), layers=tuple(several)), []).extend(row.what)
    for row, several in pairs.items():
        yield replace(row, what=tuple(several))


# --- as text ----------------------------------------------------------------------------------------


def _what(row: Row) -> str:
    named = ", ".join(row.what[:EXAMPLES])
    more = f" and {len(row.what) - EXAMPLES} more" if len(row.what) > EXAMPLES else ""
    return f"{named}{more}"


def _by_rule(one: Across, row: Row) -> str:
    """By which rule on which kernels, those with the same together."""
    by: dict[str, list[str]] = {}
    for kernel, rule in zip(one.seen, row.rules, strict=False):
        if rule:
            by.setdefault(rule, []).append(kernel)
    return "; ".join(f"{', '.join(kernels)}: {rule}" for rule, kernels in by.items())


def _sums(one: Across) -> Iterator[str]:
    if len(one.seen) > 1:
        yield f"{one.same} of {one.cells} cells are the same on all."
    else:
        yield f"{one.cells} cells, on {one.seen[0]} alone: nothing is compared." if one.seen else "Nothing is compared."
    for kernel, count in one.unproved.items():
        yield f"On {kernel} {count} cell{'' if count == 1 else 's'} could not be proved either way."
    for kernel, why in one.lacking.items():
        yield f"Not on {kernel}: {why}"


def text(one: Across, style: Style) -> str:
    """The table for a terminal."""
    lines = [style.paint(clean(one.topology), "bold")]
    widths = [max(map(len, (kernel, *(row.values[k] for row in one.rows)))) for k, kernel in enumerate(one.seen)]
    for step in dict.fromkeys(row.step for row in one.rows):
        head = "  ".join(map(str.ljust, one.seen, widths))
        lines += ["", f"  step {clean(step)}", style.paint(f"    {head}", "dim")]
        for row in (row for row in one.rows if row.step == step):
            values = "    " + "  ".join(map(str.ljust, row.values, widths)) + "  "
            layers = f" [{', '.join(row.layers)}]" if row.layers else ""
            rule = f": {told}" if (told := _by_rule(one, row)) else ""
            lines += style.wrap(f"{_what(row)}{layers}{rule}", values, " " * len(values))
    lines.append("")
    for line in _sums(one):
        lines += style.wrap(line, "  ", "    ")
    for name, (sentence, when) in one.rules.items():
        lines += style.wrap(f"{name}, {when}: {sentence}", "  ", "    ")
    return "\n".join(lines)


def markdown(one: Across) -> str:
    """The same as Markdown."""
    lines = [f"## {plain(one.topology)}", ""]
    if one.rows:
        heads = ["step", *one.seen, "what", "layers", "by"]
        lines += [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
        for row in one.rows:
            cells = [row.step, *row.values, _what(row), ", ".join(row.layers), _by_rule(one, row)]
            lines.append(f"| {' | '.join(code(cell, table=True) if cell else '' for cell in cells)} |")
        lines.append("")
    lines += [f"{plain(line)}  " for line in _sums(one)]
    if one.rules:
        lines.append("")
        lines += [f"- {code(name)}, {when}: {plain(sentence)}" for name, (sentence, when) in one.rules.items()]
    return "\n".join(lines) + "\n"


def to_plain(several: Sequence[Across]) -> list[dict[str, Any]]:
    """As JSON values."""
    from dataclasses import asdict

    return [asdict(one) for one in several]
