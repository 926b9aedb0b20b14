"""`netlab run`: exit codes, where reports go, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from netlab.errors import worst

from .conftest import NETLAB, TWO, Netlab


def test_a_green_run(netlab: Netlab, files: Path) -> None:
    """All as expected: exit code 0, the report on stdout, nothing on stderr, a record below reports/."""
    done = netlab("run", "two.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("PASS")
    record = json.loads((files / "reports" / "two" / "run.json").read_text())
    assert record["summary"]["verdict"] == "pass"


def test_a_red_run(netlab: Netlab, files: Path) -> None:
    """Something was not as expected: exit code 1, and the entry's line."""
    done = netlab("run", "red.yaml", "--no-report")
    assert done.returncode == 1
    assert "✗ A -> B: unreachable" in done.stdout
    assert "red.yaml:11:5" in done.stdout
    assert not (files / "reports").exists()


def test_a_wrong_file(netlab: Netlab, files: Path) -> None:
    """A wrong file: exit code 2, every fault with its line on stderr, nothing on stdout, no report."""
    done = netlab("run", "wrong.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    places = [line.split(": ")[0] for line in done.stderr.splitlines()]
    assert "wrong.yaml:6:14" in places
    assert "wrong.yaml:9:14" in places
    assert not (files / "reports" / "two").exists()


def test_no_such_file(netlab: Netlab) -> None:
    """A name that is neither a file nor ships: exit code 2, with a near one."""
    done = netlab("run", "bridge-two-nod.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'bridge-two-node' or " in done.stderr


def test_a_folder_called_like_what_ships(netlab: Netlab, tmp_path: Path) -> None:
    """Among the folders of reports a topology that ships still goes by its name."""
    (tmp_path / "bridge-two-node").mkdir()
    assert netlab("check", "bridge-two-node").returncode == 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("run",), "Missing argument"),
        (("run", "two.yaml", "--layers", "icpm"), "did you mean 'icmp'"),
        (("run", "two.yaml", "--layers", "arp/1000"), "arp has neither size nor port"),
        (("run", "two.yaml", "--layers", "host:arp"), "no layer 'host:arp'"),
        (("run", "two.yaml", "--layers", "host:icmp/1472"), "hosts ask host:icmp"),
        (("run", "two.yaml", "--layers", "tcp/0"), "1 to 65535"),
        (("run", "two.yaml", "--layers", "icmp/9"), "28 to 65535"),
        (("run", "two.yaml", "--layers", ","), "no layer is named"),
        (("run", "two.yaml", "--repeat", "0"), "--repeat"),
        (("run", "two.yaml", "--sed", "1"), "--seed"),
        (("run", "two.yaml", "--step", "basline", "--no-report"), "did you mean 'baseline'"),
        (("rnu", "two.yaml"), "did you mean 'run'"),
        (("two.yaml",), "did you mean 'netlab run two.yaml'"),
        (("run", "two.yaml", "--report-dir", "two.yaml/x"), "this folder can't be made"),
        ((), "Usage: netlab"),
    ],
)
def test_a_wrong_command_line(netlab: Netlab, files: Path, argv: tuple[str, ...], words: str) -> None:
    """A wrong command line: exit code 2, a message that helps on stderr, nothing on stdout."""
    done = netlab(*argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_one_wrong_file_leaves_the_others_alone(netlab: Netlab, files: Path) -> None:
    """Of several files each is examined; the table has those that ran, the exit code is the worst."""
    done = netlab("run", "wrong.yaml", "two.yaml", "red.yaml", "--no-report")
    assert done.returncode == 2
    assert "wrong.yaml:6:14" in done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines if line.startswith(("✓", "✗"))] == ["two", "red"]
    assert lines[-1].startswith("2 topologies: ")


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ((), 0),
        ((0, 0), 0),
        ((0, 4), 4),
        ((4, 1, 0), 1),
        ((1, 2), 2),
        ((2, 3, 1), 3),
        ((3, 130), 130),
    ],
)
def test_the_worst_code(codes: tuple[int, ...], code: int) -> None:
    """Of several exit codes the command has the one that matters most: 130, 3, 2, 1, 4, 0."""
    assert worst(codes) == code


