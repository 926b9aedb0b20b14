"""Kernels for machines (``vmlinuz``), which QEMU runs: what one is by its header, its configuration and its modules.

The header is that of Documentation/arch/x86/boot.rst of the kernel.
"""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

from netlab.contract.dataclass import dataclass
from netlab.contract.lacks import installed
from netlab.errors import printable
from netlab.kernels.facts import Facts, KernelError, from_options

#: What a guest finds its files and its lines by, and lays memory over folders with: modules and their options.
_NEEDED = {
    "virtio_pci": "VIRTIO_PCI", "virtio_console": "VIRTIO_CONSOLE", "9pnet_virtio": "NET_9P_VIRTIO", "9p": "9P_FS",
    "overlay": "OVERLAY_FS", "ipv6": "IPV6",
}  # fmt: skip
#: Modules that aren't called like the option.
_MODULES = {"8021q": "VLAN_8021Q", "vrf": "NET_VRF", "sch_netem": "NET_SCH_NETEM"}
#: Images of other machines, by what stands at 0x38 (arm64/booting.rst, riscv/boot-image-header.rst beside that).
_OTHERS = {b"ARM\x64": "arm64", b"RSC\x05": "RISC-V"}
_TAKE = "Debian's linux-image-amd64 has them (linux-image-cloud-amd64 hasn't)"


@dataclass(frozen=True)
class Vmlinuz:
    """What a kernel for a machine is; where its configuration is (None: not found, so of its kinds of links only those
    that are modules are known), the folder of its modules (None: all is built in), and the modules that a guest loads
    first, in order."""

    facts: Facts
    config: Path | None
    modules: Path | None
    early: tuple[str, ...]


def is_vmlinuz(image: Path) -> bool:
    """Whether a file is a kernel for an x86 machine. Raises KernelError where it is one for another, or can't be
    read."""
    try:
        with image.open("rb") as file:
            head = file.read(0x240)
    except OSError as error:
        fix = f"a copy of it that you may read: sudo install -m 644 {image} ~/, with {image.parent}/config-… beside it"
        raise KernelError(f"{image}: {error.strerror}", fix=fix) from error
    if other := _OTHERS.get(head[0x38:0x3C]):
        raise KernelError(f"{image} is a kernel for {other} machines", fix=_instead())
    if head[0x202:0x206] != b"HdrS":
        return False
    # XLF_KERNEL_64 of xloadflags, from version 2.12 of the header on.
    version, flags = (struct.unpack_from("<H", head, at)[0] for at in (0x206, 0x236))
    if version < 0x20C or not flags & 1:
        raise KernelError(f"{image} is a kernel for 32-bit machines", fix=_instead())
    if os.uname().machine != "x86_64":
        said = f"{image} is a kernel for x86_64 machines, and the programs of this one are for {os.uname().machine}"
        raise KernelError(said, fix="netlab run FILE, on the machine's own kernel")
    return True


def _instead() -> str:
    return "one for x86_64: apt-get download linux-image-…-amd64, or netlab kernel build 6.12"


def read(image: Path) -> Vmlinuz:
    """What a kernel for a machine is. Raises KernelError, also where it can't be a guest's."""
    release = _release(image)
    folder = next((one for one in _places(image, release) if one.is_dir()), None)
    config = next((one for one in _configs(image, release, folder) if os.access(one, os.R_OK)), None)
    options = _options(config)
    needs, builtin = _modules(folder, release)
    early: dict[str, None] = {}
    for module, option in _NEEDED.items():
        if module in needs:
            early |= dict.fromkeys(needs[module])
        elif module not in builtin and options.get(option) != "y":
            raise _lacking(image, release, module, option, options, folder)
    if config is None:
        options = {_MODULES.get(name, name.upper()): "m" for name in (*needs, *builtin)}
    return Vmlinuz(from_options(release, options), config, folder and folder.parent, tuple(early))


def _release(image: Path) -> str:
    """Its version, by the header."""
    with image.open("rb") as file:
        head = file.read(0x8200)
    (place,) = struct.unpack_from("<H", head, 0x20E)
    words = head[place + 0x200 :].partition(b"\0")[0].decode(errors="replace").split()
    if not place or not words or not re.match(r"\d+\.\d+", words[0]):
        said = printable(" ".join(words))[:60]
        raise KernelError(f"{image} doesn't tell its version, but {said!r}", fix=_instead())
    return words[0]


def _places(image: Path, release: str) -> list[Path]:
    """Where its modules may be: as packages have them unpacked, beside it, around it, and this machine's."""
    real = image.resolve()
    roots = (real.parent.parent, real.parent.parent / "usr", real.parent, Path("/"), Path("/usr"))
    around = [real.parent] if real.parent.name == release else []
    return [*around, *(root / "lib" / "modules" / release for root in roots)]


def _configs(image: Path, release: str, folder: Path | None) -> list[Path]:
    beside = image.resolve().parent / f"config-{release}"
    return [beside, *([folder / "config"] if folder else []), Path(f"/boot/config-{release}")]


def _options(config: Path | None) -> dict[str, str]:
    return dict(re.findall(r"^CONFIG_(\w+)=(.*)$", config.read_text(), re.MULTILINE)) if config else {}


def _modules(folder: Path | None, release: str) -> tuple[dict[str, list[str]], set[str]]:
    """By its name the files that a module needs, in order, with its own; and the names of those that are built in.

    Raises KernelError where the guest couldn't find them.
    """
    if folder is None:
        return {}, set()
    if installed("modprobe") is None:
        raise KernelError("the guest loads modules by modprobe, which isn't installed", fix="sudo apt-get install kmod")
    try:
        lines = (folder / "modules.dep").read_text().splitlines()
    except OSError as error:
        fix = f"depmod -b {folder.parents[2]} {release}"
        raise KernelError(f"{folder}/modules.dep: {error.strerror}", fix=fix) from error
    needs = {}
    for line in lines:
        file, _, before = line.partition(":")
        # Of several the last is needed first (depmod(8)).
        needs[_named(file)] = [str(folder / one) for one in (*reversed(before.split()), file)]
    told = folder / "modules.builtin"
    return needs, set(map(_named, told.read_text().splitlines())) if told.is_file() else set()


def _named(file: str) -> str:
    """The name of the module in a file."""
    return file.rpartition("/")[2].partition(".")[0].replace("-", "_")


def _lacking(
    image: Path, release: str, module: str, option: str, options: dict[str, str], folder: Path | None
) -> KernelError:
    """What is said where a guest would not come up."""
    if folder is None and options.get(option, "m") == "m":
        looked = ", ".join(dict.fromkeys(str(one) for one in _places(image, release)))
        fix = f"dpkg-deb -x linux-image-{release}_….deb FOLDER, then --kernel FOLDER/boot/vmlinuz-{release}"
        return KernelError(f"the modules of Linux {release} are not there (looked for {looked})", fix=fix)
    if options.get(option) == "m":
        return KernelError(f"{folder} lacks the module {module}", fix=f"install all of linux-image-{release}")
    said = f"Linux {release} has no {module} (CONFIG_{option}), which a guest needs to get at its files and its lines"
    return KernelError(said, fix=_TAKE)
