"""YAML text to nodes: what is taken as written, and what is refused, at which line."""

from __future__ import annotations

import pytest

from netlab.spec import TopologyError
from netlab.spec.nodes import MAX_BYTES, MAX_SCALAR, compose


def problem(text: str) -> str:
    """The one problem that composing the text gives."""
    with pytest.raises(TopologyError) as caught:
        compose(text, "f")
    assert len(caught.value.problems) == 1, caught.value
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "10:20:30:40:50:59",
        "no",
        "yes",
        "null",
        "~",
        "1",
        "0o17",
        "1.0",
        "1e3",
        "2001-01-01",
        "=",
        "<<",
        "true",
        "0x1f",
    ],
)
def test_scalars_are_text(text: str) -> None:
    """A scalar is the text that was written, as a value and as a key, whatever YAML 1.1 makes of it."""
    assert compose(f"{{{text}: {text}}}", "f").plainly() == {text: text}


def test_an_empty_value_is_none_and_quotes_make_it_a_text() -> None:
    """A value that is not there is None; an empty quoted one is an empty text."""
    assert compose("a:\nb: ''\n", "f").plainly() == {"a": None, "b": ""}


def test_nodes_know_their_places() -> None:
    """Keys, values and list items each know their line and column, counted from 1."""
    root = compose("a: 1\nb:\n  - x\n  -   y\n", "f")
    value = root.value
    assert isinstance(value, dict)
    assert str(root.keys["b"].where("f")) == "f:2:1"
    assert str(value["a"].where("f")) == "f:1:4"
    items = value["b"].value
    assert isinstance(items, list)
    assert [str(item.where("f")) for item in items] == ["f:3:5", "f:4:7"]


def test_anchors_and_aliases_are_followed() -> None:
    """An alias stands for what its anchor marks."""
    assert compose("a: &x {k: v}\nb: *x\n", "f").plainly() == {"a": {"k": "v"}, "b": {"k": "v"}}


def bomb(levels: int) -> str:
    """Text of a few hundred bytes that would be 10 to the power of levels values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ("", "f:1:1", "the file is empty", "hosts:"),
        ("# only a comment\n", "f:1:1", "the file is empty", "hosts:"),
        ("a: 1\n---\nb: 2\n", "f:2:1", "a second document", "one topology per file"),
        ("a: 1\nb: 2\na: 3\n", "f:3:1", "'a' is given twice (first in line 1)", "remove one"),
        ("hosts:\n\tA: 1\n", "f:2:1", "not YAML", "indent with spaces"),
        (
            "x:\n  - *web -> B: reachable\n",
            "f:2:5",
            "'*web' is a YAML alias",
            "quote a text that begins with '*'",
        ),
        ("x: *y\n", "f:1:4", "'*y' is a YAML alias", "no anchor '&y'"),
        ("x: &y [*y]\n", "f:1:8", "inside of what it stands for", ""),
        ("x: [A -> B [icmp]: reachable]\n", "f:1:12", "not YAML", "quote an expectation"),
        ("a: b: c\n", "f:1:5", "not YAML", "quote a text that holds ': '"),
        ("a: 'x\n", "f:2:1", "not YAML", "a closing quote is missing"),
        ("a: [1, 2\n", "f:2:1", "not YAML", "a bracket or comma may be missing"),
        ("a: 1\n b: 2\n", "f:2:3", "not YAML", "quote a text that holds ': ', or check the indentation"),
        ("mac: !A:eth0\n", "f:1:6", "'!A:eth0' is a YAML tag", "quote a value that begins with '!'"),
        ("[a, b]: 1\n", "f:1:1", "a key must be a name", "quote it"),
        ("? \n: 1\n", "f:1:2", "a key is missing", ""),
        ("a: x\x1b[31my\n", "f:1:5", "control character U+001B", "remove it"),
        ('a: "x\\e[31m"\n', "f:1:4", "control character U+001B", "remove it"),
        ('a: "\\0"\n', "f:1:4", "control character U+0000", "remove it"),
        ("a: \ud800\n", "f:1:4", "control character U+D800", "remove it"),
        ("a: " + "x" * (MAX_SCALAR + 1), "f:1:4", f"a text of {MAX_SCALAR + 1} characters", ""),
        ("x" * 1001 + ": 1", "f:1:1", "a key of 1001 characters", ""),
        ("x" * (MAX_BYTES + 1), "f:1:1", "larger than 4 MiB", ""),
        ("[" * 100, "f:1:25", "nested deeper than 24 levels", ""),
        ("{a: " * 100, "f:1:94", "nested deeper than 24 levels", ""),
        (bomb(9), "f:6:15", "more than 300000 values, aliases counted", ""),
    ],
)
def test_what_is_refused(text: str, where: str, what: str, hint: str) -> None:
    """Text that is no topology is refused, at its place, with what would be right."""
    message = problem(text)
    assert message.startswith(f"{where}: "), message
    assert what in message
    assert hint in message


def test_endless_brackets_are_refused() -> None:
    """libyaml's own limit shows first where it has one (PyYAML from 6.0.1 on brings such a libyaml), else netlab's."""
    message = problem("[" * 200_000)
    assert message.startswith(("f:1:1001: not YAML: exceeded maximum nesting depth", "f:1:25: nested deeper than 24"))
    assert "24 levels" in message


def test_several_faults_are_reported_together() -> None:
    """Duplicate keys, tags and control characters don't hide one another."""
    with pytest.raises(TopologyError) as caught:
        compose('a: 1\na: 2\nb: !x 1\nc: "\\e"\n', "f")
    assert [problem.where.line for problem in caught.value.problems] == [2, 3, 4]
