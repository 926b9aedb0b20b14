"""YAML files of other programs in a folder that is called topologies, and what is recognised as netlab's."""

from __future__ import annotations

import pytest

from tests.plugin.project import TWO_HOSTS, Project

CONTAINERLAB = """\
name: srl
topology:
  nodes:
    srl1: {kind: nokia_srlinux, image: ghcr.io/nokia/srlinux}
  links:
    - endpoints: ["srl1:e1-1", "srl2:e1-1"]
"""
FOREIGN = {
    "clab": CONTAINERLAB,
    "hosts-too": CONTAINERLAB + "hosts: {}\n",
    "ipspace": "nodes: [r1, r2]\nlinks: [r1-r2]\n",
    "playbook": "- hosts: all\n  tasks: []\n",
    "inventory": "all:\n  hosts:\n    one:\n",
    "prose": "description: |\n  hosts: and switches: are in a text\n",
    "empty": "",
    "broken": "a: [\n\t}",
    "nested": "{topology: {hosts: {}}}",
}
MINE = """\
def test_mine():
    assert True
"""


def test_files_of_other_programs_are_left_alone(project: Project) -> None:
    """None of them is collected, nothing is said of them, and the project's own tests pass."""
    for name, text in FOREIGN.items():
        project.write(f"topologies/{name}.yaml", text)
    (project.root / "topologies" / "binary.yml").write_bytes(bytes(range(256)))
    project.write("test_mine.py", MINE)
    ran = project.pytest("-q", "-o", "python_files=test_*.py", "-W", "error")
    assert ran.returncode == 0, ran.output
    assert list(ran.tests.values()) == ["passed"]
    assert "topologies" not in ran.output


@pytest.mark.parametrize(
    "text",
    [
        TWO_HOSTS.replace("switch: lan", "swich: lan"),
        TWO_HOSTS.replace("hosts:", "hots:"),
        TWO_HOSTS + "nodes: [\n",
        "%YAML 1.2\n---\n" + TWO_HOSTS + "extra: {}\n",
        "'hosts': {A: {}}\nx: 1\n",
        '{"hosts": {"A": {"interfaces": 1}}}',
        "hosts:\r\n  A: 1\r\n",
    ],
)
def test_a_faulty_file_of_netlab_is_told(project: Project, text: str) -> None:
    """What has ``hosts:`` or ``switches:`` at its top is netlab's: its faults are told, with the line."""
    (project.root / "topologies").mkdir()
    (project.root / "topologies" / "mine.yaml").write_text(text)
    ran = project.pytest("-q")
    assert ran.returncode != 0
    assert "topologies/mine.yaml:" in ran.output


def test_a_pattern_of_ones_own_takes_everything(project: Project) -> None:
    """Where the project names its topology files, each of them is one, and a file that is none is an error."""
    project.write("labs/clab.yaml", CONTAINERLAB)
    project.write("labs/two.yaml", TWO_HOSTS)
    ran = project.pytest("-q", "-o", "netlab_topologies=labs/*.yaml")
    assert "labs/clab.yaml:2:1: unknown key 'topology'" in ran.output
    ran = project.pytest("-q", "-o", "netlab_topologies=labs/t*.yaml", "-k", "icmp")
    assert (ran.returncode, ran.count("passed")) == (0, 3), ran.output
    ran = project.pytest("-q", "-o", "netlab_topologies=", "labs")
    assert ran.returncode == 5
