"""A newcomer's first commands: `init`, `show --yaml`, the other name, `doctor` on a foreign one, the manual page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.spec import shipped

from .conftest import NETLAB, TWO, Netlab

ROOT = Path(__file__).resolve().parents[2]
OTHER = Path(NETLAB).with_name("netns-lab")


def test_init_writes_an_example_that_passes(netlab: Netlab, tmp_path: Path) -> None:
    """`netlab init` asks nothing and writes a commented file, which is right, and whose run is as expected."""
    done = netlab("init", stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "topology.yaml is written. Next: netlab run topology.yaml\n"
    assert (tmp_path / "topology.yaml").read_text().startswith("# ")
    checked = netlab("check", "--strict", "topology.yaml")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert netlab("run", "topology.yaml", "--no-report").returncode == 0


def test_init_leaves_what_is_there(netlab: Netlab, tmp_path: Path) -> None:
    """A file that is there, or a link to nowhere, is left as it is: exit code 2, and the option that helps."""
    (tmp_path / "topology.yaml").write_text("mine")
    (tmp_path / "link.yaml").symlink_to("nowhere.yaml")
    for words in ((), ("-o", "link.yaml"), ("--from", "vepa-hairpin", "-o", "topology.yaml")):
        done = netlab("init", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is there already, and is left as it is; -o names another file" in done.stderr
    assert (tmp_path / "topology.yaml").read_text() == "mine"
    assert not (tmp_path / "nowhere.yaml").exists()
    done = netlab("init", "-o", "none/topology.yaml")
    assert done.returncode == 2
    assert "none/topology.yaml: can't be written: No such file or directory" in done.stderr


def test_init_from_a_shipped_one(netlab: Netlab, tmp_path: Path) -> None:
    """What ships is written under its own name, or where `-o` says, and as it is; a mistyped name gets a suggestion."""
    [source] = [path for path in shipped() if path.stem == "vepa-hairpin"]
    assert netlab("init", "--from", "vepa-hairpin").returncode == 0
    assert netlab("init", "--from", "vepa-hairpin", "-o", "mine.yaml").returncode == 0
    assert netlab("init", "--from", "vepa-hairpin", "-o", "-").stdout == source.read_text()
    assert (tmp_path / "vepa-hairpin.yaml").read_text() == (tmp_path / "mine.yaml").read_text() == source.read_text()
    done = netlab("init", "--from", "vepa-hairpn")
    assert done.returncode == 2
    assert "did you mean 'vepa-hairpin'" in done.stderr


def test_show_yaml(netlab: Netlab, files: Path) -> None:
    """`show --yaml` prints a file as it is, one that ships or one's own; with the plan's options it is a mistake."""
    [source] = [path for path in shipped() if path.stem == "bridge-two-node"]
    assert netlab("show", "--yaml", "bridge-two-node").stdout == source.read_text()
    assert netlab("show", "--yaml", "two.yaml").stdout == TWO
    assert netlab("show", "--yaml", "--json", "two.yaml").returncode == 2


def test_the_other_name_is_the_same_command(tmp_path: Path) -> None:
    """`netns-lab` does what `netlab` does, and calls itself by that name, in usage and in completion scripts."""
    help_ = subprocess.run([OTHER, "--help"], capture_output=True, text=True, check=True).stdout
    assert help_.startswith("Usage: netns-lab [OPTIONS] COMMAND")
    script = subprocess.run([OTHER, "completion", "bash"], capture_output=True, text=True, check=True).stdout
    assert "_netns_lab_completion netns-lab\n" in script
    environment = {**os.environ, "COMP_LINE": "netns-lab ini", "COMP_POINT": "13", "COMP_WORDS": "netns-lab ini"}
    environment["_NETLAB_COMPLETE"] = "bash_complete"
    done = subprocess.run([OTHER], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "plain,init\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#!/bin/sh\n# from netsim import cli\necho usage >&2\nexit 1\n", ", that of the package networklab"),
        ("#!/bin/sh\necho 'netlab version 26.1'\n", ""),
    ],
)
def test_doctor_names_a_foreign_netlab(netlab: Netlab, tmp_path: Path, text: str, told: str) -> None:
    """Another program that a shell starts as netlab is named, with the name that works; that is no lack."""
    foreign = tmp_path / "bin" / "netlab"
    foreign.parent.mkdir()
    foreign.write_text(text)
    foreign.chmod(0o755)
    done = netlab("doctor", "--json", env={"PATH": f"{foreign.parent}:{os.environ['PATH']}"})
    assert done.returncode == 0
    [found] = [one for one in json.loads(done.stdout) if one["name"] == "netlab"]
    assert not found["ok"]
    assert found["detail"] == f"{foreign} is another program of that name{told}"
    assert found["fix"] == "type netns-lab in its place"


def test_doctor_knows_its_own_command(netlab: Netlab) -> None:
    """Where the netlab of the PATH is this one it is right."""
    done = netlab("doctor", "--json", env={"PATH": f"{Path(NETLAB).parent}:{os.environ['PATH']}"})
    [found] = [one for one in json.loads(done.stdout) if one["name"] == "netlab"]
    assert found["ok"]
    assert found["detail"].startswith(f"{NETLAB} (netlab ")


def test_the_manual_page_is_current() -> None:
    """docs/man is what the commands' help says (`python tools/manpage.py` writes it)."""
    done = subprocess.run([sys.executable, ROOT / "tools/manpage.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or "run python tools/manpage.py"


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_the_manual_page_is_right() -> None:
    """groff has nothing to warn of, and every command has a part."""
    page = ROOT / "docs/man/netlab.1"
    done = subprocess.run(["groff", "-man", "-ww", "-Tascii", "-P-cbou", page], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("run", "check", "init", "show", "doctor", "completion"):
        assert f"   netlab {command} " in done.stdout
