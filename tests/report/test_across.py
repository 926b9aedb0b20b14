"""One topology on several kernels, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab import plan
from netlab.contract.kernels import Version
from netlab.foresee import foresee
from netlab.model import RULES
from netlab.report import across
from netlab.report.style import Style
from tests.model.scene_labs import parent_down

BOUNDS = {name: rule.kernels for name, rule in RULES.items() if rule.kernels}


def seen(*versions: tuple[int, int], layers: tuple[str, ...] = ("icmp", "tcp")) -> dict[str, Any]:
    """What the model foresees of two ipvlan children whose parent is set down, by version."""
    text = parent_down().text
    return {
        str(Version(*one)): foresee(plan.from_file(text, "t", Version(*one)), ("down",), layers) for one in versions
    }


def table(records: Mapping[str, Any], **lacking: str) -> across.Across:
    """The table of these records."""
    return across.across("t", records, lacking, BOUNDS)


def test_what_differs_is_one_row() -> None:
    """Pairs and layers that differ alike are one row, with a value and a rule for each kernel; the rest is counted."""
    pairs, carrier = table(seen((6, 1), (6, 12), (7, 3))).rows
    assert pairs.what == ("h/c1:eth0 → h/c2:eth0", "h/c2:eth0 → h/c1:eth0")
    assert pairs.layers == ("icmp", "tcp")
    assert pairs.values == ("R", "U", "U")
    assert pairs.rules == ("ip/delivered", *["ipvlan/parent-down-stops-children"] * 2)
    assert carrier.values == ("yes", "no", "no")
    assert carrier.what == ("h/c1:eth0 has a carrier", "h/c2:eth0 has a carrier")


def test_kernels_that_do_the_same() -> None:
    """Where nothing differs there is no row, every cell is the same, and the text says that."""
    found = table(seen((6, 12), (7, 3)))
    assert found.rows == ()
    assert found.same == found.cells > 0
    assert across.text(found, Style()).split("\n")[2] == f"  {found.same} of {found.cells} cells are the same on all."


def test_one_kernel_alone_is_no_comparison() -> None:
    """Where the others lack what the topology has, it isn't said that the cells are the same on all."""
    found = table(seen((6, 12)), own="no vrf")
    said = across.text(found, Style())
    assert f"{found.cells} cells, on 6.12 alone: nothing is compared." in said
    assert "Not on own: no vrf" in said
    assert "Nothing is compared." in across.text(table({}, own="no vrf"), Style())


def test_what_was_not_proved_is_no_difference() -> None:
    """A cell without proof on one kernel differs from nothing, is not the same either, and is counted."""
    records = seen((6, 12), (7, 3), layers=("icmp",))
    layer = records["7.3"]["steps"][0]["layers"]["icmp"]
    layer["observed"] = [row.replace("U", "?", 1) for row in layer["observed"]]
    found = table(records)
    assert found.rows == ()
    assert found.unproved == {"7.3": 3}
    assert found.cells - found.same == 3


def test_a_race_is_not_a_difference() -> None:
    """Where the model foresees R or A, it doesn't matter which of the two was seen."""
    records = seen((6, 12), (7, 3), layers=("icmp",))
    for record, letter in zip(records.values(), "RA", strict=True):
        layer = record["steps"][0]["layers"]["icmp"]
        layer["expected"] = [row.replace("U", "B") for row in layer["expected"]]
        layer["observed"] = [row.replace("U", letter) for row in layer["observed"]]
    assert table(records).rows == ()


def test_a_kernel_that_lacks_something() -> None:
    """A kernel on which it could not be built is named with the reason."""
    told = across.text(table(seen((6, 1), (6, 12)), own="there is no ipvlan"), Style())
    assert "Not on own: there is no ipvlan" in told


def test_the_forms_say_the_same() -> None:
    """Text and Markdown have the values, the pairs and the rules that came with a version; JSON has all of it."""
    found = table(seen((6, 9), (6, 10)))
    for told in (across.text(found, Style()), across.markdown(found)):
        words = " ".join(told.replace("`", "").split())
        assert "h/c1:eth0 → h/c2:eth0" in words
        assert "6.10: ipvlan/parent-down-stops-children" in words
        assert "since Linux 6.10 (commit 229783970838)" in words
    [plain] = across.to_plain([found])
    assert plain["seen"] == ("6.9", "6.10")
    assert plain["rows"][0]["values"] == ("R", "U")
