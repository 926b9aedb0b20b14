"""The answer to a *why* as text: the cause, the story hop by hop, and the fixes, the best at length."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version, here, stand_in

if TYPE_CHECKING:
    from netlab.live.machine.real import Real
    from netlab.report.style import Style
    from netlab.why import Explanation, Fix
    from netlab.why.commands import Run


#: What a sentence says besides.
_ASIDE = re.compile(r" \([^)]*\)")
#: An answer has so many lines at most, where that can be had.
SCREEN = 48
#: What an answer leaves to ``--fix`` where it is longer, one after the other: why each further fix works, how the first
#: is taken back, the events of ways that packets got through, those that no rule decides, the list of what interfaces
#: find by themselves, the further fixes.
_SHED = ("reasons", "undo", "ways", "passing", "bound", "others")


@dataclass(frozen=True, slots=True)
class Shown:
    """How an answer is told. ``entries``: how far the entries of the file's steps are indented; None where it has none.
    ``kernel`` is named where it isn't this machine's. ``real``: the file is a picture of this machine, for which the
    fixes are. ``fix`` (from 1) is told whole, without the story; 0: all are, after it; None: the first in short, the
    others in a sentence each. ``again`` is the command that asks the same.
    """

    entries: int | None = None
    kernel: Version | None = None
    real: Real | None = None
    fix: int | None = None
    again: str = "netlab why …"


def render(told: Explanation, rules: dict[str, Any], style: Style, how: Shown) -> Iterator[str]:
    """The lines."""
    if how.fix is None:
        yield from _on_a_screen(told, rules, style, how)
        return
    yield from answer(told, rules, style, how)
    for number in range(1, len(told.fixes) + 1):
        if how.fix in (0, number):
            yield ""
            yield from whole(number, told, style, how)


def _on_a_screen(told: Explanation, rules: dict[str, Any], style: Style, how: Shown) -> list[str]:
    """As much of the answer as fits: what happens and where it ends always, then the first fix, then the rest."""
    levels = [frozenset(_SHED[:count]) for count in range(len(_SHED) + 1)]
    # What --verify saw comes on top of it.
    most = SCREEN + sum(fix.observed is not None for fix in told.fixes)
    for less in (*levels, *(level | {"first"} for level in levels)):
        lines = [*answer(told, rules, style, how, less), *_in_short(told, style, how, less)]
        if len(lines) <= most:
            break
    return lines


def answer(
    told: Explanation, rules: dict[str, Any], style: Style, how: Shown, less: frozenset[str] = frozenset()
) -> Iterator[str]:
    """All but the fixes; where there are some, how they were tried, and what is to be done with them."""
    from netlab.report.words import asked

    kernel = how.kernel

    step = f", step {told.step}" if told.step != "baseline" else ""
    bound = asked(told.layer) + (f", bound to {told.source.partition(':')[2]}" if ":" in told.source else "")
    pair = style.paint(f"{told.source} {style.arrow} {told.destination}", "bold")
    where = told.topology if how.real is None else _here(how.real)
    yield f"{pair}  ({bound}{step}, {where}{f', Linux {kernel}' if kernel else ''})"
    if other := stand_in(kernel or here()):
        yield from style.wrap(other, "   ", "   ")
    answered = f": {told.answered}" if told.answered else ""
    unknown = f" ({told.unknown})" if told.unknown else ""
    yield from style.wrap(f"{told.meaning}{answered}{unknown}", f"{told.letter}  ", "   ")
    rule = rules.get(told.rule or "")
    if rule:
        place = f"At {told.place}: " if told.place else ""
        yield from _wrap(f"{place}{rule.sentence} [{told.rule}: {rule.function}]", "   ", style)
    if not how.fix:
        yield from _story(told, rules, style, less=less)
        yield from _bound(told, style, listed="bound" not in less)
        yield from _assumed(told, style, how)
    if not told.fixes:
        if told.letter == "U" or (told.letter == "A" and not told.bound):
            yield ""
            said = "None of the changes that were tried on the model makes it work, alone or together."
            if "%" in told.destination:
                said = "Changes are not tried on the model for a link-local address."
            elif not told.owned:
                what = "the lab" if how.real is None else "this machine, nor a neighbour that it knows,"
                said = f"No interface of {what} has {told.destination}, so nothing was tried."
            yield from _wrap(said, "", style)
        return
    yield ""
    through = told.letter in "AB"
    yield style.paint("What makes it go by the interface itself" if through else "What makes it work", "bold")
    yield from _wrap(_home(told, how), "", style)


def _in_short(told: Explanation, style: Style, how: Shown, less: frozenset[str]) -> Iterator[str]:
    """The first fix as what is to be done next, each other in a sentence, and how to see more of them."""
    from netlab.report.columns import visible

    if not told.fixes:
        return
    first, *others = told.fixes
    said: set[str] = set()
    for number, fix in enumerate(told.fixes, 1):
        if number < 3:
            yield ""
        if number == 2 and "others" in less:
            s = "es" * (len(others) > 1)
            yield f"  …  and {len(others)} other fix{s}: --fix all"
            break
        because = fix.because if number == 1 else _ASIDE.sub("", fix.because).partition(". ")[0].rstrip(".") + "."
        # Two values of one setting have one reason.
        why = [] if fix.because in said or (number > 1 and "reasons" in less) else [because]
        said.add(fix.because)
        text = " ".join([_sentence(fix.title), *why, *([_outcome(fix, told, style)] if number == 1 else [])])
        # Its words stay on one line.
        text = " ".join([text, *(line.strip().replace(" ", "\xa0") for line in _observed(fix, style))])
        yield from (line.replace("\xa0", " ") for line in _wrap(text, f"  {number}  ", style))
        if number == 1:
            yield from _done(fix, told, style, how, less)
    if how.real is None:
        hint, number = "Whole, with commands", 1
    elif how.real.docker and first.docker:
        hint, number = "As Docker is asked for it, too", 1
    elif others:
        hint, number = "Another one whole", 2
    else:
        return
    more = " or ".join(("2", "all")[number - 1 :]) if others else ""
    hint, command = f"{hint}{f' (or --fix {more})' if more else ''}:", f"{how.again} --fix {number}"
    yield ""
    if visible(hint) + visible(command) < style.width - 1:
        yield f"{hint} {command}"
    else:
        yield hint
        yield from _broken(command, style.width - 1)


def _done(fix: Fix, told: Explanation, style: Style, how: Shown, less: frozenset[str]) -> Iterator[str]:
    """How a fix is made: steps where there is a file; on a machine commands, and what takes them back."""
    made = _steps(fix, style, how) if how.real is None else _runs("By hand", fix.commands, told, style, how)
    if "first" in less:
        many, what = len(list(made)) - 1, "steps" if how.real is None else "commands"
        yield from ("", f"     Its {what} are {many} lines: --fix 1")
    else:
        yield from made
    if how.real is not None and "undo" not in less:
        yield from _runs("To take that back", fix.undo, told, style, how)
    elif how.real is not None and "first" not in less:
        yield from ("", "     To take that back: --fix 1")


def _here(real: Real) -> str:
    """What the answer is about: this machine, and what it is called in it."""
    return f"live; {real.home} is this machine" if real.home else "live"


def _assumed(told: Explanation, style: Style, how: Shown) -> Iterator[str]:
    """Say where the story goes on in a host of which nothing is known but that it is there."""
    last = told.hops[-1].at.partition(":")[0] if told.hops else ""
    if how.real is not None and last in how.real.assumed:
        yield ""
        yield from _wrap(
            f"{last} is not of this machine, but assumed, since a route or the neighbour table names it. What it does"
            " with a packet, and what is behind it, can't be known here.",
            "   ",
            style,
        )


def _bound(told: Explanation, style: Style, *, listed: bool) -> Iterator[str]:
    """What a program would find that binds itself to an interface, where there is a choice or a difference."""
    from netlab.report.columns import pad, visible

    if listed and (len(told.bound) > 1 or told.difference):
        yield ""
        yield "  " + style.paint("bound to one interface", "cyan")
        width = max(visible(one.source) for one in told.bound)
        yield from (
            f"  {one.letter} {pad(one.source, width)}" + f"  [{one.rule}]" * bool(one.rule) for one in told.bound
        )
    for sentence in told.difference:
        yield ""
        yield from _wrap(sentence[0].upper() + sentence[1:], "   ", style)


def _home(told: Explanation, how: Shown) -> str:
    """Where in the file the steps belong."""
    if how.real is not None:
        tried = "in a lab that is a copy of this machine" if any(one.observed for one in told.fixes) else "on the model"
        return f"Each was tried {tried}; nothing was changed here."
    entries = how.entries
    name = PurePath(told.file).name
    if told.later is not None:
        where = f"among the steps of {name}, before {told.later!r}"
    else:
        where = f"at the end of {name}" if entries is None else f"at the end of the steps of {name}"
    return f"Each was tried on the model. Add one {where}:"


def _story(told: Explanation, rules: dict[str, Any], style: Style, *, less: frozenset[str]) -> Iterator[str]:
    """The events by phase. Where a frame ends by a rule for the first time, the rule's sentence; elsewhere its id.

    Less ``ways``: of a phase before the last in which nothing ended only what came of it. Less ``passing``: of each
    phase what a rule decides, and the end.
    """
    from netlab.report.columns import fold, pad, visible
    from netlab.why.bound import CHOSEN
    from netlab.why.explain import phase

    width = max((visible(hop.at) for hop in told.hops), default=0)
    said = {told.rule}
    phases = [(name, list(hops)) for name, hops in groupby(told.hops, lambda hop: hop.phase)]
    short = ["ways" in less and one is not phases[-1] and not any(hop.end for hop in one[1]) for one in phases]
    for number, (name, hops) in enumerate(phases):
        if not number or not (short[number] and short[number - 1]):
            yield ""
        lead = ""
        if short[number]:
            lead, hops = f"{phase(name)}: ", [hop for hop in hops if hop is hops[-1] or hop.rule in CHOSEN]
        else:
            yield "  " + style.paint(phase(name), "cyan")
        for hop in hops if "passing" not in less else [one for one in hops if one.rule or one.end or one is hops[-1]]:
            mark = style.paint(style.pick("✗", "x"), "red") if hop.end else style.paint(style.pick("·", "-"), "dim")
            rule = rules.get(hop.rule or "")
            text = lead + hop.what
            if rule and hop.end and hop.rule not in said:
                text += f": {rule.sentence}"
                said.add(hop.rule)
            named = f" [{hop.rule}]" if hop.rule else ""
            first, *rest = fold(text + named, max(30, style.width - width - 8))
            yield f"  {mark} {pad(hop.at, width)}  {first}"
            yield from (f"    {' ' * width}  {line}" for line in rest)
    if any(short) or "passing" in less:
        yield style.paint("  (every event: --fix all)", "dim")


def whole(number: int, told: Explanation, style: Style, how: Shown) -> Iterator[str]:
    """A fix with all that is known of it."""
    fix = told.fixes[number - 1]
    yield from _wrap(_sentence(fix.title), f"  {number}  ", style)
    yield from _wrap(fix.because, "     ", style)
    yield from _wrap(_outcome(fix, told, style), "     ", style)
    yield from _observed(fix, style)
    if how.real is None:
        yield from _steps(fix, style, how)
    yield from _runs("By hand", fix.commands, told, style, how)
    yield from _runs("To take that back", fix.undo, told, style, how)
    if how.real is None or how.real.docker:
        yield from _runs("Where Docker runs the containers", fix.docker, told, style, how)


def _outcome(fix: Fix, told: Explanation, style: Style) -> str:
    """What the model says of it."""
    from netlab.report.words import PREDICTED

    pair = (
        ""
        if (fix.source, fix.destination) == (told.source, told.destination)
        else (f" for {fix.source} {style.arrow} {fix.destination}")
    )
    others = (
        ""
        if not fix.others
        else f"; the letter of {fix.others} other {'pair' if fix.others == 1 else 'pairs'} changes, too"
    )
    means = PREDICTED[fix.letter] if fix.letter in "AB" else "reached"
    return f"By the model then {fix.letter}{pair} ({means}){others}."


def _sentence(title: str) -> str:
    return f"{title[0].upper()}{title[1:]}."


def _observed(fix: Fix, style: Style) -> Iterator[str]:
    if fix.observed is not None:
        mark = style.verdict("P" if fix.holds else "?" if fix.observed == "?" else "F")
        yield f"     {mark} In a real lab: {fix.observed}."


def _steps(fix: Fix, style: Style, how: Shown) -> Iterator[str]:
    """The YAML, without an indent of ours, so that what is copied from here can be pasted as it is."""
    from netlab.why.text import indented

    entries = how.entries
    yield ""
    if entries is None:
        yield style.paint("steps:", "dim")
    yield from (
        style.paint(line, "dim") for line in indented(fix.steps, 2 if entries is None else entries).splitlines()
    )


def _runs(what: str, runs: Sequence[Run], told: Explanation, style: Style, how: Shown) -> Iterator[str]:
    """Commands, under a line that says where they are to be run."""
    for number, run in enumerate(runs):
        if how.real is not None:
            place, first = how.real.place(run.on), how.real.first(run.on, run.named)
            yield ""
            yield from _wrap(f"{'Then' if number else what}, {place}:", "     ", style)
            yield from (
                style.paint(part, "dim") for line in (*first, *run.lines) for part in _broken(line, style.width - 1)
            )
            continue
        place = f"on {run.on}"
        if run.on in told.switches:
            place = f"on the switch {run.on}, as Linux has it"
        if run.named:
            s = "s" * (len(run.named) > 1)
            place += f" (where ip netns calls the container{s} {' and '.join(run.named)})"
        yield ""
        yield from _wrap(f"{'Then' if number else what}, {place}:", "     ", style)
        yield from (style.paint(part, "dim") for line in run.lines for part in _broken(line, style.width - 1))


def _broken(line: str, width: int) -> Iterator[str]:
    """A line of the shell, broken between its words where it would be too long."""
    from netlab.report.columns import visible

    if line.startswith("#") or "\n" in line or visible(line) <= width:
        yield from line.splitlines()
        return
    now = ""
    for word in map(shlex.quote, shlex.split(line)):
        if now and visible(now) + visible(word) > width - 3:
            yield f"{now} \\"
            now = "  "
        now += word if now in ("", "  ") else f" {word}"
    yield now


def _wrap(text: str, lead: str, style: Style) -> Iterator[str]:
    from netlab.report.columns import fold

    yield from fold(text, style.width - 1, lead, " " * len(lead))
