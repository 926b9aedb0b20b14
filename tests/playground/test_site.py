"""The static site: the same answers from Python in the browser."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from netlab.errors import NetlabError
from netlab.playground import site
from netlab.playground.answer import gallery
from tests.playground.conftest import answered
from tests.playground.test_answer import letters
from tests.report_html.browser import Browser

#: One group: workers must not fetch the parts side by side.
pytestmark = [pytest.mark.xdist_group("playground-site"), pytest.mark.timeout(600)]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, written by the command's own function; skipped where its parts can't be fetched."""
    if shutil.which("npm") is None:
        pytest.skip("no npm here: apt-get install npm")
    made = tmp_path_factory.mktemp("site") / "pages"
    try:
        site.build(made)
    except NetlabError as error:
        pytest.skip(str(error))
    return made


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """A plain web server for the folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_the_browser_predicts_what_the_command_predicts(browser: Browser, url: str) -> None:
    """For every shipped topology the model in the browser gives the same matrices as the model here."""
    browser.look()
    browser.open(url)
    assert answered(browser).startswith("predicted in")
    assert browser.complaints() == []
    from netlab.playground.answer import answer

    for one in gallery():
        said = browser.wait(
            """
            window.model ||= new Worker("worker.js", {type: "module"});
            return await new Promise((done) => {
                window.model.onmessage = ({data}) => { if (data.id === 1) done(JSON.stringify(data.answer || data)); };
                window.model.postMessage({id: 1, question: {ask: "answer", text: arguments[0]}});
            });
            """.replace("arguments[0]", json.dumps(one["text"]))
        )
        page = json.loads(said)["page"]
        assert letters(page) == letters(answer(one["text"])["page"]), one["name"]


def test_the_site_loads_nothing_from_elsewhere(browser: Browser, url: str) -> None:
    """Everything that the page asks for comes from where the page is."""
    browser.look()
    browser.open(url)
    answered(browser)
    asked = browser.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert asked
    assert all(str(one).startswith(url) for one in asked)


def test_the_site_holds_no_more_than_it_needs(folder: Path) -> None:
    """The agent, the client and the commands aren't part of the site."""
    import zipfile

    names = zipfile.ZipFile(folder / "netlab.zip").namelist()
    assert "netlab/model/prediction.py" in names
    assert not [name for name in names if name.startswith(("netlab/agent", "netlab/client", "netlab/cli"))]
    assert not [name for name in names if name.endswith("linux-gnu.so")]
