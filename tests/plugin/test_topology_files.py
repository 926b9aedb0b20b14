"""Topology files as tests."""

from __future__ import annotations

import json
import os
import sys
import xml.etree.ElementTree as ET

import pytest

from netlab import BuildError, LabDied
from netlab.client import Exhausted
from netlab.pytest_plugin.keeper import skip_or_raise
from tests.plugin.project import TWO_HOSTS, Project
from tests.report.test_junit import check_shape

STEPS = """\
steps:
  - name: cut
    set: {A:eth0: {state: down}}
    expect:
      - A -> B: unreachable
      - A:eth0: {state: down}
"""


def test_an_item_for_each_step_and_layer(project: Project) -> None:
    """Each layer that applies is an item of each step, and what is read back has one of its own."""
    project.write("topologies/two.yaml", TWO_HOSTS + STEPS)
    listed = project.pytest("--collect-only", "-q").output.split("\n\n")[0].splitlines()
    layers = [
        *("host:icmp", "host:tcp", "host:udp"),
        *("broadcast", "unicast", "arp", "icmp", "icmp-static", "tcp", "udp"),
    ]
    assert listed == [
        *(f"topologies/two.yaml::baseline::{layer}" for layer in layers),
        *(f"topologies/two.yaml::cut::{layer}" for layer in ("links", *layers)),
    ]
    ran = project.pytest("-q")
    assert ran.returncode == 0
    assert ran.count("passed") == 21


def test_one_item_is_run_by_its_id(project: Project) -> None:
    """An item of a later step can be run by itself, and goes through the steps before it."""
    project.write("topologies/two.yaml", TWO_HOSTS + STEPS)
    ran = project.pytest("-q", "topologies/two.yaml::cut::icmp")
    assert list(ran.tests.values()) == ["passed"]


def test_a_failure_shows_the_report(project: Project) -> None:
    """What fails shows the entry, its line, the matrix and the kernel's rule, and no traceback of ours."""
    project.write(
        "topologies/wrong.yaml",
        """\
        switches: {lan: {}}
        hosts:
          A:
            interfaces:
              eth0: {switch: lan, addresses: [10.0.0.1/24]}
              mv0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.3/24]}
          B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
        expect:
          - A:eth0 -> A:mv0: reachable
        """,
    )
    ran = project.pytest("-q")
    assert ran.count("failed") == 1
    assert ran.tests["topologies.wrong.yaml.baseline::icmp"] == "failed"
    for part in ("✗ A:eth0 -> A:mv0: reachable", "wrong.yaml:9:5", "macvlan/parent-tx-skips-children", "1 A:eth0"):
        assert part in ran.output, ran.output
    assert "Traceback" not in ran.output
    assert "bench.py" not in ran.output


def test_a_faulty_file_is_an_error_with_its_place(project: Project) -> None:
    """A file that can't be read is an error of collection that names line and column, and what would be right."""
    project.write("topologies/bad.yaml", TWO_HOSTS + "expct: []\n")
    ran = project.pytest("-q")
    assert ran.returncode == 2
    assert "topologies/bad.yaml:6:1: unknown key 'expct'; did you mean 'expect'?" in ran.output
    assert "Traceback" not in ran.output


def test_other_yaml_is_left_alone(project: Project) -> None:
    """Only files of netlab_topologies are collected: other YAML, whatever it holds, is not even read."""
    project.write("other.yaml", TWO_HOSTS)
    project.write("deploy/topologies/pods.yaml", "kind: Pod\n")
    project.write("topologies/two.yaml", TWO_HOSTS)
    project.write("labs/mine.netlab.yml", TWO_HOSTS)
    default = project.pytest("--collect-only", "-q").output
    assert "topologies/two.yaml::baseline::icmp" in default
    assert "other.yaml" not in default
    assert "pods.yaml" not in default
    project.write("pytest.ini", "[pytest]\nnetlab_topologies = labs/*.netlab.yml\n")
    named = project.pytest("--collect-only", "-q").output
    assert "labs/mine.netlab.yml::baseline::icmp" in named
    assert "two.yaml" not in named


def test_a_file_that_is_named(project: Project) -> None:
    """A topology file that the command line names is tested, wherever it is; what isn't one is left alone."""
    project.write("labs/two.yaml", TWO_HOSTS)
    project.write("labs/pods.yaml", "kind: Pod\n")
    assert "labs/two.yaml::baseline::icmp" in project.pytest("--collect-only", "-q", "labs/two.yaml").output
    ran = project.pytest("-q", "-n", "2", "labs/two.yaml::baseline::icmp")
    assert list(ran.tests.values()) == ["passed"]
    assert "pods.yaml::" not in project.pytest("--collect-only", "-q", "labs/pods.yaml").output
    project.write("pytest.ini", "[pytest]\nnetlab_topologies = more/*.yaml\n")
    assert "labs/two.yaml::baseline::icmp" in project.pytest("--collect-only", "-q", "labs/two.yaml").output


