"""The model: from a state of the plan to who reaches whom, by which rule and along which path.

Others call `predict`, `way`, `announcements` and `predict_refusal`; `RULES` is everything that the model knows. All are
imported when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netlab.model.announce import Announcement, announcements
    from netlab.model.outgoing import Way, way
    from netlab.model.prediction import Prediction, Story, predict
    from netlab.model.refusal import predict_refusal
    from netlab.model.rules import RULES, Rule

_HOMES = {
    "Announcement": "netlab.model.announce",
    "announcements": "netlab.model.announce",
    "RULES": "netlab.model.rulebook",
    "Prediction": "netlab.model.prediction",
    "Rule": "netlab.model.rules",
    "Story": "netlab.model.prediction",
    "predict": "netlab.model.prediction",
    "predict_refusal": "netlab.model.refusal",
    "Way": "netlab.model.outgoing",
    "way": "netlab.model.outgoing",
}

__all__ = [
    "RULES",
    "Announcement",
    "Prediction",
    "Rule",
    "Story",
    "Way",
    "announcements",
    "predict",
    "predict_refusal",
    "way",
]


def __getattr__(name: str) -> Any:
    """Import one of them when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
