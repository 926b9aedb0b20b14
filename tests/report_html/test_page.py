"""The page of a run, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab.report import html
from netlab.report.reach import beside, reach
from tests.report_html.browser import Browser
from tests.report_html.labs import BRIDGED, HUNDRED, MEASURED, MIXED

Record = dict[str, Any]
Report = Callable[..., Browser]

DEMO = "bridge-two-node"
STEPS = "vepa-hairpin"

_LETTERS = """
return [...document.querySelectorAll("table.m[data-layer]")].map((table) =>
  [...table.tBodies[0].rows].map((row) => [...row.cells].slice(1).map((cell) => cell.firstChild.textContent).join("")));
"""
_OVERFLOW = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
_OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"


@pytest.mark.parametrize("topology", [DEMO, STEPS, "passthru-one-child", MIXED])
def test_nothing_goes_wrong_and_nothing_is_loaded(report: Report, topology: str) -> None:
    """A page says nothing on the console and fetches nothing."""
    page = report(topology)
    assert page.complaints() == []
    assert page.run("return performance.getEntriesByType('resource').map((one) => one.name)") == []


@pytest.mark.parametrize("topology", [DEMO, STEPS, MIXED])
def test_without_scripts_every_matrix_is_there(report: Report, record: Callable[..., Record], topology: str) -> None:
    """With scripts off each different matrix of each step is there once, with every letter, and is not hidden."""
    page = report(topology, scripts=False)
    expected = []
    made = record(topology)
    for step in made["steps"]:
        layers = beside(step, reach(made, step)).values()
        shown = {(*layer["observed"], *layer["verdict"]): layer for layer in layers}
        expected += [[row.replace(".", "·") for row in layer["observed"]] for layer in shown.values()]
    assert page.run(_LETTERS) == expected
    assert len(page.all("table.m[data-hosts]")) == len(made["steps"])
    assert all(table.is_displayed() for table in page.all("table.m[data-layer], table.m[data-hosts]"))
    assert not any(one.is_displayed() for one in page.all(".tabs, .story"))


def test_pointing_at_a_cell_tells_its_story(report: Report) -> None:
    """The story has the pair, its layers side by side, the outcome, the rule's sentence and the events."""
    page = report(DEMO)
    page.hover(page.cell("icmp", "A:ens160", "A:ens160.1"))
    story = page.text(".story")
    assert "A:ens160 → A:ens160.1" in story
    assert "icmp: not reached" in story
    assert "as expected" in story
    assert "A host can't reach its own macvlan child" in story
    assert "waits for ARP" in story
    marks = {
        button.get_attribute("data-layer"): button.find_element("css selector", ".dot").text
        for button in page.all(".story .side button")
    }
    assert set(marks) == {"broadcast", "unicast", "arp", "icmp", "icmp-static", "tcp", "udp"}
    assert set(marks.values()) == {"✗"}


def test_the_path_lights_up_to_where_the_frame_died(report: Report) -> None:
    """The way to the switch's port is lit, and the port bears the cross."""
    page = report(DEMO)
    page.hover(page.cell("unicast", "A:ens160", "A:ens160.1"))
    lit = page.run("return [...document.querySelectorAll('.wide .lit')].map((one) => one.dataset.at)")
    assert set(lit) == {"A:ens160", "port(A:ens160)"}
    [place] = page.run(
        """
        const glyphs = [...document.querySelectorAll(".wide [data-at] > .glyph")];
        const off = (one, k) => (k ? one.y : one.x).baseVal.value + 4.5;
        const near = (one, at) => Math.hypot(off(one, 0) - at[0], off(one, 1) - at[1]) < 1;
        return [...document.querySelectorAll(".wide .dead")].map((cross) => {
          const at = cross.getAttribute("transform").match(/[-\\d.]+/g).map(Number);
          return glyphs.find((one) => near(one, at)).parentNode.dataset.at;
        });
        """
    )
    assert place == "port(A:ens160)"


