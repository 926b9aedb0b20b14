"""What the page asks: a topology's problems, or the page of what the model predicts for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

#: How the text is called where nothing else names it.
FILE = "topology.yaml"


def respond(question: dict[str, Any]) -> dict[str, Any]:
    """The answer to one message of the page, as plain JSON values.

    ``{"ask": "answer", "text": …}`` or ``{"ask": "complete", "text": …, "line": …, "column": …}`` (from 0).
    """
    if question.get("ask") == "complete":
        from netlab.playground.complete import complete

        return asdict(complete(str(question["text"]), int(question["line"]), int(question["column"])))
    return answer(str(question["text"]))


def answer(text: str) -> dict[str, Any]:
    """``problems`` (errors of the file, or warnings), and ``page``: the HTML of the prediction, None with errors."""
    from netlab import plan
    from netlab.spec import TopologyError

    try:
        resolved = plan.from_file(text, FILE)
    except TopologyError as error:
        return {"problems": _problems(error.problems), "page": None, "name": ""}
    from netlab.foresee import foresee
    from netlab.report import html

    record = foresee(resolved)
    return {
        "problems": [_warning(one) for one in resolved.warnings],
        "page": html.render(record),
        "name": resolved.name,
    }


def gallery() -> list[dict[str, str]]:
    """Every topology that ships: name, description, text."""
    from netlab import spec

    found = []
    for path in spec.shipped():
        loaded = spec.load(path)
        description = loaded.topology.description or ""
        found.append({"name": path.stem, "description": description, "text": path.read_text("utf-8")})
    return found


def _problems(problems: Sequence[Any]) -> list[dict[str, Any]]:
    return [
        {
            "severity": "error",
            "line": problem.where.line,
            "column": problem.where.column,
            "message": problem.message,
            "hint": problem.hint,
        }
        for problem in problems
    ]


def _warning(text: str) -> dict[str, Any]:
    """A warning names its place as ``FILE:LINE:COLUMN: …``."""
    place, _, message = text.partition(": ")
    parts = place.split(":")
    if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
        line, column = int(parts[1]), int(parts[2])
    else:
        line, column, message = 1, 1, text
    return {"severity": "warning", "line": line, "column": column, "message": message, "hint": ""}
