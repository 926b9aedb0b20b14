"""The playground's static site in Chromium: seconds to the first paint, to the first answer, and to that of an edit.

``python benchmarks/playground.py [EDITS]`` builds the site into a folder that it removes. The page's own clock
(``performance``) is read; an edit is answered when the frame of the prediction has been loaded with it, so the pause in
which further keys are waited for is part of it. Everything is served from this machine: no network is in the figures.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from netlab.playground import site  # noqa: E402
from tests.report_html.browser import Browser  # noqa: E402

#: Milliseconds from the start of the page: of its first paint, and of the first answer in its frame.
_FIRST = """
const page = document.getElementById("page");
while (!page.srcdoc) await new Promise((done) => page.addEventListener("load", done, {once: true}));
const [paint] = performance.getEntriesByName("first-contentful-paint");
return [paint.startTime, performance.now()];
"""
#: Milliseconds from an edit to its answer: another address in the text.
_EDIT = """
const page = document.getElementById("page"), text = document.getElementById("text");
const answered = new Promise((done) => page.addEventListener("load", done, {once: true}));
const began = performance.now();
text.value = text.value.replace(/(192\\.168\\.26\\.)1\\d\\d/, `$1${NUMBER}`);
text.dispatchEvent(new Event("input"));
await answered;
return performance.now() - began;
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def main(edits: int = 10) -> None:
    """Print the figures, and the load of the machine: processes that wait for its CPUs make all of them larger."""
    with tempfile.TemporaryDirectory() as folder:
        site.build(Path(folder) / "site")
        handler = partial(_Quiet, directory=str(Path(folder) / "site"))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            browser = Browser(Path(folder) / "profile")
            try:
                browser.driver.set_script_timeout(300)
                browser.look()
                browser.open(f"http://127.0.0.1:{server.server_address[1]}/")
                paint, answer = browser.wait(_FIRST)
                took = [float(browser.wait(_EDIT.replace("NUMBER", str(150 + k)))) for k in range(edits)]
            finally:
                browser.close()
                server.shutdown()
    print(
        f"first paint {paint / 1000:.2f} s, first answer {answer / 1000:.1f} s, "
        f"an edit {statistics.median(took) / 1000:.2f} s (median of {edits}; {max(took) / 1000:.2f} s at most), "
        f"at a load of {os.getloadavg()[0]:.0f}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