def test_the_path_of_what_arrives_has_no_cross(report: Report) -> None:
    """From the child by its parent and the switch to the other machine, every place lit, nothing dead."""
    page = report(DEMO)
    page.hover(page.cell("icmp", "A:ens160.1", "B:ens160"))
    lit = page.run("return [...document.querySelectorAll('.wide .lit')].map((one) => one.dataset.at)")
    assert set(lit) == {"A:ens160.1", "A:ens160", "port(A:ens160)", "port(B:ens160)", "B:ens160"}
    assert page.run("return document.querySelectorAll('.wide .light path.run').length") == 4
    assert page.all(".dead") == []


def test_who_answers_instead_is_where_the_path_ends(report: Report) -> None:
    """The ping of the child's address ends at the parent: the child is marked as the goal but not lit."""
    page = report(DEMO)
    page.hover(page.cell("icmp", "B:ens160", "A:ens160.1"))
    assert "answered by another interface" in page.text(".story .outcome")
    lit = page.run("return [...document.querySelectorAll('.wide .lit')].map((one) => one.dataset.at)")
    assert set(lit) == {"B:ens160", "port(B:ens160)", "port(A:ens160)", "A:ens160"}
    assert page.run("return document.querySelector('.wide .to').dataset.at") == "A:ens160.1"


def test_a_reflected_frame_goes_to_the_switch_and_back(report: Report) -> None:
    """With hairpin on the way between siblings leads over the port and back to the other child."""
    page = report(STEPS)
    page.all("[role=tab]")[1].click()
    page.hover(page.host_cell("A/web", "A/db:eth0", step=1))
    lit = page.run("return [...document.querySelectorAll('#step-1 .wide .lit')].map((one) => one.dataset.at)")
    assert set(lit) == {"A/web:eth0", "A:eth0", "port(A:eth0)", "A/db:eth0"}


def test_the_path_through_a_bridge_inside_of_a_host(report: Report) -> None:
    """From a container by its port, the bridge, the host's own wire and the switch to one machine and no other."""
    page = report(BRIDGED)
    page.hover(page.cell("icmp", "A/c1:eth0", "B:eth0"))
    way = page.run("return [...document.querySelectorAll('.wide .lit')].map((one) => one.dataset.at)")
    assert set(way) == {"A/c1:eth0", "port(A/c1:eth0)", "A:br0", "A:eth0", "port(A:eth0)", "port(B:eth0)", "B:eth0"}
    page.hover(page.cell("icmp", "A/c1:eth0", "A/c2:eth0"))
    way = page.run("return [...document.querySelectorAll('.wide .lit')].map((one) => one.dataset.at)")
    assert set(way) == {"A/c1:eth0", "port(A/c1:eth0)", "port(A/c2:eth0)", "A/c2:eth0"}


def test_the_keyboard_reaches_every_cell(report: Report) -> None:
    """A matrix is one stop of the tab key; arrows move in it and tell, Enter keeps the story, Escape lets it go."""
    from selenium.webdriver import Keys

    page = report(DEMO)
    first = page.run("return document.querySelector('table.m[data-layer] td[tabindex]')")
    page.run("arguments[0].focus()", first)
    assert "A:ens160 → A:ens160.1" in page.text(".story h3")
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert "B:ens160 → A:ens160.1" in page.text(".story h3")
    page.press(Keys.ARROW_LEFT)
    assert page.text(".story h3") == "B:ens160 → A:ens160"
    assert page.run("return document.activeElement.className").startswith("r")
    page.press(Keys.ENTER)
    page.press(Keys.ARROW_RIGHT)
    assert page.text(".story h3") == "B:ens160 → A:ens160", "a kept story stays"
    page.press(Keys.ESCAPE, Keys.ARROW_UP, Keys.ARROW_LEFT)
    assert "A:ens160.1 → A:ens160" in page.text(".story h3")
    stops = page.run(
        "return [...document.querySelectorAll('table.m td[tabindex]')].map((one) => one.closest('table').outerHTML)"
    )
    assert len(stops) == len(set(map(str, stops)))


def test_layers_can_be_changed_in_the_story(report: Report) -> None:
    """A click on a layer in the story tells that layer's, and the other matrix has the kept cell."""
    page = report(DEMO)
    page.cell("icmp", "B:ens160", "A:ens160.1").click()
    page.find(".story [data-layer=icmp-static]").click()
    assert "icmp-static: reached" in page.text(".story .outcome")
    assert (
        page.run("return document.querySelector('td.pinned').closest('table').dataset.layer.split(' ')[3]")
        == "icmp-static"
    )


