"""Whether an expectation holds in a lab that is up; where it doesn't, everything that helps to see why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from netlab import judge
from netlab.client.hosts.questions import first_interfaces, of_interface
from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import AnyExpectation, ExpectHeard, ExpectPair, ExpectWire, State, base_layer, port_of
from netlab.judge.expect import decide
from netlab.judge.types import Cell, JudgedExpectation
from netlab.report.words import BRIEFLY, asked, because
from netlab.testing.errors import ExpectationFailed, Inconclusive

if TYPE_CHECKING:
    from netlab.testing.frames import Frame
    from netlab.testing.lab import Lab

#: More pairs than these are probed as a whole layer, in waves, instead of each by itself.
SINGLY = 50
#: A failure shows the whole matrix of the layers in question up to this many endpoints,
MATRIX_UP_TO = 12
#: and so many frames.
FRAMES = 40
#: The EtherType of our own frames (IEEE 802 local experimental 1): of interest only where they are the question.
OURS = 0x88B5


def check(lab: Lab, expectation: AnyExpectation) -> None:
    """Raises ExpectationFailed, or Inconclusive, unless the expectation holds."""
    __tracebackhide__ = True
    if not lab.state.askers:
        # On real machines only interfaces are asked.
        expectation = of_interface(expectation, first_interfaces(lab.state))
    step = replace(lab.current, expect=(expectation,))
    observed = _observe(lab, expectation)
    open_ends = judge.unsettled_ends(step.state, observed.unsettled)
    judged = decide(expectation, step, observed, None, open_ends)
    frames: list[Frame] = []
    if judged.verdict == "F" and isinstance(expectation, ExpectPair):
        # As every surprise it is probed once more; tries that differ prove nothing.
        layers = []
        for layer in observed.layers:
            pairs = judge.surprises(step, layer, None)
            if pairs:
                with lab.capture() as capture:
                    [again] = lab.handle.probe(
                        (layer.layer,), pairs=pairs[:SINGLY], seed=lab.seed + 1, targets=lab.state.targets
                    ).result()
                lab.captures.remove(capture)
                frames = frames or _of_interest(capture.frames, layer.layer)
                layer = judge.second_try(layer, again)
            layers.append(layer)
        observed = replace(observed, layers=tuple(layers))
        judged = decide(expectation, step, observed, None, open_ends)
    if judged.verdict != "P":
        kind = ExpectationFailed if judged.verdict == "F" else Inconclusive
        raise kind("\n".join(_story(lab, expectation, judged, observed, frames)))


def _observe(lab: Lab, expectation: AnyExpectation) -> StepObserved:
    """Look at whatever an expectation is about."""
    state = lab.state
    built = lab.settled()
    probe = lab.handle.probe
    layers: tuple[LayerObserved, ...]
    match expectation:
        case ExpectPair():
            wanted = _places(state, expectation.layers[0], expectation.pairs)
            layers = probe(expectation.layers, pairs=wanted, seed=lab.seed, targets=state.targets).result()
        case ExpectWire():
            wanted = _places(state, expectation.layer, expectation.pairs)
            layers = probe((expectation.layer,), pairs=wanted, seed=lab.seed, wire=True).result()
        case ExpectHeard():
            layers = probe(("broadcast",), seed=lab.seed).result()
        case _:
            now = lab.read_back()
            return replace(built, links=now.links, unsettled=now.unsettled)
    return replace(built, layers=layers)


def _places(state: State, layer: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]] | None:
    """The rows and columns of pairs; None where they are so many that the whole layer is probed."""
    if len(pairs) > SINGLY:
        return None
    return [(state.row(layer, source), state.column(layer, destination)) for source, destination in pairs]


def _of_interest(frames: list[Frame], layer: str) -> list[Frame]:
    ours = base_layer(layer) in ("broadcast", "unicast")
    return [frame for frame in frames if (frame.ethertype == OURS) == ours]


# --- the story of a failure -------------------------------------------------------------------------


def _story(
    lab: Lab, expectation: AnyExpectation, judged: JudgedExpectation, observed: StepObserved, frames: list[Frame]
) -> Iterator[str]:
    word = "does not hold" if judged.verdict == "F" else "can be proved neither way"
    detail = f" ({judged.detail})" if judged.detail else ""
    yield f"{judged.text}: {word}{detail}"
    state = lab.state
    seen = {layer.layer: layer for layer in observed.layers}
    for cell in judged.cells:
        evidence = seen[cell.layer].evidence.get(_key(state, cell), {})
        yield f"  {asked(cell.layer)} {cell.source} -> {cell.destination}: {cell.observed}, {_why(cell, evidence)}"
    drawn, noted = _matrix(lab, tuple(seen)) if seen and len(lab.state.endpoints) <= MATRIX_UP_TO else ([], frozenset())
    for cell in judged.cells[:1]:
        yield from _model(lab, cell.layer, cell.source, cell.destination, noted)
    yield f"  {lab.plan.name}, step {lab.current.name}, seed {lab.seed}"
    if drawn:
        yield ""
        yield from drawn
    if frames:
        yield ""
        yield "frames seen at the second try, by interface:"
        names, since = lab.macs, frames[0].nanoseconds
        yield from (f"  {frame.line(since, names)}" for frame in frames[:FRAMES])
        if len(frames) > FRAMES:
            yield f"  and {len(frames) - FRAMES} more"
    elif isinstance(expectation, ExpectPair) and judged.verdict == "F":
        yield ""
        yield "no frame was seen anywhere at the second try"
    yield from (f"\n{daemon.death}" for daemon in lab.daemons if daemon.death)


def _key(state: State, cell: Cell) -> str:
    return f"{state.row(cell.layer, cell.source)},{state.column(cell.layer, cell.destination)}"


def _why(cell: Cell, evidence: dict[str, object]) -> str:
    words = BRIEFLY.get(cell.observed, BRIEFLY["."])
    entered = evidence.get("entered")
    if cell.observed == "A" and isinstance(entered, (list, tuple)):
        words += f" ({', '.join(map(str, entered))})"
    if evidence.get("reason"):
        words += f" ({because(str(evidence['reason']), cell.layer, cell.source, cell.destination)})"
    return words


def _model(lab: Lab, layer: str, source: str, destination: str, noted: frozenset[str]) -> Iterator[str]:
    """The model's letter and rule; the sentence of one that is ``noted`` stands below the matrix."""
    predicted = lab.predicted
    letter = predicted[layer, source, destination]
    if letter == "?" and port_of(layer) is not None:
        yield "  the model doesn't know what listens there; a program that was started just now may not listen yet:"
        yield "    wait for what it prints when it is ready (process.line())"
        return
    if letter == "?":
        yield "  the model has no prediction for it"
        return
    rule = predicted.rule(layer, source, destination)
    if rule and rule.id in noted:
        yield f"  the model says {letter}, by {rule.id} ({rule.function}, {rule.file})"
    else:
        yield f"  the model says {letter}" + (f", by {rule.id}:" if rule else "")
        if rule:
            yield f"    {rule.sentence} ({rule.function}, {rule.file})"
    if route := predicted.route(layer, source, destination):
        yield f"  the route that it takes: {route}"


def _matrix(lab: Lab, layers: tuple[str, ...]) -> tuple[list[str], frozenset[str]]:
    """The matrix with its legend and footnotes, and the rules that those tell."""
    from netlab.report import terminal
    from netlab.report.matrix import Notes, draw
    from netlab.report.style import Style

    record = lab.examine(layers)
    style, notes = Style(width=100), Notes()
    [step] = record["steps"]
    lines = list(draw(record, step, notes, style))
    lines += [*terminal.legend(notes, style), *terminal.why(record, notes, style)]
    return lines, frozenset(notes.numbers)
