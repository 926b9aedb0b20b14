"""Where things stand on the page of a run: matrices side by side, and what answered in another's place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from netlab.report import diff, html
from netlab.report.diff import html as diff_html
from netlab.report.html import why
from tests.report_html.browser import Browser

Record = dict[str, Any]
Show = Callable[..., Browser]

#: Two machines with two children each: six endpoints.
SIX = """
name: six
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan}}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.11/24]}}}
      db: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.12/24]}}}
  B:
    interfaces: {eth0: {switch: lan}}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.21/24]}}}
      db: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.22/24]}}}
"""
FIFTEEN = """
name: fifteen
switches: {lan: {}}
hosts:
  host: {replicas: 15, interfaces: {eth0: {switch: lan, addresses: [10.26.0.1/24]}}}
"""
#: A router with three networks, and hosts with long names: ten endpoints.
TEN = """
name: ten
switches: {one: {}, two: {}, three: {}}
hosts:
  router:
    interfaces:
      eth0: {switch: one, addresses: [192.168.101.1/24]}
      eth1: {switch: two, addresses: [192.168.102.1/24]}
      eth2: {switch: three, addresses: [192.168.103.1/24]}
      vlan0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.101.2/24]}
  blue-server:
    replicas: 2
    interfaces: {eth0: {switch: one, addresses: [192.168.101.103/24]}}
  red-server:
    replicas: 2
    interfaces: {eth0: {switch: two, addresses: [192.168.102.103/24]}}
  green-server:
    replicas: 2
    interfaces: {eth0: {switch: three, addresses: [192.168.103.103/24]}}
"""
_CARDS = """
return [...document.querySelectorAll(".matrices > .matrix:not(.reach)")].map((card) => {
  const box = card.getBoundingClientRect(), frame = card.querySelector(".scroll");
  return [Math.round(box.left), Math.round(box.top), frame.scrollWidth - frame.clientWidth];
});
"""


@pytest.mark.parametrize(("width", "columns"), [(390, 1), (1024, 2), (1440, 3)])
def test_matrices_of_six_stand_side_by_side(
    record: Callable[..., Record], show: Show, width: int, columns: int
) -> None:
    """Seven matrices stand in as many columns as the window has room for, each of them whole."""
    run = record(SIX)
    asked = [layer for layer in run["steps"][0]["layers"].values() if layer["asked"] == "interface"]
    for k, layer in enumerate(asked, 1):
        # Equal ones would share a matrix.
        i, j = k // 6, k % 6
        layer["verdict"][i] = f"{layer['verdict'][i][:j]}S{layer['verdict'][i][j + 1 :]}"
    page = show(html.render(run), width=width, height=900)
    cards = page.run(_CARDS)
    assert len(cards) == 7
    assert len({left for left, _, _ in cards}) == columns
    assert len({top for _, top, _ in cards}) == -(-7 // columns)
    assert {hidden for _, _, hidden in cards} == {0}
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_mesh_of_fifteen_is_short(record: Callable[..., Record], show: Show) -> None:
    """Layers that are equal share a matrix, and so do hosts and interfaces: the page of a mesh has one."""
    page = show(html.render(record(FIFTEEN)), width=1440, height=900)
    assert page.run("return [...document.querySelectorAll('table.m')].length") == 1
    assert page.run("return document.documentElement.scrollHeight") < 2500
    page.hover(page.host_cell("host-1", "host-2:eth0"))
    assert page.text(".story h3") == "host-1 → host-2:eth0"
    assert len(page.all(".story .side button")) == 3


@pytest.mark.parametrize(
    ("layer", "evidence"),
    [
        ("icmp-static", lambda ends: {"entered": [ends["A:ens160"]["link"]]}),
        ("arp", lambda ends: {"answered_by": [ends["A:ens160"]["mac"]]}),
    ],
    ids=["ping", "arp"],
)
def test_what_answered_instead_is_marked(
    record: Callable[..., Record], show: Show, layer: str, evidence: Callable[..., Record]
) -> None:
    """The parent that answered bears the letter and ends the way, though the model's own way leads to the child."""
    run = record("bridge-two-node")
    step = run["steps"][0]
    names = [one["id"] for one in run["endpoints"]]
    i, j = names.index("B:ens160"), names.index("A:ens160.1")
    cells = step["layers"][layer]
    assert cells["stories"][f"{i},{j}"]["path"][-1] == "A:ens160.1"
    cells["observed"][i] = cells["observed"][i][:j] + "A" + cells["observed"][i][j + 1 :]
    cells["evidence"][f"{i},{j}"] = evidence(dict(zip(names, run["endpoints"], strict=True)))
    page = show(html.render(run))
    page.hover(page.cell(layer, "B:ens160", "A:ens160.1"))
    places = "return [...document.querySelectorAll(arguments[0])].map((one) => one.dataset.at)"
    assert page.run(places, ".wide .instead") == ["A:ens160"]
    assert page.run(places, ".wide .missed") == ["A:ens160.1"]
    assert set(page.run(places, ".wide .lit")) == {"B:ens160", "port(B:ens160)", "port(A:ens160)", "A:ens160"}
    assert page.text(".wide .stand text") == "A"
    page.hover(page.cell(layer, "A:ens160.1", "B:ens160"))
    assert page.run(places, ".wide .instead, .wide .missed") == []
    assert page.all(".wide .stand") == []


