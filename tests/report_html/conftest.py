"""Real records, rendered, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netlab import spec
from netlab.client import Agent
from netlab.pipeline import Options, run
from netlab.report import html
from tests.report_html.browser import Browser, headless
from tests.report_html.labs import HUNDRED

Record = dict[str, Any]

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def agent() -> Iterator[Agent]:
    """An agent that examines what is to be rendered."""
    with Agent.start() as one:
        yield one


@pytest.fixture(scope="session")
def record(agent: Agent) -> Callable[..., Record]:
    """The record of a topology, by the name of one that ships or by its text, examined once."""
    known: dict[object, Record] = {}

    def of(topology: str, *layers: str) -> Record:
        if topology == HUNDRED:
            # A hundred hosts are here for their number: what takes long on them is left out.
            layers = ("broadcast", "unicast")
        key = (topology, layers)
        if key not in known:
            source: Path | str = topology if "\n" in topology else spec.find(topology)
            known[key] = run(source, agent, Options(layers=layers))
        # A copy: tests may write on it.
        return json.loads(json.dumps(known[key]))

    return of


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless browser; where there is none the test is skipped."""
    with headless(tmp_path_factory.mktemp("browser")) as one:
        yield one


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Callable[..., Browser]:
    """Open text as a page (or a picture) in the browser, at its default size and with scripts."""

    def opened(text: str, name: str = "page.html", anchor: str = "", **looks: Any) -> Browser:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        browser.look(**looks)
        browser.open(path.as_uri() + anchor)
        return browser

    return opened


@pytest.fixture
def report(record: Callable[..., Record], show: Callable[..., Browser]) -> Callable[..., Browser]:
    """Open the report of a topology in the browser."""

    def opened(topology: str, **looks: Any) -> Browser:
        return show(html.render(record(topology)), **looks)

    return opened


@pytest.fixture(scope="session")
def module() -> Callable[[str], Path]:
    """A file of an npm package beside these tests; where it isn't installed the test is skipped."""

    def of(path: str) -> Path:
        file = HERE / "node_modules" / path
        if not file.exists():
            pytest.skip(
                f"{path.split('/')[0]} is not installed: npm install --prefix {HERE.relative_to(HERE.parents[1])}"
            )
        return file

    return of
