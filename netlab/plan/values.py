"""Values of interfaces that need the whole lab: MACs by name, IPv6 switched on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from netlab.contract.types import AnyLink, Link, Neighbor
from netlab.plan import macs, sysctls
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import is_mac

if TYPE_CHECKING:
    from netlab.plan.file import File, Path
    from netlab.plan.lab import Lab


def check_mac(file: File, mac: str | None, path: Path) -> None:
    """A MAC that an interface can have (is_valid_ether_addr)."""
    if mac is None or mac == "auto":
        return
    where = file.where(*path, key=False)
    if macs.is_multicast(mac):
        file.problems.add(where, f"{mac} is a multicast MAC", "the first byte of a MAC is even, as in 02:…")
    elif macs.is_zero(mac):
        file.problems.add(where, f"{mac} is no MAC of an interface", "as in 02:00:00:00:00:01")


def check_word(file: File, link: AnyLink | type[Link], key: str, word: str | None, path: Path) -> None:
    """A mode or a flag that the kind of the link has; any where it has none, which is said elsewhere."""
    words = {"mode": link.modes, "flag": link.port_flags}[key]
    if word is not None and words and word not in words:
        where = file.where(*path, key, key=False)
        file.problems.add(where, f"{word!r} is no {key} of {link.kind}", did_you_mean(word, words, "these are"))


def neighbors(lab: Lab, link: AnyLink, given: Mapping[str, str], path: Path) -> tuple[Neighbor, ...]:
    """Static neighbour entries of a link, names of interfaces turned into their MACs.

    An IPv6 entry needs IPv6 on the interface (neigh_add: EINVAL), and so an address of that family.
    """
    file = lab.file
    for ip in given:
        if ":" in ip and not any(address.family == 6 for address in link.addresses):
            message = f"{link.id} has no IPv6 address, so it can have no neighbour {ip}"
            hint = "give it one" if link.interface else "a bridge in a host can: 'type: bridge'"
            file.problems.add(file.where(*path, ip), message, hint, follows=file.lost(link.id))
    found = ((ip, _mac_of(lab, name, (*path, ip))) for ip, name in given.items())
    return tuple(Neighbor(ip, mac) for ip, mac in found if mac is not None)


def mac_list(lab: Lab, given: tuple[str, ...], path: Path) -> tuple[str, ...]:
    """A list of MACs, names of interfaces turned into their MACs, none twice."""
    found = (_mac_of(lab, name, (*path, i)) for i, name in enumerate(given))
    return tuple(dict.fromkeys(mac for mac in found if mac is not None))


def _mac_of(lab: Lab, name: str, path: Path) -> str | None:
    file = lab.file
    if is_mac(name):
        return name
    link = lab.links.get(name)
    where = file.where(*path, key=False)
    if link is None:
        if name in lab.refused:
            file.problems.add(where, f"{name} is expected to be refused, so it has no MAC")
        elif name not in file.broken and name.partition(":")[2] not in file.spec.pruned:
            file.problems.add(where, f"no interface {name!r}", did_you_mean(name, file.paths, "known"))
        return None
    if link.mac is None:
        file.problems.add(where, f"the MAC of {name} is left to the kernel", "give it one, without 'auto'")
    return link.mac


def enable_v6(lab: Lab, link: AnyLink) -> str | None:
    """Switch IPv6 on for a link that has such an address: the sysctl to write 0 to, if any."""
    file = lab.file
    values = lab.boxes[link.namespace].sysctls
    path = f"net/ipv6/conf/{link.ifname}/disable_ipv6"
    if not any(address.family == 6 for address in link.addresses):
        return None
    if sysctls.v6_disabled(values) or values.get(path) == "1":
        where = file.where(*file.paths[link.id], "addresses", key=False)
        file.problems.add(where, f"IPv6 is disabled for {link.id} by its sysctls", "leave 'disable_ipv6' out")
        return None
    if values.get(path) == "0":
        return None
    values[path] = "0"
    return path
