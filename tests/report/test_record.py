"""The record: its schema, and that it holds what the run was."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import netlab.report
from netlab.contract.types import Plan
from netlab.contract.wire import from_plain
from netlab.judge.table import GIVEN, MODEL, OBSERVED, TABLE

from .conftest import RED, RED_HUNDRED

Record = dict[str, Any]
Records = Callable[..., Record]

SCHEMA = json.loads(Path(netlab.report.__file__).with_name("run.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())

#: Steps, reports of the wire, listeners, refusals, hosts that come and go, IPv6: what a record can hold.
TOPOLOGIES = (
    "bridge-two-node",
    "vepa-hairpin",
    "bridge-siblings-direct",
    "bridge-broadcast",
    "passthru-one-child",
    "use-virtual-router",
    RED,
)


def test_the_schema_is_one() -> None:
    """The schema that ships is itself a valid JSON Schema."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda text: text.splitlines()[0].replace(": ", "-"))
def test_a_real_record_is_valid(topology: str, record: Records) -> None:
    """Records of real runs follow the schema, as they are and after a trip through JSON."""
    made = record(topology)
    VALIDATOR.validate(made)
    assert json.loads(json.dumps(made)) == made


def test_several_records_are_valid(record: Records) -> None:
    """A list of records, as several files give, follows the schema too."""
    VALIDATOR.validate([record("bridge-two-node"), record(RED)])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.pop("seed"),
        lambda r: r.update(schema="netlab.run/1"),
        lambda r: r.update(surprise=1),
        lambda r: r["steps"][0]["layers"]["icmp"]["verdict"].__setitem__(0, "XPP"),
        lambda r: r["summary"].update(exit_code=3),
        lambda r: r["endpoints"][0].pop("mac"),
        lambda r: r["findings"].append({"kind": "unexpected"}),
    ],
)
def test_a_spoilt_record_is_not(spoil: Callable[[Record], object], record: Records) -> None:
    """The schema notices what is missing, unknown or out of its alphabet."""
    made = copy.deepcopy(record("bridge-two-node"))
    spoil(made)
    assert not VALIDATOR.is_valid(made)


def test_matrices_have_the_order_of_who_asks_and_who_answers(record: Records) -> None:
    """Interface questions: endpoints, and the diagonal does not apply. Host questions: hosts by addresses."""
    made = record("vepa-hairpin")
    for step in made["steps"]:
        size = len(step["endpoints"] or made["endpoints"])
        hosts, addresses = (len(step[what] or made[what]) for what in ("hosts", "addresses"))
        for name, layer in step["layers"].items():
            for part in ("expected", "observed", "verdict"):
                host = name.startswith("host:")
                assert layer["asked"] == ("host" if host else "interface")
                assert [len(row) for row in layer[part]] == ([addresses] * hosts if host else [size] * size)
                assert host or [layer[part][i][i] for i in range(size)] == ["."] * size


def test_the_demo_is_in_its_record(record: Records) -> None:
    """The article's three results: reached, not reached, and answered by the parent in the child's place."""
    made = record("bridge-two-node")
    assert [endpoint["id"] for endpoint in made["endpoints"]] == ["A:ens160", "A:ens160.1", "B:ens160"]
    [step] = made["steps"]
    assert step["layers"]["icmp"]["observed"] == [".UR", "U.R", "RA."]
    assert step["layers"]["icmp"]["evidence"]["2,1"]["entered"] == ["A:ens160"]
    assert [entry["verdict"] for entry in step["expectations"]] == ["P", "P", "P"]
    assert made["summary"]["exit_code"] == 0


def test_the_plan_in_the_record_is_a_plan(record: Records) -> None:
    """What draws the lab later finds a plan in the record, with every link of every step."""
    made = record("use-virtual-router")
    plan = from_plain(Plan, made["topology"]["plan"])
    assert [step.name for step in plan.steps] == [step["name"] for step in made["steps"]]
    for step, told in zip(plan.steps, made["steps"], strict=True):
        assert {link.id for link in step.state.links} == told["links"].keys()


