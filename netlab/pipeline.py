"""The whole of netlab, read from top to bottom: a topology file becomes a record.

    file ─► spec ─► plan ─┬─► model ──────────► expected ─┐
                          └─► lab (the agent) ─► observed ─┴─► judge ─► record ─► reports

While the agent applies a step's changes and probes, this side predicts the same step; then the judge compares them.
The pure rooms are imported inside the functions, so that the agent starts before these imports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from netlab import chosen
from netlab.changed import changed_by_programs, has_programs
from netlab.clock import Clock
from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import stand_in
from netlab.contract.observed import LayerObserved, MeasuresObserved, StepObserved
from netlab.contract.types import Plan, Step

if TYPE_CHECKING:
    from netlab.client import Agent, Lab, Reply
    from netlab.judge import JudgedClaim
    from netlab.judge.measure import JudgedMeasures
    from netlab.model import Prediction
    from netlab.report import Stories
    from netlab.report.record import Circumstances, Examined, Record

#: More surprises than this on one layer are probed again in one go instead of each by itself.
RETRY_SINGLY = 200
#: Is told what is being done, for progress.
Watch = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What is asked of a run.

    ``layers`` and ``steps`` are names (none: all). ``cover`` (0: all pairs) asks each end so often that a large lab
    is covered. ``seed`` decides the order of probes; ``stories`` asks for the story of every pair of a small lab.
    ``measure`` asks for measurements. ``pcap`` is a folder for captures; nothing is measured with it, since capturing
    slows it down. ``folder`` gives the name of a topology's folder in it (default: the topology's name). ``planned``
    is called with a topology's name before anything is built; an error that it raises ends the run. ``then`` is
    called with the lab, each step that was examined, what came of it, and whether it was the last; where it returns
    true the lab stays, and the run ends. ``note`` is called with messages for a waiting user (default: they go to
    stderr).
    """

    layers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    cover: int = 0
    seed: int = 0
    repetition: int = 1
    stories: bool = True
    pcap: Path | None = None
    measure: bool = True
    folder: Callable[[str], str] | None = None
    planned: Callable[[str], object] | None = None
    then: Callable[[Lab, Step, Examined, bool], bool] | None = None
    note: Watch | None = None


def silent(_doing: str) -> None:
    """Nobody watches."""


def idle() -> None:
    """Nothing to do meanwhile."""


def run(
    source: Path | str,
    agent: Agent,
    options: Options | None = None,
    watch: Watch = silent,
    meanwhile: Callable[[], None] = idle,
) -> Record:
    """Examine one topology, step by step, and return its record.

    ``watch`` is called with what is being done; ``meanwhile`` is called in each step while the agent is busy.
    Raises netlab.spec.TopologyError (the file), UsageError (no such layer or step) and
    netlab.client.LabError (the kernel, or this machine).
    """
    from netlab import plan

    options = options or Options()
    started, clock = datetime.now(UTC), time.monotonic()
    resolved = agent.adapt(plan.from_file(source, kernel=agent.kernel))
    steps = chosen.steps(resolved, options.steps)
    if options.planned is not None:
        options.planned(resolved.name)
    loaded = time.monotonic() - clock
    examined: list[Examined] = []
    with foreseeing(resolved), agent.lab(resolved) as lab, captures(resolved, lab, options):
        for step, wanted in steps:
            if not wanted:
                lab.enter(step).result()
                continue
            examined.append(examine(resolved, step, lab, options, watch, meanwhile))
            if options.then is not None and options.then(lab, step, examined[-1], step is steps[-1][0]):
                break
    from netlab import model, report

    claims = weigh_claims(resolved, examined)
    seconds = {"load": loaded, "total": time.monotonic() - clock}
    return report.build(resolved, examined, claims, model.RULES, circumstances(agent, options, started, seconds))


