"""Names that no terminal or encoding likes, records that are broken, limits, and what GitHub's runner would obey."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NoReturn

import pytest

from netlab import spec
from netlab.errors import NetlabError
from netlab.report.folder import Folder
from netlab.report.record import SCHEMA
from netlab.report.write import write_whole

from .conftest import NETLAB, TWO, Netlab

ESCAPE = "x\x1b[31m\x1b]0;title\x07"
#: As strict as a terminal's own encoding: what it can't hold is a UnicodeEncodeError.
STRICT = {"PYTHONIOENCODING": "utf-8:strict"}


# --- names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["check", "show", "run", "predict", "why"])
@pytest.mark.parametrize("text", [TWO, TWO.replace("switch: lan", "swich: lan"), None], ids=["right", "wrong", "none"])
def test_no_name_steers_a_terminal(netlab: Netlab, files: Path, command: str, text: str | None) -> None:
    """A file name's control characters are shown as escapes: of a file that is right, of one that is wrong, of none."""
    name = f"{ESCAPE}.yaml"
    if text is not None:
        (files / name).write_text(text)
    done = netlab(command, name, *(("A", "B") if command == "why" else ()))
    assert done.returncode == (0 if text == TWO else 2)
    assert not {"\x1b", "\x07"} & set(done.stdout + done.stderr)
    if text != TWO or command in ("check", "show"):
        assert "x\\x1b[31m\\x1b]0;title\\x07.yaml" in done.stdout + done.stderr


def test_no_output_steers_a_terminal(netlab: Netlab, files: Path) -> None:
    """So are those of the folders and files that a command writes to, or can't."""
    for argv in (
        ("run", "two.yaml", "-l", "icmp", "--report-dir", ESCAPE, "--pcap", f"{ESCAPE}2"),
        ("run", "two.yaml", "-l", "icmp", "--no-report", "--junit", f"{ESCAPE}/two"),
        ("run", "two.yaml", "red.yaml", "-l", "icmp", "--report-dir", ESCAPE),
        ("report", f"{ESCAPE}/two"),
        ("report", f"{ESCAPE}/three"),
        ("run", "two.yaml", "--report-dir", f"two.yaml/{ESCAPE}"),
    ):
        done = netlab(*argv)
        assert not {"\x1b", "\x07"} & set(done.stdout + done.stderr), argv
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("more", [(), ("--json", "-"), ("--junit", "-"), ("--json", "x.json")])
def test_a_file_name_that_is_not_utf_8(netlab: Netlab, files: Path, more: tuple[str, ...]) -> None:
    """A run of such a file writes and prints its reports, with the byte as an escape; on a strict terminal as well."""
    name = os.fsdecode(b"b\xffd.yaml")
    (files / name).write_text(TWO)
    done = netlab("run", name, "-l", "icmp", *more, env=STRICT)
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads((files / "reports" / "two" / "run.json").read_text("utf-8"))
    assert record["topology"]["file"] == "b\\xffd.yaml"


@pytest.mark.parametrize(
    "argv", [("check",), ("show",), ("predict",), ("predict", "--json"), ("graph",), ("run", "--report-dir", "b\udcff")]
)
def test_other_commands_and_bytes(netlab: Netlab, files: Path, argv: tuple[str, ...]) -> None:
    """So does every other command, for a folder's name too."""
    name = os.fsdecode(b"b\xffd.yaml")
    (files / name).write_text(TWO)
    done = netlab(*argv, name, env=STRICT)
    assert (done.returncode, done.stderr) == (0, "")


def test_errors_of_several_files_name_the_file(netlab: Netlab, files: Path) -> None:
    """Where one of several can't be examined the message begins with its name, and the others are examined."""
    steps = "steps: [{name: later, set: {A:eth0: {mtu: 1400}}}]\n"
    (files / "later.yaml").write_text(TWO + steps)
    done = netlab("run", "two.yaml", "later.yaml", "red.yaml", "-l", "icmp", "-s", "later")
    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["two.yaml", "red.yaml"]
    assert "later" in done.stdout


