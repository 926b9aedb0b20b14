"""What the documents for contributors name exists: files, functions, commands, links."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "docs/internals.md")
#: Code that begins so is the path of a file or a folder; ``::`` and a name may follow.
_PATH = re.compile(
    r"`((?:netlab|tests|docs|tools|topologies|reports|examples)/[\w./-]*|README\.md|pyproject\.toml)(?:::([\w.]+))?`"
)
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([\w-]+))?\)")
_COMMAND = re.compile(r"^\$ (.*)$", re.MULTILINE)
#: Where each command of a page stands: the page, and the words without those behind ``#``.
COMMANDS = [
    (page, tuple(shlex.split(line, comments=True)))
    for page in (*PAGES, "README.md")
    for line in _COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))
]


def text(page: str) -> str:
    """A page's text."""
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def names(file: str) -> frozenset[str]:
    """The functions, classes, methods and constants that a Python file defines: ``Lab``, ``Lab.enter``."""
    return frozenset(_names(ast.parse((ROOT / file).read_text(encoding="utf-8")).body))


def _names(body: list[ast.stmt], above: str = "") -> Iterator[str]:
    for one in body:
        match one:
            case ast.ClassDef():
                yield above + one.name
                yield from _names(one.body, f"{above}{one.name}.")
            case ast.FunctionDef():
                yield above + one.name
            case ast.Assign():
                yield from (above + target.id for target in one.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name() as target):
                yield above + target.id


def missing(written: str) -> Iterator[str]:
    """What a text names that isn't there."""
    for path, name in _PATH.findall(written):
        if not (ROOT / path).exists():
            yield path
        elif name and name not in names(path):
            yield f"{path}::{name}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_named_exists(page: str) -> None:
    """Every file, folder, function and class that a page names is there."""
    assert [*missing(text(page))] == []
    assert len(_PATH.findall(text(page))) > 30


def test_what_does_not_exist_is_noticed() -> None:
    """A file and a function that are not there are told, those that are there are not."""
    written = "`netlab/nothing.py` `netlab/model/veth.py::nothing` `netlab/model/veth.py::transmit` `tests/model/`"
    assert [*missing(written)] == ["netlab/nothing.py", "netlab/model/veth.py::nothing"]


@pytest.mark.parametrize("page", [*PAGES, "README.md", "README.zh-CN.md", "docs/demo.md", "docs/demo.zh-CN.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Every link of a page leads to a file that is there, and to a heading of it."""
    here = (ROOT / page).parent
    for target, anchor in _LINK.findall(text(page)):
        found = (here / target).resolve() if target else ROOT / page
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{target}#{anchor}"


def test_the_readme_links_the_pages() -> None:
    """README.md links to each of the pages."""
    targets = {target for target, _ in _LINK.findall(text("README.md"))}
    assert {*PAGES} <= targets


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else value[0])
def test_a_command_is_one(page: str, words: tuple[str, ...]) -> None:
    """A command's target, module, tests or options exist: asked for its help it ends with 0."""
    match words[1:] if words[0] == "sudo" else words:
        case ("make", target, *_):
            assert re.search(
                rf"^({re.escape(target)}|{re.escape(target.replace('.venv', '$(VENV)'))}):", text("Makefile"), re.M
            )
        case (".venv/bin/python", "-m", "pytest", *arguments):
            for path in (argument for argument in arguments if argument.startswith("tests/")):
                assert [*missing(f"`{path}`")] == []
        case (".venv/bin/python", "-m", module, *arguments):
            said = helped([sys.executable, "-m", module])
            assert [option for option in arguments if option.startswith("--") and option not in said] == []
        case (".venv/bin/python", "-c", code, *_):
            compile(code, page, "exec")
            run([sys.executable, "-c", code])
        case (".venv/bin/netlab" | "netlab", command, *_):
            helped([sys.executable, "-m", "netlab", command])
        case _:
            pytest.fail(f"{page}: no test knows how to check {shlex.join(words)}")


def helped(command: list[str]) -> str:
    """What a command says when it is asked for its help."""
    return run([*command, "--help"])


def run(command: list[str]) -> str:
    """What a command writes; it must end with 0."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
