"""Matrices of a large lab that is only covered, as they stand in files: of each row the letters that are there.

A packed row is ``"3:R 75:RU"``: from place 3 on an R, from place 75 on an R and a U; all else is blank.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]

_ROWS = ("expected", "observed", "verdict", "again")
_LETTER = re.compile("[^ ]")
_RUNS = {blank: re.compile(f"[^{re.escape(blank)}]+") for blank in " ."}


def pack(record: Record) -> Record:
    """A record as it is written: where not all pairs were asked each layer says by ``packed`` how long its rows are."""
    if not record.get("cover"):
        return record
    steps = [
        {**step, "layers": {name: layer_packed(layer) for name, layer in step["layers"].items()}}
        for step in record["steps"]
    ]
    return {**record, "steps": steps}


def layer_packed(layer: Record) -> dict[str, Any]:
    rows = {name: [_packed(row, " ") for row in layer[name]] for name in _ROWS}
    rules = {**layer["rules"], "rows": [_packed(row, ".") for row in layer["rules"]["rows"]]}
    return {**layer, **rows, "rules": rules, "packed": max(map(len, layer["observed"]), default=0)}


def places(row: str) -> list[int]:
    """Where a row has letters: far fewer than it is long where the lab was only covered."""
    return [found.start() for found in _LETTER.finditer(row)]


def unpack(record: dict[str, Any]) -> None:
    """Give a record that was read its whole rows."""
    for step in record["steps"]:
        for layer in step["layers"].values():
            size = layer.pop("packed", None)
            if size is not None:
                layer.update({name: [_whole(row, size, " ") for row in layer[name]] for name in _ROWS})
                layer["rules"]["rows"] = [_whole(row, size, ".") for row in layer["rules"]["rows"]]


def _packed(row: str, blank: str) -> str:
    return " ".join(f"{found.start()}:{found.group()}" for found in _RUNS[blank].finditer(row))


def _whole(row: str, size: int, blank: str) -> str:
    letters = [blank] * size
    for run in row.split():
        place, _, found = run.partition(":")
        letters[int(place) : int(place) + len(found)] = found
    return "".join(letters)
