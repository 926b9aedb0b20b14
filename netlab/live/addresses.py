"""Subnets and the addresses in them: what is given, checked, and what is assumed where nothing is given."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator

from netlab.live.reading import Subnet
from netlab.live.source import Section
from netlab.spec import scalars
from netlab.spec.scalars import Wrong

#: So many addresses are looked at for a free one.
_MOST = 70_000


def network(value: object) -> str:
    """A subnet. Raises Wrong."""
    word = scalars.prefix(value)
    if word == "default":
        raise Wrong("'default' is not a subnet", "as in 192.168.1.0/24")
    return word


def loose(value: object) -> str:
    """A range of addresses, which may be written with bits of a host. Raises Wrong."""
    word = scalars.text(value)
    try:
        return str(ipaddress.ip_network(word, strict=False))
    except ValueError:
        raise Wrong(f"{word!r} is not a range of addresses", "as in 192.168.1.128/25") from None


def plain_ip(value: object) -> str:
    """An address; a prefix length behind it is left off. Raises Wrong."""
    return scalars.ip(scalars.text(value).partition("/")[0])


def interface_address(value: object) -> str:
    """An address with its prefix length, checked. Raises Wrong."""
    found = scalars.address(value)
    return f"{found.ip}/{found.prefixlen}"


def fault(ip: str, prefix: str) -> str:
    """Why no host can have an address in a subnet; empty where one can."""
    if ipaddress.ip_address(ip) not in ipaddress.ip_network(prefix):
        return f"{ip} is not in {prefix}"
    try:
        scalars.address(with_length(ip, prefix))
    except Wrong as wrong:
        return str(wrong)
    return ""


def subnet(section: Section, prefix: str, gateway: str, pool: str = "", reserved: str = "") -> Subnet | None:
    """A subnet as a mapping has it, whose keys are given; None where something is wrong with it, which is noted."""
    net = section.value(prefix, network)
    if net is None:
        if not section.has(prefix):
            section.wrong(f"{prefix!r} is missing", "netlab needs to know the network's addresses")
        return None
    if why := fault(next(candidates(net)), net):
        section.wrong(f"{net} is no subnet for hosts: {why}")
        return None
    via = section.value(gateway, plain_ip) if gateway else None
    if via is not None and (why := fault(via, net)):
        child = section.get(gateway)
        assert child is not None
        if ipaddress.ip_address(via).is_link_local:
            child.leave("link-local gateways can't be expressed", loses=True)
        else:
            child.wrong(f"the gateway {why}")
        via = None
    taken = []
    for name, entry in section.entries(reserved) if reserved else ():
        ip = entry.as_(plain_ip)
        if ip is not None and (why := fault(ip, net)):
            entry.wrong(why)
        elif ip is not None:
            taken.append((name, ip))
    part = section.value(pool, loose) if pool else None
    if part is not None and not _within(part, net):
        section.wrong(f"{part} is not within {net}")
        part = None
    return Subnet(net, via, part, tuple(taken))


def _within(part: str, whole: str) -> bool:
    first, last = ipaddress.ip_network(part)[0], ipaddress.ip_network(part)[-1]
    return first in ipaddress.ip_network(whole) and last in ipaddress.ip_network(whole)


def candidates(prefix: str) -> Iterator[str]:
    """The addresses of a subnet that hosts may have, from the lowest on."""
    net = ipaddress.ip_network(prefix)
    whole = net.num_addresses <= 2
    first = int(net.network_address) + (0 if whole else 1)
    last = int(net.broadcast_address) - (0 if whole or net.version == 6 else 1)
    kind = ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address
    for number in range(first, min(last, first + _MOST) + 1):
        yield str(kind(number))


def free(prefix: str, taken: Collection[str], pool: str | None = None) -> str | None:
    """The lowest free address of a subnet, of its ``pool`` where it has one; None where all are taken."""
    return next((ip for ip in candidates(pool or prefix) if ip not in taken and _usable(ip, prefix)), None)


def free_above(prefix: str, taken: Collection[str]) -> str | None:
    """The highest free address of a subnet, or of the first 65534 of a larger one."""
    net = ipaddress.ip_network(prefix)
    last = min(net.num_addresses - 2, 65534)
    for offset in range(last, max(last - 1000, 0), -1):
        ip = str(net[offset])
        if ip not in taken:
            return ip
    return None


def _usable(ip: str, prefix: str) -> bool:
    net = ipaddress.ip_network(prefix)
    if net.num_addresses <= 2:
        return True
    return ip not in (str(net.network_address), str(net.broadcast_address) if net.version == 4 else "")


def with_length(ip: str, prefix: str) -> str:
    """An address with its subnet's prefix length."""
    return f"{ip}/{prefix.partition('/')[2]}"


def alone(ip: str) -> str:
    """An address with the prefix length of itself alone."""
    return f"{ip}/{32 if version(ip) == 4 else 128}"


def version(text: str) -> int:
    """4 or 6: the family of an address or a prefix."""
    return 6 if ":" in text else 4
