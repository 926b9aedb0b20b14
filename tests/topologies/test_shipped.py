"""Every topology that ships, on the real kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab import plan
from tests.topologies.shipped import FILES, MESH, NEEDS, SMALL

Record = dict[str, Any]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_resolves_without_a_warning(path: Path) -> None:
    """Each file loads and resolves, is named like its file, and nothing in it is doubtful."""
    resolved = plan.from_file(path)
    assert resolved.name == path.stem
    assert resolved.warnings == ()
    assert resolved.description


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_topology_passes(path: Path, record: Callable[[Path], Record]) -> None:
    """Each run ends with exit code 0: every entry holds, and the model predicts every cell, and rightly."""
    seen = record(path)
    failed = [
        f"{step['name']}: {entry['text']}: {entry['verdict']} {entry['detail']}"
        for step in seen["steps"]
        for entry in step["expectations"]
        if entry["verdict"] != "P"
    ]
    assert failed == []
    assert [finding for finding in seen["findings"] if finding["verdict"] in ("F", "?")] == []
    assert seen["summary"]["exit_code"] == 0
    assert seen["summary"]["pass"] > 0
    assert seen["summary"]["skip"] == 0


@pytest.mark.parametrize("name", ["router", "two-switches", "ipv6-only"])
def test_a_common_network_ships(name: str) -> None:
    """Networks that people often have ship beside the article's: each expects something in every step."""
    [path] = [path for path in FILES if path.stem == name]
    steps = plan.from_file(path).steps
    assert len(steps) > 1
    assert all(step.expect for step in steps)


def test_the_mesh_is_whole(record: Callable[[Path], Record]) -> None:
    """A hundred machines make 9,900 ordered pairs, and each of them is seen to be reached."""
    [mesh] = [path for path in FILES if path.stem == MESH]
    [step] = record(mesh)["steps"]
    rows = step["layers"]["icmp"]["observed"]
    assert len(rows) == 100
    assert sum(row.count("R") for row in rows) == 9900


def test_the_command_runs_them_all(tmp_path: Path) -> None:
    """One `netlab run` of all the small ones, by name and from another folder, exits 0, with no trace."""
    names = [path.stem for path in SMALL if not NEEDS.get(path.stem)]
    done = subprocess.run(
        [Path(sys.executable).with_name("netlab"), "run", "--no-report", "--no-measure", "--json", "-", *names],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    records = json.loads(done.stdout)
    assert [one["topology"]["name"] for one in records] == names
    assert list(tmp_path.iterdir()) == []
