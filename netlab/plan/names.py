"""Names of interfaces in the kernel: the user's own where it fits, else a generated one."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

from netlab.spec.scalars import IFNAME_BYTES


def ifname(name: str, taken: Collection[str]) -> str:
    """``name`` where it has at most 15 bytes (IFNAMSIZ), else its beginning and a hash of it."""
    if len(name.encode()) <= IFNAME_BYTES:
        return name
    for salt in range(1000):
        digest = blake2b(f"{name}{salt or ''}".encode(), digest_size=3).hexdigest()
        made = name.encode()[: IFNAME_BYTES - 7].decode("utf-8", "ignore") + "_" + digest
        if made not in taken:
            return made
    raise AssertionError("a thousand names that are all taken")
