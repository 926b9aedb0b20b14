"""The page of one *why*: the answer as the terminal has it, a drawing, and the topology itself."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from netlab.report import diagram
from netlab.report.html import page


def render(title: str, text: str, state: dict[str, Any], file: str) -> str:
    """One file that loads nothing. ``state`` is drawn; ``file`` is the text of the topology, or empty."""
    drawing = Markup(diagram.as_svg(state, title, alone=False))
    view = {"title": title, "text": text, "drawing": drawing, "file": file}
    return page.render("why.html.j2", view, styles=("diagram.css",))
