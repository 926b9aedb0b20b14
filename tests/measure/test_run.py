"""Whole runs: from the file to the record and the terminal."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

from netlab import pipeline
from netlab.client import Agent
from netlab.report import terminal
from netlab.report.style import Style
from tests.measure.conftest import HOSTS

pytestmark = pytest.mark.xdist_group("measure")

Record = dict[str, Any]
SHAPED = HOSTS.replace('"fd00::1/64"]}', '"fd00::1/64"], limit: 100mbit}').replace(
    "addresses: [10.0.0.11/24]", "addresses: [10.0.0.11/24], limit: 20mbit"
)
QUICK = "engine: sockets, bytes: 500k"


@pytest.fixture(scope="module")
def record(agent: Agent) -> Record:
    """A run in which everything is measured, on paths of known speed."""
    text = (
        SHAPED
        + f"""
throughput:
  - {{pairs: [A -> B, A/c1 <-> B], {QUICK}, repetitions: 2, is: at least 2 Mbit/s}}
  - {{pairs: [B -> A], {QUICK}, is: at most 1 Mbit/s}}
  - {{pairs: [A/any -> A/any], {QUICK}}}
  - {{pairs: [A -> A/c1], {QUICK}}}
  - {{pairs: [any -> A/c1], {QUICK}}}
latency:
  - {{pairs: [A/c2 <-> B], count: 50}}
compare:
  - name: five times as wide
    faster: {{pair: A -> B, {QUICK}}}
    than: {{pair: A/c1 -> B, {QUICK}}}
    by: "> 1.4x"
    repetitions: 8
  - name: the wrong way round
    faster: {{pair: A/c1 -> B, {QUICK}}}
    than: {{pair: A -> B, {QUICK}}}
    by: "> 1.0x"
    repetitions: 8
  - name: no way
    faster: {{pair: A -> A/c1, {QUICK}}}
    than: {{pair: A -> B, {QUICK}}}
    by: "> 1.0x"
claims:
  - {{number: 1, says: wider, compare: [five times as wide]}}
  - {{number: 2, says: ten times as wide, compare: {{five times as wide: "> 10x"}}}}
  - {{number: 3, says: nothing to say, compare: [no way]}}
steps:
  - name: wide
    set: {{A:eth0: {{limit: none}}}}
    throughput:
      - {{pairs: [A -> B], engine: sockets, bytes: 20M, is: at least 110 Mbit/s}}
