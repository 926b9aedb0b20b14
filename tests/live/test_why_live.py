"""`netlab why --live`: the first question, on machines that were made with ip(8)."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

import pytest

from netlab import model
from netlab.cli.story import Shown, render
from netlab.live.machine.real import Real
from netlab.report.style import Style
from tests.live import imported
from tests.live.samples import podman
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
    assert len(first.stdout.splitlines()) <= 45
    assert "steps:" not in first.stdout
    assert not machine.pings("machine", "192.168.26.11", expected=False)
    paste, undo = re.findall(r"on this machine:\n(.*?)\n(?:\n| )", first.stdout + "\n", re.DOTALL)
    machine.sh(paste, "machine")
    assert machine.netlab("why", "--live", ".", "web", netns="machine").stdout.splitlines()[1].startswith("R  reached")
    assert machine.pings("machine", "192.168.26.11")
    machine.sh(undo, "machine")
    assert machine.netlab("why", "--live", ".", "web", netns="machine").stdout.splitlines()[1].startswith("U  ")
    assert not machine.pings("machine", "192.168.26.11", expected=False)


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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((".", "wbe"), "nothing on this machine is called 'wbe' (did you mean 'web'?); there are ., machine, far, "),
        (("wbe:eth0", "."), "nothing on this machine is called 'wbe'"),
        ((".", "web:eth1"), "no endpoint 'host/web:eth1' (did you mean 'host/web:eth0'?)"),
        (("web",), "name two ends of this machine, as in: netlab why --live . web"),
        ((), "name two ends of this machine"),
    ],
)
def test_wrong_names(machine: World, words: tuple[str, ...], told: str) -> None:
    """A name that nothing has ends with 2 and those that there are; so does an end too few."""
    done = machine.netlab("why", "--live", *words, netns="machine", ok=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_file_beside_live(machine: World) -> None:
    """A FILE beside --live ends with 2, and `live` in the place of a file says what was meant."""
    assert "this machine is --live" in machine.netlab("check", "live", ok=False).stderr
    assert "this machine is --live" in machine.netlab("graph", "live", ok=False).stderr


def test_commands_name_the_ports_of_the_machine(machine: World) -> None:
    """The ports of a switch are called as on the machine: pasted, the fix is where it must be, and undone."""
    machine.sh("ip link set dev eth0 mtu 9000", "machine")
    machine.sh("ip link set dev p0 mtu 9000", "lan")
    asked = ("why", "--live", "machine", "far", "-l", "icmp/4000")
    first = machine.netlab(*asked, netns="machine").stdout
    assert first.splitlines()[1].startswith("U  ")
    runs = re.findall(
        r"in the namespace (\w+)\s\(ip\snetns\sexec\s\w+\ssh\):\n(.*?)\n(?:\n| |$)", first + "\n", re.DOTALL
    )
    assert [(netns, line) for netns, line in runs][:2] == [
        ("far", "ip link set dev eth0 mtu 4000"), ("lan", "ip link set dev p1 mtu 4000")]  # fmt: skip
    for netns, lines in runs[:2]:
        machine.sh(lines, netns)
    assert machine.netlab(*asked, netns="machine").stdout.splitlines()[1].startswith("R  ")
    for netns, lines in runs[2:]:
        machine.sh(lines, netns)
    for netns, name in (("machine", "eth0"), ("lan", "p0")):
        machine.sh(f"ip link set dev {name} mtu 1500", netns)
    assert "mtu 1500" in machine.run("ip", "-n", "lan", "link", "show", "dev", "p1").stdout


def test_a_route_that_a_file_cannot_have(machine: World) -> None:
    """Of packets that would take a route that is left out nothing is known, either way; of others as much as before."""

    def letter(source: str, destination: str) -> str:
        done = machine.netlab("why", "--live", source, destination, "--json", netns="machine")
        return str(json.loads(done.stdout)["letter"])

    machine.sh("ip route add 192.168.26.11/32 dev lo", "far")
    assert not machine.pings("far", "192.168.26.11", expected=False)
    assert (letter("far", "web"), letter("web", "far")) == ("?", "?")
    assert machine.pings("far", "192.168.26.10")
    assert letter("far", ".") == "R"
    said = machine.netlab("why", "--live", "far", "web", netns="machine").stdout
    assert "far: route 192.168.26.11/32: by lo" in said
    machine.sh("ip route del 192.168.26.11/32", "far")
    assert letter("far", "web") == "R"


def test_what_is_beyond_a_gateway() -> None:
    """Where the story ends in a host that is assumed, the answer says that nothing is known of it."""
    told = imported.of("podman", [podman()]).why("host/web", "9.9.9.9")
    real = Real(home="host", assumed=frozenset({"gateway"}))
    said = " ".join(" ".join(render(told, model.RULES, Style(width=80), Shown(real=real))).split())
    assert "live; host is this machine" in said
    assert "gateway is not of this machine, but assumed" in said
    assert "No interface of this machine, nor a neighbour that it knows, has 9.9.9.9" in said
    assert "assumed" not in " ".join(render(told, model.RULES, Style(width=80), Shown(real=Real(home="host"))))


def test_wrong_files(machine: World) -> None:
    """A FILE and two ends beside --live are one too many."""
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