def test_layers_and_properties(project: Project) -> None:
    """--netlab-layers leaves the other layers out; JUnit's properties name topology, kernel, substrate and seed."""
    project.write("topologies/two.yaml", TWO_HOSTS)
    ran = project.pytest("-q", "--netlab-layers", "icmp,arp", "--netlab-seed", "5")
    assert set(ran.tests) == {"topologies.two.yaml.baseline::arp", "topologies.two.yaml.baseline::icmp"}
    assert ran.suite == {
        ("netlab.topology", "two"),
        ("netlab.seed", "5"),
        ("netlab.kernel", os.uname().release),
        ("netlab.substrate", "netns"),
    }
    check_shape(ET.parse(project.root / "junit.xml").getroot())
    shared = project.pytest("-q", "--netlab-layers", "icmp,arp", "--netlab-seed", "5", "-n", "2")
    assert shared.suite == ran.suite


def test_reports_are_whole(project: Project) -> None:
    """--netlab-report writes one record for each topology with every step and layer, from whatever worker."""
    project.write("topologies/two.yaml", TWO_HOSTS + STEPS)
    for where, args in (("alone", ()), ("shared", ("-n", "3"))):
        ran = project.pytest("-q", "--netlab-report", where, *args)
        assert ran.returncode == 0, ran.output
        record = json.loads((project.root / where / "two" / "run.json").read_text())
        assert [step["name"] for step in record["steps"]] == ["baseline", "cut"]
        assert all(len(step["layers"]) == 10 for step in record["steps"])
        assert record["summary"]["verdict"] == "pass"
        # Each host asks for both addresses, its own too; each interface for the other.
        assert record["summary"]["pass"] == 2 * (2 * 2 * 3 + 2 * 7) + 1


def test_a_machine_that_cannot_skips_with_the_reason(project: Project) -> None:
    """Where no network namespaces are to be had the items and the labs skip, and say what fixes it."""
    project.write("topologies/two.yaml", TWO_HOSTS)
    project.write(
        "test_mine.py",
        """\
        import pytest

        @pytest.mark.topology("two.yaml")
        def test_lab(lab):
            assert False
        """,
    )
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-sys_admin "$@"'
    ran = project.pytest("-q", "-rs", prefix=("unshare", "--user", "--map-root-user", "sh", "-c", refuse, "sh"))
    assert ran.returncode == 0, ran.output
    assert ran.count("skipped") == 11
    assert "user.max_user_namespaces=0 keeps this user from making network namespaces" in ran.output
    assert "sudo sysctl -w user.max_user_namespaces=15000" in ran.output
    needed = ("-q", "-o", "netlab_required=true")
    ran = project.pytest(*needed, prefix=("unshare", "--user", "--map-root-user", "sh", "-c", refuse, "sh"))
    assert ran.returncode == 1, ran.output
    assert (ran.count("failed"), ran.count("error"), ran.count("skipped")) == (10, 1, 0)
    assert ran.output.count("sudo sysctl -w user.max_user_namespaces=15000") >= 11


def test_too_few_descriptors_are_an_error(project: Project) -> None:
    """A machine that could run labs, but has no descriptor left for an agent, is an error that says what fixes it."""
    project.write(
        "test_mine.py",
        f"""\
        import os
        import resource

        import pytest

        @pytest.fixture
        def few():
            lowest = os.dup(0)
            os.close(lowest)
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, limits[1]))
            yield
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

        @pytest.mark.topology({TWO_HOSTS!r})
        def test_lab(few, lab):
            pass
        """,
    )
    ran = project.pytest("-q")
    assert ran.returncode == 1, ran.output
    assert ran.count("error") == 1
    assert "Exhausted: the agent cannot be started: Too many open files" in ran.output
    assert "ulimit -n" in ran.output


