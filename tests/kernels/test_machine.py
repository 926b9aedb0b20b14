"""Kernels for machines (vmlinuz): what one is known by, and what is said of one that can't be a guest's. None is
started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netlab.kernels import KernelError, choose
from tests.kernels.image import CONFIG, RELEASE, header, package


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel as its package unpacks, with a modprobe."""
    return package(tmp_path, monkeypatch)


def test_what_it_is(image: Path) -> None:
    """Version, kinds of links and netem are those of its header and its configuration."""
    facts = choose(str(image)).facts
    assert (facts.release, str(facts.version), facts.kinds) == (RELEASE, "6.1", ("veth", "ipvlan"))
    assert (facts.netem, facts.nftables) == (True, False)


def test_modules_in_their_order(image: Path) -> None:
    """What a guest loads first are the needed modules, each once, and behind all that it needs itself (depmod(8): of
    several the last is loaded first)."""
    found = choose(str(image)).vmlinuz
    assert found is not None
    names = [Path(one).name.partition(".")[0] for one in found.early]
    assert names[:6] == ["virtio-pci", "virtio_console", "9pnet", "9pnet_virtio", "netfs", "9p"]
    assert names[6:] == ["first", "second", "overlay"]
    assert all(Path(one).is_relative_to(image.parents[1] / "lib" / "modules" / RELEASE) for one in found.early)


def test_without_configuration(image: Path) -> None:
    """Without its configuration the kinds are those of its modules, and what modules don't tell is unknown."""
    (image.parent / f"config-{RELEASE}").unlink()
    (image.parents[1] / "lib" / "modules" / RELEASE / "modules.builtin").write_text("kernel/net/ipv6/ipv6.ko\n")
    assert choose(str(image)).facts.kinds == ("vlan",)
    done = info(str(image))
    told = {line[:16].strip(): line[16:].strip() for line in done.stdout.splitlines()}
    assert told["nftables"] == "unknown"
    assert told["configuration"].startswith("not found: ")


def test_info(image: Path) -> None:
    """`kernel info` says where its configuration and its modules are."""
    told = json.loads(info("--json", str(image)).stdout)
    assert told["config"] == str(image.parent / f"config-{RELEASE}")
    assert told["modules"] == str(image.parents[1] / "lib" / "modules" / RELEASE)


def info(*words: str) -> subprocess.CompletedProcess[str]:
    """The end of `netlab kernel info`."""
    argv = [sys.executable, "-m", "netlab", "kernel", "info", *words]
    return subprocess.run(argv, capture_output=True, text=True)


@pytest.mark.parametrize("place", ["{root}/usr/lib/modules", "{root}/boot/lib/modules"])
def test_modules_elsewhere(image: Path, place: str) -> None:
    """The modules are found below usr as well, and beside the image."""
    root = image.parents[1]
    there = Path(place.format(root=root))
    there.parent.mkdir(parents=True)
    (root / "lib" / "modules").rename(there)
    assert choose(str(image)).modules == there


def test_image_among_its_modules(image: Path) -> None:
    """An image in the folder of its modules finds them there."""
    there = image.parents[1] / "lib" / "modules" / RELEASE / "vmlinuz"
    (image.parent / f"config-{RELEASE}").rename(there.with_name("config"))
    image.rename(there)
    assert choose(str(there)).modules == there.parents[1]


@pytest.mark.parametrize(
    ("content", "said", "fix"),
    [
        (header(other=b"ARM\x64", magic=b"\0\0\0\0"), "a kernel for arm64 machines", "one for x86_64"),
        (header(flags=0), "a kernel for 32-bit machines", "one for x86_64"),
        (header(release="?"), "doesn't tell its version", "one for x86_64"),
        (header(release="6.9.9"), "the modules of Linux 6.9.9 are not there", "dpkg-deb -x linux-image-6.9.9"),
    ],
)
def test_wrong_image(image: Path, content: bytes, said: str, fix: str) -> None:
    """What is no kernel for this machine, or has no modules here, is refused with what to take."""
    image.write_bytes(content)
    (image.parent / f"config-{RELEASE}").rename(image.parent / "config-6.9.9")
    with pytest.raises(KernelError, match=said) as raised:
        choose(str(image))
    assert fix in raised.value.fix


def test_no_list_of_modules(image: Path) -> None:
    """A package that was only unpacked has no modules.dep: the command that makes it is said."""
    (image.parents[1] / "lib" / "modules" / RELEASE / "modules.dep").unlink()
    with pytest.raises(KernelError, match=r"modules\.dep: No such file") as raised:
        choose(str(image))
    assert raised.value.fix == f"depmod -b {image.parents[1]} {RELEASE}"


@pytest.mark.parametrize(
    ("setting", "said", "fix"),
    [
        ("# CONFIG_9P_FS is not set", "has no 9p \\(CONFIG_9P_FS\\)", "linux-image-amd64"),
        ("CONFIG_9P_FS=m", "lacks the module 9p", "install all of"),
    ],
)
def test_lacks_a_module(image: Path, setting: str, said: str, fix: str) -> None:
    """A kernel that was built without what a guest needs is told from one whose module is missing."""
    config = image.parent / f"config-{RELEASE}"
    config.write_text(CONFIG.replace("CONFIG_9P_FS=m", setting))
    modules = image.parents[1] / "lib" / "modules" / RELEASE / "modules.dep"
    kept = [line for line in modules.read_text().splitlines() if not line.startswith("kernel/net/9p/9p.ko")]
    modules.write_text("\n".join(kept))
    with pytest.raises(KernelError, match=said) as raised:
        choose(str(image))
    assert fix in raised.value.fix


def test_all_built_in(image: Path) -> None:
    """A kernel that has everything built in needs no modules at all."""
    config = image.parent / f"config-{RELEASE}"
    config.write_text(CONFIG.replace("=m", "=y"))
    (image.parents[1] / "lib").rename(image.parents[1] / "away")
    found = choose(str(image)).vmlinuz
    assert found is not None
    assert (found.early, found.modules) == ((), None)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_unreadable(image: Path) -> None:
    """An image that only root may read is refused, with how to get one that can be read."""
    image.chmod(0)
    with pytest.raises(KernelError, match="Permission denied") as raised:
        choose(str(image))
    assert "sudo install" in raised.value.fix


def test_remove_takes_no_path(image: Path) -> None:
    """`kernel remove` of a path deletes nothing: only what is in the cache is netlab's."""
    argv = [sys.executable, "-m", "netlab", "kernel", "remove", str(image)]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 3
    assert image.exists()


def test_no_virtual_time(image: Path, tmp_path: Path) -> None:
    """A machine's clock can't jump: --virtual-time is refused, with the kernel that can be built for it."""
    argv = [sys.executable, "-m", "netlab", "run", "bridge-two-node", "--no-report", "--virtual-time"]
    done = subprocess.run([*argv, "--kernel", str(image)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 3
    assert "has no clock of its own" in done.stderr
    assert "netlab kernel build 6.1" in done.stderr