def examine(
    plan: Plan,
    step: Step,
    lab: Lab,
    options: Options,
    watch: Watch = silent,
    meanwhile: Callable[[], None] = idle,
    entered: Reply[StepObserved] | None = None,
) -> Examined:
    """Enter one step: build and probe, predict meanwhile, probe unexpected pairs once more, judge.

    ``entered`` is the answer to an earlier `netlab.client.Lab.enter`, of a lab that is in the step already.
    """
    clock = Clock()
    layers = chosen.layers(plan, step, options.layers)
    tapped = chosen.tapped(plan, step)
    watch(f"{plan.name}: {step.name}: building")
    entering = entered or lab.enter(step)
    asked, covered = chosen_pairs(step, layers, options)
    # Those whose wire is watched come last: from then on the taps are open.
    probing = {
        layer: lab.probe(
            (layer,),
            seed=options.seed,
            wire=layer in tapped,
            pairs=asked.get(layer),
            together=True,
            targets=step.state.targets,
        )
        for layer in sorted(layers, key=lambda layer: layer in tapped)
    }
    prediction, stories = predict(step, layers, clock, tell=options.stories)
    meanwhile()
    built = entering.result()
    if has_programs(plan) and (stranger := changed_by_programs(step, lab)) is not step:
        # What they have made of their hosts is beyond the plan: nothing is predicted of these.
        step = stranger
        prediction, stories = predict(step, layers, clock, tell=options.stories)
    built = replace(built, notes=(*built.notes, *covered))
    clock.lap("build")
    seen = {}
    for number, (name, reply) in enumerate(probing.items(), 1):
        watch(f"{plan.name}: {step.name}: probing {name} ({number} of {len(layers)})")
        [seen[name]] = reply.result()
    clock.lap("probe")
    if has_programs(plan):
        built = replace(built, programs=tuple(lab.programs()))
    again = [try_again(step, seen[name], prediction, lab, options, watch) for name in layers]
    clock.lap("retry")
    one = conclude(step, built, again, prediction, stories)
    clock.lap("judge")
    if step.measures and options.measure and not options.pcap:
        one = replace(one, measures=measure(step, lab, seen, options, watch))
        clock.lap("measure")
    return replace(one, seconds=clock.seconds)


def predict(step: Step, layers: Sequence[str], clock: Clock, *, tell: bool = True) -> tuple[Prediction, Stories]:
    """What the model says of a step's layers, with the story of every pair where they are few and asked for."""
    from netlab import model, report

    prediction = model.predict(step.state, layers)
    clock.lap("predict")
    told = tell and len(step.state.endpoints) <= report.STORIES_UP_TO
    stories = report.tell_all(step.state, prediction, layers) if told else report.Stories()
    clock.lap("stories")
    return prediction, stories


def conclude(
    step: Step,
    built: StepObserved,
    layers: Sequence[LayerObserved] = (),
    prediction: Prediction | None = None,
    stories: Stories | None = None,
) -> Examined:
    """What was built and what its layers have shown, as one, judged by the file and the prediction."""
    from netlab import judge, report

    other = stand_in(step.state.kernel)
    notes = dict.fromkeys((*filter(None, (other,)), *built.notes, *(note for layer in layers for note in layer.notes)))
    observed = replace(built, layers=tuple(layers), notes=tuple(notes))
    judged = judge.judge(step, observed, prediction, predicted_refusals(step))
    return report.Examined(step, observed, prediction, judged, stories or report.Stories())


def measure(step: Step, lab: Lab, seen: Mapping[str, LayerObserved], options: Options, watch: Watch) -> JudgedMeasures:
    """Measure what a step asks for, when everything is probed, and judge it."""
    from netlab.measure import session

    measured = session.measure(step, lab, seen, options.seed, watch, options.note or session.on_stderr)
    return judge_measured(step, measured, options.seed)


def judge_measured(step: Step, measured: MeasuresObserved, seed: int) -> JudgedMeasures:
    """Judge what was measured of a step, by its bounds and by what the model says of the pairs."""
    from netlab import model
    from netlab.judge.measure import judge_measures
    from netlab.measure import session

    layers = tuple(session.wanted_pairs(step.measures))
    letters = model.predict(step.state, layers).letters
    index = step.state.index

    def predicted(layer: str, source: str, destination: str) -> str:
        return letters[layer][index[source]][index[destination]]

    return judge_measures(step.measures, measured, predicted, session.layer, seed)


