"""Run the fast part of the suite with the oldest releases of what netlab needs, those that pyproject.toml names.

``python tools/lowest.py`` makes the environment ``.lowest`` anew and runs; words behind it go to pytest (``tests/spec``
in place of the whole part, ``-n 2``).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".lowest"
#: What needs little time, and uses every library.
SUITE = ["tests/spec", "tests/plan", "tests/report", "tests/cli", "tests/plugin"]
#: What the tests themselves need, in any release that goes with those.
TOOLS = ["hypothesis", "jsonschema", "pyroute2", "pytest-timeout", "scapy"]


def main() -> int:
    """Make, install, test; the exit code is pytest's."""
    pins = [f"{name}=={release}" for name, release in floors().items()]
    print("with", " ".join(pins), flush=True)
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    python = ENVIRONMENT / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ENVIRONMENT / "lowest.txt"
    constraints.write_text("\n".join(pins) + "\n")
    subprocess.run([*pip, *pins, *TOOLS, "--constraint", constraints], check=True)
    subprocess.run([*pip, "--no-deps", "--use-pep517", "--editable", ROOT], check=True)
    words = sys.argv[1:]
    chosen = words if any(not word.startswith("-") and (ROOT / word).exists() for word in words) else [*SUITE, *words]
    return subprocess.run([python, "-m", "pytest", "-q", *chosen], cwd=ROOT, check=False).returncode


def floors() -> dict[str, str]:
    """The oldest release of each package that netlab and its plugin for pytest accept."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = {}
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["pytest"]]:
        name, release = re.fullmatch(r"([\w-]+)[>=]=([\d.]+)(?:,<[\d.]+)?", requirement).groups()
        found[name] = release
    return found


if __name__ == "__main__":
    sys.exit(main())
