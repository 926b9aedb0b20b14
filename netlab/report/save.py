"""A run's folder: the record and everything rendered from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netlab.report.folder import Folder, at
from netlab.report.naming import folder_name
from netlab.report.packed import pack

Record = dict[str, Any]


def as_json(record: Record) -> str:
    """The record as it stands in ``run.json``."""
    return json.dumps(pack(record), ensure_ascii=False, separators=(",", ":")) + "\n"


def as_html(record: Record) -> str:
    from netlab.report import html

    return html.render(record)


def as_markdown(record: Record) -> str:
    from netlab.report import markdown

    return markdown.render(record)


#: File name → renderer. Each gets the record and nothing else.
RENDERERS: dict[str, Callable[[Record], str]] = {
    "run.json": as_json,
    "report.html": as_html,
    "summary.md": as_markdown,
}


def check(reports: Folder | Path, name: str) -> None:
    """Whether a run's files can be written into the folder ``name`` below ``reports``. Raises ReportError."""
    (at(reports) / name).check(*RENDERERS)


def save(record: Record, reports: Folder | Path, name: str = "") -> Path:
    """Write a run's reports into its folder below ``reports`` (``name``, or the topology's) and return that.

    Raises ReportError.
    """
    folder = at(reports) / (name or folder_name(record["topology"]["name"], record["topology"]["file"]))
    for file, renderer in RENDERERS.items():
        folder.write(file, renderer(record))
    return folder.path
