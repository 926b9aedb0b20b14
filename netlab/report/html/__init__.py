"""HTML: self-contained pages, one file each, that load nothing and are readable without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]


def render(record: Record) -> str:
    """The page of one run."""
    from netlab.report.html import page, view

    return page.render("report.html.j2", view.report(record), script="report.js", styles=("report.css",))


def prepare() -> None:
    """Import and compile what `render` needs: for idle moments."""
    from netlab.report.html import page, view  # noqa: F401

    page.template("report.html.j2")
