"""`netlab report`, `graph`, `diff`, and what `run` writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab.report.save import as_json

Record = dict[str, Any]
Done = subprocess.CompletedProcess[str]

#: The command that was installed beside this Python.
NETLAB = str(Path(sys.executable).with_name("netlab"))


@pytest.fixture
def netlab(tmp_path: Path) -> Callable[..., Done]:
    """Run the command in a folder of its own; ``env`` adds to the environment."""

    def run(*argv: str, env: dict[str, str] | None = None) -> Done:
        clean = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
        return subprocess.run(
            [NETLAB, *argv],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**clean, **(env or {})},
            check=False,
        )

    return run


@pytest.fixture
def old(tmp_path: Path, record: Callable[..., Record]) -> Path:
    """A folder with a record, and nothing rendered from it."""
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "run.json").write_text(as_json(record("vepa-hairpin")), "utf-8")
    return folder


# --- run --------------------------------------------------------------------------------------------


def test_a_run_writes_every_report(netlab: Callable[..., Done], tmp_path: Path) -> None:
    """Record, page and summary in the topology's folder, the index above."""
    assert netlab("run", "bridge-two-node.yaml", "-q").returncode == 0
    assert sorted(path.name for path in (tmp_path / "reports" / "bridge-two-node").iterdir()) == [
        "report.html",
        "run.json",
        "summary.md",
    ]
    assert "bridge-two-node/report.html" in (tmp_path / "reports" / "index.html").read_text("utf-8")


def test_several_runs_are_in_one_index(netlab: Callable[..., Done], tmp_path: Path) -> None:
    """A later run joins the earlier ones."""
    assert netlab("run", "bridge-two-node.yaml", "vepa-hairpin.yaml").returncode == 0
    assert netlab("run", "passthru-one-child.yaml").returncode == 0
    text = (tmp_path / "reports" / "index.html").read_text("utf-8")
    assert all(name in text for name in ("bridge-two-node", "vepa-hairpin", "passthru-one-child"))


def test_a_ci_job_gets_its_summary(netlab: Callable[..., Done], tmp_path: Path) -> None:
    """Where GITHUB_STEP_SUMMARY names a file the Markdown is added to it."""
    summary = tmp_path / "summary"
    summary.write_text("before\n", "utf-8")
    assert netlab("run", "bridge-two-node.yaml", env={"GITHUB_STEP_SUMMARY": str(summary)}).returncode == 0
    text = summary.read_text("utf-8")
    assert text.startswith("before\n## bridge-two-node: ✅ all as expected\n")


