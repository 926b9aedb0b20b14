"""Every answer of `netlab why` fits a screen of 48 lines and 80 columns, with what the reader needs first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netlab import model, plan, spec, why
from netlab.cli.story import SCREEN, Shown, render
from netlab.live.machine.real import Real
from netlab.report.columns import visible
from netlab.report.style import Style
from netlab.why import Explanation

TOPOLOGIES = Path(__file__).parents[2] / "topologies"
STYLE = Style(width=80)
LAYERS = ("host:icmp", "icmp")
#: A lab of more endpoints is asked by no person pair by pair, and takes long.
ENDPOINTS = 20


def told() -> Iterator[tuple[str, Explanation]]:
    """Of each rule by which a pair of a shipped topology isn't plainly reached, that with the longest story."""
    longest: dict[str, tuple[int, Path, int, str, str, str]] = {}
    for file in sorted(TOPOLOGIES.glob("*.yaml")):
        for step, state in enumerate(one.state for one in plan.resolve(spec.load(file)).steps):
            if len(state.endpoints) > ENDPOINTS:
                continue
            prediction = model.predict(state, LAYERS)
            for layer, rows in prediction.letters.items():
                for i, source in enumerate(state.sources(layer)):
                    for j, destination in enumerate(state.destinations(layer)):
                        if rows[i][j] in "UAB":
                            story = prediction.story(layer, i, j)
                            found = (
                                len(story.hops),
                                file,
                                step,
                                source.id,
                                destination.id,
                                layer.removeprefix("host:"),
                            )
                            rule = str(story.rule)
                            longest[rule] = max(longest.get(rule, found), found, key=lambda one: one[0])
    assert len(longest) > 20
    for _, file, step, source, destination, asked in longest.values():
        loaded = spec.load(file)
        resolved = plan.resolve(loaded)
        name = resolved.steps[step].name
        again = f"netlab why {file.name} {source} {destination} -l {asked} -s {name}"
        yield again, why.explain(loaded, resolved, source, destination, layer=asked, step=name)


def shown(one: Explanation, **more: object) -> list[str]:
    """The lines of an answer."""
    return list(render(one, model.RULES, STYLE, Shown(**more)))


@pytest.mark.timeout(600)
def test_all_shipped_topologies() -> None:
    """Each is of 48 lines and 80 columns; it begins with the letter, and has where the packet ended and the first fix.

    Of some the story is folded, and says how to see all of it.
    """
    folded = 0
    for again, one in told():
        lines = shown(one, again=again)
        text = "\n".join(lines)
        assert len(lines) <= SCREEN, text
        assert max(map(visible, lines)) <= 80 or "\\" in text, text
        assert lines[1].startswith(one.letter)
        assert f"[{one.rule}: " in text.replace("\n   ", " ")
        assert one.hops[-1].at in text
        if one.fixes:
            assert f"  1  {one.fixes[0].title[0].upper()}" in text
            assert "--fix " in text
        folded += "(every event: --fix all)" in text
        whole = shown(one, again=again, fix=0)
        assert sum(line.startswith("  · ") for line in whole) + sum(line.startswith("  ✗ ") for line in whole) >= len(
            one.hops
        )
    assert folded


@pytest.mark.parametrize("file", ["use-container-and-vm", "ipvlan-l2", "ipvlan-l3"])
def test_the_common_questions_have_their_fix_at_length(file: str) -> None:
    """The answer for a host and its container has all steps of the first fix, and the titles of the others."""
    loaded = spec.load(spec.find(file))
    one = why.explain(loaded, plan.resolve(loaded), "A", "A/web")
    text = "\n".join(shown(one))
    assert len(text.splitlines()) <= SCREEN
    assert "\n".join(f"  {line}" for line in one.fixes[0].steps.splitlines()) in text
    for number, fix in enumerate(one.fixes[1:], 2):
        assert f"  {number}  {fix.title[0].upper()}{fix.title[1:20]}" in text


def test_a_long_fix_is_left_to_an_option() -> None:
    """Commands that fill a screen by themselves are counted, and told by the option that is named; on their own they
    are there whole."""
    loaded = spec.load(spec.find("use-container-and-vm"))
    one = why.explain(loaded, plan.resolve(loaded), "A", "A/web")
    first = one.fixes[0]
    [run, *_] = first.commands
    many = replace(first, commands=(replace(run, lines=tuple(f"ip link set dev e{k} up" for k in range(60))),))
    one = replace(one, fixes=(many, *one.fixes[1:]))
    real = Real(home="A")
    text = "\n".join(shown(one, real=real))
    assert len(text.splitlines()) <= SCREEN
    assert "Its commands are 61 lines: --fix 1" in text
    assert "dev e0 up" not in text
    assert "dev e59 up" in "\n".join(shown(one, real=real, fix=1))
