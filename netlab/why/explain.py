"""One pair, one layer, one step: what becomes of the probe, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netlab.contract.applies import lack
from netlab.contract.dataclass import dataclass
from netlab.contract.types import Endpoint, Plan, base_layer, layer_family, port_of
from netlab.errors import UsageError, did_you_mean
from netlab.report.words import PREDICTED
from netlab.why.bound import Bound, bound, difference
from netlab.why.question import Question, ask

if TYPE_CHECKING:
    from netlab.spec import Spec
    from netlab.why.commands import Run
    from netlab.why.fixes import Fix

#: What is underway, in words, where its name isn't good enough.
PHASES = {
    "arp-request": "ARP request",
    "arp-reply": "ARP reply",
    "ns": "neighbour solicitation",
    "na": "neighbour advertisement",
    "syn": "TCP SYN",
    "syn-ack": "TCP SYN-ACK",
    "rst": "TCP RST",
    "udp-request": "UDP request",
    "udp-reply": "UDP reply",
}
#: What an event says that its rule's sentence says better.
_PLAIN = frozenset(("sent", "arrived", "unreachable", "the interface is down", "an address of its own"))


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one *why*. ``hops`` are the model's events (`netlab.model.sim.Hop`) in order, ``at`` the one that
    decided; ``unknown`` says why there is no prediction, or nothing to predict. ``later`` is the next step of the file,
    if there is one: a fix must be inserted before it. ``bound`` are the interface questions behind a host question,
    ``difference`` says where they have another answer. ``targets`` are addresses with a column of their own; ``owned``
    tells whether an interface has the one that is asked for, ``own`` whether it is the asker's own.
    """

    topology: str
    file: str
    step: str
    layer: str
    source: str
    destination: str
    letter: str
    rule: str | None
    hops: tuple[Any, ...]
    path: tuple[str, ...]
    answered: str | None
    unknown: str
    fixes: tuple[Fix, ...]
    switches: frozenset[str] = frozenset()
    bound: tuple[Bound, ...] = ()
    difference: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    owned: bool = True
    own: bool = False
    at: Any = None
    later: str | None = None

    @property
    def place(self) -> str:
        """Where which frame ended, and what happened there: ``B, echo reply``; or empty."""
        if self.at is None:
            return ""
        what = "" if self.at.what in _PLAIN else f" ({self.at.what})"
        return f"{self.at.at}, {phase(self.at.phase)}{what}"

    @property
    def meaning(self) -> str:
        """The letter in words."""
        if self.own and self.letter == "A":
            return "answered, as an address of its own always is"
        listens = self.letter in "RAB" and port_of(self.layer) is not None
        return PREDICTED[self.letter] + (", where a program listens" if listens else "")


def explain(
    spec: Spec,
    plan: Plan,
    source: str,
    destination: str,
    *,
    layer: str | None = None,
    step: str | None = None,
) -> Explanation:
    """Explain a pair by the model, and try what would make it work. Raises UsageError for names not there."""
    from netlab import model
    from netlab.why.fixes import find

    number = _step_number(plan, step)
    asked = ask(plan.steps[number].state, source, destination, layer)
    state, chosen, i, j = asked.state, asked.layer, asked.row, asked.column
    prediction = model.Prediction(state, (), classes=False, listening=True)
    letter = prediction.letter(chosen, i, j)
    told = prediction.story(chosen, i, j) if letter not in "?." else None
    answered = told.path[-1] if told and letter == "A" and told.path else None
    around, there = tuple(bound(prediction, asked)), asked.interface
    return Explanation(
        topology=plan.name,
        file=plan.file,
        step=plan.steps[number].name,
        layer=chosen,
        source=asked.source.id,
        destination=asked.destination.id,
        letter=letter,
        rule=told.rule if told else None,
        hops=told.hops if told else (),
        path=told.path if told else (),
        answered=answered if answered != asked.destination.id else None,
        unknown=_lack(asked) if letter == "." else prediction.reason(chosen, i, j) if letter == "?" else "",
        switches=frozenset(one.id for one in state.namespaces if one.kind == "switch"),
        at=told.at if told else None,
        later=plan.steps[number + 1].name if number + 1 < len(plan.steps) else None,
        fixes=find(spec, plan, number, asked, letter) if letter in "UAB" else (),
        bound=around,
        difference=tuple(difference(letter, told.rule, told.hops, around, model.RULES)) if told else (),
        owned=there is not None,
        own=there is not None and there.namespace == asked.source.id,
        targets=tuple(target.id for target in asked.targets),
    )


def phase(name: str) -> str:
    """A phase of a story in words."""
    return PHASES.get(name, name.replace("-", " "))


def _lack(asked: Question) -> str:
    """Why a layer has nothing to say of a pair."""
    source, target, layer = asked.source, asked.destination, asked.layer
    family = layer_family(layer)
    if without := lack(source, target, layer):
        return without if family else f"{without}: a frame is sent to an interface"
    here, there = isinstance(source, Endpoint) and source.address(family), target.address(family)
    asking = "NDP" if family == 6 else "ARP"
    if base_layer(layer).endswith("-static"):
        asking = "its MAC"
    return f"{there} is not in the subnet of {source.id}, {here and here.network}: {source.id} has no use for {asking}"


def _step_number(plan: Plan, name: str | None) -> int:
    names = [step.name for step in plan.steps]
    if name is None:
        return 0
    if name not in names:
        raise UsageError(f"{plan.name} has no step {name!r}{did_you_mean(name, names)}; it has {', '.join(names)}")
    return names.index(name)


def to_plain(explanation: Explanation, rules: Mapping[str, Any]) -> dict[str, Any]:
    """The explanation as plain JSON values, with the sentence of each rule that it names."""
    hops = [
        {"phase": hop.phase, "at": hop.at, "what": hop.what, "rule": hop.rule, "end": hop.end}
        for hop in explanation.hops
    ]
    named = (explanation.rule, *(hop["rule"] for hop in hops), *(one.rule for one in explanation.bound))
    met = sorted({rule for rule in named if rule in rules})
    return {
        "schema": "netlab.why/2",
        "topology": explanation.topology,
        "file": explanation.file,
        "step": explanation.step,
        "layer": explanation.layer,
        "src": explanation.source,
        "dst": explanation.destination,
        "letter": explanation.letter,
        "meaning": explanation.meaning,
        "rule": explanation.rule,
        "at": explanation.at and explanation.at.at,
        "phase": explanation.at and explanation.at.phase,
        "what": explanation.at and explanation.at.what,
        "answered_by": explanation.answered,
        "unknown": explanation.unknown or None,
        "path": list(explanation.path),
        "bound": [{"src": one.source, "letter": one.letter, "rule": one.rule} for one in explanation.bound],
        "difference": list(explanation.difference),
        "hops": hops,
        "rules": {name: {"sentence": rules[name].sentence, "function": rules[name].function} for name in met},
        "fixes": [
            {
                "title": fix.title,
                "because": fix.because,
                "steps": fix.steps,
                "src": fix.source,
                "dst": fix.destination,
                "predicted": fix.letter,
                "others": fix.others,
                "observed": fix.observed,
                "commands": _runs(fix.commands),
                "undo": _runs(fix.undo),
                "docker": _runs(fix.docker),
            }
            for fix in explanation.fixes
        ],
    }


def _runs(runs: tuple[Run, ...]) -> list[dict[str, Any]]:
    return [{"on": run.on, "named": list(run.named), "lines": list(run.lines)} for run in runs]