def test_a_comparisons_tables_are_level(record: Callable[..., Record], show: Show) -> None:
    """The line below a table's header is as long as the table, a column's name above its middle; one cell is one."""
    before = record("bridge-two-node")
    after = json.loads(json.dumps(before))
    cells = after["steps"][0]["layers"]["icmp"]
    cells["observed"][0] = cells["observed"][0].replace("U", "R")
    page = show(diff_html.render([diff.compare(before, after)]), width=1280, height=900)
    assert page.text(".headline") == "≠1 of 60 cells is different"
    lines = page.run(
        "return [...document.querySelectorAll('table.list tr')].map((row) =>"
        " [...row.cells].map((cell) => getComputedStyle(cell).borderBottomWidth))"
    )
    assert lines[0] == ["1px"] * 3
    assert lines[-1] == ["0px"] * 3
    off = page.run(
        """
        const middle = (one) => { const box = one.getBoundingClientRect(); return (box.left + box.right) / 2; };
        const table = document.querySelector("table.m"), names = [...table.tHead.rows[0].cells].slice(1);
        return names.map((one) => Math.abs(middle(one.firstChild) - middle(one)));
        """
    )
    assert len(off) == 3
    assert max(off) <= 1


def test_full_width_names_lie_in_upright_heads(record: Callable[..., Record], show: Show) -> None:
    """On a telephone every head of a column reads from below upwards, full-width characters like the others.

    Left to themselves they stand upright in vertical text, and turned round with it they stood on their heads.
    """
    names = {"A:": "甲机:", "B:": "乙机:", "web:": "网页:", "db:": "数据库:"}
    text = SIX
    for name, ours in names.items():
        text = text.replace(f" {name}", f" {ours}")
    page = show(html.render(record(text)), width=390, height=900)
    heads = page.run("""
        return [...document.querySelectorAll("table.m thead th[scope=col] span")].map((one) => {
          const style = getComputedStyle(one), box = one.getBoundingClientRect();
          return [one.textContent, style.writingMode, style.textOrientation, box.height > box.width];
        });
    """)
    assert any("甲机/数据库:eth0" in head[0] for head in heads)
    assert {tuple(head[1:]) for head in heads} == {("vertical-rl", "sideways", True)}


def test_ten_endpoints_are_whole_at_every_width(record: Callable[..., Record], show: Show) -> None:
    """Ten columns fit on a telephone; on a wide screen two matrices stand side by side; no address at a head is cut."""
    run = record(TEN)
    for width, columns in ((390, 1), (1440, 2)):
        page = show(html.render(run), width=width, height=900)
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        cards = page.run(_CARDS.replace(":not(.reach)", ""))
        assert len(cards) > 1
        assert len({left for left, _, _ in cards}) == columns
        assert {hidden for _, _, hidden in cards} == {0}
        cut = page.run("""
            return [...document.querySelectorAll("table.m thead span")]
              .filter((one) => one.scrollHeight > one.clientHeight + 1).map((one) => one.textContent);
        """)
        assert cut == []


def test_beside_many_matrices_the_drawing_is_narrow(record: Callable[..., Record], show: Show) -> None:
    """Where the diagram has a third of the page it is the one with all hosts on one side: in its natural size."""
    page = show(html.render(record(SIX)), width=1440, height=900)
    assert page.run("return [...document.querySelectorAll('.picture svg')].map((one) => one.checkVisibility())") == [
        False,
        True,
    ]
    shown, natural = page.run("""
        const one = document.querySelector(".narrow svg");
        return [one.getBoundingClientRect().width, one.viewBox.baseVal.width];
    """)
    assert shown >= natural


def test_the_page_of_a_why_can_be_read_on_a_telephone(record: Callable[..., Record], show: Show) -> None:
    """The answer wraps, the drawing is the narrow one, and only the topology may be scrolled sideways."""
    state = record("bridge-two-node")["topology"]["plan"]["steps"][0]["state"]
    said = "A host can't reach its own macvlan child unless the switch sends the frame back. " * 3
    text = why.render("A → B", said, [("1 a fix", said), ("2 another", said)], state, said)
    page = show(text, width=390, height=844)
    hidden = page.run("return [...document.querySelectorAll('pre')].map((one) => one.scrollWidth > one.clientWidth)")
    assert hidden == [False, False, False, True]
    assert page.run("return [...document.querySelectorAll('svg')].map((one) => one.checkVisibility())") == [False, True]
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
