"""`netlab why` as a command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from .conftest import Netlab


def test_the_question_of_the_article(netlab: Netlab) -> None:
    """A host and its own child: not reached, the rule's name, and a fix that a real lab proves."""
    done = netlab("why", "bridge-two-node", "A:ens160", "A:ens160.1", "--verify")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("A:ens160 → A:ens160.1  (icmp")
    assert lines[1] == "U  not reached"
    assert "✓ In a real lab: R." in done.stdout
    assert max(map(len, lines)) <= 80


def test_who_answered(netlab: Netlab) -> None:
    """B's ping of the child may be answered by the parent, which is asked first, and the answer says so and why."""
    record = json.loads(netlab("why", "bridge-two-node", "B", "192.168.26.141", "--json").stdout)
    assert (record["src"], record["dst"], record["letter"]) == ("B", "A:ens160.1", "B")
    assert record["path"][-1] == "A:ens160"
    assert record["rule"] == "arp/any-interface-answers"
    assert record["rule"] in record["rules"]
    assert [fix["predicted"] for fix in record["fixes"]] == ["R", "R", "R"]


HOME = """\
name: home
switches: {lan: {}}
hosts:
  h:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24]}}}
"""


def test_the_shim(netlab: Netlab, tmp_path: Path) -> None:
    """A host and its container: the shim comes first, a lab proves it, and it is printed in three ways."""
    file = tmp_path / "home.yaml"
    file.write_text(HOME)
    done = netlab("why", str(file), "h", "h/web", "--verify", "--fix", "all")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "h → h/web:eth0  (icmp, home)"
    assert max(map(len, lines)) <= 80
    first = done.stdout.split("  1  ")[1].split("\n  2  ")[0]
    assert first.startswith("Give h a macvlan child of its own (a shim)")
    assert "✓ In a real lab: R." in first
    for words in (
        "type: macvlan",
        "ip route add 10.0.0.2/32 dev shim",
        "ip link del dev shim",
        "docker network create",
    ):
        assert words in first
    assert done.stdout.count("In a real lab") == done.stdout.count("✓ In a real lab")


def test_the_answer_is_short(netlab: Netlab, tmp_path: Path) -> None:
    """The first fix is told as steps, each other in a sentence, with what the lab showed, and how to see one whole."""
    file = tmp_path / "home.yaml"
    file.write_text(HOME)
    told = netlab("why", str(file), "h", "h/web", "--verify").stdout
    assert "type: macvlan" in told
    for words in ("ip route add", "docker network create", "hairpin: true"):
        assert words not in told
    assert told.count("✓ In a real lab: R.") == 3
    command = re.search(
        r"^Whole, with commands \(or --fix 2 or all\):\s(netlab why [^$]* --fix 1)$", told, re.MULTILINE
    )
    assert command is not None
    one = netlab(*shlex.split(command[1].replace("\\\n", ""))[1:]).stdout
    assert "ip route add 10.0.0.2/32 dev shim" in one
    assert "docker network create" in one
    assert "  2  " not in one
    assert "waits for ARP" in told
    assert "waits for ARP" not in one
    two = netlab("why", str(file), "h", "h/web", "--fix", "2").stdout
    assert "hairpin: true" in two
    assert "bridge link set dev" in two
    assert "shim" not in two


def test_the_page_has_every_fix(netlab: Netlab, tmp_path: Path) -> None:
    """The page has the commands of all, folded but the first, whatever --fix says."""
    file = tmp_path / "home.yaml"
    file.write_text(HOME)
    page = tmp_path / "page.html"
    for more in ((), ("--fix", "2")):
        netlab("why", str(file), "h", "h/web", "--html", str(page), *more)
        text = page.read_text("utf-8")
        assert re.findall(r"<details class=\"card\"( open)?>", text) == [" open", "", ""]
        assert "ip route add 10.0.0.2/32 dev shim" in text
        assert "ip link add name net2 type veth" in text


def test_a_port(netlab: Netlab, tmp_path: Path) -> None:
    """A port of a program's own is asked as if one listened, and in the lab of --verify something does."""
    file = tmp_path / "home.yaml"
    file.write_text(HOME)
    for layer in ("tcp/80", "udp/53"):
        record = json.loads(netlab("why", str(file), "h", "10.0.0.2", "-l", layer, "--verify", "--json").stdout)
        assert (record["layer"], record["letter"]) == (f"host:{layer}", "U")
        assert [(fix["predicted"], fix["observed"]) for fix in record["fixes"]] == [("R", "R")] * 3


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("A", "C"), "no endpoint 'C'"),
        (("A:ens160", "A"), "one and the same endpoint"),
        (("A", "B", "--layer", "icmp,tcp"), "one layer at a time"),
        (("A", "B", "--step", "later"), "has no step 'later'"),
        (("A", "B", "--fix", "0"), "'0' is neither the number of a fix nor 'all'"),
        (("A", "B", "--fix", "9"), "there is no fix 9: nothing has to be fixed here"),
        (("A:ens160", "A:ens160.1", "--fix", "9"), "there is no fix 9: there are 3"),
        (("A", "B", "--fix", "1", "--json"), "--json has all fixes"),
    ],
)
def test_a_wrong_question(netlab: Netlab, argv: tuple[str, ...], words: str) -> None:
    """A name that isn't there, a pair that is none: exit code 2 and what is there."""
    done = netlab("why", "bridge-two-node", *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


@pytest.mark.parametrize("more", ["", "steps:\n  - name: fix\n", "steps:\n- name: other\n"])
def test_what_is_printed_can_be_pasted(netlab: Netlab, tmp_path: Path, more: str) -> None:
    """The lines of a fix, put at the end of the file as they are, make a file that runs as predicted."""
    text = (
        "name: home\nswitches: {lan: {}}\nhosts:\n  A:\n"
        "    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}\n    containers:\n"
        "      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24]}}}\n"
    )
    file = tmp_path / "home.yaml"
    file.write_text(text + more)
    step = ("--step", more.split()[-1]) if more else ()
    told = netlab("why", str(file), "A", "A/web", "--fix", "1", *step).stdout
    assert "at the end of" in told
    lines = told.split("  1  ")[1].split("\n\n     By hand")[0].split("\n\n", 1)[1]
    file.write_text(text + more + lines + "\n")
    done = netlab("run", str(file), "--layers", "icmp", "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A:shim" in done.stdout
