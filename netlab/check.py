"""What the model says of a topology before a run: entries that it contradicts, changes that the kernel will refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
)
from netlab.judge.table import ACCEPTS, OUTCOME_LETTER


def warnings(plan: Plan) -> list[str]:
    """All contradictions between file and model, each with its place: one of them is wrong, and a run shows which."""
    found = [_placed(warning, plan.file) for warning in plan.warnings]
    before: tuple[AnyLink, ...] = ()
    for step in plan.steps:
        found += _refusals(step, before)
        found += _contradictions(step)
        before = step.state.links
    return found


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


def _contradictions(step: Step) -> Iterator[str]:
    """Entries about pairs that the model says will not hold."""
    from netlab import model

    entries = [entry for entry in step.expect if isinstance(entry, ExpectPair)]
    layers = tuple(dict.fromkeys(layer for entry in entries for layer in entry.layers))
    if not layers:
        return
    prediction = model.predict(step.state, layers)
    index = step.state.index
    for entry in entries:
        accepted = ACCEPTS[OUTCOME_LETTER[entry.outcome]]
        against = [
            (layer, source, destination, letter)
            for layer in entry.layers
            for source, destination in entry.pairs
            if (letter := prediction.letters[layer][index[source]][index[destination]]) in ACCEPTS
            and not ACCEPTS[letter] & accepted
        ]
        if against:
            layer, source, destination, letter = against[0]
            rule = prediction.rule(layer, index[source], index[destination])
            others = f" and {len(against) - 1} more" if len(against) > 1 else ""
            because = f"; {rule}: {model.RULES[rule].sentence}" if rule else ""
            yield (
                f"{entry.where}: warning: '{entry.text}'{_in(step)} contradicts the model: "
                f"{source} -> {destination} ({layer}) is predicted {letter}{others}{because}"
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
            state = State(step.state.namespaces, tuple(links.values()), (), step.state.hops)
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
