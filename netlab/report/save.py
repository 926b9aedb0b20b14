"""A run's folder: the record and everything rendered from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netlab.report.write import folder_name, make_folder, write_whole

Record = dict[str, Any]


def as_json(record: Record) -> str:
    """The record as it stands in ``run.json``."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


def as_html(record: Record) -> str:
    """The record as a page."""
    from netlab.report import html

    return html.render(record)


def as_markdown(record: Record) -> str:
    """The record as Markdown."""
    from netlab.report import markdown

    return markdown.render(record)


#: File name → renderer. Each gets the record and nothing else.
RENDERERS: dict[str, Callable[[Record], str]] = {
    "run.json": as_json,
    "report.html": as_html,
    "summary.md": as_markdown,
}


def save(record: Record, reports: Path, name: str = "") -> Path:
    """Write a run's reports into its folder below ``reports`` (``name``, or the topology's) and return that.

    Raises ReportError.
    """
    folder = reports / (name or folder_name(record["topology"]["name"]))
    make_folder(folder)
    for name, renderer in RENDERERS.items():
        write_whole(folder / name, renderer(record))
    return folder
