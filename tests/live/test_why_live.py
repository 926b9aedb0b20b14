"""`netlab why --live`: the first question, on machines that were made with ip(8)."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

import pytest

from tests.live.world import MACVLAN, ROOT, World, world


@pytest.fixture(scope="module")
def machine() -> Iterator[World]:
    """A machine with a macvlan container and no shim."""
    with world() as made:
        made.ip(MACVLAN)
        yield made


def test_the_first_question(machine: World) -> None:
    """One command says U and a fix; pasted, it makes the same command say R, and ping, too; taken back, U again."""
    first = machine.netlab("why", "--live", ".", "web", netns="machine")
    assert first.stdout.splitlines()[1].startswith("U  not reached")
    assert "[macvlan/parent-tx-skips-children" in first.stdout
    assert len(first.stdout.splitlines()) <= 50
    assert not machine.pings("machine", "192.168.26.11")
    paste, undo = re.findall(r"on this machine:\n\n(.*?)\n(?:\n| )", first.stdout + "\n", re.DOTALL)
    machine.sh(paste, "machine")
    assert machine.netlab("why", "--live", ".", "web", netns="machine").stdout.splitlines()[1].startswith("R  reached")
    assert machine.pings("machine", "192.168.26.11")
    machine.sh(undo, "machine")
    assert machine.netlab("why", "--live", ".", "web", netns="machine").stdout.splitlines()[1].startswith("U  ")
    assert not machine.pings("machine", "192.168.26.11")


@pytest.mark.parametrize(
    ("source", "destination", "letter"),
    [("web", "far", "R"), ("far", "192.168.26.11", "R"), ("web:eth0", ".", "U"), (".", "192.168.26.20", "R")],
)
def test_names_of_the_machine(machine: World, source: str, destination: str, letter: str) -> None:
    """A dot, names of `ip netns`, interfaces and addresses name ends; the letters are what ping finds."""
    done = machine.netlab("why", "--live", source, destination, "--json", netns="machine")
    assert json.loads(done.stdout)["letter"] == letter


def test_the_copy_in_a_lab_and_the_page(machine: World) -> None:
    """With `--verify` each fix is probed in a lab; the page has answer, drawing and file, and no script."""
    done = machine.netlab("why", "--live", ".", "web", "--verify", "--html", "-", netns="machine")
    page, _, answer = done.stdout.partition("</html>")
    assert "✓ In a real lab: R." in answer
    assert "in a lab that is a copy of this machine" in answer
    for part in ("<svg", "192.168.26.11/24", "type: macvlan", "macvlan/parent-tx-skips-children"):
        assert part in page
    assert "<script" not in page


def test_wrong_names(machine: World) -> None:
    """A name that nothing has ends with 2 and those that there are; so does a FILE beside --live."""
    done = machine.netlab("why", "--live", ".", "wbe", netns="machine", ok=False)
    assert done.returncode == 2
    assert "no endpoint 'wbe'; there are host:eth0, host/web:eth0" in done.stderr
    assert machine.netlab("why", "--live", "file.yaml", "A", "B", ok=False).returncode == 2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("why --live ", {".", "cat-1", "machine", "lan", "web", "far"}),
        ("why --live . w", {"web"}),
        ("why --live . web:", {"eth0", "lo"}),
        ("why --live . wbe:", set()),
        ("graph --live --netns ", {"machine", "lan", "web", "far"}),
        ("check --live --netns f", {"far"}),
        ("import live --netns=l", {"lan"}),
        ("import live --container ", set()),
        ("check --live lan", set()),
    ],
)
def test_names_are_completed(machine: World, line: str, found: set[str]) -> None:
    """Behind --live, --netns and --container the machine's own names are completed, behind a colon interfaces."""
    command = "from netlab.cli import main; import sys; sys.argv = ['netlab']; sys.exit(main())"
    environment = ["env", "_NETLAB_COMPLETE=bash_complete", f"COMP_WORDS=netlab {line}", "COMP_BREAKS=:="]
    done = machine.run("ip", "netns", "exec", "machine", *environment, sys.executable, "-c", command, cwd=ROOT)
    assert {one.partition(",")[2] for one in done.stdout.splitlines() if one} == found
