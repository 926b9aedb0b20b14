"""Large labs are covered by a choice of pairs: who is asked, what is said of it, and that nothing more is claimed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

import netlab.report
from netlab.contract.applies import applicable
from netlab.cover import affordable, cover, told
from netlab.groups import column_groups, row_groups
from netlab.plan import from_file
from netlab.report.load import records
from netlab.report.packed import pack, unpack

from .conftest import Netlab

LAB = """
name: many
switches: {lan: {}, other: {}}
hosts:
  h:
    replicas: 14
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/16]}}
    containers:
      c: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.8.1/16]}}}
  far: {interfaces: {eth0: {switch: other, addresses: [10.0.9.1/16]}}}
expect:
  - h-1 -> h-1/c: unreachable
"""
SCHEMA = json.loads(Path(netlab.report.__file__).with_name("run.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("layer", ["icmp", "host:tcp", "arp"])
def test_each_end_is_asked_so_often(layer: str) -> None:
    """Each source and each destination is in at least three pairs, each two groups meet, and so do the file's pairs."""
    [step] = from_file(LAB, "test.yaml").steps
    pairs = cover(step, layer, 3, seed=5)
    rows, columns = Counter(i for i, _ in pairs), Counter(j for _, j in pairs)
    whole = applicable(step.state, layer)
    assert set(pairs) <= set(whole)
    assert len(pairs) < len(whole) / 3
    assert min(rows[i] for i, _ in whole) >= 3
    assert min(columns[j] for _, j in whole) >= 3
    groups = row_groups(step.state, layer), column_groups(step.state, layer)
    assert {(groups[0][i], groups[1][j]) for i, j in pairs} == {(groups[0][i], groups[1][j]) for i, j in whole}
    for entry in step.expect:
        if layer in entry.layers:
            assert {(step.state.row(layer, a), step.state.column(layer, b)) for a, b in entry.pairs} <= set(pairs)
    assert pairs != cover(step, layer, 3, seed=6)


def test_where_each_probe_is_a_flood_the_layers_share_the_ends() -> None:
    """A cold layer asks no more than can be afforded, besides groups and the file's pairs, and each other ends."""
    [step] = from_file(LAB, "test.yaml").steps
    shared = [cover(step, layer, 3, seed=5, most=6) for layer in ("arp", "icmp", "tcp", "udp")]
    groups = len(set(row_groups(step.state, "icmp"))) ** 2
    assert all(6 <= len(pairs) <= 6 + groups + 14 for pairs in shared)
    asked = Counter(i for pairs in shared for i, _ in pairs)
    assert len(asked) > 18
    assert cover(step, "icmp", 1, seed=5, most=1000) == cover(step, "icmp", 1, seed=5)


def test_what_is_a_flood() -> None:
    """Layers that ask from cold are limited, by how many hear it; frames of our own and static neighbours are not."""
    [step] = from_file(LAB, "test.yaml").steps
    assert affordable(step.state, "host:udp/53") == affordable(step.state, "ndp") == 200_000 // 29
    assert {affordable(step.state, layer) for layer in ("unicast", "broadcast", "mcast", "icmp-static")} == {None}
    two = "child: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.9.2/16]}"
    lab = LAB.replace("[10.0.9.1/16]}}}", "[10.0.9.1/16]}, " + two + "}}")
    [step] = from_file(lab, "test.yaml").steps
    assert affordable(step.state, "icmp-static") == 200_000 // 30


def test_a_run_says_which_layers_have_shared(tmp_path: Path, netlab: Netlab) -> None:
    """Where layers share the ends the report names them, and how many pairs each has asked; unless they were named."""
    (tmp_path / "many.yaml").write_text(LAB)
    few = told(from_file(LAB, "test.yaml").steps[0].state, {"icmp": [(0, 1)] * 14_000}, 3, shared=True)
    assert few[1].startswith("of these layers fewer pairs were asked: icmp 14,000. Each probe of them is a broadcast")
    done = netlab("run", "many.yaml", "--pairs", "cover:2", "-l", "icmp", "--no-report")
    assert "fewer pairs" not in done.stdout


def test_of_broadcasts_some_rows_are_whole() -> None:
    """A broadcast goes to all: of each group of sources two are asked, with every destination."""
    [step] = from_file(LAB, "test.yaml").steps
    rows = Counter(i for i, _ in cover(step, "broadcast", 2, seed=5))
    assert set(rows.values()) == {len(step.state.endpoints) - 1}
    assert len(rows) == 5


def test_a_covered_lab(tmp_path: Path, netlab: Netlab) -> None:
    """A run says that not all pairs were asked; its record follows the schema, and has right letters alone."""
    (tmp_path / "many.yaml").write_text(LAB)
    done = netlab("run", "many.yaml", "--pairs", "cover:2", "-l", "icmp,broadcast,unicast")
    assert done.returncode == 0, done.stderr
    assert "not all pairs were asked: each end 2 times" in " ".join(done.stdout.split())
    raw = json.loads((tmp_path / "reports/many/run.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(raw)
    assert raw["cover"] == 2
    assert raw["steps"][0]["layers"]["icmp"]["packed"] == 29
    [record] = records(tmp_path / "reports/many")
    jsonschema.Draft202012Validator(SCHEMA).validate(record)
    for layer in record["steps"][0]["layers"].values():
        asked = [
            (a, b) for a, b in zip("".join(layer["observed"]), "".join(layer["expected"]), strict=True) if a != " "
        ]
        assert all(a == b for a, b in asked)
        assert 0 < len(asked) < sum(map(len, layer["observed"]))
        assert {len(row) for row in layer["verdict"]} == {len(row) for row in layer["rules"]["rows"]} == {29}
    assert pack(record) == raw
    page = (tmp_path / "reports/many/report.html").read_text()
    assert "not all pairs were asked" in page
    assert "All 29 × 29 pairs" not in page


def test_packing_loses_nothing() -> None:
    """What was packed and unpacked again is as it was, blank rows and whole rows, too."""
    layer = {
        "expected": ["   ", "RUR", " B "],
        "observed": ["   ", "RUR", " A "],
        "verdict": ["   ", "PPF", " P "],
        "again": [],
        "rules": {"rows": ["...", "aba", ".c."], "keys": {}},
    }
    record = {"cover": 1, "steps": [{"layers": {"icmp": layer}}]}
    packed = pack(record)
    assert packed["steps"][0]["layers"]["icmp"]["expected"] == ["", "0:RUR", "1:B"]
    again = json.loads(json.dumps(packed))
    unpack(again)
    assert again == record


@pytest.mark.parametrize("wrong", ["cover", "cover:0", "cover:x", "some"])
def test_a_wrong_choice_of_pairs(wrong: str, netlab: Netlab) -> None:
    """What is neither all nor cover:K is an error of the command line, which says what is right."""
    done = netlab("run", "bridge-two-node", "--pairs", wrong)
    assert done.returncode == 2
    assert "cover:3" in done.stderr
