"""A kernel for machines as its package unpacks, with nothing in it but what is told of it."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

RELEASE = "6.1.0-9-amd64"
CONFIG = """
CONFIG_IPV6=y
CONFIG_VIRTIO_PCI=m
CONFIG_VIRTIO_CONSOLE=m
CONFIG_NET_9P_VIRTIO=m
CONFIG_9P_FS=m
CONFIG_OVERLAY_FS=m
CONFIG_VETH=m
CONFIG_IPVLAN=m
# CONFIG_NET_VRF is not set
CONFIG_NET_SCH_NETEM=m
"""


def header(*, magic: bytes = b"HdrS", flags: int = 1, other: bytes = b"", release: str = RELEASE) -> bytes:
    """The beginning of an image (Documentation/arch/x86/boot.rst)."""
    image = bytearray(0x1000)
    image[0x202:0x206] = magic
    struct.pack_into("<HH", image, 0x206, 0x20F, 0)
    struct.pack_into("<H", image, 0x20E, 0x600)
    struct.pack_into("<H", image, 0x236, flags)
    text = f"{release} (someone@example) #1 SMP".encode()
    image[0x800 : 0x800 + len(text)] = text
    image[0x38 : 0x38 + len(other)] = other
    return bytes(image)


def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make boot/vmlinuz, its configuration, lib/modules with the names of its modules, and a modprobe: the image."""
    tools = tmp_path / "bin"
    for folder in ("bin", "boot", f"lib/modules/{RELEASE}"):
        (tmp_path / folder).mkdir(parents=True)
    (tools / "modprobe").touch(0o755)
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{tools}")
    (tmp_path / "boot" / f"config-{RELEASE}").write_text(CONFIG)
    depends = ["kernel/net/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs.ko", "kernel/net/9p/9pnet.ko:"]
    depends += ["kernel/fs/netfs.ko:", "kernel/9pnet_virtio.ko.xz: kernel/net/9p/9pnet.ko", "kernel/net/8021q.ko:"]
    depends += [f"kernel/{name}.ko:" for name in ("virtio-pci", "virtio_console", "first", "second", "sch_netem")]
    depends += ["kernel/overlay.ko: kernel/second.ko kernel/first.ko"]
    (tmp_path / "lib" / "modules" / RELEASE / "modules.dep").write_text("\n".join(depends) + "\n")
    place = tmp_path / "boot" / f"vmlinuz-{RELEASE}"
    place.write_bytes(header())
    return place
