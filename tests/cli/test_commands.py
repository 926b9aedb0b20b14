"""The commands that need no kernel, and `doctor`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from netlab import __version__, spec
from netlab.model import RULES
from tests.model.scene_labs import parent_down

from .conftest import TWO, Netlab


def test_version(netlab: Netlab) -> None:
    """`--version` is the package's version."""
    assert netlab("--version").stdout == f"netlab {__version__}\n"


def test_help_names_every_command(netlab: Netlab) -> None:
    """`--help` lists every command with one line, and the exit codes."""
    done = netlab("--help")
    assert done.returncode == 0
    for word in ("run", "check", "predict", "why", "rules", "import", "list", "show", "schema", "doctor", "completion"):
        assert f"\n  {word} " in done.stdout
    assert "Exit codes" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", ["run", "check", "predict", "why", "rules", "list", "show", "doctor"])
def test_every_command_has_help(netlab: Netlab, command: str) -> None:
    """Each command explains itself."""
    done = netlab(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: netlab {command}")


def test_check_a_right_file(netlab: Netlab, files: Path) -> None:
    """A right file: exit code 0 and a line on what is in it."""
    done = netlab("check", "two.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "two.yaml: right: 2 hosts, 2 endpoints, 1 step, 1 expectation\n"


def test_check_a_wrong_file(netlab: Netlab, files: Path) -> None:
    """Every fault of every file in one go, exit code 2."""
    done = netlab("check", "wrong.yaml", "two.yaml")
    assert done.returncode == 2
    assert "wrong.yaml:6:14" in done.stderr
    assert "two.yaml: right" in done.stdout


def test_check_warns_of_what_the_model_contradicts(netlab: Netlab, files: Path) -> None:
    """An expectation against the model is a warning with its line; with --strict the exit code is 1."""
    done = netlab("check", "red.yaml")
    assert done.returncode == 0
    assert "red.yaml:11:5: warning: 'A -> B: unreachable' contradicts the model" in done.stderr
    assert netlab("check", "--strict", "red.yaml").returncode == 1
    assert netlab("check", "--strict", "two.yaml").returncode == 0


def test_list(netlab: Netlab) -> None:
    """Every topology that ships has a line, in the order of the claims, no sentence cut; as JSON too."""
    lines = netlab("list").stdout.splitlines()
    names = [line.split()[0] for line in lines[1:]]
    assert sorted(names) == [path.stem for path in spec.shipped()]
    claims = [int(found.group()) for line in lines[1:] if (found := re.search(r"(?<=  )\d+", line))]
    assert claims == sorted(claims)
    assert claims[0] == 1
    assert not re.match(r"\S+ +\d", lines[-1])
    assert names.index("bridge-two-node") < names.index("bridge-two-node-reached")
    assert "A macvlan child in bridge mode talks to another machine, not to its own parent" in "\n".join(lines)
    assert "…" not in "".join(lines)
    assert [one["name"] for one in json.loads(netlab("list", "--json").stdout)] == names


def test_show(netlab: Netlab, files: Path) -> None:
    """The resolved plan, each sysctl that isn't everywhere the same with who has it; as JSON it is the plan itself."""
    (files / "own.yaml").write_text(TWO.replace("  B:\n", "  B:\n    sysctls: {net.ipv4.ip_forward: 1}\n"))
    text = netlab("show", "own.yaml").stdout
    assert "A:eth0" in text
    assert "expect A -> B: reachable" in text
    assert "sysctls of B:\n  net.ipv4.ip_forward = 1\n" in text
    # Those that the kernel sets along with it, and none else.
    assert text.count("\n  net.") == 4
    plan = json.loads(netlab("show", "own.yaml", "--json").stdout)
    assert plan["steps"][0]["name"] == "baseline"


def test_show_all(netlab: Netlab, files: Path) -> None:
    """With --all every sysctl, those of all hosts and containers once."""
    text = netlab("show", "use-container-and-vm", "--all").stdout
    assert text.count("net.ipv4.ip_forward = 0\n") == 1
    assert "sysctls of every host and every container:" in text
    assert "sysctls of every switch:" in text


def test_the_schema_checks_files(netlab: Netlab) -> None:
    """What `netlab schema` prints accepts a right file and refuses a wrong one."""
    schema = json.loads(netlab("schema").stdout)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(yaml.safe_load(TWO))
    assert not validator.is_valid(yaml.safe_load(TWO.replace("switch: lan", "swich: lan")))


def test_predict(netlab: Netlab, files: Path) -> None:
    """The matrices of the model, and as JSON the letters with their rules."""
    done = netlab("predict", "bridge-two-node", "--layers", "icmp")
    assert done.returncode == 0
    [row] = [line.split()[2:] for line in done.stdout.splitlines() if line.startswith("  3 ")]
    assert [cell[0] for cell in row] == ["B", "B", "."]
    assert "a race" in done.stdout
    record = json.loads(netlab("predict", "bridge-two-node", "--json").stdout)
    assert record["schema"] == "netlab.predict/2"
    assert record["steps"][0]["layers"]["icmp"]["expected"] == [".UR", "U.R", "BB."]


def test_rules(netlab: Netlab) -> None:
    """Every rule with its sentence and kernel function; a pattern chooses; an unknown one is an error."""
    known = json.loads(netlab("rules", "--json").stdout)
    assert known.keys() >= set(RULES)
    assert all(rule["sentence"] and rule["function"] and rule["file"] for rule in known.values())
    chosen = netlab("rules", "bridge/*").stdout
    assert "bridge/" in chosen
    assert "\nmacvlan/" not in chosen
    assert netlab("rules", "bridge").stdout == netlab("rules", "bridge/*").stdout == chosen
    done = netlab("rules", "macvaln")
    assert (done.returncode, done.stdout) == (2, "")
    assert "(did you mean 'macvlan'?)" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(netlab: Netlab, shell: str) -> None:
    """A script for each shell, whatever shells this machine has."""
    done = netlab("completion", shell)
    assert done.returncode == 0
    assert "_NETLAB_COMPLETE" in done.stdout


def test_doctor(netlab: Netlab) -> None:
    """What this machine can do: exit code 0 where labs can be built (the other tests have shown that), each
    thing by name; as JSON too."""
    done = netlab("doctor")
    assert done.returncode == 0, done.stdout
    found = json.loads(netlab("doctor", "--json").stdout)
    assert {"name", "ok", "detail", "fix"} <= found[0].keys()
    for one in found:
        assert one["name"] in done.stdout
        assert one["ok"] or one["fix"]


def test_doctor_asks_only_for_what_a_topology_can_use(netlab: Netlab) -> None:
    """The link kinds that are tried are those that a file can have."""
    found = [one["name"] for one in json.loads(netlab("doctor", "--json").stdout)]
    kinds = [name.removeprefix("link kind ") for name in found if name.startswith("link kind ")]
    assert " ".join(kinds) == "veth bridge macvlan macvtap dummy ipvlan ipvtap vxlan bond vlan vrf"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize(
    ("target", "number"),
    [
        (("stress",), "--repeat 50"),
        (("stress", "N=2000"), "--repeat 2000"),
        (("fuzz",), "--number 2000"),
        (("fuzz", "N=7"), "--number 7"),
    ],
)
def test_make_takes_a_number(target: tuple[str, ...], number: str) -> None:
    """`make stress` and `make fuzz` have a number each of their own, and take whichever is given."""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(["make", "-n", "-C", str(root), *target], capture_output=True, text=True)
    assert number in done.stdout


REFUSED = """\
name: refused
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
    containers:
      one: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: passthru, addresses: [10.0.0.2/24]}}}
      two: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.3/24]}}}
"""


def test_check_warns_of_what_the_kernel_will_refuse(netlab: Netlab, tmp_path: Path) -> None:
    """A child beside a passthru child is a warning with its line and errno before anything is built."""
    (tmp_path / "refused.yaml").write_text(REFUSED)
    done = netlab("check", "refused.yaml")
    assert done.returncode == 0
    assert done.stderr.startswith("refused.yaml:9:")
    assert "warning: the kernel will refuse A/two:eth0 with EINVAL at create" in done.stderr
    assert "expect it: - A/two:eth0: {refused: EINVAL, at: create}" in done.stderr
    assert done.stdout == "refused.yaml: right, with 1 warning: 1 host, 3 endpoints, 1 step, 0 expectations\n"


def test_what_check_advises_is_right(netlab: Netlab, tmp_path: Path) -> None:
    """With the expectation that the warning offers, in the file, there is no warning, and the run passes."""
    (tmp_path / "refused.yaml").write_text(f"{REFUSED}expect:\n  - A/two:eth0: {{refused: EINVAL, at: create}}\n")
    assert netlab("check", "--strict", "refused.yaml").returncode == 0
    assert netlab("run", "refused.yaml", "--no-report", "-l", "icmp").returncode == 0


def test_every_warning_is_called_one(netlab: Netlab, files: Path) -> None:
    """What the file's own meaning makes doubtful is a warning with its place, in `check`, in `run` and in `run -q`."""
    (files / "same.yaml").write_text(TWO.replace("10.0.0.2", "10.0.0.1").partition("expect")[0])
    done = netlab("check", "same.yaml")
    assert done.returncode == 0
    assert done.stderr.startswith("same.yaml:9:39: warning: B:eth0 and A:eth0 have the same address")
    assert "right, with 1 warning: " in done.stdout
    for more in ((), ("-q",), ("two.yaml",)):
        done = netlab("run", "same.yaml", "-l", "arp", "--no-report", *more)
        assert done.stdout.count("warning: ") == 1
        assert "warning: same.yaml:9:39: B:eth0 and A:eth0 have" in done.stdout


def test_what_the_kernel_refuses_is_an_error_with_its_words(netlab: Netlab, tmp_path: Path) -> None:
    """The run of it ends with exit code 2, the kernel's errno and words, the interface, the line, the command."""
    (tmp_path / "refused.yaml").write_text(REFUSED)
    done = netlab("run", "refused.yaml", "--no-report")
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()[:2]
    assert first.startswith("refused.yaml:9:")
    assert "A/two:eth0" in first
    assert "EINVAL" in first
    assert second.startswith("  while: ip ")
    assert "expect it: - A/two:eth0: {refused: EINVAL, at: create}" in done.stderr.splitlines()[2]


def test_every_shipped_file_is_right(netlab: Netlab) -> None:
    """Nothing that ships gives a warning."""
    done = netlab("check", "--strict", "-q", *(path.stem for path in spec.shipped()))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_predict_for_another_kernel(netlab: Netlab, tmp_path: Path) -> None:
    """The same file, for a Linux before and after a change: each says what its rules make of it, and for which."""
    file = tmp_path / "down.yaml"
    file.write_text(parent_down().text)
    seen = {}
    for version in ("6.1", "7.2"):
        asked = ("-s", "down", "-l", "icmp", "--kernel-version", version)
        told = json.loads(netlab("predict", str(file), *asked, "--json").stdout)
        seen[version] = told["kernel"], told["steps"][0]["layers"]["icmp"]["expected"][1][2]
        assert f"for Linux {version}" in netlab("predict", str(file), *asked).stdout
    assert seen == {"6.1": ("6.1", "R"), "7.2": ("7.2", "U")}
    newer = netlab("why", str(file), "h/c1", "h/c2", "-s", "down", "--kernel-version", "99.1").stdout
    assert "newer than all that the model knows" in newer
    assert "parent-down-stops-children" in newer


def test_a_version_that_is_none(netlab: Netlab, files: Path) -> None:
    """What is no version of Linux is an error of the command line that shows one."""
    done = netlab("predict", str(files / "two.yaml"), "--kernel-version", "new")
    assert done.returncode == 2
    assert "such as 6.12" in done.stderr


def test_kernels_side_by_side(netlab: Netlab, tmp_path: Path) -> None:
    """The same file as the model foresees it for two versions: a table, and as JSON what differs."""
    file = tmp_path / "down.yaml"
    file.write_text(parent_down().text)
    asked = ("kernels", str(file), "--predict-only", "--kernels", "6.1,6.12", "-l", "icmp")
    done = netlab(*asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert "R    U     h/c1:eth0 → h/c2:eth0" in done.stdout
    [told] = json.loads(netlab(*asked, "--format", "json").stdout)
    assert [row["values"] for row in told["rows"]] == [["R", "U"], ["yes", "no"]]
    alone = netlab("kernels", str(file), "--predict-only", "--kernels", "6.1")
    assert alone.returncode == 2
    assert "one kernel alone has nothing to differ from" in alone.stderr
