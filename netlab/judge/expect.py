"""Whether one entry of ``expect`` holds, from what was observed alone.

Entries of the file and tests of claims are decided alike. The model has no say in it; only the names of rules beside
the cells come from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import (
    AnyExpectation,
    ExpectHeard,
    ExpectPair,
    ExpectRefused,
    ExpectState,
    ExpectWire,
    Step,
)
from netlab.judge.predicted import Predicted, rule_of
from netlab.judge.table import ACCEPTS, OUTCOME_LETTER
from netlab.judge.types import Cell, ExpectationKind, JudgedExpectation, Verdict

#: How many of the cells that decide an entry are named.
NAMED = 8
#: STP states of a bridge port by number (BR_STATE_*, include/uapi/linux/if_bridge.h).
PORT_STATES = ("disabled", "listening", "learning", "forwarding", "blocking")

_WORST_FIRST: tuple[Verdict, ...] = ("F", "?", "P", "S")

_KINDS: dict[type, ExpectationKind] = {
    ExpectPair: "pair",
    ExpectWire: "wire",
    ExpectHeard: "heard",
    ExpectState: "state",
    ExpectRefused: "refused",
}


def decide(
    entry: AnyExpectation,
    step: Step,
    observed: StepObserved,
    prediction: Predicted | None,
    unsettled: frozenset[str],
) -> JudgedExpectation:
    """Judge one entry. ``unsettled`` are the ids of those whose cells prove nothing."""
    if isinstance(entry, ExpectPair):
        return _pair(entry, step, observed, prediction, unsettled)
    if isinstance(entry, ExpectWire):
        return _wire(entry, step, observed, unsettled)
    if isinstance(entry, ExpectHeard):
        return _heard(entry, step, observed, unsettled)
    if isinstance(entry, ExpectState):
        return _state(entry, observed)
    return _refused(entry, observed)


def together(entries: Iterable[JudgedExpectation]) -> tuple[JudgedExpectation, ...]:
    """One result for each entry of the file, though ways and families of pairs make several: the worst, its cells."""
    found: dict[object, list[JudgedExpectation]] = {}
    for number, entry in enumerate(entries):
        found.setdefault((entry.text, entry.where) if entry.kind == "pair" else number, []).append(entry)
    return tuple(_worst(parts) if len(parts) > 1 else parts[0] for parts in found.values())


def _worst(parts: Sequence[JudgedExpectation]) -> JudgedExpectation:
    verdict = next(mark for mark in _WORST_FIRST if any(part.verdict == mark for part in parts))
    these = [part for part in parts if part.verdict == verdict]
    detail = "; ".join(dict.fromkeys(part.detail for part in these if part.detail))
    cells = tuple(cell for part in these for cell in part.cells)[:NAMED]
    return replace(these[0], detail=detail, cells=cells)


def undecided(entry: AnyExpectation, why: str) -> JudgedExpectation:
    """An entry that nobody looked at."""
    return _entry(entry, "S", why)


def _entry(entry: AnyExpectation, verdict: Verdict, detail: str = "", cells: Sequence[Cell] = ()) -> JudgedExpectation:
    return JudgedExpectation(_KINDS[type(entry)], entry.text, str(entry.where), verdict, detail, tuple(cells[:NAMED]))


def _layer(observed: StepObserved, name: str) -> LayerObserved | None:
    return next((layer for layer in observed.layers if layer.layer == name), None)


# --- pairs ------------------------------------------------------------------------------------------


def _pair(
    entry: ExpectPair,
    step: Step,
    observed: StepObserved,
    prediction: Predicted | None,
    unsettled: frozenset[str],
) -> JudgedExpectation:
    accepted = ACCEPTS[OUTCOME_LETTER[entry.outcome]]
    state = step.state
    count: Counter[Verdict] = Counter()
    named: dict[Verdict, list[Cell]] = {"P": [], "F": [], "?": []}
    for name in entry.layers:
        layer = _layer(observed, name)
        if layer is None:
            continue
        for source, destination in entry.pairs:
            i, j = state.row(name, source), state.column(name, destination)
            letter = layer.rows[i][j]
            if letter in ". ":
                continue
            open_ = letter == "?" or not unsettled.isdisjoint((source, destination))
            verdict: Verdict = "?" if open_ else "P" if letter in accepted else "F"
            count[verdict] += 1
            if len(named[verdict]) < NAMED:
                rule = rule_of(prediction, name, i, j)
                named[verdict].append(Cell(name, source, destination, letter, rule))
    total = count.total()
    if count["F"]:
        return _entry(entry, "F", _of(count["F"], total, "otherwise"), named["F"])
    if count["?"]:
        return _entry(entry, "?", _of(count["?"], total, "without proof"), named["?"])
    if total:
        left_out = [name for name in entry.layers if _layer(observed, name) is None]
        words = [_of(total, total, "so"), f"{', '.join(left_out)} not probed" if left_out else ""]
        return _entry(entry, "P", "; ".join(filter(None, words)), named["P"])
    probed = any(_layer(observed, name) for name in entry.layers)
    return _entry(entry, "?" if probed else "S", "not applicable" if probed else "layer not probed")


def _of(part: int, total: int, what: str) -> str:
    if total == 1:
        return ""
    return f"all {total} {what}" if part == total else f"{part} of {total} {what}"


# --- the wire and the listeners ---------------------------------------------------------------------


def _wire(entry: ExpectWire, step: Step, observed: StepObserved, unsettled: frozenset[str]) -> JudgedExpectation:
    layer = _layer(observed, entry.layer)
    if layer is None or not layer.wire:
        return _entry(entry, "S", "the wire was not watched" if layer else "layer not probed")
    state = step.state
    seen: dict[str, list[Cell]] = {"1": [], "0": [], "?": []}
    for source, destination in entry.pairs:
        i, j = state.row(entry.layer, source), state.column(entry.layer, destination)
        mark = layer.wire[i][j]
        mark = "?" if mark not in "01" or not unsettled.isdisjoint((source, destination)) else mark
        seen[mark].append(Cell(entry.layer, source, destination, layer.rows[i][j]))
    right, wrong = ("1", "0") if entry.on_wire else ("0", "1")
    if seen[wrong]:
        return _entry(entry, "F", "not seen on the wire" if entry.on_wire else "seen on the wire", seen[wrong])
    if seen["?"]:
        return _entry(entry, "?", "no proof either way", seen["?"])
    return _entry(entry, "P", "", seen[right])


def _heard(entry: ExpectHeard, step: Step, observed: StepObserved, unsettled: frozenset[str]) -> JudgedExpectation:
    layer = _layer(observed, "broadcast")
    row = step.state.index.get(entry.source)
    if layer is None or entry.source not in layer.heard or row is None:
        return _entry(entry, "S", "layer not probed" if layer is None else "not probed")
    heard, wanted = set(layer.heard[entry.source]), set(entry.listeners)
    missing = sorted(wanted - heard)
    extra = sorted(heard - wanted) if entry.only else []
    words = []
    if missing:
        words.append(f"not heard by {', '.join(missing)}")
    if extra:
        words.append(f"also heard by {', '.join(extra)}")
    if extra or (missing and not _no_proof(step, layer, row, missing, unsettled)):
        return _entry(entry, "F", "; ".join(words))
    others = [name for name in (*layer.heard[entry.source], *step.state.index) if name not in wanted]
    if entry.only and not missing and _no_proof(step, layer, row, [*others, "a port"], unsettled):
        words.append("no proof that it was heard nowhere else")
    return _entry(entry, "?" if words else "P", "; ".join(words))


def _no_proof(step: Step, layer: LayerObserved, row: int, missing: list[str], unsettled: frozenset[str]) -> bool:
    """Whether one of those that seem to have heard nothing isn't proved to: its cell (for a port: any cell) is open."""
    source = step.state.endpoints[row].id
    if source in unsettled or source in layer.heard_open:
        return True
    index = step.state.index
    columns = [name for name in missing if name in index]
    if any(name in unsettled or layer.rows[row][index[name]] == "?" for name in columns):
        return True
    return len(columns) < len(missing) and "?" in layer.rows[row]


