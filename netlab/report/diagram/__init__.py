"""Diagrams of a lab: SVG laid out by hand, and the same as Mermaid and DOT for other tools to lay out.

A state comes in plain JSON, as it stands in a record (``topology.plan.steps[].state``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Plain = Mapping[str, Any]


def as_svg(state: Plain, label: str, *, alone: bool = True, sides: int = 2) -> str:
    """The state as SVG: ``alone`` as a file of its own; ``sides=1`` puts all hosts on one side, for narrow pages."""
    from netlab.report.diagram import layout, paint, scene

    built = scene.build(state)
    return paint.draw(layout.lay_out(built, sides=sides), built, label, alone=alone)


def as_mermaid(state: Plain) -> str:
    """The state as a Mermaid flowchart."""
    from netlab.report.diagram import mermaid, nodes, scene

    return mermaid.write(nodes.build(scene.build(state)))


def as_dot(state: Plain, title: str) -> str:
    """The state as a DOT graph."""
    from netlab.report.diagram import dot, nodes, scene

    return dot.write(nodes.build(scene.build(state)), title)


def css() -> str:
    """The style sheet of diagrams that are part of a page."""
    from netlab.report.diagram import paint

    return paint.css()
