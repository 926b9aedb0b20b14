"""Many workers on two processors, and on another machine."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.plugin.project import Outcome, Project
from tests.plugin.sshd import missing, private_sshd

SUITE = """\
import os
import pytest

@pytest.mark.topology("apart.yaml")
@pytest.mark.parametrize("number", range(12))
def test_labs(lab, number, record_property):
    record_property("agent", lab.handle.agent.pid)
    record_property("letters", " ".join(lab.matrix(["arp", "icmp", "tcp"]).rows("icmp")))
    record_property("connection", os.environ.get("SSH_CONNECTION", "").rpartition(" ")[2])
    with lab["B"].popen("sleep", "100"):
        assert lab["B"].run("ip", "-o", "link").stdout.count("ens160") == 1

@pytest.mark.xdist_group("quiet")
@pytest.mark.topology("bridge-two-node.yaml")
@pytest.mark.parametrize("number", range(4))
def test_quiet(lab, number, record_property):
    record_property("agent", lab.handle.agent.pid)
    lab.must_not_reach("A:ens160", "A:ens160.1")
"""

#: The child in a container: beside its parent in one namespace it is a race who of them answers, and many workers can
#: turn it.
APART = """\
name: apart
switches: {lan: {}}
hosts:
  A:
    interfaces: {ens160: {switch: lan, addresses: [192.168.26.149/24]}}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: ens160, mode: bridge, addresses: [192.168.26.141/24]}}}
  B: {interfaces: {ens160: {switch: lan, addresses: [192.168.26.106/24]}}}
"""


def letters(ran: Outcome) -> dict[str, str]:
    """What each test saw, by its name (without the group that loadgroup appends)."""
    return {name.partition("@")[0]: seen["letters"] for name, seen in ran.properties.items() if "letters" in seen}


@pytest.fixture
def suite(project: Project) -> Project:
    """A project whose tests all have labs of the same names."""
    project.write("topologies/two.yaml", (Path(__file__).parents[2] / "topologies/bridge-two-node.yaml").read_text())
    project.write("topologies/apart.yaml", APART)
    project.write("tests/test_suite.py", SUITE)
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\ntestpaths = tests topologies\n")
    return project


@pytest.mark.timeout(600)
def test_eight_and_sixteen_workers(suite: Project) -> None:
    """Every way to share the work out gives the results of one process, each worker with an agent of its own."""
    alone = suite.pytest("-q")
    assert alone.returncode == 0, alone.output
    for args in (("-n", "8"), ("-n", "16", "--dist", "loadgroup")):
        ran = suite.pytest("-q", *args)
        assert ran.returncode == 0, ran.output
        assert {name.partition("@")[0] for name in ran.tests} == set(alone.tests)
        assert letters(ran) == letters(alone)
        assert len({seen["agent"] for seen in ran.properties.values() if "agent" in seen}) > 1


def test_another_machine(suite: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Workers that are reached by ssh run the same tests with the same results."""
    if why := missing():
        pytest.skip(why)
    alone = suite.pytest("-q")
    with private_sshd(tmp_path_factory.mktemp("sshd")) as sshd:
        spec = f"2*ssh={sshd.options}//python={sys.executable}//chdir={suite.root}"
        ran = suite.pytest("-q", "--dist", "load", "--tx", spec, "--netlab-report", "here")
    assert ran.returncode == 0, ran.output
    assert set(ran.tests) == set(alone.tests)
    assert letters(ran) == letters(alone)
    connections = {seen["connection"] for name, seen in ran.properties.items() if "test_labs" in name}
    assert connections == {str(sshd.port)}
    assert re.search(r"\d+ passed", ran.output)
    assert (suite.root / "here" / "bridge-two-node" / "run.json").exists()


def test_another_machine_again(suite: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With a folder of reports that is there already, named as docs/ci.md says, workers are reached by ssh, too."""
    if why := missing():
        pytest.skip(why)
    (suite.root / "here").mkdir()
    with private_sshd(tmp_path_factory.mktemp("sshd")) as sshd:
        spec = f"ssh={sshd.options}//python={sys.executable}//chdir={suite.root}"
        ran = suite.pytest("-q", "--dist", "load", "--tx", spec, "--netlab-report=here", "-k", "two and icmp")
    assert ran.returncode == 0, ran.output
    assert (suite.root / "here" / "bridge-two-node" / "run.json").exists()
