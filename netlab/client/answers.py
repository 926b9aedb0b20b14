"""The agent's answers as the contract's values."""

from __future__ import annotations

from typing import Any

from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.wire import from_plain


def entered(result: dict[str, Any], _fds: list[int]) -> StepObserved:
    """What was built, and what the kernel says of it."""
    return StepObserved(
        layers=(),
        links=result["links"],
        unsettled=tuple(result["unsettled"]),
        refused=result["refused"],
        notes=tuple(result["notes"]),
    )


def probed(result: dict[str, Any], _fds: list[int]) -> tuple[LayerObserved, ...]:
    """What was seen on each layer."""
    return tuple(from_plain(LayerObserved, layer) for layer in result["layers"])
