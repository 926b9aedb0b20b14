"""The typed values of a topology file, each with the JSON Schema of what can be written for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from netlab.contract.policies import POLICIES
from netlab.contract.types import Address, Limit, Netem, parts
from netlab.contract.types.links import MODES, PORT_FLAGS
from netlab.contract.types.links.bond import MAC_POLICIES
from netlab.spec import quantities, scalars, sysctls
from netlab.spec.problems import did_you_mean
from netlab.spec.scalars import Wrong


def section(value: object) -> object:
    """What stands for a mapping; an empty value is an empty one."""
    return {} if value is None or value in ("null", "~") else value


def listing(value: object) -> object:
    """What stands for a list; an empty value is an empty one."""
    if value is None or value in ("null", "~"):
        return []
    if isinstance(value, str):
        raise Wrong("must be a list", f"write [{value}]" if len(value) < 60 else "write [ ] around it")
    return value


def file_section(value: object) -> object:
    """What stands for a file: a text is its contents."""
    return {"text": value} if isinstance(value, str) else section(value)


def scalar(parse: Callable[[object], Any], schema: dict[str, Any]) -> tuple[PlainValidator, WithJsonSchema]:
    """A value that ``parse`` makes of a text, and its JSON Schema."""
    return PlainValidator(parse), WithJsonSchema(schema)


def _word(value: object, what: str, words: Sequence[str]) -> str:
    word = scalars.text(value)
    if word not in words:
        raise Wrong(f"{word!r} is not a {what}", did_you_mean(word, words))
    return word


def _one_of(what: str, words: Sequence[str]) -> tuple[PlainValidator, WithJsonSchema]:
    return scalar(partial(_word, what=what, words=words), {"enum": list(words)})


def _port_state(value: object) -> str:
    if value == "blocking":
        raise Wrong("'blocking' has no effect on a port without STP", "use 'disabled' or 'listening'")
    return _word(value, "port state", get_args(parts.PortState))


ANY_SCALAR = {"type": ["string", "number", "boolean"]}
_STRING = {"type": "string"}
_flag = scalar(scalars.flag, {"anyOf": [{"type": "boolean"}, {"enum": ["on", "off"]}]})


def _int(low: int, high: int) -> tuple[PlainValidator, WithJsonSchema]:
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return scalar(partial(scalars.number, low=low, high=high), schema)


_U32 = (1 << 32) - 1
_MARK = "^(0x[0-9A-Fa-f]{1,8}|[0-9]{1,10})(/(0x[0-9A-Fa-f]{1,8}|[0-9]{1,10}))?$"
Flag = Annotated[bool, *_flag]
Text = Annotated[str, *scalar(scalars.text, ANY_SCALAR)]
Title = Annotated[str, *scalar(scalars.title, ANY_SCALAR)]
Mtu = Annotated[int, *_int(68, 65535)]
Unsigned = Annotated[int, *_int(0, _U32)]
Cutoff = Annotated[int, *_int(-1, (1 << 31) - 1)]
Positive = Annotated[int, *_int(1, 1_000_000)]
Table = Annotated[
    int,
    *scalar(scalars.table, {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["main", "local", "default"]}]}),
]
Family = Annotated[int, *_int(4, 6)]
Retries = Annotated[int, *_int(0, 255)]
Weight = Annotated[int, *_int(1, 256)]
Fwmark = Annotated[
    tuple[int, int],
    *scalar(
        scalars.fwmark,
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": _U32}, {"type": "string", "pattern": _MARK}]},
    ),
]
Mac = Annotated[
    str,
    *scalar(scalars.mac_or_auto, {"type": "string", "pattern": "^(auto|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})$"}),
]
MacOrLink = Annotated[str, *scalar(scalars.mac_or_link, {"type": "string"})]
Ip = Annotated[str, *scalar(scalars.ip, {"type": "string"})]
Prefix = Annotated[str, *scalar(scalars.prefix, {"type": "string"})]
InterfaceAddress = Annotated[
    Address, *scalar(scalars.address, {"type": "string", "pattern": "^[0-9A-Fa-f:.]+/[0-9]+$"})
]
_UpDown = Literal["up", "down"]
LinkState = Annotated[_UpDown, *_one_of("state", get_args(_UpDown))]
# The plan says which of them a kind of link has.
Mode = Annotated[str, *scalar(scalars.text, {"enum": list(MODES)})]
PortFlag = Annotated[str, *scalar(scalars.text, {"enum": list(PORT_FLAGS)})]
PortPolicy = Annotated[str, *_one_of("policy", (*POLICIES, "none"))]
MacPolicy = Annotated[str, *_one_of("choice of MACs", MAC_POLICIES)]
RouteType = Annotated[parts.RouteType, *_one_of("type of route", parts.ROUTE_TYPES)]
Vid = Annotated[int, *_int(1, 4094)]
Pvid = Annotated[int, *_int(0, 4094)]
Vids = Annotated[tuple[Vid, ...], BeforeValidator(listing)]
Protocol = Annotated[parts.VlanProtocol, *_one_of("protocol", get_args(parts.VlanProtocol))]
PortState = Annotated[parts.PortState, *scalar(_port_state, {"enum": list(get_args(parts.PortState))})]
_Tool = Literal["netlink", "ip", "brctl", "sysfs"]
Via = Annotated[_Tool, *_one_of("way to set a port", get_args(_Tool))]
FilePath = Annotated[str, *scalar(scalars.file_path, _STRING)]
FileMode = Annotated[int, *scalar(scalars.file_mode, {"type": ["string", "integer"]})]
Owner = Annotated[str, *scalar(scalars.owner, _STRING)]
Pattern = Annotated[str, *scalar(scalars.pattern, ANY_SCALAR)]
PortName = Annotated[str, *scalar(scalars.port, {"anyOf": [{"type": "integer"}, {"type": "string"}]})]
Signal = Annotated[int, *scalar(scalars.signal, _STRING)]
Words = Annotated[tuple[Text, ...], BeforeValidator(listing)]
Environment = Annotated[dict[str, Text], BeforeValidator(section)]
Name = Annotated[str, *scalar(scalars.name, _STRING)]
SwitchName = Annotated[str, *scalar(scalars.switch_name, _STRING)]
InterfaceName = Annotated[str, *scalar(scalars.interface_name, _STRING)]
SysctlKey = Annotated[str, *scalar(sysctls.key, _STRING)]
IpKey = Annotated[str, *scalar(scalars.ip, _STRING)]
SysctlValue = Annotated[str, *scalar(scalars.sysctl_value, ANY_SCALAR)]

NetemValue = Annotated[
    Netem | Literal[False],
    *scalar(
        quantities.netem,
        {
            "anyOf": [
                {"const": "none"},
                {
                    "type": "object",
                    "properties": dict.fromkeys(quantities.NETEM, ANY_SCALAR),
                    "minProperties": 1,
                    "additionalProperties": False,
                },
            ]
        },
    ),
]
LimitValue = Annotated[
    Limit | Literal[False],
    *scalar(
        quantities.limit,
        {
            "anyOf": [
                ANY_SCALAR,
                {
                    "type": "object",
                    "properties": {
                        "rate": ANY_SCALAR, "kind": {"enum": ["tbf", "htb"]},
                        "burst": ANY_SCALAR, "queue": ANY_SCALAR,
                    },
                    "required": ["rate"],
                    "additionalProperties": False,
                },
            ]
        },
    ),
]  # fmt: skip

_Verb = Literal["start", "stop", "restart", "kill"]
Verbs = Annotated[
    dict[Name, Annotated[_Verb, *_one_of("thing to do with a program", get_args(_Verb))]], BeforeValidator(section)
]
Addresses = Annotated[tuple[InterfaceAddress, ...], BeforeValidator(listing), BeforeValidator(scalars.addresses)]
Macs = Annotated[tuple[MacOrLink, ...], BeforeValidator(listing)]
Neighbors = Annotated[dict[IpKey, MacOrLink], BeforeValidator(section)]
Ips = Annotated[tuple[Ip, ...], BeforeValidator(listing)]
Ends = Annotated[dict[MacOrLink, Ip], BeforeValidator(section)]
UdpPort = Annotated[int, *_int(1, 65535)]
Sysctls = Annotated[dict[SysctlKey, SysctlValue], BeforeValidator(section)]