def test_interfaces_that_come_and_go_have_their_own_order(record: Records) -> None:
    """A step whose endpoints differ from the first step's says what its rows are."""
    made = record("use-virtual-router")
    first = [endpoint["id"] for endpoint in made["endpoints"]]
    own = [step["endpoints"] for step in made["steps"] if step["endpoints"]]
    assert own
    assert all([endpoint["id"] for endpoint in endpoints] != first for endpoints in own)


def test_stories_refer_to_what_is_there(record: Records) -> None:
    """Every pair of a small lab has its story, and its events and rules are in the record."""
    made = record("bridge-two-node")
    [step] = made["steps"]
    for layer in step["layers"].values():
        letters = {f"{i},{j}": x for i, row in enumerate(layer["expected"]) for j, x in enumerate(row)}
        assert layer["stories"].keys() == {key for key, letter in letters.items() if letter in "RAUB"}
        for story in layer["stories"].values():
            assert story["hops"]
            assert all(number < len(step["hops"]) for number in story["hops"])
    named = {hop["rule"] for hop in step["hops"]} - {None}
    assert named <= made["rules"].keys()


def test_every_rule_key_is_explained(record: Records) -> None:
    """The character of each cell leads to a rule, and the rule to its sentence and kernel function."""
    made = record("vepa-hairpin")
    for step in made["steps"]:
        for layer in step["layers"].values():
            used = set("".join(layer["rules"]["rows"])) - {"."}
            assert used == layer["rules"]["keys"].keys()
            assert set(layer["rules"]["keys"].values()) <= made["rules"].keys()
    assert all(rule["sentence"] and rule["function"] for rule in made["rules"].values())


def test_the_counts_are_the_matrices(record: Records) -> None:
    """Pass, fail, inconclusive and skip count the cells, and the entries that have none."""
    made = record("bridge-broadcast")
    cells = "".join(row for step in made["steps"] for layer in step["layers"].values() for row in layer["verdict"])
    others = [e for step in made["steps"] for e in step["expectations"] if e["kind"] != "pair"]
    assert others
    assert made["summary"]["pass"] == cells.count("P") + len([e for e in others if e["verdict"] == "P"])


def test_a_red_run_says_so(record: Records) -> None:
    """An expectation that nothing fulfils: exit code 1, the pair, the entry's line, and who was right."""
    made = record(RED, "icmp")
    assert (made["summary"]["verdict"], made["summary"]["exit_code"]) == ("fail", 1)
    [finding] = made["findings"]
    assert (finding["src"], finding["dst"], finding["kind"]) == ("A:eth0", "B:eth0", "expect-contradicted")
    [entry] = made["steps"][0]["expectations"]
    assert (entry["verdict"], entry["text"]) == ("F", "A:eth0 -> B: unreachable")
    assert entry["where"].endswith(":11:5")


def test_a_red_hundred_stays_small(record: Records) -> None:
    """9,900 failed pairs that are alike are one finding, and the record stays below a quarter of a megabyte."""
    made = record(RED_HUNDRED, "icmp")
    [finding] = made["findings"]
    assert (finding["src"], finding["dst"], finding["pairs"]) == ("web-*:eth0", "web-*:eth0", 9900)
    assert made["summary"]["fail"] == 9900
    assert len(json.dumps(made)) < 250_000


def test_layers_and_steps_can_be_chosen(record: Records) -> None:
    """Only the layer asked for is probed, as hosts and interfaces ask it; only the step asked for is in the record."""
    made = record("vepa-hairpin", "icmp", steps=("hairpin-on",))
    assert [step["name"] for step in made["steps"]] == ["hairpin-on"]
    assert list(made["steps"][0]["layers"]) == ["host:icmp", "icmp"]
    assert made["claims"][0]["verdict"] == "undecided"


def test_every_letter_of_the_table_is_in_the_schema() -> None:
    """Whatever the judge can say is a letter that the schema knows."""
    layer = SCHEMA["$defs"]["layer"]["properties"]
    one = copy.deepcopy(SCHEMA)
    one.pop("oneOf")
    for part, letters in (
        ("expected", {TABLE[key].expected for key in TABLE}),
        ("observed", set(OBSERVED)),
        ("verdict", {TABLE[key].verdict for key in TABLE}),
    ):
        jsonschema.Draft202012Validator(layer[part]).validate(["".join(sorted(letters))])
    assert set(GIVEN) | set(MODEL) >= {"B", "?"}
