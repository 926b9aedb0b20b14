"""Measuring with programs that lie at unusual places."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import netlab
from tests.measure.conftest import topology

pytestmark = pytest.mark.xdist_group("measure")


@pytest.mark.parametrize("engine", ["sockets", "iperf3"])
def test_python_below_tmp(tmp_path: Path, engine: str) -> None:
    """With a Python in a virtual environment below /tmp everything is measured all the same."""
    if not tmp_path.is_relative_to("/tmp"):
        pytest.skip(f"temporary files are in {tmp_path} here, not below /tmp")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python3*/site-packages")
    where = [sysconfig.get_path("purelib"), str(Path(netlab.__file__).parents[1])]
    (packages / "borrowed.pth").write_text("\n".join(where))
    more = f"throughput: [A -> B: {{bytes: 1M, engine: {engine}}}]\nlatency: [A -> B: {{count: 10}}]\n"
    (tmp_path / "t.yaml").write_text(topology(more))
    command = [venv / "bin/python", "-m", "netlab", "run", tmp_path / "t.yaml", "--layers", "tcp", "--no-report"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Gbit/s" in done.stdout or "Mbit/s" in done.stdout
    assert "p99" in done.stdout
