"""`netlab kernel`: a source that a compiler makes a program of within a second stands for Linux."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.kernels.cache import Choice
from netlab.kernels.facts import KernelError

#: Answers as a User-Mode Linux does.
PROGRAM = r"""
#include <stdio.h>
#include <string.h>
int main(int n, char **words) {
    if (n > 1 && !strcmp(words[1], "--version")) puts(RELEASE);
    if (n > 1 && !strcmp(words[1], "--showconfig")) puts("CONFIG_VETH=y\nCONFIG_IPVLAN=m\n# CONFIG_NET_VRF is not set");
    if (n > 1 && !strcmp(words[1], "--help")) puts("seccomp=<on/off/auto>");
    return 0;
}
"""
MAKEFILE = """
allnoconfig:
\tgrep -q CONFIG_IPVLAN=y $(KCONFIG_ALLCONFIG)
linux:
\t@echo '  CC      init/main.o'
\tgcc -DRELEASE='"6.12.3"' -o $(O)/linux $(CURDIR)/main.c
"""


def _compiles() -> bool:
    """Whether there is a compiler, with the C library's headers."""
    command = ["gcc", "-xc", "-fsyntax-only", "-"]
    return (
        subprocess.run(command, input=PROGRAM.replace("RELEASE", '""'), text=True, capture_output=True).returncode == 0
    )


