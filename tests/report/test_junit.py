"""JUnit XML and annotations, made of real runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from netlab.client import Agent
from netlab.pipeline import Options, run
from netlab.report import github, junit

NETLAB = str(Path(sys.executable).with_name("netlab"))
#: The shape that Jenkins' xunit plugin accepts (its schema "junit-10"): children and attributes of each element.
SHAPE: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"testsuite"}, set(), {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        {"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name"},
        {"time", "classname", "group"},
    ),
    "failure": (set(), set(), {"type", "message"}),
    "error": (set(), set(), {"type", "message"}),
    "skipped": (set(), set(), {"type", "message"}),
    "system-out": (set(), set(), set()),
    "system-err": (set(), set(), set()),
}
WRONG = """\
name: wrong
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
expect:
  - A -> B [icmp]: unreachable
steps:
  - name: "100%: cut, <here> & there"
    set: {A:eth0: {state: down}}
    expect:
      - A:eth0: {state: up}
"""


def check_shape(element: ET.Element) -> None:
    """Every element has only the children and attributes that readers know, and those that they need."""
    children, needed, allowed = SHAPE[element.tag]
    assert {child.tag for child in element} <= children, element.tag
    assert needed <= set(element.attrib) <= needed | allowed, element.attrib
    if (time := element.get("time")) is not None:
        assert re.fullmatch(r"[0-9]{0,3}(,?[0-9]{3})*(\.[0-9]*)?", time)
    for child in element:
        check_shape(child)


@pytest.fixture(scope="module")
def wrong() -> dict[str, object]:
    """The record of a run in which a pair and a read-back value are not as the file says."""
    with Agent.start() as agent:
        return run(WRONG, agent, Options(layers=("icmp", "arp")))


def test_a_red_run(wrong: dict[str, object]) -> None:
    """Each layer and each entry is a case; what failed says where it stands, and what was seen instead."""
    root = ET.fromstring(junit.render([wrong]).encode())
    check_shape(root)
    [suite] = root
    assert suite.get("name") == "wrong"
    counted = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
    assert counted == {"tests": 7, "failures": 3, "errors": 0, "skipped": 0}
    failed = {case.get("name"): case.find("failure") for case in suite.iter("testcase") if len(case)}
    assert set(failed) == {"host:icmp", "A -> B [icmp]: unreachable", "A:eth0: {state: up}"}
    entry = failed["A -> B [icmp]: unreachable"]
    assert entry is not None
    assert "icmp A -> B:eth0: R" in str(entry.text)
    assert ":7:5" in str(entry.text)
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties["netlab.topology"] == "wrong"
    assert properties["netlab.kernel"] == os.uname().release
    assert {case.get("classname") for case in suite.iter("testcase")} == {
        "wrong.baseline",
        "wrong.100%: cut, <here> & there",
    }


def test_the_command(tmp_path: Path) -> None:
    """--junit writes one document for all files of a command, also for those that could not be run."""
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "faulty.yaml").write_text("hosts: {A: {interfaces: {e: {swich: lan}}}}\n")
    argv = [NETLAB, "run", "bridge-two-node", "wrong.yaml", "faulty.yaml", "no-such", "--no-report"]
    done = subprocess.run(
        [*argv, "--layers", "icmp", "--junit", "out.xml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    root = ET.parse(tmp_path / "out.xml").getroot()
    check_shape(root)
    assert {suite.get("name"): (suite.get("failures"), suite.get("errors")) for suite in root} == {
        "bridge-two-node": ("0", "0"),
        "wrong": ("3", "0"),
        "faulty": ("0", "1"),
        "no-such": ("0", "1"),
    }
    assert root.get("failures") == "3"
    error = next(case.find("error") for case in root.iter("testcase") if case.get("classname") == "faulty")
    assert error is not None
    assert "faulty.yaml:1:30: unknown key 'swich'; did you mean 'switch'?" in str(error.text)


def test_what_xml_cannot_hold(wrong: dict[str, object]) -> None:
    """Names that XML has no characters for are written with the sign for what can't be shown."""
    text = junit.render([], [("a\x00\x1b<b>&\ud800\ufffe", "it: \x07 broke\nsecond \x0b line")])
    root = ET.fromstring(text.encode("utf-8", "strict"))
    check_shape(root)
    assert root[0].get("name") == "a\ufffd\ufffd<b>&\ufffd\ufffd"


def test_annotations(wrong: dict[str, object]) -> None:
    """A failed entry is an error at its line; per cent signs, colons and commas don't break the command."""
    lines = list(github.annotate(wrong))
    entry = next(line for line in lines if "A -> B [icmp]: unreachable" in line)
    assert entry.startswith("::error file=<text>,line=7,col=5,title=wrong%2C baseline::A -> B [icmp]: unreachable; ")
    assert "icmp A -> B:eth0: R" in entry
    other = next(line for line in lines if "{state: up}" in line)
    assert "title=wrong%2C 100%25%3A cut%2C <here> & there::" in other
    assert all("\n" not in line for line in lines)


def test_annotations_where_github_runs_it(tmp_path: Path) -> None:
    """With GITHUB_ACTIONS set the command annotates failures and faults of files; without it, nothing."""
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "faulty.yaml").write_text("hosts: {A: {interfaces: {e: {swich: lan}}}}\n")
    argv = [NETLAB, "run", "wrong.yaml", "faulty.yaml", "--no-report", "--layers", "icmp"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    plain = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "::" not in plain.stderr
    there = subprocess.run(argv, cwd=tmp_path, env={**env, "GITHUB_ACTIONS": "true"}, capture_output=True, text=True)
    assert "::error file=wrong.yaml,line=7,col=5,title=wrong%2C baseline::" in there.stderr
    assert "::error file=faulty.yaml,line=1,col=30,title=topology::unknown key 'swich'; did you" in there.stderr