def test_json_on_stdout(netlab: Netlab, files: Path) -> None:
    """`--json -` prints the record and nothing else; of several files a list."""
    done = netlab("run", "two.yaml", "--json", "-", "--no-report")
    assert json.loads(done.stdout)["topology"]["name"] == "two"
    done = netlab("run", "two.yaml", "red.yaml", "--json", "-", "--no-report")
    assert done.returncode == 1
    assert [record["topology"]["name"] for record in json.loads(done.stdout)] == ["two", "red"]


def test_json_into_a_file(netlab: Netlab, files: Path) -> None:
    """`--json PATH` writes the record besides the report."""
    done = netlab("run", "two.yaml", "--json", "here.json", "--no-report")
    assert done.stdout.splitlines()[-1].startswith("PASS")
    assert json.loads((files / "here.json").read_text())["schema"] == "netlab.run/2"


@pytest.mark.parametrize(
    ("option", "name", "words"),
    [
        ("--json", "nowhere/x", "nowhere/x: can't be written: No such file or directory"),
        ("--junit", "nowhere/x", "nowhere/x: can't be written: No such file or directory"),
        ("--json", ".", ".: is a folder"),
        ("--junit", ".", ".: is a folder"),
        ("--pcap", "two.yaml/x", "two.yaml/x: this folder can't be made"),
        ("--json", "", "an empty name"),
        ("--report-dir", "", "an empty name"),
    ],
)
def test_an_output_that_cannot_be_written(netlab: Netlab, files: Path, option: str, name: str, words: str) -> None:
    """An output that isn't to be had is told before anything is built: exit code 2, why, and no report of a run."""
    done = netlab("run", "two.yaml", option, name, "--no-report", "-v")
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "ip link" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
def test_an_output_that_fails_late(netlab: Netlab, files: Path) -> None:
    """A disk that is full once the run is over: the report and the other outputs are there, exit code 3, and why."""
    (files / "full").symlink_to("/dev/full")
    done = netlab("run", "two.yaml", "--junit", "full", "--json", "here.json", "--no-report")
    assert done.returncode == 3
    assert "PASS" in done.stdout
    assert "full: can't be written: No space left on device" in done.stderr
    assert json.loads((files / "here.json").read_text())["schema"] == "netlab.run/2"


def test_junit_on_stdout(netlab: Netlab, files: Path) -> None:
    """`--junit -` prints the XML and nothing else, and no file of that name is made; not beside `--json -`."""
    done = netlab("run", "two.yaml", "--junit", "-", "--no-report")
    assert done.returncode == 0
    assert ET.fromstring(done.stdout).tag == "testsuites"
    assert not (files / "-").exists()
    both = netlab("run", "two.yaml", "--junit", "-", "--json", "-", "--no-report")
    assert (both.returncode, both.stdout) == (2, "")
    assert "--json and --junit both go to stdout" in both.stderr


def test_a_default_folder_that_cannot_be_made(netlab: Netlab, files: Path) -> None:
    """Where the default folder can't be made a note says so, and the run goes on."""
    (files / "reports").write_text("a file of this name")
    done = netlab("run", "two.yaml")
    assert done.returncode == 0
    assert done.stderr.startswith("note: reports: ")


def test_standard_input(netlab: Netlab) -> None:
    """`-` is standard input, and messages call it so."""
    assert netlab("run", "-", "--no-report", input=TWO).returncode == 0
    done = netlab("run", "-", "--no-report", input="hosts: [")
    assert done.returncode == 2
    assert done.stderr.startswith("<stdin>:")


def test_layers_and_steps(netlab: Netlab) -> None:
    """Layers and steps can be chosen; layers appear in the order of reports, with the file's own questions of hosts."""
    argv = ("--layers", "icmp,broadcast", "--step", "hairpin-on", "--json", "-", "--no-report")
    record = json.loads(netlab("run", "vepa-hairpin", *argv).stdout)
    [step] = record["steps"]
    assert (step["name"], list(step["layers"])) == ("hairpin-on", ["host:icmp", "broadcast", "icmp"])


