"""How values stand in attributes of netlink: numbers, addresses, lists, and tables of attributes by name."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from netlab.agent.netlink.socket import attributes, nla

Bytes = bytes | memoryview


class Form(NamedTuple):
    """How a value stands in an attribute, and the flags that go with the attribute's number."""

    pack: Callable[[Any], bytes]
    unpack: Callable[[Bytes], Any]
    flags: int = 0


class ByKind(NamedTuple):
    """The form depends on the value of another attribute of the same level, which comes before this one."""

    kind: str
    forms: Mapping[str, Form]


class Table(dict[str, tuple[int, Form | ByKind]]):
    """The attributes of one level by name: number and form."""

    def __init__(self, entries: Mapping[str, tuple[int, Form | ByKind]]) -> None:
        super().__init__(entries)
        self.by_number = {number: (name, form) for name, (number, form) in entries.items()}


def encode(table: Table, values: Mapping[str, Any]) -> bytes:
    """Attributes in the order of ``values``, those that are None left out.

    Raises KeyError for a name that isn't in the table (or a kind whose data aren't known), ValueError, with the names
    of the attributes around it, for a value that its attribute cannot hold.
    """
    found = bytearray()
    for name, value in values.items():
        if value is None:
            continue
        number, form = table[name]
        if isinstance(form, ByKind):
            form = form.forms[values[form.kind]]
        try:
            found += nla(number | form.flags, form.pack(value))
        except (ValueError, TypeError, AttributeError, struct.error) as error:
            raise ValueError(f"{name}: {error}") from error
    return bytes(found)


def decode(table: Table, data: Bytes, offset: int = 0) -> dict[str, Any]:
    """The attributes from ``offset`` on by name; what isn't in the table is left out."""
    found: dict[str, Any] = {}
    for number, value in attributes(data, offset):
        if entry := table.by_number.get(number):
            name, form = entry
            if not isinstance(form, ByKind):
                found[name] = form.unpack(value)
            elif known := form.forms.get(found.get(form.kind, "")):
                found[name] = known.unpack(value)
    return found


def _number(format: str) -> Form:
    packed = struct.Struct(format)
    return Form(packed.pack, lambda data: packed.unpack_from(data)[0])


def _pack_string(value: str) -> bytes:
    if "\0" in value:
        raise ValueError(f"{value!r} has a NUL in it")
    return value.encode() + b"\0"


def _unpack_string(data: Bytes) -> str:
    return bytes(data).partition(b"\0")[0].decode("utf-8", "replace")


def _pack_mac(value: str) -> bytes:
    octets = bytes.fromhex(value.replace(":", ""))
    if len(octets) != 6:
        raise ValueError(f"{value!r} is not a MAC address")
    return octets


def _unpack_mac(data: Bytes) -> str:
    # Of any length: a machine's own interfaces may be no Ethernet.
    return data.hex(":")


def _pack_ip(value: str) -> bytes:
    return ipaddress.ip_address(value).packed


def _unpack_ip(data: Bytes) -> str:
    if len(data) == 4:
        return socket.inet_ntop(socket.AF_INET, data)
    text = socket.inet_ntop(socket.AF_INET6, data)
    # The C library writes ::1.2.3.4 where a plan has ::102:304.
    return str(ipaddress.IPv6Address(bytes(data))) if "." in text else text


def _pack_encoded(value: Bytes) -> bytes:
    return b"" + value  # not bytes(value), which would make zeros of a number


def nested(table: Table, flags: int = 0) -> Form:
    """Attributes within the attribute."""
    return Form(partial(encode, table), partial(decode, table), flags)


def each(number: int, form: Form, flags: int = 0) -> Form:
    """A list, every value in an attribute of the same number."""

    def pack(values: Iterable[Any]) -> bytes:
        return b"".join(nla(number, form.pack(value)) for value in values)

    def unpack(data: Bytes) -> list[Any]:
        return [form.unpack(value) for kind, value in attributes(data, 0) if kind == number]

    return Form(pack, unpack, flags)


U8, U16, U32, S32, U64 = map(_number, ("=B", "=H", "=I", "=i", "=Q"))
#: In network byte order.
BE16 = _number("!H")
STRING = Form(_pack_string, _unpack_string)
MAC = Form(_pack_mac, _unpack_mac)
#: 4 or 16 bytes, by the address.
IP = Form(_pack_ip, _unpack_ip)
#: A struct or a whole message, encoded already.
ENCODED = Form(_pack_encoded, bytes)
