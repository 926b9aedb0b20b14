"""The first steps of a guest that QEMU runs, from its initramfs: load the modules of the root folder and of the lines,
mount the machine's files, and go on as every guest does (`netlab.agent.guest.init`).

Only what this imports is in the initramfs (`netlab.agent.guest.initramfs`), at the places where the machine has it.
"""

from __future__ import annotations

import os
import sys

#: The tag of the machine's files, and where the initramfs has the modules.
ROOT, MODULES = "netlab", "/netlab-modules"
#: Few, long messages. ``loose``: what was read once is not asked for again, which saves a third of Python's start.
_OPTIONS = "trans=virtio,version=9p2000.L,msize=512000,cache=loose"


def main() -> None:
    """Come to the machine's files, and go on there."""
    sys.path.insert(0, __file__.removesuffix("/netlab/agent/guest/early.py"))
    from netlab.agent import system

    for name in sorted(os.listdir(MODULES)):
        system.load_module(f"{MODULES}/{name}")
    os.makedirs("/netlab-root")
    system.mount(ROOT, "/netlab-root", "9p", system.MS_RDONLY | system.MS_NOSUID, _OPTIONS)
    os.chdir("/netlab-root")
    # A chroot alone would leave a process that may make no user namespace (current_chrooted, fs/namespace.c).
    system.mount(".", "/", None, system.MS_MOVE)
    os.chroot(".")
    os.chdir("/")
    sys.path_importer_cache.clear()
    from netlab.agent.guest import init

    init.main(virtio=True)


if __name__ == "__main__":
    main()