def test_tabs_show_one_step_and_keep_the_pair(report: Report) -> None:
    """Tabs work by pointer and arrows; the pair whose story is told is told in the next step too."""
    from selenium.webdriver import Keys

    page = report(STEPS)
    panels = page.all("[role=tabpanel]")
    assert [panel.is_displayed() for panel in panels] == [True, False, False]
    page.host_cell("A/web", "A/db:eth0").click()
    assert "not reached" in page.text("#step-0 .story .outcome")
    page.all("[role=tab]")[0].send_keys(Keys.ARROW_RIGHT)
    assert [panel.is_displayed() for panel in panels] == [False, True, False]
    assert page.run("return document.activeElement.id") == "tab-1"
    assert "host:icmp: reached" in page.text("#step-1 .story .outcome")
    page.all("[role=tab]")[2].click()
    assert [tab.get_attribute("aria-selected") for tab in page.all("[role=tab]")] == [
        "false",
        "false",
        "true",
    ]


def test_an_address_leads_to_a_cell(record: Callable[..., Record], show: Callable[..., Browser]) -> None:
    """A kept story has an address of its own, and that address opens it."""
    page = show(html.render(record(STEPS)), anchor="#cell&1&icmp&A%2Fweb%3Aeth0&A%2Fdb%3Aeth0")
    assert page.text("#step-1 .story h3") == "A/web:eth0 → A/db:eth0"
    page.host_cell("B", "A/db:eth0", step=1).click()
    assert page.run("return location.hash") == "#cell&1&host%3Aicmp&B&A%2Fdb%3Aeth0"


def test_a_closer_look_at_an_interface(report: Report) -> None:
    """Pointing at an interface of the diagram shows its kind, MAC and addresses."""
    page = report(DEMO)
    page.hover(page.find('.wide [data-at="A:ens160.1"] .area'))
    tip = page.text(".tip")
    assert "macvlan bridge on A:ens160" in tip
    assert "MAC 02:" in tip
    assert "192.168.26.141/24" in tip


def test_what_is_not_as_expected_stands_out(report: Report, record: Callable[..., Record]) -> None:
    """A red run says so first, marks the cell with a sign, lists the finding and shows both letters in the story."""
    page = report(MIXED)
    assert page.text(".headline") == "✗Not as expected"
    cell = page.host_cell("B", "A/web:eth0")
    assert "f" in cell.get_attribute("class").split()
    assert cell.text == "R!"
    page.hover(cell)
    assert "expectedU, not reached" in page.text(".story dl")
    assert "B -> A/web: unreachable" in page.text(".story dl")
    assert page.all(".finding")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("topology", [DEMO, STEPS, MIXED, HUNDRED])
def test_nothing_runs_over_the_edge(report: Report, topology: str, width: int) -> None:
    """Folded, unfolded and with a story told, the page is as wide as the window."""
    page = report(topology, width=width, height=844)
    assert page.run(_OVERFLOW) == 0
    page.run(_OPEN_ALL)
    assert page.run(_OVERFLOW) == 0
    page.run("document.querySelector('table.m td[tabindex]').focus()")
    assert page.text(".story h3")
    assert page.run(_OVERFLOW) == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("topology", [DEMO, STEPS, MIXED])
def test_accessible(report: Report, module: Callable[[str], Path], topology: str, width: int, dark: bool) -> None:
    """axe finds nothing: contrasts of 4.5 and more, names, roles, order; with everything open and a story told."""
    page = report(topology, width=width, dark=dark)
    page.run(_OPEN_ALL)
    page.run(_NOT_REACHED).click()
    assert violations(page, module) == []


#: A cell that is not reached, of interfaces where they have a table.
_NOT_REACHED = """
const cell = document.querySelector('table.m[data-layer~="icmp"] td.u, table.m[data-hosts] td.u');
cell.scrollIntoView({block: "center"});
return cell;
"""