def test_repetitions(netlab: Netlab, files: Path) -> None:
    """`--repeat` builds and examines anew, with another seed each time, and counts the verdicts."""
    done = netlab("run", "two.yaml", "--repeat", "3", "--seed", "5", "--no-report", "--json", "all.json")
    assert done.stdout.splitlines()[-1] == "3 repetitions: 3 pass"
    records = json.loads((files / "all.json").read_text())
    assert [(record["repetition"], record["seed"]) for record in records] == [(1, 5), (2, 6), (3, 7)]


def test_quiet_is_one_line(netlab: Netlab, files: Path) -> None:
    """`-q` on a green run prints one line."""
    done = netlab("run", "two.yaml", "-q", "--no-report")
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith("two: PASS")


def test_verbose_logs_commands(netlab: Netlab, files: Path) -> None:
    """`-v` logs what a person would have typed, on stderr."""
    done = netlab("run", "two.yaml", "-v", "--no-report")
    assert done.returncode == 0
    commands = [line for line in done.stderr.splitlines() if line.startswith("ip ")]
    assert any("link add" in line and "veth" in line for line in commands)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("run", "two.yaml", "--no-report"), 0),
        (("run", "red.yaml", "--no-report"), 1),
        (("run", "red.yaml", "--no-report", "--json", "-"), 1),
        (("rules",), 0),
    ],
)
def test_a_reader_that_leaves(files: Path, argv: tuple[str, ...], code: int) -> None:
    """A closed stdout (`| head`) is quiet, and the exit code of a run is still its verdict's."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([NETLAB, *argv], cwd=files, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "netlab: interrupted"), (signal.SIGTERM, 143, "netlab: ended by SIGTERM")],
)
def test_a_signal_ends_it(files: Path, number: signal.Signals, code: int, words: str) -> None:
    """Ctrl-C and SIGTERM end a run in the middle with their exit code and a line, and no process stays."""
    process = subprocess.Popen(
        [NETLAB, "run", "two.yaml", "--repeat", "100000", "--no-report", "-v"],
        cwd=files,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # The first logged command shows that a lab is being built.
    for line in process.stderr:
        if line.startswith("ip "):
            break
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(number)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == code
    assert rest.splitlines()[-1] == words
    assert children
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_nothing_heavy_on_the_way(netlab: Netlab, files: Path) -> None:
    """A run imports neither rich nor jinja2 nor pyroute2 into the front: each costs more than building the lab."""
    script = (
        "import sys\n"
        "from netlab.cli import main\n"
        "try:\n"
        "    main(['run', 'two.yaml', '--no-report', '-q'])\n"
        "except SystemExit as end:\n"
        "    heavy = {'rich', 'jinja2', 'pyroute2', 'asyncio', 'hypothesis'} & sys.modules.keys()\n"
        "    print(end.code, sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=files, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_two_topologies_of_one_name(netlab: Netlab, files: Path) -> None:
    """Two files whose topologies have the same name get a folder each."""
    (files / "other.yaml").write_text(TWO)
    assert netlab("run", "two.yaml", "other.yaml").returncode == 0
    assert sorted(path.parent.name for path in (files / "reports").glob("*/run.json")) == ["two", "two-2"]


def test_two_files_of_one_name_one_after_the_other(netlab: Netlab, files: Path) -> None:
    """The second leaves the first one's report alone and says where its own is, the same place every time."""
    (files / "other.yaml").write_text(TWO)
    assert netlab("run", "two.yaml", "-l", "arp").stderr == ""
    for _ in range(2):
        done = netlab("run", "other.yaml", "-l", "arp")
        assert done.stderr == "netlab: other.yaml: the folder two/ is that of two.yaml: this one's is two-2/\n"
        assert "reports/two-2/" in done.stdout
    assert netlab("run", str(files / "two.yaml"), "-l", "arp").stderr == ""
    found = {path.parent.name: json.loads(path.read_text()) for path in (files / "reports").glob("*/run.json")}
    assert {name: Path(one["topology"]["file"]).name for name, one in found.items()} == {
        "two": "two.yaml",
        "two-2": "other.yaml",
    }
    (files / "two.yaml").rename(files / "new.yaml")
    assert netlab("run", "new.yaml", "-l", "arp").stderr == "", "a file that was renamed keeps its report"


