"""Files that mean harm are refused at once, with a place, within little memory; nothing of a file reaches a shell."""

from __future__ import annotations

import ast
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import netlab

NETLAB = str(Path(sys.executable).with_name("netlab"))
HEAD = "switches: {lan: {}}\nhosts:\n  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}\n"
#: What a file may cost: seconds of processor time (the kernel ends what takes longer), and memory.
SECONDS, MEGABYTES = 20, 400


def bomb() -> str:
    """Nine aliases of nine aliases, nine times: 387 million values."""
    rows = ['a0: &a0 ["x","x","x","x","x","x","x","x","x"]']
    rows += [f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9)]
    return "\n".join(rows) + "\n"


HOSTILE = {
    "an alias bomb": bomb(),
    "a merge bomb": "a: &a {k: 1}\n" + "".join(f"b{k}: &b{k} {{<<: [*a, *a]}}\n" for k in range(5000)),
    "deep nesting": "hosts: " + "[" * 100_000,
    "deep mappings": "\n".join(" " * k + "a:" for k in range(2000)),
    "a scalar of 10 MB": HEAD + "description: " + "x" * (10 << 20) + "\n",
    "a name of 10 MB": "hosts: {" + "A" * (10 << 20) + ": {}}\n",
    "a key of 10 MB": "x" * (10 << 20) + ": 1\n",
    "a million keys": "hosts:\n" + "".join(f"  h{k}: {{}}\n" for k in range(1_000_000)),
    "a million faults": "hosts: {A: {}}\nexpect:\n" + "  - nonsense\n" * 200_000,
    "replicas without end": HEAD
    + "  B: {replicas: 1000000, interfaces: {e: {switch: lan, addresses: [10.0.0.2/8]}}}\n",
    "a prefix without end": "hosts: {A: {interfaces: {e: {addresses: [10.0.0.1/99999999999999999999999]}}}}\n",
    "a number without end": HEAD + "steps: [{name: x, set: {A:eth0: {mtu: " + "9" * 100_000 + "}}}]\n",
    "a way out in a name": "hosts: {../../etc: {interfaces: {e: {switch: lan}}}}\n",
    "a way out in the title": "name: ../../../tmp/out\n" + HEAD,
    "a control character": HEAD.replace("A:", '"A\\e[2J\\a":', 1),
    "a raw control character": HEAD + "description: \x07\n",
    "a NUL": HEAD + "description: \x00\n",
    "right to left": HEAD.replace("eth0", "eth\u202e0"),
    "shell in a name": HEAD.replace("A:", '"$(touch OWNED)":', 1),
    "shell in an interface": HEAD.replace("eth0", "'e;touch OWNED;'"),
    "shell in a sysctl": HEAD + "  B: {sysctls: {'net.ipv4.ip_forward; touch OWNED': '1'}}\n",
    "an option in an interface": HEAD.replace("eth0", "--help"),
    "a Python object": "!!python/object/apply:os.system ['touch OWNED']\n",
    "another tag": "hosts: !!binary aGVsbG8=\n",
    "bytes that are no text": "\udcff\udcfe\udc80",
    "nothing": "",
    "only a comment": "# nothing\n",
    "a list": "- a\n- b\n",
}


def limited() -> None:
    """In the child, before it is netlab."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files(what: str, tmp_path: Path) -> None:
    """Exit code 2, a line with its place, nothing on the terminal that steers it, nothing done."""
    path = tmp_path / "hostile.yaml"
    path.write_bytes(HOSTILE[what].encode("utf-8", "surrogateescape"))
    argv = [NETLAB, "run", "hostile.yaml", "--no-report"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode == 2, done.stderr[-2000:]
    first, *rest = done.stderr.splitlines()
    assert first.startswith("hostile.yaml:"), first[:200]
    assert first.split(":")[1].isdigit()
    assert "Traceback" not in done.stderr
    assert done.stderr.replace("\n", "").isprintable(), ascii(done.stderr[:500])
    assert len(done.stderr) < 100_000
    assert len(rest) < 1000
    assert [entry.name for entry in tmp_path.iterdir()] == ["hostile.yaml"]


@pytest.mark.parametrize("name", ["no\x1b[2Jsuch", "../../nowhere", "$(touch OWNED)", "-", "x" * 5000, "", "."])
def test_hostile_names_of_files(name: str, tmp_path: Path) -> None:
    """A name that is no file's is said so, without being carried out or printed raw."""
    done = subprocess.run(
        [NETLAB, "run", "--no-report", "--", name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        input="",
        preexec_fn=limited,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.replace("\n", "").isprintable(), ascii(done.stderr[:500])
    assert os.listdir(tmp_path) == []


def test_a_title_makes_no_way_out(tmp_path: Path) -> None:
    """The folder of a report lies in the report folder, whatever the topology is called."""
    for k, title in enumerate(("a/b", "..", "...", "-rf", "a\\b", ".hidden", "$(touch OWNED)", "x" * 100)):
        (tmp_path / f"{k}.yaml").write_text(f"name: '{title}'\n{HEAD}")
        done = subprocess.run(
            [NETLAB, "run", f"{k}.yaml", "--layers", "broadcast"], cwd=tmp_path, capture_output=True, text=True
        )
        # 4: one interface on its own leaves nothing to judge.
        assert done.returncode in (2, 4), done.stderr
    inside = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert inside == {"reports", *(f"{k}.yaml" for k in range(8))}
    assert all(path.name[:1] not in "-." for path in (tmp_path / "reports").iterdir())
    assert not list(tmp_path.rglob("OWNED"))


def test_no_shell_anywhere() -> None:
    """In the whole package no command line is put together for a shell."""
    package = Path(netlab.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                assert all(keyword.arg != "shell" for keyword in node.keywords), path
                called = ast.unparse(node.func)
                assert called not in ("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"), (
                    path
                )
