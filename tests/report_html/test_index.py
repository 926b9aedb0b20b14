"""The index of a folder of reports."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab.report import index
from netlab.report.save import save
from tests.report_html.browser import Browser
from tests.report_html.test_page import violations

Record = dict[str, Any]
TOPOLOGIES = ("bridge-two-node", "vepa-hairpin", "passthru-one-child", "mesh-3")

MESH = """
name: mesh-3
description: Three machines.
switches: {lan: {}}
hosts:
  h:
    replicas: 3
    interfaces:
      eth0: {switch: lan, addresses: [10.26.0.1/24]}
"""


@pytest.fixture
def reports(tmp_path: Path, record: Callable[..., Record]) -> Path:
    """A folder with the reports of four runs, indexed."""
    folder = tmp_path / "reports"
    for name in TOPOLOGIES:
        save(record(MESH if name == "mesh-3" else name), folder)
    index.refresh(folder)
    return folder


def open_index(browser: Browser, reports: Path, **looks: Any) -> Browser:
    """The index in the browser."""
    browser.look(**looks)
    browser.open((reports / "index.html").as_uri())
    return browser


def test_claims_in_their_order_with_their_runs(reports: Path, browser: Browser) -> None:
    """Claims by number, each with its verdict and a link to its run; runs without claims below."""
    page = open_index(browser, reports)
    assert page.complaints() == []
    rows = page.run(
        "return [...document.querySelectorAll('table.claims tbody tr')].map((row) =>"
        " [0, 2, 3].map((k) => row.cells[k].textContent.trim()))"
    )
    assert rows == [
        ["11", "✓ confirmed", "vepa-hairpin"],
        ["17", "✓ confirmed", "passthru-one-child"],
        ["24", "✓ confirmed", "bridge-two-node"],
        ["24b", "✗ refuted", "bridge-two-node"],
    ]
    assert "mesh-3" in page.text("h2 + .scroll table")


def test_links_lead_to_the_reports(reports: Path, browser: Browser) -> None:
    """Every link of the index is a page that is there."""
    page = open_index(browser, reports)
    for link in page.run("return [...document.querySelectorAll('a')].map((one) => one.href)"):
        page.open(link)
        assert page.text("h1") in TOPOLOGIES


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_fits_and_is_accessible(
    reports: Path, browser: Browser, module: Callable[[str], Path], width: int, dark: bool
) -> None:
    """No overflow, and nothing that axe objects to."""
    page = open_index(browser, reports, width=width, dark=dark)
    assert page.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert violations(page, module) == []


def test_a_run_refreshes_its_line_without_reading_the_others(
    reports: Path, record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another run's record says is taken from the index itself as long as its file is the same."""
    before = list(index.rows(reports, {}))
    fresh = record("vepa-hairpin")
    fresh["summary"]["verdict"] = "fail"
    folder = save(fresh, reports)
    monkeypatch.setattr(json, "loads", _only_of_the_island(json.loads))
    after = list(index.rows(reports, {folder: fresh}))
    assert [row["verdict"] for row in after] == ["pass", "pass", "pass", "fail"]
    assert [row for row in after if row["folder"] != "vepa-hairpin"] == [
        row for row in before if row["folder"] != "vepa-hairpin"
    ]


def _only_of_the_island(loads: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(text: str) -> Any:
        found = loads(text)
        assert "schema" not in found, "a record was read"
        return found

    return guarded


def test_a_record_that_was_replaced_is_read_again(reports: Path, record: Callable[..., Record]) -> None:
    """Where somebody else has written a record since, its line is made anew."""
    path = reports / "mesh-3" / "run.json"
    other = record(MESH)
    other["topology"]["description"] = "Another."
    path.write_text(json.dumps(other), "utf-8")
    os.utime(path, ns=(1, 1))
    [row] = [row for row in index.rows(reports, {}) if row["folder"] == "mesh-3"]
    assert row["description"] == "Another."


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "netlab.run/2"}', "null"])
def test_what_is_no_record_has_no_line(reports: Path, content: str) -> None:
    """A broken or foreign run.json is left out, and the index is written all the same."""
    (reports / "mesh-3" / "run.json").write_text(content, "utf-8")
    index.refresh(reports)
    assert [row["folder"] for row in index.rows(reports, {})] == [
        "bridge-two-node",
        "passthru-one-child",
        "vepa-hairpin",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not ours",
        '<script type="application/json" id="runs">{</script>',
        '<script type="application/json" id="runs">[1]</script>',
        '<script type="application/json" id="runs">{"mesh-3": {"stamp": []}}</script>',
    ],
)
def test_an_index_by_another_hand_is_replaced(reports: Path, content: str) -> None:
    """An index.html that holds no rows is no obstacle."""
    (reports / "index.html").write_text(content, "utf-8")
    index.refresh(reports)
    assert "The claims, checked" in (reports / "index.html").read_text("utf-8")


def test_a_run_that_is_gone_is_gone(reports: Path) -> None:
    """A folder that was deleted has no line any more."""
    (reports / "mesh-3" / "run.json").unlink()
    index.refresh(reports)
    assert "mesh-3" not in (reports / "index.html").read_text("utf-8")


def test_as_markdown(reports: Path) -> None:
    """The same as a README: claims with links to the summaries."""
    text = index.as_markdown(list(index.rows(reports, {})))
    assert "| 24b | It is the child that the other machine's ping of the child's address reaches. | ✗ refuted |" in text
    assert "[bridge-two-node](./bridge-two-node/summary.md)" in text
    assert "| ✓ [mesh-3](./mesh-3/summary.md) | Three machines. | 69 |" in text
