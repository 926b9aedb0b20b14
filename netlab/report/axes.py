"""The rows and columns of a record's matrices, and records of older versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

#: What went before `netlab.report.record.SCHEMA`, and can still be read.
OLDER = "netlab.run/1"


def listed(record: Record, step: Record, what: str) -> Sequence[Record]:
    """The step's ``endpoints``, ``hosts`` or ``addresses``."""
    own = step[what]
    found: Sequence[Record] = record[what] if own is None else own
    return found


def rows(record: Record, step: Record, layer: str) -> Sequence[Record]:
    """What the rows of a layer's matrix stand for."""
    return listed(record, step, "hosts" if step["layers"][layer]["asked"] == "host" else "endpoints")


def columns(record: Record, step: Record, layer: str) -> Sequence[Record]:
    return listed(record, step, "addresses" if step["layers"][layer]["asked"] == "host" else "endpoints")


def renew(record: dict[str, Any]) -> None:
    """Give a record of the older version, which knows no host questions, what newer ones have."""
    record.update(hosts=[], addresses=[])
    for step in record["steps"]:
        step.update(hosts=None, addresses=None)
        for layer in step["layers"].values():
            layer["asked"] = "interface"
