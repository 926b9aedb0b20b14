"""The API's reference is its docstrings."""

from __future__ import annotations

import importlib.util
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import netlab
from tests.plugin.project import Project

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    """docs/api.md is what the docstrings say (`python tools/apidoc.py` writes it)."""
    done = subprocess.run([sys.executable, ROOT / "tools/apidoc.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or "run python tools/apidoc.py"


def test_every_public_name_is_there() -> None:
    """Every name of `netlab` is imported when it is asked for, and has a docstring and a place in the page."""
    page = (ROOT / "docs/api.md").read_text()
    for name in netlab.__all__:
        value = getattr(netlab, name)
        if name.startswith("__"):
            continue
        assert inspect.getdoc(value)
        assert f"## {name}\n" in page or f"| `{name}` |" in page
    assert importlib.util.find_spec("netlab.testing") is not None


def test_importing_netlab_costs_nothing() -> None:
    """`import netlab` imports no other module of netlab, and nothing of its dependencies."""
    code = "import sys, netlab; print([n for n in sys.modules if n.startswith(('netlab.', 'yaml', 'pydantic'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_example_project(open_project: Project) -> None:
    """The example's own suite passes with four workers, as an ordinary user, in a copy of its own."""
    shutil.copytree(ROOT / "examples/discovery", open_project.root, dirs_exist_ok=True)
    ran = open_project.pytest(
        "-q", "-n", "4", "--basetemp", str(open_project.root / "base"), prefix=open_project.ordinary()
    )
    assert ran.returncode == 0, ran.output
    assert ran.count("passed") == len(ran.tests) > 20
