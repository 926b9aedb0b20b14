"""What a test gives for a topology, with the place where it does."""

from __future__ import annotations

from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Where


@dataclass(frozen=True, slots=True)
class Given:
    """A value (scalar, list, mapping, or a mapping of further Givens), and the line of Python that gave it."""

    value: Any
    at: Where