def weigh_claims(plan: Plan, examined: Sequence[Examined]) -> list[JudgedClaim]:
    """What the steps that were examined say of a topology's claims."""
    from netlab import judge

    seen = [(one.step, one.observed, one.prediction) for one in examined]
    compared = [(one.step.name, made) for one in examined if one.measures for made in one.measures.compare]
    return [judge.weigh(claim, seen, compared) for claim in plan.claims]


def try_again(
    step: Step, seen: LayerObserved, prediction: Prediction, lab: Lab, options: Options, watch: Watch
) -> LayerObserved:
    """Probe once more, each in a wave of its own, the pairs that are not as the file or the model expects."""
    from netlab import judge

    pairs = judge.surprises(step, seen, prediction)
    if not pairs:
        return seen
    watch(f"{step.name}: {seen.layer}: {len(pairs)} pairs once more")
    [again] = lab.probe(
        (seen.layer,),
        seed=options.seed + 1,
        wire=bool(seen.wire),
        pairs=pairs,
        together=len(pairs) > RETRY_SINGLY,
        targets=step.state.targets,
    ).result()
    return judge.second_try(seen, again)


def predicted_refusals(step: Step) -> dict[str, tuple[str, str, str]]:
    """What the model says of the changes that are to be refused: errno, place and rule, by link."""
    from netlab import model
    from netlab.contract.types import AddLink, SetLink

    found = {}
    for change in step.changes:
        if change.refusal is not None and isinstance(change, (AddLink, SetLink)):
            link = change.link if isinstance(change, AddLink) else change.after
            said = model.predict_refusal(step.state, change)
            if said is not None:
                found[link.id] = said
    return found


# --- what is to be done -----------------------------------------------------------------------------


def chosen_pairs(
    step: Step, layers: Sequence[str], options: Options
) -> tuple[dict[str, list[tuple[int, int]]], list[str]]:
    """The pairs that are asked of each layer, where not all are, and what is to be told of that.

    Of layers that the user names all of the choice is asked, however many broadcasts that takes.
    """
    from netlab import cover

    if not options.cover:
        return {}, []
    most = {layer: None if options.layers else cover.affordable(step.state, layer) for layer in layers}
    asked = {layer: cover.cover(step, layer, options.cover, options.seed, most=most[layer]) for layer in layers}
    return asked, cover.told(step.state, asked, options.cover, shared=not options.layers)


@contextmanager
def foreseeing(plan: Plan) -> Iterator[None]:
    """Where the kernel refuses a link and the model predicts that, add to the error how the file can expect it."""
    from netlab.client import BuildError

    try:
        yield
    except BuildError as error:
        if not error.fix:
            from netlab import check

            error.fix = check.foreseen(plan, error.interface, error.errno)
        raise


def captures(plan: Plan, lab: Lab, options: Options) -> AbstractContextManager[None]:
    """Captures of everything, where they are asked for: a folder for each topology and repetition after the first."""
    if options.pcap is None:
        return nullcontext()
    from netlab.capture import capturing
    from netlab.report.folder import Folder
    from netlab.report.naming import folder_name

    name = options.folder(plan.name) if options.folder else folder_name(plan.name, plan.file)
    folder = Folder(options.pcap, option="--pcap DIR") / name
    if options.repetition > 1:
        folder /= str(options.repetition)
    return capturing(lab, plan, folder)


# --- time and place ---------------------------------------------------------------------------------


def circumstances(agent: Agent, options: Options, started: datetime, seconds: dict[str, float]) -> Circumstances:
    """Where and when this was: for the record."""
    from netlab import report
    from netlab.version import __version__

    machine = agent.info()
    return report.Circumstances(
        version=__version__,
        kernel=str(machine.get("kernel", "")),
        substrate=agent.substrate,
        rootless=bool(machine.get("rootless")),
        seed=options.seed,
        repetition=options.repetition,
        cover=options.cover,
        started=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        machine=machine,
        seconds=seconds,
    )
