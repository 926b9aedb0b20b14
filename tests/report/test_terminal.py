"""The report on a terminal: what a person sees."""

from __future__ import annotations

import copy
import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Callable
from typing import Any

import pytest

from netlab.report import github, junit, overview, terminal
from netlab.report.columns import visible
from netlab.report.style import Style, style_for

from .conftest import RED, RED_HUNDRED

Record = dict[str, Any]
Records = Callable[..., Record]

PLAIN = Style()

EIGHT = """\
name: eight
switches: {lan: {}}
hosts:
  machine-one: {interfaces: {enp0s31f6: {switch: lan, addresses: [10.0.0.1/24]}}}
  machine-two: {interfaces: {enp0s31f6: {switch: lan, port: {isolated: on}, addresses: [10.0.0.2/24]}}}
  machine-three: {interfaces: {enp0s31f6: {switch: lan, port: {isolated: on}, addresses: [10.0.0.3/24]}}}
  machine-four: {interfaces: {enp0s31f6: {switch: lan, addresses: [10.0.0.4/24]}}}
  machine-five: {interfaces: {enp0s31f6: {switch: lan, addresses: [10.0.0.5/24]}}}
  machine-six: {interfaces: {enp0s31f6: {switch: lan, addresses: [10.0.0.6/24]}}}
  machine-seven: {interfaces: {enp0s31f6: {switch: lan, addresses: [10.0.0.7/24]}}}
  machine-eight: {interfaces: {enp0s31f6: {switch: lan, addresses: [10.0.0.8/24]}}}
"""

#: Twenty-four children of two kinds: above twenty endpoints they are folded.
FOLDED = """\
name: folded
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.250/24]}
    containers:
      web:
        replicas: 12
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.1/24]}
      db:
        replicas: 12
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: private, addresses: [10.0.0.101/24]}
"""


def test_the_demo_at_eighty_columns(record: Records) -> None:
    """Who can reach whom first; the author's expectations, with ticks and who answered; then the interfaces' matrices;
    counts in the last line."""
    lines = terminal.render(record("bridge-two-node"), PLAIN).splitlines()
    assert lines[0] == "bridge-two-node"
    first = next(i for i, line in enumerate(lines) if "✓" in line)
    assert [line.strip() for line in lines[first : first + 3]] == [
        "✓ A:ens160.1 -> B: reachable",
        "✓ A:ens160 -> A:ens160.1: unreachable",
        "✓ B -> A:ens160.1: reachable   (A:ens160 answered for A:ens160.1)",
    ]
    hosts = next(i for i, line in enumerate(lines) if line.startswith("  Who can reach whom"))
    assert lines[hosts + 1].split() == ["A:ens160", "A:ens160.1", "B:ens160"]
    assert hosts < first
    matrix = next(i for i, line in enumerate(lines) if line.startswith("  1 A:ens160"))
    assert matrix > first + 3
    assert lines[-1].startswith("PASS  60 pass, 0 fail, 0 inconclusive, 0 skip")
    assert max(map(len, lines)) <= 80


def test_claims_say_what_decided(record: Records) -> None:
    """A refuted claim comes with the observation that refutes it, a confirmed one is simply confirmed."""
    text = terminal.render(record("bridge-two-node"), PLAIN)
    assert "claim 24: “" in text
    assert "    refuted: B:ens160 → A:ens160.1 (icmp): A, A:ens160 answered" in text


def test_unreachable_cells_have_footnotes_with_the_rule(record: Records) -> None:
    """A cell that was not reached bears the number of a footnote that names the rule and says its sentence."""
    made = record("bridge-two-node")
    text = terminal.render(made, PLAIN)
    rule = made["steps"][0]["layers"]["icmp"]["rules"]["keys"].values()
    assert rule
    for name in rule:
        if name in made["rules"] and f" {name}  " in text:
            sentence = made["rules"][name]["sentence"]
            assert sentence.split()[0] in text
            break
    else:
        pytest.fail("no footnote names a rule")


def test_a_failure_names_pair_letters_line_and_rule(record: Records) -> None:
    """What is not as expected is named once: the pair, what was seen, who was right, and the line of the file."""
    lines = terminal.render(record(RED, "icmp"), PLAIN).splitlines()
    text = "\n".join(lines)
    assert "  ✗ A:eth0 -> B: unreachable" in lines
    assert "icmp: A:eth0 → B:eth0: R, reached" in text
    assert text.count("the file expects what neither the model says nor the kernel did") == 1
    assert text.count("<text>:11:5") == 1
    assert text.count("A:eth0 → B:eth0") == 1
    assert "R!" in text
    assert lines[-1].startswith("FAIL  1 pass, 1 fail")