def violations(page: Browser, module: Callable[[str], Path]) -> list[str]:
    """What axe objects to."""
    page.run(module("axe-core/axe.min.js").read_text("utf-8"))
    found = page.wait(
        """
        const result = await axe.run(document, {resultTypes: ["violations"]});
        const told = (one) => one.nodes.map((node) => `${one.id}: ${node.html} ${node.failureSummary}`);
        return result.violations.flatMap(told);
        """
    )
    assert isinstance(found, list), found
    return found


def test_colours_can_be_chosen(report: Report) -> None:
    """The button turns the page dark and light whatever the system says."""
    page = report(DEMO)
    background = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(background)
    page.find(".theme").click()
    dark = page.run(background)
    assert dark != light
    page.find(".theme").click()
    assert page.run(background) == light
    page.find(".theme").click()
    assert page.run("return document.documentElement.dataset.theme") is None


def test_a_hundred_hosts(report: Report, record: Callable[..., Record]) -> None:
    """Alike hosts are one row and one box; all pairs are there to be unfolded, and each tells what is known of it."""
    page = report(HUNDRED)
    assert page.complaints() == []
    assert page.run("return document.querySelectorAll('table.groups tbody tr').length") >= 1
    assert page.text(".wide .host .count") == "×100"
    page.run(_OPEN_ALL)
    page.hover(page.cell("broadcast", "h-7:eth0", "h-93:eth0"))
    assert page.text(".story h3") == "h-7:eth0 → h-93:eth0"
    assert "reached" in page.text(".story .outcome")


def test_a_hundred_hosts_stay_small(record: Callable[..., Record]) -> None:
    """Also where no two of seven layers are alike, the page of a hundred hosts has no more than 3 MB."""
    found = record(HUNDRED)
    [step] = found["steps"]
    layer = step["layers"]["unicast"]
    for k, name in enumerate(("broadcast", "unicast", "arp", "icmp", "icmp-static", "tcp", "udp")):
        rows = list(layer["observed"])
        rows[k] = "U" + rows[k][1:]
        step["layers"][name] = {**layer, "observed": rows}
    text = html.render(found)
    assert text.count('<table class="m big"') == 7
    assert len(text.encode()) <= 3_000_000


def test_on_paper_all_steps_are_there(report: Report) -> None:
    """Printing shows every step and unfolds what is folded, in light colours."""
    page = report(STEPS, dark=True)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert all(panel.is_displayed() for panel in page.all("[role=tabpanel]"))
    assert page.all("details:not([open])") == []
    assert page.run("return document.documentElement.dataset.theme") == "light"
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.all("details[open]")[1:] == []


def test_a_phone_shows_endpoints_whole(report: Report) -> None:
    """On a narrow screen each endpoint's MAC is one line, and its address is on the screen without scrolling."""
    page = report(DEMO, width=390)
    boxes = page.run(
        "return [...document.querySelectorAll('table.stack td[data-label]')].map((cell) => {"
        " const box = cell.getBoundingClientRect(); return [cell.dataset.label, box.left, box.right, box.height]; })"
    )
    assert [label for label, *_ in boxes] == ["Kind", "MAC", "Addresses"] * 3
    assert all(left >= 0 and right <= 390 for _, left, right, _ in boxes)
    assert all(height < 30 for label, _, _, height in boxes if label == "MAC")


def test_claims_side_by_side_are_level(report: Report) -> None:
    """The cards of two claims begin and end at the same height."""
    page = report(DEMO)
    boxes = page.run(
        "return [...document.querySelectorAll('.claims > .card')].map((card) => card.getBoundingClientRect())"
        ".map((box) => [box.top, box.bottom])"
    )
    assert len(boxes) == 2
    assert boxes[0] == boxes[1]


def test_cards_keep_their_distance(report: Report) -> None:
    """No two cards of a page touch."""
    page = report(MEASURED)
    gaps = page.run(
        "return [...document.querySelectorAll('.card + .card')].map((card) =>"
        " [card.previousElementSibling.getBoundingClientRect(), card.getBoundingClientRect()])"
        ".map(([one, other]) => Math.max(other.top - one.bottom, other.left - one.right))"
    )
    assert gaps
    assert min(gaps) >= 8
    assert "measured once" in page.text("main")
    assert "median of 1" not in page.text("main")