"""
    )
    watched: list[str] = []
    made = pipeline.run(text, agent, pipeline.Options(), watched.append)
    assert any(text.endswith(" left") for text in watched)
    return made


def by(record: Record, kind: str, **wanted: Any) -> list[Record]:
    """The measurements of a kind with these values."""
    return [one for one in record[kind] if all(one[key] == value for key, value in wanted.items())]


def test_the_record_is_valid(record: Record) -> None:
    """Every measurement is as the schema says."""
    schema = json.loads(resources.files("netlab.report").joinpath("run.schema.json").read_text())
    jsonschema.validate(json.loads(json.dumps(record)), schema)


def test_every_repetition_is_kept(record: Record) -> None:
    """Two repetitions of three pairs are six samples, each with its figure and its cost."""
    first = by(record, "throughput", step="baseline", group=0)
    assert [(one["src"], one["dst"]) for one in first] == [
        ("A:eth0", "B:eth0"), ("A/c1:eth0", "B:eth0"), ("B:eth0", "A/c1:eth0"),
    ]  # fmt: skip
    for one in first:
        assert len(one["repetitions"]) == 2
        assert one["verdict"] == "P"
        assert one["engine"] == "plain sockets"
        assert one["options"]["bytes"] == 500 << 10
        assert one["options"]["duration"] is None
        for sample in one["repetitions"]:
            assert sample["status"] == "ok"
            assert sample["value"] > 0
            assert sample["cpu_client"] > 0
            assert sample["cpu_server"] > 0
    assert first[1]["value"] < 25e6


def test_a_bound_fails_with_its_figure(record: Record) -> None:
    """An unshaped path is far above a ceiling of a megabit, and a finding says so, with the line."""
    [one] = by(record, "throughput", step="baseline", group=1)
    assert (one["verdict"], one["status"]) == ("F", "ok")
    assert one["bound"] == {"text": "at most 1 Mbit/s", "least": None, "most": 1e6}
    [finding] = [f for f in record["findings"] if f["kind"] == "measure" and f["expected"] == "at most 1 Mbit/s"]
    assert finding["where"].endswith(":16:5")


def test_pairs_without_a_way(record: Record) -> None:
    """A named pair fails, one of a pattern is skipped where the model says so, too; neither is tried for long."""
    [named] = by(record, "throughput", step="baseline", group=3)
    assert (named["status"], named["verdict"], named["value"]) == ("unreachable", "F", None)
    assert "tcp" in named["detail"]
    pattern = by(record, "throughput", step="baseline", group=4)
    assert {(one["src"], one["verdict"]) for one in pattern} == {("A:eth0", "S"), ("A/c2:eth0", "P"), ("B:eth0", "P")}


def test_latency_has_its_quantiles(record: Record) -> None:
    """Fifty round trips each way, in seconds."""
    both = by(record, "latency", step="baseline")
    assert len(both) == 2
    for one in both:
        [sample] = one["repetitions"]
        assert sample["count"] == 50
        assert one["value"] == sample["p50"] <= sample["p99"] <= sample["max"]
        assert one["cpu"] is None


def test_comparisons_have_verdicts(record: Record) -> None:
    """A path five times as wide is faster, the other way round it isn't, and what can't be reached is no match."""
    verdicts = {one["name"]: one["verdict"] for one in record["compare"]}
    assert verdicts == {"five times as wide": "P", "the wrong way round": "F", "no way": "F"}
    [one] = by(record, "compare", name="five times as wide")
    assert one["rounds"] == 8
    assert len(one["order"]) == 8
    assert set(one["order"]) == {"faster", "than"}
    low, high = one["interval"]
    assert 1.4 < low <= one["ratio"] <= high
    assert one["level"] == one["confidence"] == 0.95
    for side in ("faster", "than"):
        assert len(one[side]["repetitions"]) == 8


def test_claims_are_confirmed_and_refuted(record: Record) -> None:
    """By the comparisons that they name."""
    assert {claim["number"]: claim["verdict"] for claim in record["claims"]} == {
        "1": "confirmed", "2": "refuted", "3": "refuted",
    }  # fmt: skip


def test_a_step_measures_what_it_changed(record: Record) -> None:
    """Without its limit the path carries more than it could have before."""
    [one] = by(record, "throughput", step="wide")
    assert one["verdict"] == "P"
    assert one["value"] > 110e6


def test_the_counts_are_the_verdicts(record: Record) -> None:
    """Measurements count like cells, and one that fails makes the run fail."""
    measured = [one["verdict"] for kind in ("throughput", "latency", "compare") for one in record[kind]]
    assert measured.count("F") == 4
    assert record["summary"]["fail"] == 4
    assert record["summary"]["exit_code"] == 1
    assert record["summary"]["skip"] == measured.count("S") == 1


def test_the_terminal_shows_it_all(record: Record) -> None:
    """Figures with units, ratios to the best, why there is none, intervals; in 80 columns, without colour."""
    text = terminal.render(record, Style(colour=False, unicode=False, width=80))
    for words in (
        "Mbit/s", "p99", "CPU s/GB", "unreachable", "five times as wide: > 1.4x", "after 8 of 8 rounds",
        "median of 2", "ratios say more", "at least 2 Mbit/s",
    ):  # fmt: skip
        assert words in text
    assert "\x1b" not in text
    widths = [line for line in text.splitlines() if len(line) > 100]
    assert widths == []


def test_it_can_be_left_out(agent: Agent) -> None:
    """Without measuring the same file is examined in a moment, and claims that need figures stay open."""
    text = HOSTS + (
        "compare: [{name: x, faster: {pair: A -> B}, than: {pair: B -> A}, by: '> 1x'}]\n"
        "claim: {number: 1, says: x, compare: [x]}\n"
    )
    made = pipeline.run(text, agent, pipeline.Options(layers=("icmp",), measure=False))
    assert (made["throughput"], made["latency"], made["compare"]) == ([], [], [])
    assert made["claims"][0]["verdict"] == "undecided"
    assert made["summary"]["exit_code"] == 0


def test_the_layers_asked_for_need_not_be_those_measured_by(agent: Agent) -> None:
    """A run that probes no TCP still finds out what can be measured by TCP."""
    text = HOSTS + f"throughput: [{{pairs: [A -> B, A -> A/c1], {QUICK}}}]\n"
    made = pipeline.run(text, agent, pipeline.Options(layers=("broadcast",)))
    assert [one["status"] for one in made["throughput"]] == ["ok", "unreachable"]
