"""Other names, addresses and MACs in the place of a machine's own, so that a file can be shown to others.

What is alike stays alike: an address that stands twice is replaced by one, subnets that hold others still hold them,
and the bits of hosts within the smallest prefix that the file has for an address are kept.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
from collections.abc import Iterable
from dataclasses import replace

from netlab.live.machine.values import Device, Machine, Space

_MAC = re.compile(r"(?<![0-9a-fA-F:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-fA-F:])")
_IP = re.compile(
    r"(?<![\w.:])(?P<ip>(?:\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?:/(?P<length>\d{1,3}))?(?![\w:])"
)
#: Names of interfaces that tell nothing of their owner.
_PLAIN = re.compile(
    r"(eth|en[ospx]|em|br|docker|cni|veth|vnet|virbr|podman|lo|tap|tun|bond|wlan|wlp|m|macvlan|ipvlan)[\da-f.]*"
)
_COMMENT = re.compile(r'\s*comment "[^"]*"')
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def names(machine: Machine) -> Machine:
    """The machine with other names of its namespaces, and of interfaces that have names of their owner's own."""
    words: dict[str, str] = {}
    for device in (device for space in machine.spaces for device in space.devices):
        if not device.loopback and not _PLAIN.fullmatch(device.name):
            words.setdefault(device.name, f"{device.kind or 'eth'}-{len(words) + 1}"[:15])
    spaces = tuple(_renamed(space, f"c{i}", words) for i, space in enumerate(machine.spaces))
    return replace(machine, spaces=spaces, unread=tuple("something" for _ in machine.unread[:1]))


def _renamed(space: Space, name: str, words: dict[str, str]) -> Space:
    def word(one: str | None) -> str | None:
        return None if one is None else words.get(one, one)

    ruleset = _COMMENT.sub("", space.ruleset)
    for old, new in words.items():
        ruleset = ruleset.replace(f'"{old}"', f'"{new}"')
    return replace(
        space,
        names=(name,),
        netns="",
        devices=tuple(_device(one, words) for one in space.devices),
        rules=tuple(replace(one, iif=word(one.iif), oif=word(one.oif)) for one in space.rules),
        ruleset=ruleset,
    )


def _device(device: Device, words: dict[str, str]) -> Device:
    new = words.get(device.name, device.name)
    conf = {path.replace(f"/{device.name}/", f"/{new}/"): value for path, value in device.conf.items()}
    return replace(device, name=new, conf=conf)


def addresses(text: str) -> str:
    """The text with other addresses and MACs. Each call draws others."""
    while True:
        key = secrets.token_bytes(16)
        found = [match for match in _IP.finditer(text) if _address(match["ip"]) is not None]
        prefixes = {_network(match["ip"], match["length"]) for match in found if match["length"]}
        ips: dict[str, str] = {}
        for match in found:
            ips.setdefault(match["ip"], _other(match["ip"], prefixes, key))
        if len(set(ips.values())) == len(ips):
            break
    text = _IP.sub(lambda match: match[0].replace(match["ip"], ips.get(match["ip"], match["ip"]), 1), text)
    return _MAC.sub(lambda match: _mac(match[0], key), text)


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(ip: str, length: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(f"{ip}/{length}", strict=False)


def _other(text: str, prefixes: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network], key: bytes) -> str:
    """An address of the same family: each bit of its prefix is changed by chance, as the bits before it say."""
    ip = ipaddress.ip_address(text)
    if (
        ip.is_loopback
        or ip.is_multicast
        or ip.is_link_local
        or ip.is_unspecified
        or int(ip) == (1 << ip.max_prefixlen) - 1
    ):
        return text
    inside = [net.prefixlen for net in prefixes if net.version == ip.version and ip in net]
    length = max((one for one in inside if one < ip.max_prefixlen), default=ip.max_prefixlen)
    # The first bits say that it is private: 10.0.0.0/8, fd00::/8.
    first = 8
    bits = int(ip)
    top = 10 if ip.version == 4 else 0xFD
    value = (bits & ((1 << (ip.max_prefixlen - first)) - 1)) | top << (ip.max_prefixlen - first)
    for bit in range(first, max(length, first)):
        shift = ip.max_prefixlen - 1 - bit
        before = (bits >> (shift + 1)).to_bytes(16, "big")
        value ^= (_chance(key, bytes([ip.version, bit]) + before) & 1) << shift
    return str(type(ip)(value))


def _mac(text: str, key: bytes) -> str:
    """A MAC of one's own, and what stands for a group or nothing as it is."""
    if int(text[:2], 16) & 1 or text == "00:00:00:00:00:00":
        return text
    return "02:" + hashlib.blake2b(text.encode(), key=key, digest_size=5).digest().hex(":")


def _chance(key: bytes, said: bytes) -> int:
    return hashlib.blake2b(said, key=key, digest_size=1).digest()[0]
