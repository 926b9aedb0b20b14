"""The initramfs of a guest that QEMU runs: the running interpreter with what `netlab.agent.guest.early` imports, and
kernel modules. No other program is in it.

Which files these are, an interpreter that has imported it says: by what it has mapped (proc_pid_maps(5)) and by its
modules. So it doesn't matter how Python was built. The format is cpio's newc
(Documentation/driver-api/early-userspace/buffer-format.rst of the kernel).
"""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import struct
import subprocess
import sys

from netlab.agent.guest import early
from netlab.agent.launcher import CannotEnter

#: Links to folders that a linker goes through.
_FOLDERS = ("/lib", "/lib64", "/usr/lib64", "/etc/ld.so.cache")
#: Prints the files of the interpreter, one a line.
_ASK = """
import sys
sys.path.insert(0, sys.argv[1])
import netlab.agent.guest.early, netlab.agent.system
print(*(line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if "/" in line), sep="\\n")
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None), getattr(module, "__cached__", None), sep="\\n")
"""


def pack(modules: list[str]) -> int:
    """A file without a name that has it: its descriptor. ``modules`` are loaded in this order. Raises CannotEnter."""
    archive = Archive()
    for path in (*_interpreter(), *_FOLDERS):
        archive.add(path)
    for number, path in enumerate(modules):
        archive.put(f"{early.MODULES}/{number:02}.ko", stat.S_IFREG | 0o644, _unpacked(path))
    fd = os.memfd_create("initramfs")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(archive.whole())
    return fd


class Archive:
    """A cpio archive in the making; each path is in it once, after its folder."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._there = {"/"}

    def add(self, path: str) -> None:
        """Take a file of this machine, and every link on the way to it; what isn't there is left out."""
        at = ""
        for name in path.strip("/").split("/"):
            at += f"/{name}"
            if os.path.islink(at):
                real = os.path.realpath(at)
                self.put(at, stat.S_IFLNK | 0o777, real.encode())
                self.add(real + path[len(at) :])
                return
        if os.path.isfile(path):
            found = os.stat(path)
            with open(path, "rb") as file:
                self.put(path, found.st_mode, file.read(), int(found.st_mtime))

    def put(self, path: str, mode: int, data: bytes = b"", modified: int = 0) -> None:
        """Take something of this path, type and content."""
        if path in self._there:
            return
        self._there.add(path)
        self.put(os.path.dirname(path), stat.S_IFDIR | 0o755)
        name = path.strip("/").encode() + b"\0"
        fields = (len(self._there), mode, 0, 0, 1, modified, len(data), 0, 0, 0, 0, len(name), 0)
        for piece in (b"070701" + b"".join(b"%08X" % field for field in fields) + name, data):
            self._data += piece + bytes(-len(piece) % 4)

    def whole(self) -> bytes:
        """The archive, with its end."""
        self.put("/TRAILER!!!", 0)
        return bytes(self._data)


def _interpreter() -> list[str]:
    """The files of the interpreter that the first steps need, its loader and the names of its libraries among them."""
    python = os.path.realpath(sys.executable)
    root = __file__.removesuffix("/netlab/agent/guest/initramfs.py")
    said = subprocess.run([python, "-I", "-S", "-B", "-c", _ASK, root], capture_output=True, check=True).stdout
    files = {path for path in os.fsdecode(said).splitlines() if path.startswith("/")}
    # Of os, which is part of the program, there must be a file: by that Python finds its library.
    files |= {python, os.__file__, _loader(python)}
    for path in [path for path in files if ".so" in os.path.basename(path)]:
        folder, name = os.path.split(path)
        stem = name.partition(".so")[0]
        names = (f"{folder}/{other}" for other in os.listdir(folder) if other.startswith(f"{stem}.so"))
        files |= {other for other in names if os.path.realpath(other) == path}
    return sorted(files)


def _loader(program: str) -> str:
    """What loads the libraries of a program (PT_INTERP, elf(5)); '' where it has none."""
    with open(program, "rb") as file:
        head = file.read(1 << 12)
        offset, size, number = struct.unpack_from("<Q14xHH", head, 0x20)
        for at in range(offset, offset + size * number, size):
            kind, place, length = struct.unpack_from("<I4xQ16xQ", head, at)
            if kind == 3:
                file.seek(place)
                return os.fsdecode(file.read(length - 1))
    return ""


def _unpacked(path: str) -> bytes:
    """A kernel module, whatever it is compressed by. Raises CannotEnter."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".gz"):
        return gzip.decompress(data)
    if path.endswith(".zst"):
        try:
            return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
        except FileNotFoundError:
            raise CannotEnter(f"{path} can't be read without zstd", "sudo apt-get install zstd") from None
    return data