# --- values read back, and refusals -----------------------------------------------------------------


def _state(entry: ExpectState, observed: StepObserved) -> JudgedExpectation:
    link = _read_back(entry.link, observed.links)
    if link is None:
        return _entry(entry, "?", f"{entry.link} was not read back")
    wrong, unknown = [], []
    for key, wanted in entry.values:
        if key not in link:
            unknown.append(f"{key} was not read back")
            continue
        try:
            if not _same(key, wanted, link[key], observed.links):
                wrong.append(f"{key} is {_words(link[key])}")
        except KeyError as missing:
            unknown.append(f"{missing.args[0]} was not read back")
    verdict: Verdict = "F" if wrong else "?" if unknown else "P"
    return _entry(entry, verdict, "; ".join(wrong + unknown))


def _read_back(name: str, links: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """What was read of a link, or of the switch port at the other end of its wire, in the words of the file."""
    if name.startswith("port("):
        port = (links.get(name[5:-1]) or {}).get("port")
        return {**port, "state": PORT_STATES[port["state"]]} if port else None
    link = links.get(name)
    return None if link is None else {"state": "up" if link.get("up") else "down", **link}


def _same(key: str, wanted: object, value: Any, links: dict[str, dict[str, Any]]) -> bool:
    """Whether a read-back value is what the file says. Raises KeyError where another link is absent."""
    if isinstance(wanted, str) and wanted[:1] in ("=", "!"):
        other = wanted[1:]
        if other not in links or key not in links[other]:
            raise KeyError(other)
        equal = bool(value == links[other][key])
        return equal == (wanted[0] == "=")
    if wanted == "local-unicast":
        # The two low bits of the first byte: group (0: unicast) and local administration (IEEE 802, 8.2.2).
        return int(str(value).partition(":")[0], 16) & 3 == 2
    if isinstance(wanted, bool) and isinstance(value, int):
        # The kernel's flags are numbers.
        return wanted == bool(value)
    if isinstance(wanted, (tuple, list)):
        values = value if isinstance(value, (tuple, list)) else [value]
        return sorted(map(_fold, wanted)) == sorted(map(_fold, values))
    return _fold(wanted) == _fold(value)


def _fold(value: object) -> str:
    """One spelling for what files and the kernel write differently: on and true, letter case of MACs."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return {"true": "on", "false": "off"}.get(str(value).lower(), str(value).lower())


def _words(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value)) or "empty"
    return str(value)


def _refused(entry: ExpectRefused, observed: StepObserved) -> JudgedExpectation:
    refused = observed.refused.get(entry.link)
    if refused is None or refused.get("errno") is None:
        return _entry(entry, "F", "the kernel accepted it")
    errno, at = refused.get("errno"), refused.get("at")
    if (errno, at) == (entry.errno, entry.at):
        return _entry(entry, "P", str(refused.get("message") or ""))
    return _entry(entry, "F", f"refused with {errno} at {at}")
