"""Two runs compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab import spec
from netlab.errors import UsageError
from netlab.report import diff
from netlab.report.diff import html as diff_html
from netlab.report.diff import markdown as diff_markdown
from netlab.report.diff import sentences, text
from netlab.report.diff.circumstances import topology
from netlab.report.style import Style
from tests.report_html.browser import Browser
from tests.report_html.labs import HUNDRED
from tests.report_html.test_page import violations

Record = dict[str, Any]

#: The demo of VEPA, with its children in bridge mode.
BRIDGE = """
name: vepa-hairpin
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [192.168.26.10/24]}
    containers:
      web:
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.11/24]}
      db:
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.12/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [192.168.26.20/24]}
"""


@pytest.fixture
def vepa(record: Callable[..., Record]) -> Record:
    """Siblings in VEPA mode."""
    return record("vepa-hairpin")


@pytest.fixture
def bridge(record: Callable[..., Record]) -> Record:
    """The same siblings in bridge mode."""
    return record(BRIDGE)


def put(record: Record, layer: str, part: str, i: int, j: int, letter: str, step: int = 0) -> None:
    """Write a letter into a matrix of a record."""
    rows = record["steps"][step]["layers"][layer][part]
    rows[i] = rows[i][:j] + letter + rows[i][j + 1 :]


def test_a_run_is_like_itself(vepa: Record) -> None:
    """No change, every cell compared, exit code 0."""
    found = diff.compare(vepa, vepa)
    assert (found.changes, found.matters, found.cells) == ((), False, 0)
    assert found.compared == sum(vepa["summary"][word] for word in ("pass", "fail", "inconclusive", "skip"))
    assert sentences.headline(found) == "all 396 cells have the same outcome"


def test_another_mode_in_other_cells(vepa: Record, bridge: Record) -> None:
    """Bridge-mode siblings reach each other: both directions, on every layer, and nothing else changes."""
    found = diff.compare(vepa, bridge)
    assert found.matters
    assert {(one.source, one.destination) for one in found.changes if one.matters} == {
        ("A/web", "A/db:eth0"),
        ("A/db", "A/web:eth0"),
        ("A/web:eth0", "A/db:eth0"),
        ("A/db:eth0", "A/web:eth0"),
    }
    assert {(one.before.letter, one.after.letter) for one in found.changes if one.matters} == {("U", "R")}
    assert found.cells == 20
    assert "step hairpin-on is in the first only" in found.missing


def test_it_is_told_once_with_the_rule(vepa: Record, bridge: Record) -> None:
    """What changed alike is one item: both directions, all layers of who asks, the rule that had kept them apart."""
    [hosts, one] = [item for item in sentences.changes(diff.compare(vepa, bridge)) if item.matters]
    assert (hosts.what, hosts.layers) == ("A/web → A/db:eth0, A/db → A/web:eth0", "host:icmp, host:tcp, host:udp")
    assert one.what == "A/web:eth0 ↔ A/db:eth0"
    assert one.layers == "broadcast, unicast, arp, icmp, icmp-static, tcp, udp"
    assert (one.before, one.after.split(",")[0]) == ("U not reached", "R reached")
    assert [name for _, name, _ in one.rules] == ["bridge/no-reflection"]


def test_the_topologys_part_in_it(vepa: Record, bridge: Record) -> None:
    """The other mode of each child is named, defaults written out."""
    lines = list(topology(vepa, bridge))
    assert lines == ["A/web:eth0: mode vepa → bridge", "A/db:eth0: mode vepa → bridge"]


def test_another_verdict_matters(vepa: Record) -> None:
    """The same letter judged otherwise is a difference."""
    other = json.loads(json.dumps(vepa))
    put(other, "icmp", "verdict", 0, 3, "F")
    put(other, "icmp", "expected", 0, 3, "U")
    [change] = diff.compare(vepa, other).changes
    assert (change.kind, change.matters, change.after.verdict) == ("verdict", True, "F")


def test_lost_proof_matters(vepa: Record) -> None:
    """A cell that is no longer proved is a difference."""
    other = json.loads(json.dumps(vepa))
    put(other, "icmp", "observed", 0, 3, "?")
    put(other, "icmp", "verdict", 0, 3, "?")
    [change] = diff.compare(vepa, other).changes
    assert (change.kind, change.matters) == ("proof", True)


def test_a_race_does_not_matter(record: Callable[..., Record]) -> None:
    """Where either of two interfaces may answer first, the other one's answer is told and makes no difference."""
    before = record("bridge-two-node")
    layer = before["steps"][0]["layers"]["icmp"]
    [(i, j)] = [(i, j) for i, row in enumerate(layer["expected"]) for j, letter in enumerate(row) if letter == "B"][:1]
    after = json.loads(json.dumps(before))
    put(after, "icmp", "observed", i, j, "A" if layer["observed"][i][j] == "R" else "R")
    found = diff.compare(before, after)
    assert [(one.kind, one.matters) for one in found.changes] == [("race", False)]
    assert not found.matters


