"""Why a pair is reached or not: the story hop by hop, and what would change it, by the model alone."""

from __future__ import annotations

from netlab.why.explain import Explanation, explain
from netlab.why.fixes import Fix, with_steps
from netlab.why.question import with_targets

__all__ = ["Explanation", "Fix", "explain", "with_steps", "with_targets"]