def test_what_skips_and_what_does_not(pytestconfig: pytest.Config) -> None:
    """A link kind that the kernel lacks skips; what it refuses or has no room for, and an agent's death, do not."""
    lacking = BuildError(
        "Unknown device type", errno="EOPNOTSUPP", command="", interface="A:e", where=None, hint="modprobe", exit_code=3
    )
    with pytest.raises(pytest.skip.Exception, match=r"A:e: Unknown device type \(EOPNOTSUPP\); modprobe"):
        skip_or_raise(lacking, pytestconfig)
    for error in (
        BuildError("no", errno="EINVAL", command="", interface="A:e", where=None, hint=""),
        BuildError("no", errno="EMFILE", command="", interface="A:e", where=None, hint="ulimit -n", exit_code=3),
        Exhausted("no process is left"),
        LabDied("the agent has ended"),
    ):
        with pytest.raises(type(error)):
            skip_or_raise(error, pytestconfig)


def test_measurements_have_items(project: Project) -> None:
    """Each kind of a step's measurements is an item of its own, judged by its bounds; no other item measures."""
    measured = TWO_HOSTS + "throughput:\n  - {pairs: [A -> B], bytes: 10M, is: MIN}\n"
    project.write("topologies/right.yaml", measured.replace("MIN", "at least 1 Mbit/s"))
    project.write("topologies/wrong.yaml", measured.replace("MIN", "at least 900 Gbit/s"))
    ran = project.pytest("-q", "--netlab-layers", "icmp,throughput")
    assert ran.tests == {
        "topologies.right.yaml.baseline::icmp": "passed",
        "topologies.right.yaml.baseline::throughput": "passed",
        "topologies.wrong.yaml.baseline::icmp": "passed",
        "topologies.wrong.yaml.baseline::throughput": "failed",
    }, ran.output
    assert "900 Gbit/s" in ran.output
    assert "Traceback" not in ran.output


MEASURED = """\
claims:
  - {number: 1, says: A round trip takes no longer one way than a hundred times the other., compare: [both ways]}
throughput:
  - {pairs: [A -> B, B -> A], bytes: 10M}
latency:
  - {pairs: [A -> B], count: 10}
compare:
  - name: both ways
    faster: {metric: latency, pair: A -> B, count: 10}
    than: {metric: latency, pair: B -> A, count: 10}
    by: "> 0.01x"
    repetitions: 8
"""


@pytest.mark.parametrize("args", [(), ("-n", "3")], ids=["alone", "shared"])
def test_reports_have_the_measurements(project: Project, args: tuple[str, ...]) -> None:
    """A report has what the items of its file have measured, claims that rest on it included."""
    project.write("topologies/two.yaml", TWO_HOSTS + MEASURED)
    ran = project.pytest("-q", "--netlab-report", "here", *args)
    assert ran.returncode == 0, ran.output
    record = json.loads((project.root / "here" / "two" / "run.json").read_text())
    assert [(one["src"], one["dst"]) for one in record["throughput"]] == [("A:eth0", "B:eth0"), ("B:eth0", "A:eth0")]
    assert [one["verdict"] for kind in ("throughput", "latency", "compare") for one in record[kind]] == ["P"] * 4
    assert [claim["verdict"] for claim in record["claims"]] == ["confirmed"]


def test_reports_have_nothing_of_measurements_that_were_left_out(project: Project) -> None:
    """A report of chosen layers has the measurements that were among them, and no others."""
    project.write("topologies/two.yaml", TWO_HOSTS + MEASURED)
    project.pytest("-q", "--netlab-report", "some", "--netlab-layers", "latency,arp")
    record = json.loads((project.root / "some" / "two" / "run.json").read_text())
    assert [len(record[kind]) for kind in ("throughput", "latency", "compare")] == [0, 1, 0]


def test_a_mistyped_layer(project: Project) -> None:
    """A name that is no layer ends the run at once, with what is meant."""
    ran = project.pytest("-q", "--netlab-layers", "imcp")
    assert ran.returncode == 4
    assert "--netlab-layers: no layer 'imcp' (did you mean 'icmp'?); there are" in ran.output


def test_a_measurement_without_iperf3_is_skipped(project: Project) -> None:
    """Where the binary is missing the measurement's item skips with the reason, the others pass; required, it fails."""
    project.write("topologies/two.yaml", TWO_HOSTS + "throughput:\n  - A -> B: {engine: iperf3}\n")
    env = {"PATH": os.path.dirname(sys.executable)}
    ran = project.pytest("-q", "-rs", env=env)
    assert (ran.returncode, ran.count("skipped"), ran.count("failed")) == (0, 1, 0), ran.output
    assert "iperf3 is not installed" in ran.output
    assert "sudo apt-get install iperf3" in ran.output
    ran = project.pytest("-q", "-o", "netlab_required=true", "-k", "throughput", env=env)
    assert (ran.returncode, ran.count("failed")) == (1, 1), ran.output
