"""The firewall of the namespace that the calling thread is in, as nft prints it."""

from __future__ import annotations

import os
import platform
import socket
import struct
import subprocess
from functools import cache
from pathlib import Path

from netlab.contract.lacks import installed

_GETTABLE = (10 << 8) | 1  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE (include/uapi/linux/netfilter/nf_tables.h)
_REQUEST_DUMP, _DONE, _ERROR = 0x301, 3, 2
_LEGACY = (("ip", "iptables-legacy"), ("ip6", "ip6tables-legacy"))


def ruleset() -> tuple[str, list[str]]:
    """The ruleset, and what could not be read."""
    unread = list(_legacy())
    try:
        if not _has_tables():
            return "", unread
    except PermissionError:
        return "", [*unread, "nftables rulesets are shown to root alone"]
    nft = installed("nft")
    if nft is None:
        return "", [*unread, "there are nftables rules, and no nft to list them: install nftables"]
    done = subprocess.run([nft, "list", "ruleset"], capture_output=True, text=True, check=False)
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["it failed"])[0]
        return "", [*unread, f"nft list ruleset: {first}"]
    return done.stdout, unread


@cache
def _loaded(module: str) -> bool:
    """Whether the kernel has a module already; to ask for what it hasn't would load it."""
    if not Path("/proc/modules").exists() or Path(f"/sys/module/{module}").exists():
        return True
    try:
        return f"/{module}.ko" in Path(f"/lib/modules/{platform.release()}/modules.builtin").read_text()
    except OSError:
        return False


def _has_tables() -> bool:
    """Whether nf_tables has a table here (`nft` takes ten times as long to say so). Raises PermissionError."""
    if not _loaded("nfnetlink") or not _loaded("nf_tables"):
        return False
    try:
        asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12)  # NETLINK_NETFILTER
    except OSError:
        return False
    with asking:
        asking.send(struct.pack("=IHHIIBBH", 20, _GETTABLE, _REQUEST_DUMP, 1, 0, 0, 0, 0))
        data = asking.recv(1 << 16)
        kind = struct.unpack_from("=H", data, 4)[0]
        if kind == _ERROR and (number := -struct.unpack_from("=i", data, 16)[0]):
            if number in (1, 13):
                raise PermissionError(number, os.strerror(number))
            return False
        return bool(kind not in (_DONE, _ERROR))


def _legacy() -> list[str]:
    """Tables of the older iptables, which nft doesn't show."""
    found = []
    for family, tool in _LEGACY:
        try:
            tables = Path(f"/proc/thread-self/net/{family}_tables_names").read_text().split()
        except OSError:
            continue
        if tables:
            found.append(
                f"{tool} has the tables {', '.join(tables)}: netlab reads nftables alone ({tool}-save shows them)"
            )
    return found