def test_the_articles_fix_matters(record: Callable[..., Record]) -> None:
    """With arp_ignore=1 the child alone answers: the ping's cell is a difference, whichever answered before."""
    text_ = spec.find("bridge-two-node").read_text("utf-8")
    fixed = text_.replace("  A:\n", "  A:\n    sysctls: {net.ipv4.conf.all.arp_ignore: 1}\n", 1)
    before, after = record(text_), record(fixed)
    names = [one["id"] for one in before["endpoints"]]
    i, j = names.index("B:ens160"), names.index("A:ens160.1")
    assert [one["steps"][0]["layers"]["icmp"]["expected"][i][j] for one in (before, after)] == ["B", "R"]
    for first, kind in (("A", "observed"), ("R", "predicted")):
        put(before, "icmp", "observed", i, j, first)
        before["claims"] = []
        found = diff.compare(before, after)
        assert found.matters
        pair = ("B:ens160", "A:ens160.1")
        [change] = [one for one in found.changes if "icmp" in one.layers and (one.source, one.destination) == pair]
        assert (change.kind, change.matters) == (kind, True)
    assert "B reached, by its own or another interface" in text.render(found, Style())
    assert "cells are different" in sentences.headline(found)


def test_a_prediction_where_there_was_none_does_not_matter(vepa: Record) -> None:
    """What was only observed and is now predicted just so has the same outcome: it is told."""
    other = json.loads(json.dumps(vepa))
    put(other, "icmp", "verdict", 0, 3, "S")
    put(other, "icmp", "expected", 0, 3, "?")
    [change] = diff.compare(other, vepa).changes
    assert (change.kind, change.matters) == ("expected", False)


def test_another_rule_does_not_matter(vepa: Record) -> None:
    """The same letter by another rule is told and makes no difference; of what is reached it isn't even told."""
    other = json.loads(json.dumps(vepa))
    layer = other["steps"][0]["layers"]["icmp"]
    layer["rules"]["keys"] = dict.fromkeys(layer["rules"]["keys"], "arp/answers")
    found = diff.compare(vepa, other)
    assert {one.kind for one in found.changes} == {"rule"}
    assert {one.before.letter for one in found.changes} == {"U"}
    assert not found.matters


def test_rules_are_compared_by_name(vepa: Record) -> None:
    """Other keys for the same rules are no change."""
    other = json.loads(json.dumps(vepa))
    for step in other["steps"]:
        for layer in step["layers"].values():
            swap = str.maketrans("abcdef", "zyxwvu")
            layer["rules"]["rows"] = [row.translate(swap) for row in layer["rules"]["rows"]]
            layer["rules"]["keys"] = {key.translate(swap): name for key, name in layer["rules"]["keys"].items()}
    assert diff.compare(vepa, other).changes == ()


def test_endpoints_are_matched_by_name(vepa: Record) -> None:
    """Another order of rows and columns is no change; an endpoint that only one run has is named."""
    other = json.loads(json.dumps(vepa))
    for what in ("endpoints", "hosts", "addresses"):
        other[what].reverse()
    for step in other["steps"]:
        for layer in step["layers"].values():
            for part in ("observed", "expected", "verdict"):
                layer[part] = [row[::-1] for row in reversed(layer[part])]
            layer["rules"]["rows"] = [row[::-1] for row in reversed(layer["rules"]["rows"])]
    assert diff.compare(vepa, other).changes == ()
    for what in ("endpoints", "addresses"):
        other[what][0]["id"] = "C:eth0"
    found = diff.compare(vepa, other)
    assert found.changes == ()
    assert "step baseline: B:eth0 in the first only" in found.missing
    assert "step baseline: C:eth0 in the second only" in found.missing


