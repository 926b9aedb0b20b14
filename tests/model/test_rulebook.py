"""The list of rules, and the page that shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.model import RULES
from netlab.model.rulebook import document
from netlab.model.rules import rule

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
