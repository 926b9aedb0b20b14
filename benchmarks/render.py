"""How long reports take to render, and how large they get: ``python benchmarks/render.py RECORD…``

For a record of a hundred hosts the aim is a second and 3 MB. The first rendering of a process compiles the templates.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netlab.report import html, markdown
from netlab.report.load import records

FORMS: dict[str, Callable[[dict[str, Any]], str]] = {"html": html.render, "markdown": markdown.render}


def main(paths: list[str]) -> None:
    """Render each record twice in each form."""
    for path in paths:
        for record in records(Path(path)):
            for form, render in FORMS.items():
                times = []
                for _ in range(2):
                    start = time.perf_counter()
                    text = render(record)
                    times.append(time.perf_counter() - start)
                size = len(text.encode()) / 1e6
                name = record["topology"]["name"]
                print(f"{name:24} {form:9} first {times[0]:6.3f} s, then {times[1]:6.3f} s, {size:6.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