def test_entries_claims_and_listeners(record: Callable[..., Record]) -> None:
    """Verdicts on entries without cells and on claims, and switch ports that hear otherwise, are differences."""
    before = record("passthru-one-child")
    after = json.loads(json.dumps(before))
    after["claims"][0]["verdict"] = "refuted"
    entry = next(one for one in after["steps"][0]["expectations"] if one["kind"] == "refused")
    entry["verdict"] = "F"
    source = next(iter(after["steps"][0]["heard"]))
    after["steps"][0]["heard"][source] = ["port(nobody)"]
    found = diff.compare(before, after)
    assert {one.kind for one in found.changes} == {"claim", "entry", "heard"}
    assert all(one.matters for one in found.changes)
    assert found.cells == 0
    assert sentences.headline(found) == "the verdicts on 3 entries are different"


def test_a_hundred_hosts_are_folded(record: Callable[..., Record]) -> None:
    """Where every pair of a hundred hosts has changed there is one change to read."""
    before = record(HUNDRED)
    after = json.loads(json.dumps(before))
    layer = after["steps"][0]["layers"]["unicast"]
    layer["observed"] = [row.replace("R", "U") for row in layer["observed"]]
    [one] = sentences.changes(diff.compare(before, after))
    assert one.what == "h-*:eth0 → h-*:eth0 (9,900 pairs)"
    assert one.examples.startswith("h-1:eth0 → h-2:eth0, ")


def test_several_runs_are_matched_by_topology(vepa: Record, record: Callable[..., Record]) -> None:
    """Lists of records are paired by name; without a common one nothing can be compared."""
    demo = record("bridge-two-node")
    pairs = diff.pair_up([demo, vepa], [vepa, demo, vepa])
    assert [(a["topology"]["name"], b["topology"]["name"]) for a, b in pairs] == [
        ("bridge-two-node", "bridge-two-node"),
        ("vepa-hairpin", "vepa-hairpin"),
    ]
    with pytest.raises(UsageError, match="no topology in common"):
        diff.pair_up([demo, demo], [vepa])


def test_nothing_in_common_is_an_error(vepa: Record, record: Callable[..., Record]) -> None:
    """Two runs without a common cell can't be called the same."""
    with pytest.raises(UsageError, match="no cell in common"):
        diff.compare(vepa, record("bridge-two-node"))


def test_the_kernel_is_told(vepa: Record) -> None:
    """What is different about the runs themselves stands before everything else."""
    other = {**vepa, "kernel": "5.10.0", "rootless": not vepa["rootless"]}
    found = diff.compare(vepa, other)
    assert ("kernel", vepa["kernel"], "5.10.0") in found.circumstances
    assert "kernel: " + vepa["kernel"] + " → 5.10.0" in text.render(found, Style())


def test_on_the_terminal(vepa: Record, bridge: Record) -> None:
    """Within eighty columns: the item, its rule, and what it comes to in the last line."""
    shown = text.render(diff.compare(vepa, bridge), Style())
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert "  ≠ A/web:eth0 ↔ A/db:eth0" in shown
    assert "before: bridge/no-reflection: A switch never sends a frame back" in shown
    assert shown.splitlines()[-1] == "DIFFERENT  20 of 132 cells are different"
    assert text.render(diff.compare(vepa, vepa), Style()).splitlines()[-1].startswith("SAME")


def test_in_markdown(vepa: Record, bridge: Record) -> None:
    """The same, to be pasted."""
    shown = diff_markdown.render([diff.compare(vepa, bridge)])
    assert shown.startswith("## vepa-hairpin: ❌ 20 of 132 cells are different\n")
    assert "- ± `A/web:eth0: mode vepa → bridge`" in shown
    assert "U not reached → **R reached" in shown


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_as_a_page(
    vepa: Record,
    bridge: Record,
    show: Callable[..., Browser],
    module: Callable[[str], Path],
    width: int,
    dark: bool,
) -> None:
    """Both pictures, the item, and matrices in which the changed cells stand out; accessible, within the window."""
    page = show(diff_html.render([diff.compare(vepa, bridge)]), width=width, dark=dark)
    assert page.complaints() == []
    assert page.text(".headline") == "≠20 of 132 cells are different"
    assert len(page.all("figure svg")) == 2
    assert page.run("return [...document.querySelectorAll('td.other')].map((one) => one.textContent)") == ["U → R"] * 20
    assert page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert violations(page, module) == []
