"""One topology on the kernel and in the model, and everything in which they differ."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from netlab import model
from netlab.client import Agent, BuildError, Lab
from netlab.client.reply import Reply
from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import (
    ALL_LAYERS,
    AddLink,
    Macvlan,
    Plan,
    SetLink,
    State,
    Step,
    Switch,
    SwitchLink,
    Veth,
    layer_family,
)
from netlab.model import RULES, Prediction
from netlab.model.sim import ENDLESS

#: The replies to a step that was asked for: what was built, and what was probed.
Asked = tuple[Reply[StepObserved], Reply[tuple[LayerObserved, ...]]]
#: The address family of the rules with these names, which layers of another one can't show.
FAMILIES = {"arp": 4, "ip": 4, "icmp": 4, "nd": 6, "ipv6": 6, "icmp6": 6}
#: How often a cell that differs is probed again, by itself and from cold.
AGAIN = 2


#: Reasons why a letter can't be known, whatever is measured: no differences, but counted.
UNMEASURED = ("another interface has the address, too, and no packet socket sees its requests",)


@dataclass(frozen=True)
class Difference:
    """One thing that model and kernel see differently; ``tries`` holds what was seen each time, as text."""

    step: str
    what: str
    source: str
    target: str
    model: str
    tries: tuple[str, ...]
    rule: str = ""
    evidence: str = ""

    @property
    def flaky(self) -> bool:
        """Whether the kernel, or our way of asking it, did not say the same each time."""
        return len(set(self.tries)) > 1

    @property
    def kind(self) -> tuple[str, str, str]:
        """What makes two differences alike, for shrinking."""
        return self.what.partition("/")[0], self.model, self.tries[-1]

    def __str__(self) -> str:
        seen = "/".join(self.tries)
        return (
            f"{self.step}: {self.what}: {self.source} -> {self.target}: model {self.model} ({self.rule}),"
            f" kernel {seen} {self.evidence}"
        )


@dataclass
class Outcome:
    """What came of one topology."""

    cells: int = 0
    unknown: int = 0
    steps: int = 0
    differences: list[Difference] = field(default_factory=list)
    unknowns: list[str] = field(default_factory=list)
    unmeasured: list[str] = field(default_factory=list)
    stormy: bool = False
    rules: set[str] = field(default_factory=set)


def layers_of(plan: Plan) -> list[str]:
    """All layers, and pings at the sizes that matter where MTUs differ."""
    links = [link for step in plan.steps for link in step.state.links if not isinstance(link, (Switch, SwitchLink))]
    # No packet is as long as the MTU of a VRF, or of lo.
    mtus = sorted({link.mtu for link in links if link.vrf_table is None and link.bindable})
    layers = list(ALL_LAYERS)
    if mtus in ([], [1500]):
        return layers
    for size in {mtus[0] + 1, mtus[-1]}:
        layers.append(f"icmp/{size}")
        if size > 1280:
            layers.append(f"icmp6/{size}")
    return layers


def compare(agent: Agent, plan: Plan, layers: list[str] | None = None) -> Outcome:
    """Build a topology, probe every step of it, predict the same, and collect what differs."""
    return Trial(plan, layers).finish(agent)


class Trial:
    """One topology that is to be compared.

    Where the model sees frames multiply without end nothing is built: they would keep every processor busy, and others'
    labs from proving anything.
    """

    def __init__(self, plan: Plan, layers: list[str] | None = None) -> None:
        self.plan = plan
        self.layers = layers_of(plan) if layers is None else layers
        self._foreseen = {step.name: Prediction(step.state, self.layers) for step in plan.steps if step.state.routers}
        self.stormy = any(ENDLESS in one.unknown.values() for one in self._foreseen.values())
        #: The lab, and what was asked for in its first step.
        self._begun: tuple[Lab, Asked] | None = None

    def begin(self, agent: Agent) -> None:
        """Have the first step built and probed, and don't wait for it. Raises LabError."""
        if not self.stormy:
            lab = agent.lab(self.plan)
            self._begun = lab, self._ask(lab, 0)

    def _ask(self, lab: Lab, number: int) -> Asked:
        """Have a step built and probed."""
        return lab.enter(self.plan.steps[number]), lab.probe(self.layers, seed=number, wire=True)

    def finish(self, agent: Agent, known: Set[str] | None = None) -> Outcome:
        """Probe and compare every step. Those that are ``known`` tell which rules nobody has to look for any more;
        without it nobody looks for any, since that takes the model longer. Raises LabError."""
        outcome = Outcome(stormy=self.stormy)
        if self._begun is None:
            self.begin(agent)
        if self._begun is None:
            return outcome
        lab, first = self._begun
        with lab:
            for number, step in enumerate(self.plan.steps):
                built, probed = self._ask(lab, number) if number else first
                prediction = self._foreseen.get(step.name) or Prediction(step.state, self.layers)
                if known is not None:
                    outcome.rules |= applied(prediction, RULES.keys() - known)
                try:
                    entered = built.result()
                except BuildError as error:
                    _refused_build(outcome, step, error)
                    break
                outcome.steps += 1
                _settled(outcome, step, entered)
                _Step(outcome, lab, step, prediction).compare(probed.result())
        return outcome


