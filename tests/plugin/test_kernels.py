"""The same tests on several kernels: --netlab-kernel, and the marker."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from netlab.kernels import choose
from tests.plugin.project import TWO_HOSTS, Project

Kernel = Callable[[str], str]

SUITE = """\
import platform
import pytest

@pytest.mark.topology("two.yaml")
def test_pair(lab, netlab_kernel, record_property):
    lab.must_reach("A", "B")
    record_property("release", lab["A"].run("uname", "-r").stdout.strip())
    record_property("agent", lab.handle.agent.pid)

@pytest.mark.kernel("own")
@pytest.mark.topology("two.yaml")
def test_here(lab, record_property):
    record_property("release", lab["A"].run("uname", "-r").stdout.strip())

def test_without_a_lab():
    pass
"""


@pytest.fixture
def suite(project: Project) -> Project:
    """Three tests and a topology file."""
    project.write("topologies/two.yaml", TWO_HOSTS + "expect: [A -> B: reachable]\n")
    project.write("test_suite.py", SUITE)
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\ntestpaths = . topologies\n")
    return project


@pytest.mark.timeout(300)
def test_three_guests_under_xdist(suite: Project, kernel: Kernel) -> None:
    """One run with two workers has each test with a lab on three kernels that are not this machine's."""
    names = [kernel(version) for version in ("6.1", "6.12", "7.3")]
    ran = suite.pytest(*(word for name in names for word in ("--netlab-kernel", name)), "-n", "2", "-p", "xdist", "-q")
    assert ran.returncode == 0, ran.output
    releases = {test.partition("::")[2]: seen.get("release") for test, seen in ran.properties.items()}
    assert {name: releases[f"test_pair[{name}]"] for name in names} == {
        name: choose(name).facts.release for name in names
    }


@pytest.mark.timeout(300)
def test_two_kernels_under_xdist(suite: Project, kernel: Kernel) -> None:
    """Each test with a lab runs on this machine's kernel and on 6.12, the marked one only where it says, and both
    kernels are told in the JUnit report; so with two workers, too."""
    name = kernel("6.12")
    options = ("--netlab-kernel", "own", "--netlab-kernel", name, "--netlab-report", "reports")
    for more in ((), ("-n", "2", "-p", "xdist")):
        ran = suite.pytest(*options, *more, "-q")
        assert ran.returncode == 0, ran.output
        releases = {test.partition("::")[2]: seen.get("release") for test, seen in ran.properties.items()}
        here, there = os.uname().release, choose(name).facts.release
        assert releases["test_pair[own]"] == releases["test_here[own]"] == here
        assert releases[f"test_pair[{name}]"] == there
        assert "test_without_a_lab" in "".join(ran.tests)
        assert {value for key, value in ran.suite if key == "netlab.kernel"} == {here, there}
        steps = {test for test in ran.tests if "two.yaml" in test}
        assert any(f"baseline[{name}]" in test for test in steps), steps
        assert {one.name for one in (suite.root / "reports").glob("two-*")} == {f"two-{here}", f"two-{there}"}


def test_unknown_kernel(suite: Project) -> None:
    """A kernel that isn't there skips the tests with what builds it; where labs are required, they fail."""
    ran = suite.pytest("--netlab-kernel", "4.2", "-rs", "-k", "test_pair")
    assert ran.count("skipped") == 1, ran.output
    assert "netlab kernel build 4.2" in ran.output
    ran = suite.pytest("--netlab-kernel", "4.2", "-o", "netlab_required=true", "-k", "test_pair")
    assert ran.count("error") == 1, ran.output
