"""The topologies that ship with measurements, measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlab import pipeline, spec
from netlab.client import Agent
from tests.topologies.shipped import rows

pytestmark = pytest.mark.xdist_group("measure")


def shipped(name: str) -> Path:
    """A file that ships."""
    return next(path for path in spec.shipped() if path.stem == name)


@pytest.mark.timeout(400)
def test_claims_that_are_measured_are_never_contradicted(agent: Agent) -> None:
    """On a busy machine a comparison may stay open; it never says the opposite of docs/claims.md."""
    name = "macvlan-vs-linux-bridge"
    record = pipeline.run(shipped(name), agent, pipeline.Options(layers=("tcp", "udp")))
    table = {row.number: row for row in rows() if row.name == name}
    assert [claim["number"] for claim in record["claims"]] == list(table)
    for claim in record["claims"]:
        assert claim["says"] == table[claim["number"]].says
        assert claim["verdict"] in (table[claim["number"]].verdict, "undecided")
    assert record["summary"]["exit_code"] in (0, 4)
    for one in record["compare"]:
        assert one["rounds"] >= 8
        assert one["interval"][0] <= one["ratio"] <= one["interval"][1]


@pytest.mark.timeout(400)
def test_a_full_matrix(agent: Agent) -> None:
    """Four endpoints on two machines make twelve pairs, each with a figure, in little more than their seconds."""
    record = pipeline.run(shipped("throughput-matrix"), agent, pipeline.Options(layers=("tcp",)))
    measured = record["throughput"]
    assert len({(one["src"], one["dst"]) for one in measured}) == 12
    assert {one["status"] for one in measured} == {"ok"}
    assert record["summary"]["exit_code"] == 0
