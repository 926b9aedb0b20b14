"""The list of rules, and the page that shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.contract import kernels
from netlab.contract.kernels import Version
from netlab.model import RULES
from netlab.model.rulebook import document
from netlab.model.rules import Rule, rule

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_the_page_is_current() -> None:
    """docs/rules.md is what `document` writes."""
    assert PAGE.read_text() == document()


@pytest.mark.parametrize("id", sorted(RULES))
def test_a_rule_is_complete(id: str) -> None:
    """Every rule has an id of two words, one sentence for people, a kernel function and file, and versions."""
    known = RULES[id]
    assert re.fullmatch(r"[a-z0-9]+/[a-z0-9]+(-[a-z0-9]+)*", known.id)
    assert known.sentence[0].isupper() or known.sentence.startswith(("arp_", "rp_", "bcq"))
    assert known.sentence.endswith(".")
    assert re.fullmatch(r"[a-z_0-9]+", known.function)
    assert known.file.startswith(("drivers/net/", "net/", "include/"))
    assert known.file.endswith((".c", ".h"))
    assert known.verified


def test_an_id_is_taken_once() -> None:
    """Two rules can't share an id."""
    with pytest.raises(ValueError, match="declared twice"):
        rule("bridge/hairpin", "Again.", "should_deliver", "net/bridge/br_forward.c")


def test_the_door_is_light() -> None:
    """Importing the model loads nothing of it until a door is used, and never a kernel room."""
    code = "import sys, netlab.model as m; print(*sorted(n for n in sys.modules if n.startswith('netlab')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["netlab", "netlab.model"]
    code = "import sys, netlab.model as m; m.predict, m.RULES, m.predict_refusal; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert not {"pyroute2", "pydantic", "yaml", "netlab.agent"} & set(loaded)


def test_no_such_door() -> None:
    """A name that the model doesn't have is an AttributeError."""
    import netlab.model

    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        netlab.model.guess  # noqa: B018


def test_a_rule_of_some_kernels() -> None:
    """A rule with bounds holds from the first to before the last, and says so in words."""
    bounded = Rule("a/b", "A.", "f", "net/f.c", since=Version(6, 10), until=Version(7, 2))
    held = [(6, 9), (6, 10), (7, 1), (7, 2)]
    assert [bounded.holds(Version(*one)) for one in held] == [False, True, True, False]
    assert bounded.kernels == "since Linux 6.10, until Linux 7.2"


@pytest.mark.parametrize("id", sorted(id for id, one in RULES.items() if one.kernels))
def test_a_rule_of_some_kernels_names_the_commit(id: str) -> None:
    """What began or ended with a version names the commit that made the difference, where it could be found."""
    assert re.fullmatch(r"([0-9a-f]{12})?", RULES[id].commit)


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.12.117-um", (6, 12)), ("7.2", (7, 2)), ("5.10.0-28-amd64", (5, 10)), ("v6.1", (6, 1)), ("6.18.0+", (6, 18))],
)
def test_a_release(release: str, version: tuple[int, int]) -> None:
    """The series of a release, whatever a distribution has added to it."""
    assert kernels.parse(release) == version


@pytest.mark.parametrize("release", ["", "six", "6", "v7"])
def test_no_release(release: str) -> None:
    """What is no version of Linux is a ValueError that says so."""
    with pytest.raises(ValueError, match="no version of Linux"):
        kernels.parse(release)


def test_a_kernel_that_nobody_has_seen() -> None:
    """One beyond what the model was compared with is predicted as the nearest, and that is said."""
    newer, older = Version(kernels.NEWEST.major + 1, 0), Version(4, 19)
    assert kernels.stand_in(newer).endswith(f"predicted as for {kernels.NEWEST}")
    assert kernels.stand_in(older).endswith(f"predicted as for {kernels.OLDEST}")
    assert not kernels.stand_in(kernels.NEWEST)
    assert not kernels.stand_in(kernels.OLDEST)
