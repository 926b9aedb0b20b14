"""A browser as the tests need it: size, colours and scripts as one wishes, pointer and keys, what went wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

#: The browser keeps to itself: no updates, no services, no graphics card.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
#: Is there before any script of a page: what an attack would call leaves a trace.
_TRAP = "window.alerted = []; window.alert = (what) => window.alerted.push(String(what));"


class Browser:
    """Chromium, driven; one for a session of tests."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.driver.set_page_load_timeout(60)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _TRAP})

    def close(self) -> None:
        """End the browser."""
        self.driver.quit()

    def look(self, *, width: int = 1280, height: int = 1000, dark: bool = False, scripts: bool = True) -> None:
        """How the next pages are looked at."""
        command = self.driver.execute_cdp_cmd
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        command("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        command(
            "Emulation.setEmulatedMedia",
            {"features": [scheme, {"name": "prefers-reduced-motion", "value": "reduce"}]},
        )
        command("Emulation.setScriptExecutionDisabled", {"value": not scripts})

    def open(self, url: str) -> None:
        """Go to a page; what earlier ones said is forgotten."""
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(url)

    def complaints(self) -> list[str]:
        """What the page has said on the console since it was opened."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a script's ``return``."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any) -> Any:
        """What a promise comes to."""
        kept = f"(async () => {{ {script} }})()"
        asked = f"const done = arguments[arguments.length - 1]; {kept}.then(done, (e) => done('' + e))"
        return self.driver.execute_async_script(asked, *arguments)

    def find(self, selector: str) -> WebElement:
        """The first element."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[WebElement]:
        """Every element."""
        return self.driver.find_elements("css selector", selector)

    def text(self, selector: str) -> str:
        """An element's text as it is in the document."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def cell(self, layer: str, source: str, destination: str, step: int = 0) -> WebElement:
        """A cell of a matrix, by the names at its row and column."""
        found: WebElement = self.run(
            """
            const [layer, from, to, step] = arguments;
            const table = document.querySelector(`#step-${step} table.m[data-layer~="${layer}"]`);
            const columns = [...table.tHead.rows[0].cells].map((one) => one.textContent);
            const row = [...table.tBodies[0].rows].find((one) => one.cells[0].textContent === from);
            const cell = row.cells[columns.indexOf(to)];
            cell.scrollIntoView({block: "center"});
            return cell;
            """,
            layer, source, destination, step,
        )  # fmt: skip
        return found

    def host_cell(self, host: str, address: str, step: int = 0) -> WebElement:
        """A cell of the matrix of hosts, by the names at its row and column."""
        found: WebElement = self.run(
            """
            const [from, to, step] = arguments;
            const table = document.querySelector(`#step-${step} table.m[data-hosts]`);
            const name = (one) => (one.firstChild.firstChild || one.firstChild).textContent;
            const columns = [...table.tHead.rows[0].cells].map(name);
            const row = [...table.tBodies[0].rows].find((one) => one.cells[0].textContent === from);
            const cell = row.cells[columns.indexOf(to)];
            cell.scrollIntoView({block: "center"});
            return cell;
            """,
            host, address, step,
        )  # fmt: skip
        return found

    def hover(self, element: WebElement) -> None:
        """Move the pointer onto an element."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver, duration=0).move_to_element(element).perform()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()


@contextmanager
def headless(profile: Path) -> Iterator[Browser]:
    """A browser that is ended afterwards; where there is none the test is skipped."""
    pytest.importorskip("selenium", reason="no selenium: pip install selenium")
    for name in ("chromium", "chromedriver"):
        if shutil.which(name) is None:
            pytest.skip(f"no {name} here: apt-get install chromium chromium-driver")
    one = Browser(profile)
    try:
        yield one
    finally:
        one.close()
