"""Records of the version before this one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from netlab.report import html, load, markdown, terminal
from netlab.report.diff.compare import compare
from netlab.report.style import Style

#: What ``netlab run`` wrote of a lab in which B goes and C comes, before there were host questions.
OLD = Path(__file__).with_name("records") / "run-1.json"


def test_an_old_record_is_rendered() -> None:
    """Every form of report shows the old matrices, and no matrix of hosts."""
    [record] = load.records(OLD)
    text = terminal.render(record, Style(width=80))
    assert "C-comes" in text
    assert "Who can reach whom" not in text
    assert "**icmp**" in markdown.render(record)
    assert 'data-layer="icmp"' in html.render(record)


def test_an_old_record_and_a_new_one_are_compared() -> None:
    """What both have is compared; the layer that only the new one has is said to be missing in the first."""
    [before] = load.records(OLD)
    after: dict[str, Any] = copy.deepcopy(before)
    after["schema"] = "netlab.run/2"
    step = after["steps"][0]
    after["hosts"] = [{"id": name, "kind": "host", "families": [4], "group": name} for name in "AB"]
    after["addresses"] = [{**one, "links": [one["link"]]} for one in after["endpoints"]]
    step["layers"]["host:icmp"] = {
        **step["layers"]["icmp"],
        **{name: ["RRR", "RRR"] for name in ("expected", "observed", "verdict")},
        "rules": {"rows": [], "keys": {}},
        "asked": "host",
    }
    found = compare(before, after)
    assert found.missing == ("step baseline: layer host:icmp in the second only",)
    assert not found.matters
    assert found.compared > 0


@pytest.mark.parametrize("spoil", [lambda r: r.pop("steps"), lambda r: r["steps"][0].update(layers=None)])
def test_a_broken_old_record_is_an_error_of_the_file(spoil: Any, tmp_path: Path) -> None:
    """What lacks its steps, or their layers, is no whole record."""
    record = json.loads(OLD.read_text("utf-8"))
    spoil(record)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(record), "utf-8")
    with pytest.raises(load.ReportError, match="not a whole record"):
        load.records(path)
