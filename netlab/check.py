"""What the model says of a topology before a run: entries that it contradicts, changes that the kernel will refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from netlab.contract.dataclass import dataclass
from netlab.contract.types import (
    AddLink,
    AnyLink,
    DeleteLink,
    DeleteNamespace,
    ExpectPair,
    Plan,
    SetLink,
    State,
    Step,
    as_written,
    asks_host,
)
from netlab.judge.table import ACCEPTS, OUTCOME_LETTER

if TYPE_CHECKING:
    from netlab.model import Prediction

#: Of so many entries with the same doubt the lines are named.
MANY = 8


def warnings(plan: Plan) -> list[str]:
    """All contradictions between file and model, each with its place: one of them is wrong, and a run shows which."""
    found = [_placed(warning, plan.file) for warning in plan.warnings]
    before: tuple[AnyLink, ...] = ()
    moved: dict[tuple[str, ...], list[_Moved]] = {}
    for step in plan.steps:
        found += _refusals(step, before)
        found += _contradictions(step, moved)
        before = step.state.links
    return [*found, *_meanings(moved)]


def _placed(warning: str, file: str) -> str:
    """``file:line:column: warning: what is doubtful``."""
    place = re.match(r"(.*?:\d+:\d+): ", warning)
    return f"{place.group(1)}: warning: {warning[place.end() :]}" if place else f"{file}: warning: {warning}"


def foreseen(plan: Plan, link: str, errno: str) -> str:
    """The hint for a link that the kernel refused with this errno, if the model predicts the same; else ''."""
    from netlab import model

    before: tuple[AnyLink, ...] = ()
    for step in plan.steps:
        for change, said in _tried(step, before):
            if said is not None and change.refusal is None and _link(change).id == link and said[0] == errno:
                return f"The model says so, too: {model.RULES[said[2]].sentence} {_meant(link, errno, said[1])}"
        before = step.state.links
    return ""


def _meant(link: str, errno: str, at: str) -> str:
    return f"If that is what is to be shown, expect it: - {link}: {{refused: {errno}, at: {at}}}"


def _link(change: AddLink | SetLink) -> AnyLink:
    return change.link if isinstance(change, AddLink) else change.after


def _contradictions(step: Step, moved: dict[tuple[str, ...], list[_Moved]]) -> Iterator[str]:
    """Entries about pairs that the model says will not hold; those that would of interfaces go to ``moved``."""
    from netlab import model

    entries = [entry for entry in step.expect if isinstance(entry, ExpectPair)]
    layers = tuple(dict.fromkeys(layer for entry in entries for layer in entry.layers))
    if not layers:
        return
    state = step.state
    prediction = model.predict(state, layers)
    for entry in entries:
        accepted = ACCEPTS[OUTCOME_LETTER[entry.outcome]]
        against, asked = [], {}
        for layer in entry.layers:
            for source, destination in entry.pairs:
                i, j = state.row(layer, source), state.column(layer, destination)
                letter = prediction.letters[layer][i][j]
                if ACCEPTS.get(letter, frozenset()) & accepted:
                    continue
                before = _as_interface(prediction, layer, source, destination)
                if before is not None and before[1] & accepted:
                    asked[source] = _Moved(entry, step, source, before[0], letter)
                elif letter in ACCEPTS:
                    against.append((layer, source, destination, letter, prediction.rule(layer, i, j)))
        if asked:
            moved.setdefault(tuple(asked), []).append(next(iter(asked.values())))
        elif against:
            layer, source, destination, letter, rule = against[0]
            others = f" and {len(against) - 1} more" if len(against) > 1 else ""
            because = f"; {rule}: {model.RULES[rule].sentence}" if rule else ""
            yield (
                f"{entry.where}: warning: '{entry.text}'{_in(step)} contradicts the model: "
                f"{source} -> {destination} ({as_written(layer)}) is predicted {letter}{others}{because}"
            )


@dataclass(frozen=True)
class _Moved:
    """An entry that holds as an interface question of ``source``'s first interface, but not as a host question."""

    entry: ExpectPair
    step: Step
    source: str
    interface: str
    letter: str


