"""Rulesets: loaded by nft, read back by it, and what it says where one is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from netlab.agent import netns
from netlab.agent.errors import BuildFailed
from netlab.agent.nftables import load
from netlab.client import Agent, BuildError
from netlab.contract.types import SetNftables
from netlab.plan import from_file
from tests.agent.conftest import Built

HEAD = """\
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.3/24]}}}
"""
RULESET = """\
    nftables: |

      # the line above is part of it
      table ip filter {
        chain input {
          type filter hook input priority 0; policy drop;
          ip saddr 10.0.0.1 tcp dport 80 accept
        }
      }
"""
SET = """\
steps:
  - {name: other, set: {B: {nftables: "table ip6 other {}"}}}
  - {name: none, set: {B: {nftables: ""}}}
"""


def test_nft_lists_what_the_file_asked_for_step_by_step(agent: Agent) -> None:
    """A ruleset takes the place of the one before, as a whole; an empty one leaves none; other hosts have none."""
    plan = from_file(HEAD + RULESET + SET, "test.yaml")
    with agent.lab(plan) as lab:
        seen = []
        for step in plan.steps:
            built = Built(lab, plan, lab.enter(step).result())
            seen.append(tables(built, "B"))
            assert tables(built, "A") == []
        assert seen == [["ip filter"], ["ip6 other"], []]


def tables(built: Built, ns: str) -> list[str]:
    listed = json.loads(built.run(ns, "nft", "-j", "list", "ruleset"))["nftables"]
    return [f"{one['table']['family']} {one['table']['name']}" for one in listed if "table" in one]


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("accept\n", "acept\n", "14:47", "syntax error"),
        ("10.0.0.1 tcp", "10.0.0.300 tcp", "14:20", "Could not resolve hostname"),
        ("accept\n", "jump nowhere\n", "14:47", "No such file or directory"),
    ],
)
def test_what_nft_refuses_is_said_at_its_place(agent: Agent, old: str, new: str, place: str, words: str) -> None:
    """A mistake in a ruleset has nft's own words, at line and column of the topology file, and exit code 2."""
    plan = from_file(HEAD + RULESET.replace(old, new), "test.yaml")
    with agent.lab(plan) as lab, pytest.raises(BuildError) as caught:
        lab.enter(plan.steps[0]).result()
    error = caught.value
    assert str(error).startswith(f"test.yaml:{place}: B: nft: ")
    assert words in str(error)
    assert error.exit_code == 2


def test_a_ruleset_on_one_line_names_its_own_lines(agent: Agent) -> None:
    """Where the text's lines are not those of the file, the place in the ruleset is told beside the key's."""
    plan = from_file(HEAD + '    nftables: "table ip f {\\n  chian c {}\\n}"\n', "test.yaml")
    with agent.lab(plan) as lab, pytest.raises(BuildError) as caught:
        lab.enter(plan.steps[0]).result()
    assert str(caught.value).startswith("test.yaml:8:5: B: nft: line 2, column ")


def test_without_nft_the_package_is_named(monkeypatch: pytest.MonkeyPatch, build: Callable[[str], Built]) -> None:
    """Where nft isn't installed, the error says what brings it, and has exit code 3."""

    class Bare(netns.Netns):
        def __init__(self) -> None:
            self.id, self.fd = "A", -1

        def run(self, argv: object, text: str | None = None) -> object:
            raise FileNotFoundError(2, "No such file or directory", "nft")

    monkeypatch.setattr("netlab.agent.errors.installed", lambda _name: None)
    with pytest.raises(BuildFailed) as caught:
        load(Bare(), SetNftables(namespace="A", ruleset="x"), lambda _line: None)  # type: ignore[arg-type]
    plain = caught.value.plain()
    assert (plain["exit_code"], plain["hint"], plain["message"]) == (3, "install nftables", "nft is not installed")