def _settled(outcome: Outcome, step: Step, entered: StepObserved) -> None:
    """What became of what was asked for beyond plain links."""
    _refusals(outcome, step, entered.refused)
    # When a switch that speaks STP has a carrier, time decides.
    late = [one for one in entered.unsettled if not _spans(step.state, one)]
    if late:
        unsettled = ", ".join(late)
        outcome.differences.append(Difference(step.name, "settled", unsettled, "", "as planned", ("not so",)))


def applied(prediction: Prediction, wanted: Set[str]) -> set[str]:
    """The rules that had a say in any cell of the layers that may show one of those wanted."""
    found: set[str] = set()
    for layer in prediction.layers:
        if not any(_may_show(layer, rule) for rule in wanted):
            continue
        rows = prediction.letters[layer]
        for i, j, letter in _cells(rows):
            if letter not in ".?":
                story = prediction.story(layer, i, j)
                found.update(hop.rule for hop in story.hops if hop.rule)
                if story.rule:
                    found.add(story.rule)
    return found


def _may_show(layer: str, rule: str) -> bool:
    """Whether a layer may show a rule at work; refusals are no layer's."""
    name = rule.partition("/")[0]
    return name != "refuse" and FAMILIES.get(name) in (None, layer_family(layer))


class _Step:
    """The comparison of one step."""

    def __init__(self, outcome: Outcome, lab: Lab, step: Step, prediction: Prediction) -> None:
        self.outcome = outcome
        self.lab = lab
        self.step = step
        self.prediction = prediction

    def compare(self, observed: tuple[LayerObserved, ...]) -> None:
        """Letters, listeners and wires of every layer."""
        for layer in observed:
            for i, j, seen in _cells(layer.rows):
                self._letter(layer, i, j, seen)
            if layer.layer == "broadcast":
                self._heard(layer)

    def _letter(self, layer: LayerObserved, i: int, j: int, seen: str) -> None:
        expected = self.prediction.letters[layer.layer][i][j]
        if seen == expected == ".":
            return
        self.outcome.cells += 1
        if expected == "?":
            self.outcome.unknown += 1
            self.outcome.unknowns.append(self.prediction.unknown[layer.layer, i, j])
            return
        wired = {True: "1", False: "0", None: "?"}[self.prediction.on_wire(layer.layer, i, j)]
        on_wire = layer.wire[i][j] if layer.wire else "?"
        if fits(expected, seen) and (wired in ("?", on_wire)):
            return
        reason = layer.evidence.get(f"{i},{j}", {}).get("reason")
        if seen == "?" and reason in UNMEASURED:
            self.outcome.unmeasured.append(reason)
            return
        first = f"{seen}{on_wire}"
        tries = [first]
        evidence = str(layer.evidence.get(f"{i},{j}", ""))
        for _ in range(AGAIN):
            [again] = self.lab.probe([layer.layer], seed=1, wire=True, pairs=[(i, j)]).result()
            tries.append(again.rows[i][j] + (again.wire[i][j] if again.wire else "?"))
            evidence = str(again.evidence.get(f"{i},{j}", ""))
        self.outcome.differences.append(
            Difference(
                self.step.name, layer.layer, self.step.state.sources(layer.layer)[i].id,
                self.step.state.destinations(layer.layer)[j].id, expected + wired, tuple(tries),
                self.prediction.rule(layer.layer, i, j) or "", evidence,
            )
        )  # fmt: skip

    def _heard(self, layer: LayerObserved) -> None:
        state = self.step.state
        for i, endpoint in enumerate(state.endpoints):
            if endpoint.extra or endpoint.id not in layer.heard or "?" in self.prediction.letters["broadcast"][i]:
                continue
            expected, seen = self.prediction.heard(i), frozenset(layer.heard[endpoint.id])
            if expected == seen:
                continue
            tries = [_words(seen - expected, expected - seen)]
            others = [(i, j) for j, other in enumerate(state.endpoints) if j != i and not other.extra]
            for _ in range(AGAIN if others else 0):
                [again] = self.lab.probe(["broadcast"], seed=1, wire=True, pairs=others[:1]).result()
                seen = frozenset(again.heard.get(endpoint.id, ()))
                tries.append(_words(seen - expected, expected - seen))
            self.outcome.differences.append(
                Difference(self.step.name, "heard", endpoint.id, "", _words(expected), tuple(tries))
            )


