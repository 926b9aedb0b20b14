"""docs/topology.md, the reference of the topology file: current, and every file on it runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab import plan
from netlab.client import BuildError
from netlab.contract.types.links import INTERFACES
from tests.agent.test_dummy import kernel_has_it
from tests.topologies.shipped import ROOT

PAGE = ROOT / "docs" / "topology.md"
#: The files on the page.
FILES = re.findall(r"```yaml\n(name: ([\w-]+)\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_the_reference_is_current() -> None:
    """docs/topology.md is what the schema says (`python tools/topologydoc.py` writes it), with no key left out."""
    done = subprocess.run([sys.executable, ROOT / "tools/topologydoc.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or "run python tools/topologydoc.py"


@pytest.mark.parametrize("text", [text for text, _ in FILES], ids=[name for _, name in FILES])
def test_a_file_of_the_reference_runs(text: str, tmp_path: Path, examine: Callable[..., dict[str, Any]]) -> None:
    """Each file has no doubtful place, and its run is as expected."""
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    if "via: ip" in text and shutil.which("ip") is None:
        pytest.skip("ip is not here: apt-get install iproute2")
    assert plan.from_file(path).warnings == ()
    for kind in INTERFACES:
        if f"type: {kind}" in text and not kernel_has_it(kind):
            pytest.skip(f"this kernel lacks the link kind {kind} (sudo modprobe {kind})")
    try:
        seen = examine(path)
    except BuildError as error:
        # Nothing else of the reference may be refused here.
        if "netem:" in text and error.exit_code == 3:
            pytest.skip(str(error))
        raise
    assert [finding for finding in seen["findings"] if finding["verdict"] in ("F", "?")] == []
    assert seen["summary"]["fail"] == seen["summary"]["inconclusive"] == 0
    assert seen["summary"]["pass"] > 0