# --- records ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"schema": SCHEMA}),
        json.dumps({"schema": SCHEMA, "topology": None, "summary": []}),
        json.dumps([{"schema": SCHEMA, "topology": {"name": 1}}]),
        "[" * 100_000,
        "{",
        "",
        "\ud800",
        "1" * 5000,
    ],
    ids=["bare", "null", "list", "deep", "half", "empty", "surrogate", "long"],
)
@pytest.mark.parametrize("command", ["report", "diff"])
def test_a_broken_record(netlab: Netlab, files: Path, content: str, command: str) -> None:
    """`netlab report` and `netlab diff` say in a line which file is no whole record, exit code 2, and write nothing."""
    (files / "run.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    done = netlab(command, "run.json", *(("run.json",) if command == "diff" else ()))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("netlab: run.json: not ")
    assert len(done.stderr.splitlines()) <= 2
    assert not (files / "report.html").exists()


# --- limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kilobytes", "compiled_anew"),
    [*((size, False) for size in (20_480, 24_000, 28_000, 32_000, 48_000)), (28_000, True), (32_000, True)],
)
def test_too_little_memory_is_a_line(files: Path, kilobytes: int, compiled_anew: bool) -> None:
    """Under ``ulimit -v`` a run ends with exit code 3 and a line or two; no traceback, however far it came."""
    size = kilobytes << 10
    done = subprocess.run(
        [NETLAB, "run", "two.yaml", "--no-report", "-l", "icmp"],
        cwd=files,
        # Modules are compiled anew, within the limit: what one that has just been changed goes through.
        env={**os.environ, **({"PYTHONPYCACHEPREFIX": str(files / "cache")} if compiled_anew else {})},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("netlab: ")


def test_a_file_that_is_too_large_to_be_written(netlab: Netlab, files: Path) -> None:
    """EFBIG is told as a full disk is: which file, exit code 3."""
    for argv in (("--no-report", "--json", "x.json"), (), ("--no-report", "--pcap", "caps")):
        done = netlab(
            "run",
            "two.yaml",
            "-l",
            "icmp",
            *argv,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY)),
        )
        assert done.returncode == 3, (argv, done.stderr)
        assert "File too large" in done.stderr
        assert any(name in done.stderr for name in ("x.json", "reports/two/run.json", "caps/two"))


def test_no_descriptor_for_the_topology(netlab: Netlab, files: Path) -> None:
    """With too few descriptors a run ends with exit code 3, in a line or two, wherever it met the limit."""
    # With fewer Python itself doesn't start.
    for limit in range(8, 22):
        done = netlab(
            "run",
            "two.yaml",
            "-l",
            "icmp",
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        )
        assert done.returncode in (0, 3), (limit, done.stderr)
        assert "Traceback" not in done.stderr, (limit, done.stderr)


@pytest.mark.parametrize("kind", ["pid", "mnt", "net"])
def test_a_kind_of_namespaces_that_nobody_may_have(files: Path, kind: str) -> None:
    """Where one kind of namespaces isn't allowed its sysctl is named, and the line that fixes just that."""
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    lower = f'echo 0 > /proc/sys/user/max_{kind}_namespaces && exec "$@"'
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", lower, "sh", NETLAB, "run", "two.yaml"]
    done = subprocess.run(argv, cwd=files, capture_output=True, text=True)
    assert done.returncode == 3
    what, fix = done.stderr.splitlines()
    assert what.startswith(f"netlab: user.max_{kind}_namespaces=0 keeps this user from making ")
    assert fix == f"  sudo sysctl -w user.max_{kind}_namespaces=15000"


