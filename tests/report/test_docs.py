"""The record's documentation names every field of its schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import netlab.report

SCHEMA = json.loads(Path(netlab.report.__file__).with_name("run.schema.json").read_text(encoding="utf-8"))
DOCUMENT = (Path(__file__).parents[2] / "docs" / "record.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "part",
    [
        "record",
        "topology",
        "endpoint",
        "host",
        "address",
        "step",
        "layer",
        "expectation",
        "cell",
        "finding",
        "claim",
        "rule",
        "summary",
    ],
)
def test_every_field_is_documented(part: str) -> None:
    """Each field of this part of the record stands in docs/record.md."""
    missing = [
        name
        for name in SCHEMA["$defs"][part]["properties"]
        if not any(f"`{name}{end}" in DOCUMENT for end in ("`", "[]`", "{}`", ".rows`", ".keys`"))
    ]
    assert missing == []


def test_every_kind_of_finding_is_documented() -> None:
    """Each kind that a finding can have is explained."""
    kinds = SCHEMA["$defs"]["finding"]["properties"]["kind"]["enum"]
    assert [kind for kind in kinds if f"`{kind}`" not in DOCUMENT] == []
