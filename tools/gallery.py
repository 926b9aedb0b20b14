"""Examine every topology that ships and keep the rendered reports in reports/gallery, for readers.

Run it from anywhere: ``python tools/gallery.py``. Nothing is touched unless every run is as expected.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from netlab.report import html, index, markdown

ROOT = Path(__file__).resolve().parents[1]
GALLERY = ROOT / "reports" / "gallery"


def main() -> int:
    """Examine, render, replace; the exit code is the runs'."""
    # Named as a reader of the repository would name them: that is how the reports quote them.
    topologies = sorted(path.relative_to(ROOT) for path in (ROOT / "topologies").glob("*.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        netlab = Path(sys.executable).with_name("netlab")
        command = [netlab, "run", "--report-dir", folder]
        subprocess.run([*command, *map(str, topologies)], cwd=ROOT, check=False)
        # What this kernel can't build is run on a cached one that can.
        left = [str(one) for one in topologies if not (Path(folder) / one.stem / "run.json").exists()]
        code = subprocess.run([*command, *left, "--kernel", "auto"], cwd=ROOT, check=False).returncode if left else 0
        found = {path.parent.name: json.loads(path.read_text("utf-8")) for path in Path(folder).glob("*/run.json")}
        code = code or max(record["summary"]["exit_code"] for record in found.values())
        if code:
            print("the gallery is left as it was: a run was not as expected", file=sys.stderr)
            return code
    replace({name: found[name] for name in sorted(found)})
    return 0


def replace(records: dict[str, dict[str, Any]]) -> None:
    """Render the records into the gallery, in the place of everything that is there."""
    shutil.rmtree(GALLERY, ignore_errors=True)
    rows = []
    for name, record in records.items():
        # What a distribution adds to the release says nothing to a reader.
        record["kernel"] = record["kernel"].partition("-")[0]
        folder = GALLERY / name
        folder.mkdir(parents=True)
        (folder / "report.html").write_text(html.render(record), "utf-8")
        (folder / "summary.md").write_text(markdown.render(record), "utf-8")
        rows.append(index.row(record, name))
    (GALLERY / "index.html").write_text(index.as_html(rows), "utf-8")
    (GALLERY / "README.md").write_text(index.as_markdown(rows), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
