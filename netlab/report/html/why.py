"""The page of one *why*: the answer as the terminal has it, every fix, a drawing, and the topology itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from netlab.report import diagram
from netlab.report.html import page


def render(title: str, text: str, fixes: Sequence[tuple[str, str]], state: dict[str, Any], file: str) -> str:
    """One file that loads nothing. ``fixes`` are title and text of each, folded but the first; ``state`` is drawn;
    ``file`` is the text of the topology, or empty.
    """
    view = {
        "title": title,
        "text": text,
        "fixes": fixes,
        "wide": Markup(diagram.as_svg(state, title, alone=False)),
        "narrow": Markup(diagram.as_svg(state, title, alone=False, sides=1)),
        "file": file,
    }
    return page.render("why.html.j2", view, styles=("diagram.css",))