pytestmark = pytest.mark.skipif(
    any(shutil.which(name) is None for name in ("make", "gcc", "flex", "bison", "bc", "xz", "strip"))
    or not _compiles(),
    reason="not all of gcc, make, flex, bison, bc, xz, binutils and libc6-dev are installed",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder that looks like Linux's source."""
    folder = tmp_path / "linux-6.12.3"
    folder.mkdir()
    for name, text in (("Kbuild", ""), ("Makefile", MAKEFILE), ("main.c", PROGRAM)):
        (folder / name).write_text(text)
    return folder


def kernel(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The end of a run of `netlab kernel`, with an empty cache."""
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return subprocess.run([sys.executable, "-m", "netlab", "kernel", *words], capture_output=True, text=True, env=env)


def test_build_list_info_remove(tmp_path: Path, tree: Path) -> None:
    """A build of a folder puts the kernel into the cache, with its checksum and what it can do, until it is removed."""
    done = kernel(tmp_path, "build", "6.12", "--source", str(tree))
    assert done.returncode == 0, done.stderr
    assert "netlab run FILE --kernel 6.12" in done.stdout
    place = tmp_path / "cache" / "netlab" / "kernels" / "6.12"
    told = json.loads((place / "kernel.json").read_text())
    sums = subprocess.run(["sha256sum", place / "linux"], capture_output=True, text=True).stdout
    assert sums.split()[0] == told["sha256"]
    assert not (tmp_path / "cache" / "netlab" / "build" / "6.12").exists()
    [listed] = json.loads(kernel(tmp_path, "list", "--json").stdout)
    assert (listed["name"], listed["release"], listed["kinds"]) == ("6.12", "6.12.3", ["veth", "ipvlan"])
    assert (listed["seccomp"], listed["netem"], listed["source"]) == (True, False, str(tree))
    assert "veth, ipvlan" in kernel(tmp_path, "info", "6.12.3").stdout
    assert kernel(tmp_path, "remove", "6.12").returncode == 0
    assert "netlab kernel build 6.12" in kernel(tmp_path, "list").stdout


def test_archive(tmp_path: Path, tree: Path) -> None:
    """An archive of the source does as well, and one that holds something else is refused."""
    archive = tmp_path / "linux.tar.xz"
    subprocess.run(["tar", "-cJf", archive, "-C", tree.parent, tree.name], check=True)
    assert kernel(tmp_path, "build", "6.12", "--source", str(archive)).returncode == 0
    subprocess.run(["tar", "-cJf", archive, "-C", tree, "main.c"], check=True)
    done = kernel(tmp_path, "build", "6.13", "--source", str(archive))
    assert (done.returncode, "holds no source of Linux" in done.stderr) == (3, True), done.stderr


def test_failed_build_goes_on(tmp_path: Path, tree: Path) -> None:
    """A build that fails says the compiler's first error and where the log is, which stays; the next one goes on."""
    (tree / "main.c").write_text("int main(void) { return nothing; }")
    done = kernel(tmp_path, "build", "6.12", "--source", str(tree))
    assert done.returncode == 3
    assert "error" in done.stderr
    assert "nothing" in done.stderr
    log = tmp_path / "cache" / "netlab" / "build" / "6.12" / "build.log"
    assert f"see {log}" in done.stderr
    assert "undeclared" in log.read_text()
    (tree / "main.c").write_text(PROGRAM)
    assert kernel(tmp_path, "build", "6.12", "--source", str(tree)).returncode == 0


def test_a_compiler_without_headers(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where gcc is there without the C library's headers, the error names the package that has them."""
    gcc = tmp_path / "bin" / "gcc"
    gcc.parent.mkdir()
    gcc.write_text("#!/bin/sh\nexit 1\n")
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gcc.parent}:{os.environ['PATH']}")
    done = kernel(tmp_path, "build", "6.12", "--source", str(tree))
    assert done.returncode == 3
    assert "no headers of the C library" in done.stderr
    assert "sudo apt-get install libc6-dev" in done.stderr


def test_other_version(tmp_path: Path, tree: Path) -> None:
    """A source of another version than was asked for is refused, with the version that it is."""
    done = kernel(tmp_path, "build", "6.11", "--source", str(tree))
    assert done.returncode == 3
    assert "is Linux 6.12.3, not 6.11" in done.stderr
    assert f"netlab kernel build 6.12 --source {tree}" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("build", "sixtwelve"), "no version of Linux"),
        (("build", "6.12", "--source", "."), "no source of Linux"),
        (("info", "/bin/sh"), "no User-Mode Linux"),
        (("info", "6.99"), "netlab kernel build 6.99"),
        (("remove", "6.99"), "there is no kernel '6.99'"),
        (("info", "own"), "own is this machine's kernel, and not among the cached"),
    ],
)
def test_wrong(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """What can't be is said, with exit code 3."""
    done = kernel(tmp_path, *words)
    assert done.returncode == 3, done.stdout
    assert said in done.stderr


def test_choice() -> None:
    """``6.12,mem=2G`` is that kernel with so much memory; anything else behind the comma is refused."""
    assert Choice.read("6.12,mem=2G") == Choice("6.12", 2048)
    assert Choice.read("6.12,mem=300m") == Choice("6.12", 300)
    with pytest.raises(KernelError, match="not understood"):
        Choice.read("6.12,2G")
    with pytest.raises(KernelError, match="own kernel is in no guest"):
        Choice.read("own,mem=2G")


def netlab(*words: str) -> subprocess.CompletedProcess[str]:
    """The end of a run of `netlab`."""
    return subprocess.run([sys.executable, "-m", "netlab", *words], capture_output=True, text=True)


def test_own_is_the_kernel_of_the_machine() -> None:
    """``--kernel own`` runs as without it, on the machine's own kernel; its clock can't jump."""
    done = netlab("run", "bridge-two-node", "-l", "arp", "--kernel", "own", "--no-report", "--json", "-")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["kernel"], record["substrate"]) == (os.uname().release, "netns")
    told = netlab("why", "bridge-two-node", "A:ens160", "A:ens160.1", "--verify", "--kernel", "own")
    assert (told.returncode, "In a real lab" in told.stdout) == (0, True), told.stderr
    wrong = netlab("run", "bridge-two-node", "--kernel", "own", "--virtual-time", "--no-report")
    assert (wrong.returncode, "whose clock can't jump" in wrong.stderr) == (2, True)
