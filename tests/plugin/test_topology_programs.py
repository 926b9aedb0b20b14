"""Programs that a topology gives its hosts: started, waited for, stopped by steps, told when they die."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netlab
from netlab import Lab

SERVER = """\
name: server
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    programs:
      web: {run: [python3, -m, http.server, "80"], port: 80}
      talk:
        run: [sh, -c, "trap 'echo bye; exit 0' INT; echo $WORD; while :; do sleep 0.02; done"]
        ready: "^ready$"
        stop: INT
        env: {WORD: ready}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
expect: ["B -> A [tcp/80]: reachable"]
steps:
  - name: stopped
    set: {A: {programs: {web: stop, talk: restart}}}
    expect: ["B -> A [tcp/80]: unreachable"]
  - name: again
    set: {A: {programs: {web: start, talk: kill}}}
    expect: ["B -> A [tcp/80]: reachable"]
"""


def run(path: Path, *args: str) -> tuple[int, dict[str, Any], str]:
    """``netlab run`` of a file: its exit code, its record, what it has said of errors."""
    out = path.with_suffix(".json")
    argv = [sys.executable, "-m", "netlab", "run", str(path), "--json", str(out), *args]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=path.parent)
    return done.returncode, json.loads(out.read_text()) if out.exists() else {}, done.stderr


def test_steps(tmp_path: Path) -> None:
    """What a step says of programs is so when it is probed."""
    path = tmp_path / "server.yaml"
    path.write_text(SERVER)
    code, record, said = run(path, "--layers", "tcp/80")
    assert (code, said) == (0, "")
    assert [step["changes"] for step in record["steps"]][1:] == [
        ["A: stop web", "A: restart talk"],
        ["A: start web", "A: kill talk"],
    ]


def test_in_a_test(lab_factory: Callable[..., Lab]) -> None:
    """A lab's topology has its programs running; their output is there, and a signal of their own ends them."""
    with lab_factory(SERVER) as lab:
        lab.must_reach("B", "A", tcp=80)
        assert lab.handle.output("A", "talk")[1] == b"ready\n"
        lab.step("stopped")
        lab.must_not_reach("B", "A", tcp=80)
        assert lab.handle.output("A", "talk")[1] == b"ready\nbye\nready\n"
        lab.step("again")
        web, talk = lab.handle.programs()
        assert (web["running"], talk["running"], talk["stopped"], talk["status"]) == (True, False, True, -9)


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("{run: [sh, -c, 'echo broken; exit 3']}", 1, "A: it has ended with 3 before it was ready:\nbroken"),
        ("{run: [sh, -c, 'echo broken; exit 3'], port: 80}", 1, "it has ended with 3 before it was ready:\nbroken"),
        ("{run: [no-such-program]}", 3, "no-such-program: No such file or directory"),
        ("{run: [sleep, '1000'], ready: '('}", 2, "no regular expression"),
        ("{run: [sleep, '1000'], port: sctp/1}", 2, "no port"),
        ("{run: [sleep, '1000'], stop: TREM}", 2, "did you mean 'TERM'"),
        ("{ready: x}", 2, "runs nothing"),
    ],
)
def test_wrong(tmp_path: Path, program: str, code: int, said: str) -> None:
    """A program that can't be, or ends early, ends the run: with its place, its last lines, what fixes it."""
    path = tmp_path / "wrong.yaml"
    path.write_text(f"switches: {{lan: {{}}}}\nhosts:\n  A:\n    programs:\n      it: {program}\n")
    if "exit 3'], port" not in program and "exit 3" in program:
        path.write_text(path.read_text().replace("]}", "], ready: up}"))
    got, _record, error = run(path)
    assert got == code, error
    assert f"{path}:5:" in error
    assert said in error


def test_one_that_dies(tmp_path: Path) -> None:
    """A program that ends while the lab is probed is a failure with its last lines, though all else is as it should."""
    path = tmp_path / "dies.yaml"
    # It ends with the first ping that comes in.
    script = 'echo up; until grep -q "^Icmp: [1-9]" /proc/net/snmp; do sleep 0.005; done; echo no disk; exit 7'
    path.write_text(
        SERVER.split("    programs:")[0]
        + f"    programs: {{it: {{run: [sh, -c, '{script}'], ready: up}}}}\n"
        + "  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}\n"
        + "steps: [{name: later, set: {B:eth0: {mtu: 1400}}}, {name: last, set: {B:eth0: {mtu: 1300}}}]\n"
    )
    code, record, _said = run(path)
    assert code == 1
    # Each step from then on lacks it.
    finding, *_ = [one for one in record["findings"] if one["kind"] == "program"]
    assert (finding["src"], finding["observed"], finding["detail"]) == ("A it", "ended with 7", "up\nno disk")


def test_what_it_changes(tmp_path: Path) -> None:
    """An address that a program sets is beyond a run's plan: of packets there nothing is predicted, none fails."""
    path = tmp_path / "sets.yaml"
    path.write_text(
        SERVER.split("    programs:")[0]
        + "    programs: {it: {run: [sh, -c, 'ip a a 10.0.0.9/24 dev eth0; echo up; exec sleep 1000'], ready: up}}\n"
        + "  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}\n"
        + "  C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]}}}\n"
    )
    code, record, error = run(path, "--layers", "icmp")
    assert code == 0, error
    details = {one["detail"] for one in record["findings"] if one["kind"] == "unpredicted"}
    assert any("a program has changed it" in detail and "10.0.0.9/24" in detail for detail in details)
    assert record["summary"]["pass"]


def test_a_step_of_a_program_that_is_not_there() -> None:
    """A step names a program that the host has."""
    from netlab import plan

    with pytest.raises(netlab.TopologyError, match=r"no program 'wbe' in A; did you mean 'web'"):
        plan.from_file(SERVER.replace("web: stop", "wbe: stop"), "x.yaml")