@pytest.mark.parametrize("number", [errno.ENFILE, errno.EMFILE, errno.EFBIG, errno.ENOSPC, errno.EDQUOT])
def test_a_lack_of_the_machine_is_exit_code_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Whatever the machine lacks while a topology is read or a report is written: the file's name, exit code 3."""

    def fail(*_args: object, **_more: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    file = tmp_path / "two.yaml"
    file.write_text(TWO)
    spec.load(file)  # What it imports is read by then.
    monkeypatch.setattr(Path, "open", fail)
    monkeypatch.setattr(os, "open", fail)
    for do in (
        lambda: spec.load(file),
        lambda: write_whole(tmp_path / "x", ""),
        lambda: Folder(tmp_path).write("x", ""),
    ):
        with pytest.raises(NetlabError, match=str(tmp_path)) as caught:
            do()
        assert caught.value.exit_code == 3
        assert os.strerror(number) in str(caught.value)


# --- GitHub -----------------------------------------------------------------------------------------

SPEAKING = TWO.replace(
    "name: two\n",
    "name: two\n"
    'description: "::error file=x::one ::set-output name=a::b ##[error]two ::add-mask::x ##[group]y '
    '::stop-commands::zzzzzz"\n',
).replace("reachable", "unreachable")


def obeyed(text: str) -> list[str]:
    """The lines that the runner obeys: commands at the start of a line (``::``), or anywhere in it (``##[``)."""
    lines = text.replace("\r", "\n").split("\n")
    return [line for line in lines if line.lstrip().startswith("::") or "##[" in line]


@pytest.mark.parametrize("argv", [(), ("-q",), ("--json", "-"), ("--junit", "-"), ("-v",)])
def test_a_description_does_not_speak_to_github(netlab: Netlab, files: Path, argv: tuple[str, ...]) -> None:
    """All that the runner obeys of a run's output are netlab's own annotations; JSON and XML hold the same as ever."""
    (files / "it.yaml").write_text(SPEAKING)
    summary = files / "summary"
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = netlab("run", "it.yaml", "-l", "icmp", *argv, env=env)
    assert done.returncode == 1
    assert obeyed(done.stdout) == []
    own = obeyed(done.stderr)
    assert own
    assert all(line.startswith("::error file=it.yaml,") for line in own)
    assert obeyed(summary.read_text()) == []
    if argv[:1] == ("--json",):
        assert "##[error]two" in json.loads(done.stdout)["topology"]["description"]


@pytest.mark.parametrize("command", ["check", "show", "predict", "list"])
def test_nor_do_other_commands(netlab: Netlab, files: Path, command: str) -> None:
    """Nor does a name or a fault that another command prints: `::` never begins a line but in netlab's annotations."""
    name = "::error::x.yaml"
    (files / name).write_text(SPEAKING.replace("reachable", "##[error]"))
    done = netlab(command, *((name,) if command != "list" else ()), env={"GITHUB_ACTIONS": "true"})
    assert all(line.startswith("::error file=%3A%3Aerror") for line in obeyed(done.stdout + done.stderr))


# --- isolated mode ----------------------------------------------------------------------------------


#: As sitecustomize, ahead of everything: Ctrl-C at the moment when a module is looked for.
INTERRUPTING = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["NETLAB_INTERRUPT_AT"]:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("module", ["netlab.cli", "netlab.errors", "netlab.cli.early", "click", "netlab.plan"])
@pytest.mark.parametrize("installed", [True, False], ids=["netlab", "python -m"])
def test_ctrl_c_during_an_import(files: Path, module: str, installed: bool) -> None:
    """Whatever is being imported when Ctrl-C comes, there is no traceback, and a shell sees 130."""
    (files / "sitecustomize.py").write_text(INTERRUPTING)
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]
    [(name, called)] = {tuple(one.split(":")) for one in scripts.values()}
    start = ["-c", f"from {name} import {called}; {called}()"] if installed else ["-m", "netlab"]
    environment = {**os.environ, "PYTHONPATH": str(files), "NETLAB_INTERRUPT_AT": module}
    done = subprocess.run(
        [sys.executable, *start, "check", "two.yaml"], cwd=files, env=environment, capture_output=True, text=True
    )
    assert done.stderr in ("", "netlab: interrupted\n")
    assert done.returncode in (-signal.SIGINT, 130)


#: A signal while a finalizer runs, where Python only prints what is raised.
FINALIZING = """
import os, sys, time
from netlab import cli

class Finalized:
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        len("")

def start(argv):
    Finalized()
    time.sleep(60)

cli.early.start = start
cli.main([])
"""


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "netlab: interrupted\n"), (signal.SIGTERM, 143, "netlab: ended by SIGTERM\n")],
)
def test_a_signal_within_a_finalizer(number: int, code: int, said: str) -> None:
    """It isn't lost there, nor printed as a traceback."""
    done = subprocess.run([sys.executable, "-c", FINALIZING, str(int(number))], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize("place", ["PYTHONPATH", "cwd"])
@pytest.mark.parametrize("module", ["json", "netlab", "sitecustomize"])
def test_isolated_mode_reaches_the_agent(files: Path, place: str, module: str) -> None:
    """With ``python -I`` neither process imports anything from PYTHONPATH or the folder that one is in."""
    (files / f"{module}.py").write_text(f"open({str(files / 'imported')!r}, 'w')\n")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if place == "PYTHONPATH":
        environment["PYTHONPATH"] = str(files)
    done = subprocess.run(
        [sys.executable, "-I", "-m", "netlab", "run", "two.yaml", "-l", "icmp", "--no-report"],
        cwd=files,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (files / "imported").exists()
