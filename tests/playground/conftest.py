"""The playground's pages in a real browser: with a local server, and as a static site with WebAssembly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from netlab.playground.serve import Server
from tests.report_html.browser import Browser, headless


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless browser; where there is none the test is skipped."""
    with headless(tmp_path_factory.mktemp("browser")) as one:
        one.driver.set_script_timeout(100)
        yield one


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server on a free port of loopback."""
    with Server() as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def page(browser: Browser, server: Server) -> Callable[..., Browser]:
    """Open the served page and wait for its first answer."""

    def opened(fragment: str = "", **looks: object) -> Browser:
        browser.look(**looks)  # type: ignore[arg-type]
        browser.open(server.url + fragment)
        answered(browser)
        return browser

    return opened


def answered(browser: Browser) -> str:
    """What the page says once it has an answer to what is written now."""
    return str(
        browser.wait(
            """
            const state = document.getElementById("state");
            for (;;) {
                const now = state.textContent;
                if (/^predicted in|errors? in the file|^no answer|could not be|damaged|too long/.test(now)) return now;
                await new Promise((done) => new MutationObserver((_, me) => { me.disconnect(); done(); })
                    .observe(state, {childList: true, characterData: true, subtree: true}));
            }
            """
        )
    )
