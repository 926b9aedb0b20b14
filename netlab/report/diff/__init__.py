"""Two runs compared, cell by cell: what is different, and by which rule."""

from __future__ import annotations

from netlab.report.diff.compare import Change, Difference, compare, pair_up

__all__ = ["Change", "Difference", "compare", "pair_up"]