def test_names_in_any_script(netlab: Netlab, files: Path) -> None:
    """Names without a Latin letter are folders of their own; one without any letter goes by its file."""
    for file, name in (("a", "东京"), ("b", "Ελλάδα"), ("c", "🚀")):
        (files / f"{file}.yaml").write_text(TWO.replace("name: two", f"name: {name}"))
    assert netlab("run", "a.yaml", "b.yaml", "c.yaml", "-l", "arp").returncode == 0
    assert {path.parent.name for path in (files / "reports").glob("*/run.json")} == {"东京", "Ελλάδα", "c"}


def test_two_records_of_one_name_are_rendered_apart(netlab: Netlab, files: Path) -> None:
    """`netlab report` of two records with one name into a folder writes two reports and says which is which."""
    for name in ("a.json", "b.json"):
        assert netlab("run", "two.yaml", "-l", "arp", "--no-report", "--json", name).returncode == 0
    done = netlab("report", "a.json", "b.json", "-f", "html", "-o", "out")
    assert done.stdout.splitlines() == ["out/two/report.html", "out/two-2/report.html"]
    assert "this one's is two-2/" in done.stderr


def test_captures_of_two_topologies_of_one_name(netlab: Netlab, files: Path) -> None:
    """They have a folder each, as reports do, and what was printed says where."""
    (files / "other.yaml").write_text(TWO)
    done = netlab("run", "two.yaml", "other.yaml", "--pcap", "pp", "-l", "icmp")
    assert done.returncode == 0
    assert {path.parent.name for path in (files / "pp").glob("*/*.pcapng")} == {"two", "two-2"}
    assert "reports in reports/index.html, captures in pp/\n" in done.stdout


def test_what_was_finished_before_an_interruption_is_told(files: Path) -> None:
    """Ctrl-C during the second of three: the table, the index, the JUnit XML and the JSON have the first; 130."""
    fifo = files / "later.yaml"
    os.mkfifo(fifo)
    argv = [NETLAB, "run", "two.yaml", "later.yaml", "red.yaml", "--junit", "j.xml", "--json", "all.json"]
    process = subprocess.Popen(argv, cwd=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Returns when the other side opens it to read: the first is finished, and the second will never be.
    writer = os.open(fifo, os.O_WRONLY)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        # It came after the last look for signals and before the system call, which then waits: one more ends that.
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    os.close(writer)
    assert process.returncode == 130
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("✓")] == [["✓", "two", "26"]]
    assert out.splitlines()[-1].startswith("1 topology: ")
    assert err.splitlines() == ["not examined to the end: later, red", "netlab: interrupted"]
    assert "two" in (files / "reports" / "index.html").read_text()
    assert [record["topology"]["name"] for record in json.loads((files / "all.json").read_text())] == ["two"]
    suites = ET.parse(files / "j.xml").getroot()
    assert [(suite.get("name"), suite.get("errors")) for suite in suites] == [
        ("two", "0"),
        ("later", "1"),
        ("red", "1"),
    ]


def test_repetitions_before_an_interruption_are_told(files: Path) -> None:
    """Ctrl-C in the middle of many repetitions: the report of those that were finished, and how many there were."""
    argv = [NETLAB, "run", "two.yaml", "--repeat", "100000", "-v", "--no-report", "-l", "icmp"]
    process = subprocess.Popen(argv, cwd=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    # Each lab has one switch: with the third, two repetitions are finished.
    switches = 0
    for line in process.stderr:
        switches += "type bridge" in line and "link add" in line
        if switches == 3:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert re.fullmatch(r"(\d+) repetitions: \1 pass", out.splitlines()[-1])


def test_what_cannot_run_anywhere_is_said_once(files: Path) -> None:
    """Where this machine can't start an agent, one message and exit code 3, whatever the number of files."""
    # Too few descriptors for a pipe to the agent, enough for Python itself.
    script = 'ulimit -n 8; exec "$0" run two.yaml two.yaml two.yaml --no-report'
    done = subprocess.run(["sh", "-c", script, NETLAB], cwd=files, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "netlab: the agent cannot be started: Too many open files",
        "  raise the limits of open files, processes and memory (ulimit -n, -u, -v)",
    ]
