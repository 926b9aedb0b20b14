"""What the agent saw: frozen values that travel from the agent to the judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LayerObserved:
    """One layer, every pair asked for.

    ``rows`` holds one string per source endpoint and one letter (``R A U ? .``) per destination, in the
    order of the state's endpoints; a pair that was not asked for is a space. ``evidence`` maps
    ``"i,j"`` to what was seen, where there is more to say than the letter: ``entered`` (the link by
    which the request came in), ``answered_by`` (MACs), ``reason`` (``refused``, an errno's name,
    ``request-lost``, ``reply-lost``, ``known-dead``, …), ``finding``, ``tries``.
    ``heard`` maps a source endpoint to every link and switch port at which its broadcast arrived.
    ``wire`` has a row per source with ``1`` where the request entered the switch by the port of the
    source's parent, ``0`` where it was proved not to, ``?`` where neither; empty where taps were not asked for.
    ``again`` has the letters of a second try, where there was one (spaces elsewhere).
    """

    layer: str
    rows: tuple[str, ...]
    evidence: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wire: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepObserved:
    """Everything seen in one step.

    ``unsettled`` names links whose admin state or carrier did not become what the plan says before the
    deadline; ``links`` is what was read back, by link id; ``notes`` says why a proof was left out.
    """

    layers: tuple[LayerObserved, ...]
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    unsettled: tuple[str, ...] = ()
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
