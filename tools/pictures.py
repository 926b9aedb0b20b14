"""Take the README's pictures of the reports in reports/gallery, with a real browser (Debian's chromium).

``python tools/pictures.py``
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.report_html.browser import Browser  # noqa: E402

GALLERY = ROOT / "reports" / "gallery"
#: File name → page, anchor, height, dark.
PICTURES = {
    "report.png": ("bridge-two-node/report.html", "#cell&0&host%3Aicmp&B&A%3Aens160.1", 1120, False),
    "report-dark.png": ("vepa-hairpin/report.html", "#cell&0&host%3Aicmp&A%2Fweb&A%2Fdb%3Aeth0", 1060, True),
}


def main() -> None:
    """Take them all."""
    folder = ROOT / "docs" / "img"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(Path(profile))
        for name, (page, anchor, height, dark) in PICTURES.items():
            browser.look(width=1280, height=height, dark=dark)
            browser.open((GALLERY / page).as_uri() + anchor)
            browser.run("document.querySelector('.theme').remove()")
            # No bars of the browser's own, and the page from its top.
            browser.run("document.documentElement.style.scrollbarWidth = 'none'")
            browser.run(
                "for (const one of document.querySelectorAll('.story, .scroll')) one.style.scrollbarWidth = 'none'"
            )
            browser.run("scrollTo(0, 0)")
            browser.driver.save_screenshot(str(folder / name))
        browser.close()


if __name__ == "__main__":
    main()