FILTERED = """\
name: filtered
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    nftables: |
      table inet filter {
        chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }
        chain output { type filter hook output priority 0; ip protocol udp drop; }
      }
expect:
  - A -> B [icmp, tcp]: reachable
  - B -> A [udp]: reachable
"""


def test_a_packet_that_a_filter_drops_is_told_with_hook_chain_and_rule(record: Records) -> None:
    """Not as a reply that was lost; and a program whose packet is dropped on its way out has been told EPERM."""
    found = record(FILTERED)
    text = " ".join(terminal.render(found, PLAIN).split())
    assert "B:eth0: U, not reached (at B:eth0: dropped by inet filter/input: policy drop)" in text
    assert "A:eth0: U, not reached (at B:eth0: dropped by inet filter/output: ip protocol udp drop)" in text
    assert "no reply came back" not in text
    assert found["steps"][0]["layers"]["host:udp"]["evidence"]["1,0"]["reason"] == "EPERM"
    assert found["summary"]["skip"] == 0


def test_eight_endpoints_fit_eighty_columns(record: Records) -> None:
    """Eight endpoints with long names: every layer has its matrix and no line is longer than 80 columns."""
    made = record(EIGHT)
    lines = terminal.render(made, PLAIN).splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for layer in made["steps"][0]["layers"]:
        assert layer.removeprefix("host:") in text
    assert "8 machine-eight:enp0s31f6" in text


def test_many_endpoints_are_folded(record: Records) -> None:
    """Above twenty endpoints, replicas are one row with their number, and cells of groups are one cell."""
    lines = terminal.render(record(FOLDED, "icmp"), PLAIN).splitlines()
    rows = [line.split() for line in lines if line.strip()[:2] in ("1 ", "2 ", "3 ") and ":eth0" in line]
    assert [row[1:-3] for row in rows] == [["A:eth0"], ["A/web-*:eth0", "×12"], ["A/db-*:eth0", "×12"]]
    letters = [[cell[0] for cell in row[-3:]] for row in rows]
    assert letters == [[".", "U", "U"], ["U", "R", "U"], ["U", "U", "U"]]


def test_a_group_that_disagrees_is_counted(record: Records) -> None:
    """Where the cells of two groups differ, the folded cell says how many have which letter."""
    made = copy.deepcopy(record(FOLDED, "icmp"))
    layer = made["steps"][0]["layers"]["icmp"]
    row = layer["observed"][1]
    layer["observed"][1] = row[:2] + "U" + row[3:]
    assert "R131 U!1" in terminal.render(made, PLAIN)


def test_a_red_hundred_is_a_page(record: Records) -> None:
    """9,900 failures are told in less than forty lines."""
    assert len(terminal.render(record(RED_HUNDRED, "icmp"), PLAIN).splitlines()) < 40


def test_steps_show_what_they_change(record: Records) -> None:
    """Of several steps each has its name, its changes in words, and its own expectations."""
    lines = terminal.render(record("vepa-hairpin"), PLAIN).splitlines()
    assert "── baseline" in lines
    k = lines.index("── hairpin-on")
    assert any("port hairpin on" in line for line in lines[k : k + 4])


def test_quiet_says_only_what_is_wrong(record: Records) -> None:
    """The quiet report of a passing run is one line; of a failing one the findings and that line."""
    assert len(terminal.render_quiet(record("bridge-two-node"), PLAIN).splitlines()) == 1
    lines = terminal.render_quiet(record(RED, "icmp"), PLAIN).splitlines()
    assert lines[-1].startswith("red: FAIL")
    assert "A:eth0 → B:eth0" in lines[0]
    assert "expected U, observed R: the file expects" in lines[1]
    assert [line.strip() for line in lines].count("<text>:11:5") == 1


def test_what_is_reachable_is_said_in_words(record: Records) -> None:
    """A reachable that isn't names no letter that could be taken for a host, on the terminal and in JUnit XML."""
    text = RED.replace("A:eth0 -> B: unreachable", "A:eth0 -> B [icmp]: reachable").replace(
        "10.0.0.2/24", "10.0.1.2/24"
    )
    said = "expected reachable (R or A), observed U"
    assert said in terminal.render_quiet(record(text, "icmp"), PLAIN)
    assert said in junit.render([record(text, "icmp")])


def test_nothing_to_judge_is_no_pass(record: Records) -> None:
    """A run on layers in which no pair takes part is inconclusive, exit code 4, and says why."""
    made = record("bridge-two-node", "ndp")
    assert (made["summary"]["verdict"], made["summary"]["exit_code"]) == ("inconclusive", 4)
    assert made["summary"]["pass"] == made["summary"]["inconclusive"] == 0
    assert terminal.last_line(made, PLAIN).startswith("INCONCLUSIVE  nothing to judge: ")


