"""What the judge asks of the model, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Predicted(Protocol):
    """What the judge asks of a prediction (`netlab.model.Prediction`)."""

    @property
    def letters(self) -> Mapping[str, tuple[str, ...]]:
        """One row of letters per source, by layer."""

    @property
    def unknown(self) -> Mapping[tuple[str, int, int], str]:
        """Why a cell has no prediction, by (layer, i, j)."""

    def rule(self, layer: str, i: int, j: int) -> str | None:
        """The rule that decided the cell."""

    def rule_rows(self, layer: str) -> Sequence[Sequence[str | None]]:
        """The rules that decided the cells of a layer, one row per source."""

    def heard(self, i: int) -> frozenset[str]:
        """The links and switch ports at which the source's broadcast arrives."""

    def on_wire(self, layer: str, i: int, j: int) -> bool | None:
        """Whether the request enters the switch by the port of the source's parent; None: not known."""


def rule_of(prediction: Predicted | None, layer: str, i: int, j: int) -> str | None:
    """The rule that decided a cell; None where nothing was predicted for it."""
    if prediction is None:
        return None
    rows = prediction.letters.get(layer)
    return prediction.rule(layer, i, j) if rows is not None and rows[i][j] not in "?." else None
