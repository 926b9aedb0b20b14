"""The source distribution: what make needs is in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_what_make_needs_is_in_it() -> None:
    """Every file and every package of tests that the Makefile calls is there, in a folder that the sdist includes."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        included = set(tomllib.load(file)["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    makefile = (ROOT / "Makefile").read_text()
    called = set(re.findall(r"(?<![\w/$(])[a-z]\w*(?:/[\w.-]+)+", makefile))
    called |= {name.replace(".", "/") for name in re.findall(r"-m ((?:tests|benchmarks)[\w.]*)", makefile)}
    made = {"reports", "docs"}
    needed = {
        path for path in called if (ROOT / path.partition("/")[0]).exists() and path.partition("/")[0] not in made
    }
    assert {"tools/venv.sh", "tools/packages.sh", "benchmarks/against_ip_batch.py", "tests/stress"} <= needed
    for path in sorted(needed):
        assert (ROOT / path).exists() or (ROOT / f"{path}.py").exists(), path
    assert {f"/{path.partition('/')[0]}" for path in needed} | {"/Makefile", "/README.md", "/LICENSE"} <= included
