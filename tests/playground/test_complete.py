"""Proposals of the editor."""

from __future__ import annotations

import pytest

from netlab.playground.complete import complete

BASE = """\
switches:
  lan: {}
  dmz: {}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
"""


def proposed(text: str) -> list[str]:
    """What is proposed at the bar."""
    at = text.index("|")
    line = text.count("\n", 0, at)
    column = at - (text.rfind("\n", 0, at) + 1)
    return [option.text for option in complete(text.replace("|", ""), line, column).options]


@pytest.mark.parametrize(
    ("text", "expected", "absent"),
    [
        ("|", "hosts: ", "parent: "),
        ("sw|", "switches: ", "hosts: "),
        (BASE + "|", "steps: ", "hosts: "),
        (BASE + "    |", "routes: ", "interfaces: "),
        (BASE + "      eth1: {par|", "parent: ", "peer: "),
        (BASE + "      eth1: {type: mac|", "macvlan", "veth"),
        (BASE + "      eth1: {switch: |", "dmz", "eth0"),
        (BASE + "      eth1: {type: macvlan, parent: |", "eth0", "lan"),
        (BASE + "      eth1: {switch: lan, port: {hair|", "hairpin: ", "flood: "),
        (BASE + "      eth1: {switch: lan, port: {state: |", "disabled", "true"),
        (BASE + "      eth1: {switch: lan, port: {hairpin: |", "true", "disabled"),
        (BASE + "      eth1:\n        switch: lan\n        |", "addresses: ", "switch: "),
        (BASE + "steps:\n  - |", "name: ", "hosts: "),
        (BASE + "steps:\n  - name: x\n    |", "set: ", "name: "),
        (BASE + "steps:\n- name: x\n  |", "set: ", "name: "),
        (BASE + "steps:\n  - name: x\n    set: {}\n  - name: y\n    |", "set: ", "name: "),
    ],
)
def test_what_can_stand_at_a_place_is_proposed(text: str, expected: str, absent: str) -> None:
    """Keys, values and names that fit there are proposed, and those that don't fit or are there already aren't."""
    options = proposed(text)
    assert expected in options
    assert absent not in options


def test_every_key_that_is_proposed_is_accepted() -> None:
    """A key that is proposed for an interface is never answered with 'no such key'."""
    from netlab.playground.answer import answer

    keys = proposed(BASE + "      eth1: {|")
    assert len(keys) > 15
    for key in keys:
        said = answer(BASE + f"      eth1: {{{key}1}}\n")["problems"]
        assert not any("unknown key" in one["message"] or "no key" in one["message"] for one in said), key


@pytest.mark.parametrize("text", ["|\n" * 1, "\t|", "{{{[[[|", "a: {b: [|", "- - - |", "'|", "é: |", ":|", "]]}}|"])
def test_no_text_is_too_strange(text: str) -> None:
    """Half-written and broken text gets proposals or none, and no error."""
    proposed(text)
