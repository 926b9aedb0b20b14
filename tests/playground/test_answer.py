"""The page's answers are those of the commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from netlab import chosen, model, plan, spec
from netlab.playground.answer import answer, gallery, respond

SHIPPED = spec.shipped()


def letters(page: str) -> list[dict[str, list[str]]]:
    """The matrices that a page holds, by step and layer."""
    island = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert island is not None
    data: dict[str, Any] = json.loads(island[1])
    return [
        {name: data["layers"][number]["observed"] for name, number in step["layers"].items()} for step in data["steps"]
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_page_shows_what_the_model_predicts(path: Path) -> None:
    """The matrices of every shipped topology are those of the model, in every step and layer."""
    page = answer(path.read_text("utf-8"))["page"]
    resolved = plan.from_file(path)
    expected = [
        {
            name: list(rows)
            for name, rows in model.predict(step.state, chosen.layers(resolved, step, ())).letters.items()
        }
        for step in resolved.steps
    ]
    assert letters(page) == expected


def test_what_is_wrong_has_its_place() -> None:
    """Every error of a file comes with line, column and hint, and without a page."""
    said = answer("switches: {lan: {}}\nhosts:\n  A:\n    interfaces:\n      eth0: {switch: lann}\n")
    assert said["page"] is None
    [problem] = said["problems"]
    assert (problem["severity"], problem["line"], problem["column"]) == ("error", 5, 22)
    assert "lann" in problem["message"]
    assert "did you mean 'lan'" in problem["hint"]


def test_warnings_come_with_the_page() -> None:
    """A warning of the plan is told with its place, and the prediction is shown all the same."""
    twice = "switches: {lan: {}}\nhosts:\n" + "".join(
        f"  {name}: {{interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.1/24]}}}}}}\n" for name in "AB"
    )
    said = answer(twice)
    assert said["page"]
    assert said["problems"]
    assert {one["severity"] for one in said["problems"]} == {"warning"}
    assert {one["line"] for one in said["problems"]} <= {3, 4}


def test_a_prediction_does_not_pretend_to_be_a_run() -> None:
    """The page says that only the model was asked, and names no kernel and no date."""
    page = answer(spec.find("bridge-two-node").read_text("utf-8"))["page"]
    assert "predicted by the model" in page
    assert "1970" not in page


def test_the_gallery_holds_what_ships() -> None:
    """Every shipped topology is in the gallery with its own text."""
    assert {one["name"]: one["text"] for one in gallery()} == {
        path.stem: path.read_text("utf-8") for path in spec.shipped()
    }


def test_both_questions_are_answered() -> None:
    """The page's messages get what the functions say, as plain JSON values."""
    said = respond({"ask": "complete", "text": "ho", "line": 0, "column": 2})
    assert json.loads(json.dumps(said))["options"][0]["text"] == "hosts: "
    assert respond({"ask": "answer", "text": ""})["problems"]
