"""MACs derived from names: two runs of a topology compare."""

from __future__ import annotations

from hashlib import blake2b


def derive(*names: str) -> str:
    """A locally administered unicast MAC (``02:…``) that depends on the names alone."""
    digest = blake2b("\0".join(names).encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
    return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))


def is_multicast(mac: str) -> bool:
    """Whether the group bit is set (broadcast included)."""
    return bool(int(mac[:2], 16) & 1)


def is_zero(mac: str) -> bool:
    """Whether it is 00:00:00:00:00:00, which no interface can have."""
    return mac == "00:00:00:00:00:00"


def add(mac: str, count: int) -> str:
    """The MAC ``count`` further on."""
    value = (int(mac.replace(":", ""), 16) + count) % (1 << 48)
    return ":".join(f"{value:012x}"[i : i + 2] for i in range(0, 12, 2))