def test_a_summary_that_cannot_be_written_is_said(netlab: Callable[..., Done], tmp_path: Path) -> None:
    """A summary file in a folder that isn't there is an error with a name, not a lost summary."""
    done = netlab("run", "bridge-two-node.yaml", env={"GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "file")})
    assert done.returncode == 2
    assert f"{tmp_path / 'no' / 'file'}: can't be written: No such file or directory" in done.stderr


# --- report -----------------------------------------------------------------------------------------


def test_an_old_record_is_rendered_beside_itself(netlab: Callable[..., Done], old: Path) -> None:
    """A folder or its run.json: the page and the summary appear beside the record."""
    done = netlab("report", "old")
    assert done.stdout.splitlines() == ["old/report.html", "old/summary.md"]
    first = (old / "report.html").read_text("utf-8")
    assert "<h1>vepa-hairpin</h1>" in first
    assert netlab("report", "old/run.json").returncode == 0
    assert (old / "report.html").read_text("utf-8") == first


@pytest.mark.parametrize(
    ("form", "start"),
    [("html", "<!doctype html>"), ("markdown", "## vepa-hairpin: ✅"), ("text", "vepa-hairpin\n")],
)
def test_one_form_on_stdout(netlab: Callable[..., Done], old: Path, form: str, start: str) -> None:
    """One format goes to stdout where that is asked for, and nothing is written."""
    done = netlab("report", "old", "--format", form, "--output", "-")
    assert done.stdout.startswith(start)
    assert [path.name for path in old.iterdir()] == ["run.json"]


def test_one_form_into_a_file(netlab: Callable[..., Done], old: Path, tmp_path: Path) -> None:
    """One format goes into the file that is named."""
    assert netlab("report", "old", "-f", "html", "-o", "page.html").returncode == 0
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_list_of_records_gets_folders(
    netlab: Callable[..., Done], tmp_path: Path, record: Callable[..., Record]
) -> None:
    """What `run --json` wrote for several files becomes a folder for each."""
    records = [record("vepa-hairpin"), record("bridge-two-node")]
    (tmp_path / "all.json").write_text(json.dumps(records), "utf-8")
    assert netlab("report", "all.json", "-o", "out").returncode == 0
    assert sorted(path.parent.name for path in (tmp_path / "out").glob("*/report.html")) == [
        "bridge-two-node",
        "vepa-hairpin",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("{}", "not a record of a run that this netlab can read (no schema)"),
        ('{"schema": "netlab.run/99"}', "not a record of a run that this netlab can read (netlab.run/99)"),
        ("[]", "no record in it"),
        ("[1]", "not a record"),
    ],
)
def test_what_is_no_record_is_refused(netlab: Callable[..., Done], tmp_path: Path, content: str, words: str) -> None:
    """Something else than a record is an error with the file's name, exit code 2."""
    (tmp_path / "x.json").write_text(content, "utf-8")
    for argv in (["report", "x.json"], ["diff", "x.json", "x.json"]):
        done = netlab(*argv)
        assert done.returncode == 2
        assert done.stderr.startswith("netlab: x.json: ")
        assert words in done.stderr
    assert netlab("report", "nowhere").stderr == "netlab: nowhere: can't be read: No such file or directory\n"


# --- graph ------------------------------------------------------------------------------------------


def test_a_topology_is_drawn_without_a_run(netlab: Callable[..., Done], tmp_path: Path) -> None:
    """SVG by default, else by the output's name or as asked."""
    assert ET.fromstring(netlab("graph", "vepa-hairpin").stdout).tag == "{http://www.w3.org/2000/svg}svg"
    assert netlab("graph", "vepa-hairpin", "-f", "mermaid").stdout.startswith("flowchart LR\n")
    assert netlab("graph", "vepa-hairpin", "-o", "lab.dot").returncode == 0
    assert (tmp_path / "lab.dot").read_text("utf-8").startswith('graph "vepa-hairpin" {\n')
    assert ">hairpin</text>" in netlab("graph", "vepa-hairpin", "--step", "hairpin-on").stdout
    assert netlab("graph", "vepa-hairpin", "--step", "nosuch").returncode == 2


# --- diff -------------------------------------------------------------------------------------------


def test_the_exit_code_of_a_comparison(netlab: Callable[..., Done], old: Path, tmp_path: Path) -> None:
    """0 where at most reasons differ, 1 where a verdict or an outcome does, 2 where nothing compares."""
    assert netlab("diff", "old", "old/run.json").returncode == 0
    other = json.loads((old / "run.json").read_text("utf-8"))
    other["steps"][0]["layers"]["icmp"]["observed"][3] = "RRU."
    (tmp_path / "other.json").write_text(json.dumps(other), "utf-8")
    done = netlab("diff", "old", "other.json")
    assert done.returncode == 1
    assert "B:eth0 → A/db:eth0" in done.stdout
    other["steps"] = []
    (tmp_path / "other.json").write_text(json.dumps(other), "utf-8")
    assert netlab("diff", "old", "other.json").returncode == 2


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.html", "<!doctype html>"), ("a.md", "## vepa-hairpin"), ("a.txt", "vepa-hairpin\n")],
)
def test_a_comparison_into_a_file(
    netlab: Callable[..., Done], old: Path, tmp_path: Path, name: str, start: str
) -> None:
    """The output's name says the form."""
    assert netlab("diff", "old", "old", "-o", name).returncode == 0
    assert (tmp_path / name).read_text("utf-8").startswith(start)
