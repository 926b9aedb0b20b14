"""``replicas: 3`` of ``web``: the names, and how addresses and MACs count up."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from netlab.contract.types import Address
from netlab.plan.macs import add
from netlab.spec.scalars import Wrong


def names(name: str, replicas: int | None) -> Iterator[tuple[str, int]]:
    """Name and index (from 0) of each replica; the name itself where there are none."""
    if replicas is None:
        yield name, 0
    else:
        yield from ((f"{name}-{k + 1}", k) for k in range(replicas))


def offset(host: int, host_step: int, container: int, replicas: int | None, step: int | None) -> int:
    """How far the addresses of a container count up.

    Host index × container replicas + container index, times the container's step; a container that gives
    neither replicas nor step moves with its host.
    """
    if replicas is None and step is None:
        return host * host_step
    return (host * (replicas or 1) + container) * (step or 1)


def address(base: Address, count: int) -> Address:
    """The address ``count`` further on. Raises Wrong where that leaves the prefix."""
    if count == 0:
        return base
    network = base.network
    value = int(ipaddress.ip_address(base.ip)) + count
    last = int(network.broadcast_address) - (1 if network.version == 4 and network.prefixlen < 31 else 0)
    if value > last:
        raise Wrong(f"{base} and {count} more leaves the prefix {network}", "fewer replicas, or a shorter prefix")
    return Address(str(type(network.network_address)(value)), base.prefixlen)


def mac(base: str, count: int) -> str:
    """The MAC ``count`` further on."""
    return add(base, count) if count else base
