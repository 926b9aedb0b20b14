"""Which rule decided each cell, as compact as the letters are: one character per cell."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netlab.judge.predicted import Predicted
from netlab.judge.types import JudgedLayer
from netlab.report.packed import places

#: Keys in the order in which they are used; after them come characters from U+00C0 on.
_KEYS = string.ascii_lowercase + string.ascii_uppercase + string.digits


def rule_rows(judged: JudgedLayer, prediction: Predicted | None) -> dict[str, Any]:
    """``rows`` with a key per cell (``.`` where no rule is named) and ``keys``, from key to rule id."""
    if prediction is None or judged.layer not in prediction.letters:
        return {"rows": [], "keys": {}}
    if any(" " in verdicts for verdicts in judged.verdict):
        layer = judged.layer
        rows: list[list[str | None]] = [[None] * len(verdicts) for verdicts in judged.verdict]
        for i, verdicts in enumerate(judged.verdict):
            for j in places(verdicts):
                if verdicts[j] != ".":
                    rows[i][j] = prediction.rule(layer, i, j)
        return as_keys(rows)
    return as_keys(
        [rule if verdict not in ". " else None for verdict, rule in zip(verdicts, rules, strict=True)]
        for verdicts, rules in zip(judged.verdict, prediction.rule_rows(judged.layer), strict=True)
    )


def as_keys(names: Iterable[Sequence[str | None]]) -> dict[str, Any]:
    """The same from rows of rule ids."""
    keys: dict[str | None, str] = {None: "."}
    rows = []
    for row in names:
        for rule in dict.fromkeys(row):
            if rule not in keys:
                keys[rule] = _key(len(keys) - 1)
        rows.append("".join([keys[rule] for rule in row]))
    del keys[None]
    return {"rows": rows, "keys": {key: rule for rule, key in keys.items()}}


def cited(names: Iterable[str | None], known: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says of the rules that it names: each one's sentence, and where the kernel has it."""
    return {
        name: {
            "sentence": known[name].sentence,
            "function": known[name].function,
            "file": known[name].file,
            "versions": list(known[name].verified),
        }
        for name in sorted(name for name in names if name is not None and name in known)
    }


def _key(number: int) -> str:
    return _KEYS[number] if number < len(_KEYS) else chr(0xC0 + number - len(_KEYS))
