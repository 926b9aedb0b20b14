"""A comparison as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from netlab.report import axes, diagram
from netlab.report.diff import sentences
from netlab.report.diff.compare import Difference
from netlab.report.html import page, tables
from netlab.report.matrix import FOLD_ABOVE

Record = Mapping[str, Any]


def render(differences: Sequence[Difference]) -> str:
    """One page for all comparisons."""
    view = {
        "matters": any(one.matters for one in differences),
        "diagram_css": Markup(diagram.css()),
        "runs": [_view(one) for one in differences],
    }
    return page.render("diff.html.j2", view, styles=("report.css", "diff.css"))


def _view(difference: Difference) -> dict[str, Any]:
    return {
        "name": difference.before["topology"]["name"],
        "matters": difference.matters,
        "headline": sentences.headline(difference),
        "circumstances": difference.circumstances,
        "topology": difference.topology,
        "missing": difference.missing,
        "changes": sentences.changes(difference),
        "pictures": _pictures(difference) if difference.topology else [],
        "tables": _tables(difference),
    }


def _pictures(difference: Difference) -> list[tuple[str, Markup]]:
    """Both diagrams, of the first step in which they differ."""
    steps = [record["topology"]["plan"].get("steps", []) for record in (difference.before, difference.after)]
    for old in steps[0]:
        new = next((one for one in steps[1] if one["name"] == old["name"]), None)
        if new is not None and old["state"] != new["state"]:
            return [
                (when, Markup(diagram.as_svg(one["state"], f"Diagram, {when}", alone=False, sides=1)))
                for when, one in (("before", old), ("after", new))
            ]
    return []


def _tables(difference: Difference) -> list[dict[str, Any]]:
    """Matrices in which the cells that differ stand out, where both runs have the same rows and columns, and few."""
    before, after = difference.before, difference.after
    found = []
    for old in before["steps"]:
        new = next((one for one in after["steps"] if one["name"] == old["name"]), None)
        if new is None:
            continue
        for layer, cells in old["layers"].items():
            other = new["layers"].get(layer)
            parts = ("observed", "verdict", "expected")
            if other is None or all(cells[part] == other[part] for part in parts):
                continue
            ids, others = (
                [[one["id"] for one in side(record, step, layer)] for side in (axes.rows, axes.columns)]
                for step, record in ((old, before), (new, after))
            )
            if ids == others and max(map(len, ids)) <= FOLD_ABOVE:
                found.append(
                    {
                        "step": old["name"] if len(before["steps"]) > 1 else "",
                        "layer": layer,
                        "table": tables.changed(ids[0], ids[1], cells, other),
                    }
                )
    return found
