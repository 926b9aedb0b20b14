"""Markdown: what is in it, and that it stays short enough to paste."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from netlab.report import markdown
from tests.report_html.labs import HUNDRED, MIXED

Record = dict[str, Any]


def test_a_run_has_its_verdict_claims_and_matrices(record: Callable[..., Record]) -> None:
    """The demo as Markdown: headline, counts, both claims with why, entries, folded diagram and matrices, rules."""
    text = markdown.render(record("bridge-two-node"))
    assert text.startswith("## bridge-two-node: ✅ all as expected\n")
    assert "**60 pass, 0 fail, 0 inconclusive, 0 skip**" in text
    assert "**Claim 24: confirmed.**" in text
    assert "🔵 **Claim 24b: refuted.**" in text
    assert "`B:ens160 → A:ens160.1` (icmp): A:ens160 answered in its place." in text
    assert "- ✅ `A:ens160.1 -> B: reachable`" in text
    assert "| `B` | R | A<sup>1</sup> | (A) |" in text
    assert "```mermaid\nflowchart LR\n" in text
    assert "| `B:ens160` | R | A<sup>1</sup> | · |" in text
    assert "<sup>1</sup> `arp/any-interface-answers`" in text


def test_what_fails_is_marked(record: Callable[..., Record]) -> None:
    """A red run says so in the headline, at the entry, in the cell and among the findings."""
    text = markdown.render(record(MIXED))
    assert "## mixed: ❌ not as expected" in text
    assert "- ❌ `B -> A/web: unreachable`" in text
    assert "**R!**" in text
    assert "expected U, observed R" in text


def test_steps_have_headings(record: Callable[..., Record]) -> None:
    """Of several steps each has its name and what it changes."""
    text = markdown.render(record("vepa-hairpin"))
    assert "\n### hairpin-on\n" in text
    assert "± `A:eth0: port hairpin on`" in text


def test_large_labs_are_folded(record: Callable[..., Record]) -> None:
    """A hundred alike hosts are one row."""
    text = markdown.render(record(HUNDRED))
    assert "| `h-*:eth0 ×100` | R |" in text
    assert len(text) < 2_000


def test_what_is_too_long_leaves_the_matrices_out(
    record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that would not fit into a comment keeps its verdicts and loses its matrices."""
    whole = markdown.render(record("vepa-hairpin"))
    monkeypatch.setattr(markdown, "LONGEST", len(whole) - 1)
    short = markdown.render(record("vepa-hairpin"))
    assert "<table" not in short
    assert "from ↓ to →" not in short
    assert "- ✅ `A/web <-> B: reachable`" in short


def test_several_runs_are_a_table(record: Callable[..., Record]) -> None:
    """Several runs: a line each, and the whole report only of those that are not as expected."""
    text = markdown.render_many([record("bridge-two-node"), record(MIXED)])
    assert text.startswith("## netlab: 2 topologies, 1 as expected, 1 not as expected\n")
    assert "| ✅ | `bridge-two-node` | 60 | 0 | 0 | 0 | 24 confirmed, 24b refuted |" in text
    assert "## mixed: ❌" in text
    assert "## bridge-two-node" not in text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain words", "plain words"),
        ("snake_case stays, _this_ doesn't", r"snake_case stays, \_this\_ doesn't"),
        ("a|b *c* `d` [e](f) ~g~", r"a\|b \*c\* \`d\` \[e\](f) \~g\~"),
        ("<b>&</b>", "&lt;b&gt;&amp;&lt;/b&gt;"),
        ("# title", r"\# title"),
        ("1. first", r"1\. first"),
        ("6.18 is a kernel", "6.18 is a kernel"),
        ("- item", r"\- item"),
        ("ask @someone about #12", "ask @\u200bsomeone about #\u200b12"),
        ("two\nlines", "two lines"),
    ],
)
def test_text_is_text(text: str, written: str) -> None:
    """Words from a file are escaped where they would be markup, and left alone where they wouldn't."""
    assert markdown.plain(text) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a|b", r"`a\|b`"), ("", "` `")],
)
def test_code_is_code(text: str, written: str) -> None:
    """A code span has more backticks around it than in it, and no bar that ends a table's cell."""
    assert markdown.code(text, table=True) == written