def _spans(state: State, link_id: str) -> bool:
    """Whether a link is a bridge that speaks STP, or a port of one."""
    link = state.link(link_id)
    bridges = [link]
    if isinstance(link, Veth):
        bridges = [state.link(link.switch)]
    elif isinstance(link, SwitchLink):
        bridges = [state.link(link.namespace), state.link(link.peer)]
    return any(getattr(bridge, "stp", False) for bridge in bridges)


def _words(more: frozenset[str], less: frozenset[str] = frozenset()) -> str:
    return " ".join([*(f"+{one}" for one in sorted(more)), *(f"-{one}" for one in sorted(less))])


def fits(expected: str, seen: str) -> bool:
    """Whether a letter that was seen is one that was predicted."""
    return expected == seen or (expected == "B" and seen in "RA")


def _cells(rows: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    for i, row in enumerate(rows):
        for j, letter in enumerate(row):
            if i != j:
                yield i, j, letter


def _refusals(outcome: Outcome, step: Step, refused: dict[str, dict[str, object]]) -> None:
    """What was expected to be refused: whether the model knew the errno, and when."""
    for change in step.changes:
        if change.refusal is None or not isinstance(change, (AddLink, SetLink)):
            continue
        link = change.link if isinstance(change, AddLink) else change.after
        predicted = model.predict_refusal(step.state, change)
        expected = (predicted[0], predicted[1]) if predicted else (None, None)
        found = refused[link.id]
        outcome.cells += 1
        if predicted:
            outcome.rules.add(predicted[2])
        if expected != (found["errno"], found["at"]):
            outcome.differences.append(
                Difference(
                    step.name, "refused", link.id, "", f"{expected[0]} at {expected[1]}",
                    (f"{found['errno']} at {found['at']}",), predicted[2] if predicted else "", str(found["message"]),
                )
            )  # fmt: skip


def _refused_build(outcome: Outcome, step: Step, error: BuildError) -> None:
    """A change that nobody expected to be refused: the model should have known that, too."""
    if error.exit_code == 3:
        return  # this kernel lacks something, such as fdb_max_learned before 6.8
    outcome.cells += 1
    link = next((one for one in step.state.links if one.id == error.interface), None)
    predicted = _predicted_in(step.state, step, error.interface)
    if predicted is not None and predicted[0] == error.errno:
        outcome.rules.add(predicted[2])
        return
    outcome.differences.append(
        Difference(
            step.name, "build", error.interface or "", getattr(link, "kind", ""), str(predicted),
            (str(error.errno),), evidence=f"{error.command}: {error}",
        )
    )  # fmt: skip


def _predicted_in(state: State, step: Step, link_id: str | None) -> tuple[str, str, str] | None:
    for change in step.changes:
        if isinstance(change, AddLink) and change.link.id == link_id:
            return model.predict_refusal(state, change)
        if isinstance(change, SetLink) and change.after.id == link_id:
            return model.predict_refusal(state, change)
    return None


__all__ = ["Difference", "Macvlan", "Outcome", "Veth", "applied", "compare", "fits", "layers_of"]