def test_one_annotation_for_each_failure_at_its_line(record: Records) -> None:
    """GitHub gets one error for an entry that doesn't hold, with its line, and none beside it."""
    [line] = github.annotate(record(RED, "icmp"))
    assert line.startswith("::error file=<text>,line=11,col=5,title=red")


def test_no_colour_without_a_terminal(record: Records) -> None:
    """No escape sequence in what is not meant for a terminal, and the same words with and without colour."""
    plain = terminal.render(record("bridge-two-node"), PLAIN)
    coloured = terminal.render(record("bridge-two-node"), Style(colour=True))
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert [visible(line) for line in coloured.splitlines()] == [len(line) for line in plain.splitlines()]


@pytest.mark.parametrize(
    ("terminal_", "environment", "colour"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colour_only_where_it_is_wanted(terminal_: bool, environment: dict[str, str], colour: bool) -> None:
    """Colour on a terminal only, and never with NO_COLOR or on a dumb one."""

    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal_

        def fileno(self) -> int:
            raise OSError

    assert style_for(Stream(), environment).colour is colour


def test_ascii_where_nothing_else_can_be_written(record: Records) -> None:
    """Where the stream can't encode more, the report is ASCII and says the same."""
    made = record(RED, "icmp")
    text = terminal.render(made, Style(unicode=False))
    assert text.isascii()
    assert "NO A:eth0 -> B: unreachable" in text


def test_a_file_cannot_steer_the_terminal(record: Records) -> None:
    """Control characters in a description or an entry are blanked: no sequence reaches the terminal."""
    made = copy.deepcopy(record(RED, "icmp"))
    made["topology"]["description"] = "a \x1b]0;owned\x07 title\nand a line"
    made["steps"][0]["expectations"][0]["text"] = "A -> \x1b[2JB"
    made["topology"]["name"] = "re\rd"
    text = terminal.render(made, PLAIN)
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\x07" not in text


def test_the_summary_table(record: Records) -> None:
    """Of several topologies one line each, with counts and claims, and the totals."""
    rows = [("bridge-two-node", [record("bridge-two-node")]), ("red", [record(RED, "icmp")])]
    lines = overview.table(rows, PLAIN).splitlines()
    assert lines[1].split()[:3] == ["✓", "bridge-two-node", "60"]
    assert "24 confirmed, 24b refuted" in lines[1]
    assert lines[2].split()[:2] == ["✗", "red"]
    assert lines[-1] == "2 topologies: 61 pass, 1 fail, 0 inconclusive, 0 skip"


def test_the_summary_table_is_no_wider_than_the_terminal(record: Records) -> None:
    """In eighty columns letters stand for words and the claims are still there; in a hundred the words are."""
    rows = [("bridge-two-node", [record("bridge-two-node")]), ("red", [record(RED, "icmp")])]
    for width, heads in ((80, ["P", "F", "?", "S"]), (100, ["pass", "fail", "inconclusive", "skip"])):
        lines = overview.table(rows, Style(width=width)).splitlines()
        assert max(map(len, lines)) < width
        assert lines[0].split() == ["topology", *heads, "claims", "s"]
        assert "24 confirmed, 24b refuted" in lines[1]


@pytest.mark.parametrize("width", [32, 40, 60])
def test_the_summary_table_of_a_narrow_terminal(record: Records, width: int) -> None:
    """In few columns no line of the table is longer than they are, and each still has its verdict and counts."""
    rows = [("bridge-two-node", [record("bridge-two-node")]), ("a-long-name-" * 4, [record(RED, "icmp")])]
    lines = overview.table(rows, Style(width=width)).splitlines()
    assert max(map(len, lines[:-1])) < width
    assert [line.split()[0] for line in lines[1:3]] == ["✓", "✗"]
    assert lines[1].split()[2:6] == ["60", "0", "0", "0"]
    assert lines[-1].startswith("2 topologies: 61 pass, 1 fail")


def test_style_follows_a_narrow_terminal() -> None:
    """Forty columns are forty columns; what is no terminal has eighty."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    with os.fdopen(theirs, "w") as stream:
        assert style_for(stream, {}).width == 40
    os.close(mine)
    assert style_for(io.StringIO(), {}).width == 80


def test_repetitions_are_counted(record: Records) -> None:
    """Fifty runs are one line that says how they ended."""
    records = [record(RED, "icmp"), record("bridge-two-node"), record("bridge-two-node")]
    assert overview.repetitions(records, PLAIN) == "3 repetitions: 2 pass, 1 fail"
