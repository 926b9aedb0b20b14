"""The matrix of hosts on the page of a run: who can reach whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netlab.report import html
from tests.report_html.browser import Browser

Record = dict[str, Any]
Show = Callable[..., Browser]

#: h reaches its container by a shim, and B knows no way to C.
SHIM = """
name: shim
switches: {lan: {}, far: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      shim: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.250/32]}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.10/24]}}}
    routes: [{to: 10.0.0.10/32, dev: shim}]
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
  C: {interfaces: {eth0: {switch: far, addresses: [10.0.9.1/24]}}}
"""
LAYERS = ("host:icmp", "host:tcp", "icmp")


@pytest.fixture
def page(record: Callable[..., Record], show: Show) -> Browser:
    """The page of it, wide."""
    return show(html.render(record(SHIM, *LAYERS)), width=1440, height=1000)


def test_a_cell_tells_its_story_and_lights_its_path(page: Browser) -> None:
    """The host's own way: out of the shim to the container, not out of its first interface; layers of hosts only."""
    page.host_cell("h", "h/web:eth0").click()
    assert page.text(".story h3") == "h → h/web:eth0"
    assert "host:icmp: reached" in page.text(".story .outcome")
    assert "route 10.0.0.10 dev shim (table main)" in page.text(".story")
    assert [button.get_attribute("data-layer") for button in page.all(".story .side button")] == [
        "host:icmp",
        "host:tcp",
    ]
    places = "return [...document.querySelectorAll(arguments[0])].map((one) => one.dataset.at)"
    assert page.run(places, ".wide .from") == ["h:shim"]
    assert page.run(places, ".wide .to") == ["h/web:eth0"]
    assert {"h:shim", "h/web:eth0"} <= set(page.run(places, ".wide .lit"))
    assert page.all(".wide .light path.run")
    # Only tables of the same question show the pair.
    assert page.run(
        "return [...document.querySelectorAll('td.now')].map((one) => one.closest('table').dataset.hosts)"
    ) == ["host:icmp host:tcp"]
    assert page.run("return location.hash") == "#cell&0&host%3Aicmp&h&h%2Fweb%3Aeth0"
    assert page.complaints() == []


def test_an_address_that_is_an_interfaces_is_told_once(record: Callable[..., Record], show: Show) -> None:
    """Of two addresses that are asked for by themselves web's has no column; the one behind it tells its own story."""
    asked = SHIM + "expect: ['B -> 10.0.0.10: reachable', 'B -> 10.0.0.77: unreachable']\n"
    page = show(html.render(record(asked, *LAYERS)), width=1440, height=1000)
    heads = (
        "return [...document.querySelectorAll('#step-0 table.m[data-hosts] thead th')].map((one) => one.textContent)"
    )
    assert page.run(heads)[-2:] == ["C:eth010.0.9.1", "10.0.0.77"]
    page.host_cell("B", "10.0.0.77").click()
    assert page.text(".story h3") == "B → 10.0.0.77"
    assert [cell.text for cell in page.all("table.m[data-hosts] td.now")] == ["U"]


def test_no_route_is_told(page: Browser) -> None:
    """Nothing left B: the story says so in words, and B's interfaces are marked."""
    page.host_cell("B", "C:eth0").click()
    assert "No packet left B: ENETUNREACH, it has no route there." in page.text(".story")
    places = "return [...document.querySelectorAll(arguments[0])].map((one) => one.dataset.at)"
    assert page.run(places, ".wide .from") == ["B:eth0"]
    assert page.all(".wide .light path.run") == []


def test_an_address_leads_to_a_host_cell(record: Callable[..., Record], show: Show) -> None:
    """The address of a kept story opens it, and the keyboard moves from cell to cell."""
    page = show(html.render(record(SHIM, *LAYERS)), anchor="#cell&0&host%3Atcp&B&h%2Fweb%3Aeth0")
    assert page.text(".story h3") == "B → h/web:eth0"
    assert "host:tcp: reached" in page.text(".story .outcome")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_it_fits(record: Callable[..., Record], show: Show, width: int, dark: bool) -> None:
    """The page is no wider than the window, the matrix of hosts comes before the others, own addresses are faint."""
    page = show(html.render(record(SHIM, *LAYERS)), width=width, height=900, dark=dark)
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    assert page.run("return document.querySelector('table.m').dataset.hosts") == "host:icmp host:tcp"
    assert len(page.all("table.m[data-hosts] td.own")) == 5
    if width == 1440:
        assert page.run("return document.querySelector('main').clientWidth") >= 1350
