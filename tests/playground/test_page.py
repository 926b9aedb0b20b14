"""The page in a browser: type, err, fix, complete, share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netlab.playground.serve import Server
from tests.playground.conftest import answered
from tests.report_html.browser import Browser

Opened = Callable[..., Browser]

#: Comes to a value once it is one.
UNTIL = "for (;;) {{ const found = {}; if (found) return found; await new Promise(requestAnimationFrame); }}"
TYPED = """\
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
"""


def write(browser: Browser, text: str) -> str:
    """Put a text into the editor as typing does; what the page then says."""
    browser.run(
        """
        document.getElementById("state").textContent = "waiting";
        const text = document.getElementById("text");
        text.value = arguments[0];
        text.dispatchEvent(new Event("input"));
        """,
        text,
    )
    return answered(browser)


def shown(browser: Browser) -> str:
    """The page of the prediction."""
    return str(browser.run("return document.getElementById('page').srcdoc"))


def test_the_first_topology_is_predicted(page: Opened) -> None:
    """The page opens with a shipped topology and its prediction, each letter explained; the console is empty."""
    browser = page()
    assert "bridge-two-node" in browser.run("return document.getElementById('text').value")
    assert "predicted by the model" in shown(browser)
    assert ">B</span>reached, by its own or another interface" in shown(browser)
    assert browser.complaints() == []


def test_an_edit_is_answered_in_place(page: Opened) -> None:
    """A typo is underlined and told with line, column and hint; when it is fixed the prediction is back."""
    browser = page()
    assert write(browser, TYPED.replace("lan, addresses: [10.0.0.2", "lann, addresses: [10.0.0.2")).endswith(
        "in the file"
    )
    assert browser.text(".marks u") == "lann"
    assert browser.text("#problems li b") == "8:22"
    assert "did you mean 'lan'" in browser.text("#problems li em")
    assert browser.text(".gutter b").strip() == "8"
    assert browser.run("return document.body.classList.contains('stale')") is True
    assert write(browser, TYPED).startswith("predicted in")
    assert browser.all("#problems li") == []
    assert "10.0.0.2/24" in shown(browser)


def test_the_prediction_is_drawn_in_its_frame(page: Opened) -> None:
    """The frame runs the report's own script under the page's policy: a cell that is pressed tells its story."""
    browser = page()
    frame = browser.find("#page")
    browser.driver.switch_to.frame(frame)
    try:
        browser.wait(UNTIL.format("document.querySelector('table.m td.u')"))
        browser.find("table.m td.u").click()
        assert browser.text(".story").strip()
    finally:
        browser.driver.switch_to.default_content()
    assert browser.complaints() == []


def test_keys_are_completed(page: Opened) -> None:
    """Typing offers what the schema allows there; Enter takes it."""
    browser = page()
    write(browser, TYPED + "st")
    browser.run(
        "const t = document.getElementById('text'); t.focus(); t.setSelectionRange(t.value.length, t.value.length)"
    )
    browser.press("e")
    browser.wait(UNTIL.format("document.querySelector('#options li')"))
    assert [one.text for one in browser.all("#options li span")] == ["steps:"]
    browser.press("\ue007")
    assert str(browser.run("return document.getElementById('text').value")).endswith("steps: ")


def test_a_link_holds_the_topology(page: Opened, server: Server) -> None:
    """What is shared comes back as it was written, umlauts included."""
    browser = page()
    text = TYPED + "description: grüße → 你好\n"
    write(browser, text)
    browser.find("#share").click()
    link = str(browser.wait(UNTIL.format("location.hash.startsWith('#t=') && location.hash")))
    browser = page(link)
    assert browser.run("return document.getElementById('text').value") == text


@pytest.mark.parametrize("fragment", ["#t=AAAA", "#t=eNoDAAAAAAE", "#%E0%A4%A", "#<img src=x onerror=alert(1)>"])
def test_a_damaged_link_does_no_harm(page: Opened, fragment: str) -> None:
    """A broken link is told, or the first topology shown; nothing of it runs."""
    browser = page(fragment)
    assert browser.run("return window.alerted") == []


def test_no_text_can_run_anything(page: Opened) -> None:
    """Markup in names, descriptions and errors stays text, on the page and in its frame."""
    browser = page()
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    write(browser, f"description: '{evil}'\n{TYPED}")
    write(browser, TYPED + f"'{evil}': 1\n")
    assert evil in browser.text("#problems")
    assert browser.run("return window.alerted") == []
    assert browser.all("#problems img") == []


@pytest.mark.parametrize(
    "looks", [{"width": 390, "height": 800}, {"width": 390, "height": 800, "dark": True}, {"width": 1024}]
)
def test_no_width_scrolls_sideways(page: Opened, looks: dict[str, int]) -> None:
    """On a phone and on a small screen the page fits its width, and editor and prediction can both be seen."""
    browser = page(**looks)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth") is True
    for part in ("#text", "#page", "#share"):
        assert browser.run("return document.querySelector(arguments[0]).getBoundingClientRect().width", part) > 40


def test_the_model_is_asked_once_for_many_keys(page: Opened) -> None:
    """The answer that is shown is that to the last text, however fast the keys come."""
    browser = page()
    for number in range(1, 6):
        browser.run(
            """
            document.getElementById("state").textContent = "waiting";
            const text = document.getElementById("text");
            text.value = arguments[0];
            text.dispatchEvent(new Event("input"));
            """,
            TYPED.replace("10.0.0.2", f"10.0.0.{number + 10}"),
        )
    answered(browser)
    assert "10.0.0.15/24" in shown(browser)
