"""The names by which the hosts of a lab know each other: private ones, and all where `netlab exec` is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from netlab.contract.types import State

_LOCAL = ("127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback")


def hosts_file(state: State) -> str:
    """The text of /etc/hosts: each host and container with its first address of each family.

    Container c1 of host A is ``c1.A``, and ``c1`` where nothing else in the lab is called so.
    """
    ids = [namespace.id for namespace in state.namespaces if namespace.kind != "switch"]
    ends = Counter(_short(ns_id) for ns_id in ids)
    lines = [*_LOCAL]
    for ns_id in ids:
        short = _short(ns_id)
        names = [called(ns_id)]
        if short not in names and ends[short] == 1:
            names.append(short)
        lines += (f"{ip} {' '.join(names)}" for ip in _addresses(state, ns_id))
    return "\n".join(lines) + "\n"


def called(ns_id: str) -> str:
    """The name of a host or container: ``c1.A`` for ``A/c1``."""
    return ".".join(reversed(ns_id.split("/")))


def _short(ns_id: str) -> str:
    return ns_id.rpartition("/")[2]


def _addresses(state: State, ns_id: str) -> Iterator[str]:
    for family in (4, 6):
        ips = (address.ip for link in state.links_of(ns_id) for address in link.addresses if address.family == family)
        if (ip := next(ips, None)) is not None:
            yield ip
