"""A description of another tool, imported, planned and predicted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from netlab import live, model, plan, spec, why
from netlab.contract.types import Plan
from netlab.live.topology import Draft
from netlab.spec import Spec
from netlab.why import Explanation
from netlab.why.question import ask


@dataclass
class Imported:
    """What became of a text: the file's text, what went into it, and its plan."""

    text: str
    draft: Draft
    loaded: Spec
    resolved: Plan

    def why(self, source: str, destination: str, layer: str | None = None) -> Explanation:
        """What the model says of a pair."""
        return why.explain(self.loaded, self.resolved, source, destination, layer=layer)

    def letter(self, source: str, destination: str, layer: str | None = None) -> str:
        """The letter of a pair, without a try at what would change it."""
        state = self.resolved.steps[0].state
        asked = ask(state, source, destination, layer)
        prediction = model.Prediction(state, (), classes=False, listening=True)
        return prediction.letter(asked.layer, asked.row, asked.column)

    def endpoints(self) -> list[str]:
        """The endpoints of the lab."""
        return [endpoint.id for endpoint in self.resolved.steps[0].state.endpoints]

    def left(self, part: str) -> list[str]:
        """Why the keys were left out whose path holds a text."""
        return [one.why for one in self.draft.left if part in one.path]


def of(form: str, said: Any, host: str = "host") -> Imported:
    """Import a text, or a value as JSON."""
    text = said if isinstance(said, str) else json.dumps(said, indent=1)
    draft = live.draft(live.read(form, text, "said.json"), host)
    written = live.write(draft)
    loaded = spec.load(written, "written.yaml")
    return Imported(written, draft, loaded, plan.resolve(loaded))
