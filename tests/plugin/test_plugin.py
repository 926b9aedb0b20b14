"""The plugin in other people's projects: markers, scopes, deaths, what is kept of a failure, and its cost to others."""

from __future__ import annotations

import json

import pytest

from tests.plugin.project import TWO_HOSTS, Project

CONFTEST = f"TWO_HOSTS = '''{TWO_HOSTS}'''\n"


def test_every_way_to_give_a_topology(project: Project) -> None:
    """A built topology, text, a file beside the test, one of topologies/, and one that ships with netlab."""
    project.write("sub/beside.yaml", TWO_HOSTS)
    project.write("topologies/shared.yaml", TWO_HOSTS)
    project.write(
        "sub/test_ways.py",
        f"""\
        import netlab
        import pytest

        built = netlab.Topology().switch("lan").host("A").interface("e", switch="lan", addresses="10.0.0.1/24")

        @pytest.mark.topology(built)
        def test_built(lab):
            assert lab["A"].ip == "10.0.0.1"

        @pytest.mark.topology({TWO_HOSTS!r})
        def test_text(lab):
            lab.must_reach("A", "B")

        @pytest.mark.parametrize("name", [
            pytest.param(name, marks=pytest.mark.topology(name))
            for name in ("beside.yaml", "shared.yaml", "bridge-two-node.yaml")
        ])
        def test_names(lab, name):
            lab.must_reach("A", "B")

        @pytest.mark.topology("bridge-two-node")
        class TestClass:
            def test_one(self, lab):
                assert lab["A"].interface("ens160.1").up
        """,
    )
    ran = project.pytest("-q", "sub", "--strict-markers")
    assert ran.count("passed") == len(ran.tests) == 6, ran.output


def test_mistakes(project: Project) -> None:
    """No marker, no such file, a faulty topology: each error is a line or two, with the place, and no traceback."""
    project.write(
        "test_mistakes.py",
        """\
        import netlab
        import pytest

        def test_no_marker(lab):
            pass

        @pytest.mark.topology("bridge-two-nodes.yaml")
        def test_no_file(lab):
            pass

        @pytest.mark.topology(netlab.Topology().host("A").interface("e", swich="lan"))
        def test_faulty(lab):
            pass
        """,
    )
    ran = project.pytest("-q")
    assert ran.count("error") == 3
    assert 'needs the test to have @pytest.mark.topology("file.yaml")' in ran.output
    assert ran.output.count("did you mean 'bridge-two-node'") == 1
    assert "test_mistakes.py:11:1: unknown key 'swich'; did you mean 'switch'?" in ran.output
    assert "netlab/testing" not in ran.output


def test_other_scopes(project: Project) -> None:
    """lab_factory serves fixtures of any scope: one lab for a module, another beside it for a test."""
    project.write("topologies/two.yaml", TWO_HOSTS)
    project.write(
        "test_scopes.py",
        """\
        import pytest

        @pytest.fixture(scope="module")
        def shared(lab_factory):
            with lab_factory("two.yaml") as lab:
                lab["A"].interface("eth0").set(mtu=1300)
                yield lab

        def test_one(shared):
            assert "mtu 1300" in shared["A"].run("ip", "link", "show", "dev", "eth0").stdout

        @pytest.mark.topology("two.yaml")
        def test_two(shared, lab):
            assert "mtu 1300" in shared["A"].run("ip", "link", "show", "dev", "eth0").stdout
            assert "mtu 1500" in lab["A"].run("ip", "link", "show", "dev", "eth0").stdout

        def test_left_open(lab_factory):
            lab_factory("two.yaml").must_reach("A", "B")
        """,
    )
    ran = project.pytest("-q", "test_scopes.py")
    assert ran.count("passed") == 3, ran.output


def test_what_is_kept_of_a_failure(project: Project) -> None:
    """A failed test leaves its lab's topology, record, state and captures; a passed one nothing."""
    project.write(
        "test_fails.py",
        f"""\
        import pytest

        @pytest.mark.topology({TWO_HOSTS!r})
        def test_fails(lab):
            with lab.capture("A:eth0"):
                lab["A"].run("ping", "-c1", lab["B"].ip)
            lab["B"].interface("eth0").set(state="down")
            lab.must_reach("A", "B")

        @pytest.mark.topology({TWO_HOSTS!r})
        def test_passes(lab):
            pass
        """,
    )
    ran = project.pytest("-q", "--netlab-report", "kept")
    assert (ran.count("failed"), ran.count("passed")) == (1, 1)
    [folder] = (project.root / "kept" / "failed").iterdir()
    assert folder.name == "test_fails.py-test_fails"
    kept = folder / "two"
    assert str(kept) in ran.output
    assert "steps:\n- name: B:eth0 state=down" in (kept / "topology.yaml").read_text()
    assert (kept / "A~eth0.pcapng").stat().st_size > 200
    state = json.loads((kept / "state.json").read_text())
    assert state["B"]["address"][1]["operstate"] == "DOWN"
    assert state["A"]["address"][1]["addr_info"][0]["local"] == "10.0.0.1"
    record = json.loads((kept / "two" / "run.json").read_text())
    assert record["steps"][0]["layers"]["icmp"]["observed"] == [".U", "U."]
    # The topology that was kept is a topology.
    again = project.write("topologies/again.yaml", (kept / "topology.yaml").read_text())
    assert project.pytest("-q", str(again)).returncode == 0