def _as_interface(
    prediction: Prediction, layer: str, source: str, destination: str
) -> tuple[str, frozenset[str]] | None:
    """The first interface of a host that asks, and what the model would accept of the same question asked by it."""
    state = prediction.state
    if not asks_host(layer) or destination not in state.index:
        return None
    ours = (one for one in state.endpoints if one.namespace == source and (one.v4 or one.v6))
    first = next(ours, None)
    if first is None or first.id == destination:
        return None
    letter = prediction.letter(as_written(layer), state.index[first.id], state.index[destination])
    return first.id, ACCEPTS.get(letter, frozenset())


def _meanings(moved: dict[tuple[str, ...], list[_Moved]]) -> Iterator[str]:
    """One warning for all entries that have the same hosts on the left."""
    for sources, entries in moved.items():
        first = entries[0]
        hosts = first.source + (f" (and {len(sources) - 1} more)" if len(sources) > 1 else "")
        says = f"is predicted {first.letter}" if first.letter in ACCEPTS else "the model can't tell"
        lines = ", ".join(str(one.entry.where.line) for one in entries[1:MANY])
        others = f" ({len(entries) - 1} more like it: line {lines}{', …' * (len(entries) > MANY)})"
        yield (
            f"{first.entry.where}: warning: '{first.entry.text}'{_in(first.step)} asks for a program in {hosts}, whose "
            f"interface routing chooses, and {says}; for {first.interface} alone it holds, which is what it meant "
            f"once: write '{first.interface} -> …' if you mean that{others if len(entries) > 1 else ''}"
        )


def _tried(step: Step, before: tuple[AnyLink, ...]) -> Iterator[tuple[AddLink | SetLink, tuple[str, str, str] | None]]:
    """What is made and set in a step, in order, and how the model says that the kernel refuses it."""
    from netlab import model

    links = {link.id: link for link in before}
    last = [change for change in step.changes if change.refusal is not None]
    # What is to be refused is tried once everything else is there.
    for change in [*(change for change in step.changes if change.refusal is None), *last]:
        if isinstance(change, DeleteLink):
            _forget(links, change.id)
        elif isinstance(change, DeleteNamespace):
            for link in [link for link in links.values() if link.namespace == change.id]:
                _forget(links, link.id)
        elif isinstance(change, (AddLink, SetLink)):
            link = _link(change)
            state = State(step.state.namespaces, tuple(links.values()), (), step.state.hops, kernel=step.state.kernel)
            said = model.predict_refusal(state, change)
            if change.refusal is None:
                links[link.id] = link
            yield change, said


def _refusals(step: Step, before: tuple[AnyLink, ...]) -> Iterator[str]:
    """Changes that the kernel, by the model, refuses although the file doesn't expect it, or accepts although it
    does."""
    from netlab import model

    for change, said in _tried(step, before):
        link = _link(change)
        place = f"{change.where or link.where}: warning: "
        if said is not None and change.refusal is None:
            errno, at, rule = said
            told = f"the kernel will refuse {link.id} with {errno} at {at}; {model.RULES[rule].sentence}"
            yield f"{place}{told} {_meant(link.id, errno, at)}"
        elif change.refusal is not None:
            wanted = (change.refusal.errno, change.refusal.at)
            if wanted != (said[:2] if said else None):
                by_model = f"with {said[0]} at {said[1]}" if said else "not at all"
                yield (
                    f"{place}{link.id} is to be refused with {wanted[0]} at {wanted[1]};"
                    f" by the model it will be refused {by_model}"
                )


def _forget(links: dict[str, AnyLink], name: str) -> None:
    links.pop(name, None)
    for child in [link for link in links.values() if link.lower == name]:
        _forget(links, child.id)


def _in(step: Step) -> str:
    return f" in step {step.name}" if step.name != "baseline" else ""