def test_artefacts_without_iproute2(project: Project) -> None:
    """Where there is no ip command the state says so, and topology and record are kept all the same."""
    project.write(
        "test_fails.py",
        f"""\
        import pytest

        @pytest.mark.topology({TWO_HOSTS!r})
        def test_fails(lab):
            lab.must_not_reach("A", "B")
        """,
    )
    ran = project.pytest("-q", "--netlab-report", "kept", env={"PATH": str(project.root)})
    assert ran.count("failed") == 1
    kept = project.root / "kept" / "failed" / "test_fails.py-test_fails" / "two"
    assert json.loads((kept / "state.json").read_text())["A"]["address"] == "ip: No such file or directory"
    assert (kept / "topology.yaml").exists()
    assert list(kept.rglob("run.json"))


def test_the_default_folder(project: Project) -> None:
    """Without --netlab-report what is kept lies in pytest's own temporary folder, and the report says where."""
    project.write(
        "test_fails.py",
        f"""\
        import pytest

        @pytest.mark.topology({TWO_HOSTS!r})
        def test_fails(lab):
            assert False
        """,
    )
    ran = project.pytest("-q", "--basetemp", str(project.root / "base"))
    kept = project.root / "base" / "netlab" / "test_fails.py-test_fails" / "two" / "topology.yaml"
    assert kept.exists()
    assert str(kept.parent) in ran.output


def test_the_death_of_an_agent(project: Project) -> None:
    """Tests whose agent dies fail with LabDied, each at once; the next fixture starts a fresh one."""
    project.write(
        "test_death.py",
        f"""\
        import os
        import signal

        import netlab
        import pytest

        topology = pytest.mark.topology({TWO_HOSTS!r})

        @topology
        def test_dies_inside(lab):
            lab["A"].run("kill", "-9", "1", check=False)  # in its PID namespace nobody can kill PID 1
            lab.must_reach("A", "B")

        @topology
        def test_dies(lab):
            os.kill(lab.handle.agent.pid, signal.SIGKILL)
            lab["A"].run("sleep", "100")

        @topology
        def test_after(lab):
            lab.must_reach("A", "B")

        @topology
        def test_dies_in_a_popen(lab):
            process = lab["A"].popen("sleep", "100")
            os.kill(lab.handle.agent.pid, signal.SIGKILL)
            assert process.wait(60) == -9
            with pytest.raises(netlab.LabDied):
                lab["A"].socket()

        @topology
        def test_after_again(lab):
            lab.must_reach("A", "B")
        """,
    )
    ran = project.pytest("-q")
    outcomes = {name.rpartition("::")[2]: outcome for name, outcome in ran.tests.items()}
    assert outcomes.pop("test_dies") == "failed"
    assert set(outcomes.values()) == {"passed"}, ran.output
    assert "LabDied: the agent has ended unexpectedly, and its labs with it" in ran.output


def test_who_needs_no_lab_pays_nothing(project: Project) -> None:
    """A run without labs imports nothing of netlab but the plugin's own small modules."""
    project.write("topologies/notes.txt", "")
    project.write("other/conf.yaml", "a: 1\n")
    project.write(
        "test_other.py",
        """\
        import sys

        def test_imports():
            mine = sorted(name for name in sys.modules if name.partition(".")[0] in ("netlab", "yaml", "pydantic"))
            plugin = ["netlab.pytest_plugin", "netlab.pytest_plugin.junit", "netlab.pytest_plugin.session"]
            assert mine == ["netlab", *plugin]
        """,
    )
    ran = project.pytest("-q", "-p", "no:hypothesispytest")
    assert ran.returncode == 0, ran.output


def test_as_an_ordinary_user(open_project: Project) -> None:
    """The same tests pass for a user without any privilege."""
    open_project.write("topologies/two.yaml", TWO_HOSTS)
    open_project.write(
        "test_mine.py",
        """\
        import os
        import pytest

        @pytest.mark.topology("two.yaml")
        def test_lab(lab, tmp_path):
            assert os.getuid() != 0
            lab.must_reach("A", "B", ["icmp", "tcp"])
            with lab.capture(path=tmp_path / "x.pcapng") as capture:
                lab["A"].run("ping", "-c1", lab["B"].ip)
            assert any(frame.ethertype == 0x0800 for frame in capture.frames)
            lab["A"].interface("eth0").set(state="down")
            lab.must_not_reach("A", "B")
        """,
    )
    ran = open_project.pytest("-q", "--basetemp", str(open_project.root / "base"), prefix=open_project.ordinary())
    assert ran.count("passed") == len(ran.tests) == 11, ran.output


def test_no_report_is_written_through_a_link(project: Project) -> None:
    """Below --netlab-report a link is refused with its name, the session fails, and its target is as it was."""
    precious = project.write("precious", "mine")
    project.write("topologies/two.yaml", TWO_HOSTS)
    project.write(
        "test_fails.py",
        f"""\
        import pytest

        @pytest.mark.topology({TWO_HOSTS!r})
        def test_fails(lab):
            assert False
        """,
    )
    for place in ("kept/two/run.json", "kept/failed/test_fails.py-test_fails/two/topology.yaml"):
        link = project.root / place
        link.parent.mkdir(parents=True)
        link.symlink_to(precious)
    ran = project.pytest("-q", "--netlab-report", "kept")
    assert ran.output.count("a symbolic link: netlab writes through none") == 2, ran.output
    assert precious.read_text() == "mine"
    assert "INTERNALERROR" not in ran.output
    assert project.pytest("-q", "topologies", "--netlab-report", "kept").returncode == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_folder_of_reports_that_cannot_be_made(project: Project, workers: str) -> None:
    """A file in the place of --netlab-report is an error of the command line, told before any test has run."""
    project.write("topologies/two.yaml", TWO_HOSTS)
    project.write("kept", "mine")
    ran = project.pytest("-q", "-n", workers, "--netlab-report", "kept")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR, ran.output
    assert f"--netlab-report: {project.root / 'kept'}: this folder can't be made" in ran.output
    assert not ran.tests
