"""The typed schema of the topology file. Nothing here looks beyond one value: references are the plan's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from netlab.contract.measures import Bound
from netlab.contract.types import Address, Limit
from netlab.spec import quantities, scalars, sysctls
from netlab.spec.scalars import Wrong


def _section(value: object) -> object:
    return {} if value is None or value in ("null", "~") else value


def _listing(value: object) -> object:
    if value is None or value in ("null", "~"):
        return []
    if isinstance(value, str):
        raise Wrong("must be a list", f"write [{value}]" if len(value) < 60 else "write [ ] around it")
    return value


def _scalar(parse: Callable[[object], Any], schema: dict[str, Any]) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(parse), WithJsonSchema(schema)


def _one_of(what: str, *words: str) -> tuple[PlainValidator, WithJsonSchema]:
    def parse(value: object) -> str:
        word = scalars.text(value)
        if word not in words:
            from netlab.spec.problems import did_you_mean

            raise Wrong(f"{word!r} is not a {what}", did_you_mean(word, words))
        return word

    return _scalar(parse, {"enum": list(words)})


def _port_state(value: object) -> str:
    if value == "blocking":
        raise Wrong("'blocking' has no effect on a port without STP", "use 'disabled' or 'listening'")
    word = scalars.text(value)
    if word not in (states := ("forwarding", "disabled", "listening", "learning")):
        from netlab.spec.problems import did_you_mean

        raise Wrong(f"{word!r} is not a port state", did_you_mean(word, states))
    return word


_ANY_SCALAR = {"type": ["string", "number", "boolean"]}
_STRING = {"type": "string"}
_flag = _scalar(scalars.flag, {"anyOf": [{"type": "boolean"}, {"enum": ["on", "off"]}]})


def _int(low: int, high: int) -> tuple[PlainValidator, WithJsonSchema]:
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return _scalar(partial(scalars.number, low=low, high=high), schema)


_U32 = (1 << 32) - 1
Flag = Annotated[bool, *_flag]
Text = Annotated[str, *_scalar(scalars.text, _ANY_SCALAR)]
Title = Annotated[str, *_scalar(scalars.title, _ANY_SCALAR)]
Mtu = Annotated[int, *_int(68, 65535)]
Unsigned = Annotated[int, *_int(0, _U32)]
Positive = Annotated[int, *_int(1, 1_000_000)]
Table = Annotated[
    int,
    *_scalar(scalars.table, {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": ["main", "local", "default"]}]}),
]
Family = Annotated[int, *_int(4, 6)]
Mac = Annotated[
    str,
    *_scalar(scalars.mac_or_auto, {"type": "string", "pattern": "^(auto|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})$"}),
]
MacOrLink = Annotated[str, *_scalar(scalars.mac_or_link, {"type": "string"})]
Ip = Annotated[str, *_scalar(scalars.ip, {"type": "string"})]
Prefix = Annotated[str, *_scalar(scalars.prefix, {"type": "string"})]
InterfaceAddress = Annotated[
    Address, *_scalar(scalars.address, {"type": "string", "pattern": "^[0-9A-Fa-f:.]+/[0-9]+$"})
]
LinkState = Annotated[Literal["up", "down"], *_one_of("state", "up", "down")]
Mode = Annotated[
    Literal["bridge", "vepa", "private", "passthru", "source"],
    *_one_of("mode of macvlan", "bridge", "vepa", "private", "passthru", "source"),
]
PortState = Annotated[
    Literal["forwarding", "disabled", "listening", "learning"],
    *_scalar(_port_state, {"enum": ["forwarding", "disabled", "listening", "learning"]}),
]
Via = Annotated[
    Literal["netlink", "ip", "brctl", "sysfs"],
    *_one_of("way to set a port", "netlink", "ip", "brctl", "sysfs"),
]
Name = Annotated[str, *_scalar(scalars.name, _STRING)]
SwitchName = Annotated[str, *_scalar(scalars.switch_name, _STRING)]
InterfaceName = Annotated[str, *_scalar(scalars.interface_name, _STRING)]
SysctlKey = Annotated[str, *_scalar(sysctls.key, _STRING)]
IpKey = Annotated[str, *_scalar(scalars.ip, _STRING)]
SysctlValue = Annotated[str, *_scalar(scalars.sysctl_value, _ANY_SCALAR)]

LimitValue = Annotated[
    Limit | Literal[False],
    *_scalar(
        quantities.limit,
        {
            "anyOf": [
                _ANY_SCALAR,
                {
                    "type": "object",
                    "properties": {
                        "rate": _ANY_SCALAR, "kind": {"enum": ["tbf", "htb"]},
                        "burst": _ANY_SCALAR, "queue": _ANY_SCALAR,
                    },
                    "required": ["rate"],
                    "additionalProperties": False,
                },
            ]
        },
    ),
]  # fmt: skip

Addresses = Annotated[tuple[InterfaceAddress, ...], BeforeValidator(_listing), BeforeValidator(scalars.addresses)]
Macs = Annotated[tuple[MacOrLink, ...], BeforeValidator(_listing)]
Neighbors = Annotated[dict[IpKey, MacOrLink], BeforeValidator(_section)]
Sysctls = Annotated[dict[SysctlKey, SysctlValue], BeforeValidator(_section)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Port(_Model):
    """Options of a switch port (bridge(8), ``bridge link set``)."""

    up: Flag | None = Field(None, description="Admin state of the port's device: off takes the carrier from both ends.")
    attached: Flag | None = Field(
        None, description="Whether the port is enslaved to the bridge; attaching anew resets its options."
    )
    hairpin: Flag | None = Field(None, description="Send frames back out of the port they came in by.")
    isolated: Flag | None = Field(None, description="No frames to or from other isolated ports.")
    learning: Flag | None = Field(None, description="Learn source MACs.")
    flood: Flag | None = Field(None, description="Flood unicast to unknown MACs out of this port.")
    mcast_flood: Flag | None = Field(None, description="Flood multicast out of this port.")
    bcast_flood: Flag | None = Field(None, description="Flood broadcasts out of this port.")
    locked: Flag | None = Field(None, description="Admit only source MACs that have an entry on this port.")
    state: PortState | None = Field(None, description="STP state of the port, set by hand.")
    fdb: Macs | None = Field(
        None, description="Static entries of the forwarding table: MACs, or interfaces that have them."
    )


PortSection = Annotated[Port, BeforeValidator(_section)]


class _Adjustable(_Model):
    """What can be given for an interface, and set later in a step."""

    mac: Mac | None = Field(
        None,
        description="MAC address, or 'auto' to leave it to the kernel; derived from the names by default.",
    )
    mtu: Mtu | None = Field(None, description="MTU in bytes; 1500 by default, a child takes its parent's.")
    addresses: Addresses | None = Field(None, description="IPv4 and IPv6 addresses with prefix length.")
    state: LinkState | None = Field(None, description="Admin state, up by default.")
    neighbors: Neighbors | None = Field(
        None, description="Static neighbours: address to MAC, or to an interface that has it."
    )
    port: PortSection | None = Field(None, description="Options of the switch port at the other end of the wire.")
    mode: Mode | None = Field(None, description="Mode of macvlan or macvtap; without it the kernel chooses (vepa).")
    allowed_macs: Macs | None = Field(None, description="Source mode: the MACs (or interfaces that have them) to hear.")
    nodst: Flag | None = Field(None, description="Source mode: frames of allowed MACs go to no other interface.")
    bcqueuelen: Unsigned | None = Field(None, description="Length of the broadcast queue asked for.")
    duplicate: Flag | None = Field(
        None, description="An address of this interface is meant to be elsewhere, too: no warning."
    )
    limit: LimitValue | None = Field(
        None, description="Shape what the interface sends (tc-tbf(8), tc-htb(8)): a rate, or more; none takes it away."
    )


class _BridgeOptions(_Model):
    stp: Flag | None = Field(None, description="Run the spanning tree protocol; needed where switches form a loop.")
    fdb_max_learned: Unsigned | None = Field(
        None, description="At most this many learned MACs in the whole switch (0: no limit)."
    )
    ageing_time: Unsigned | None = Field(None, description="Seconds until a learned MAC is forgotten (300).")
    mcast_snooping: Flag | None = Field(None, description="Snoop IGMP and MLD; off by default.")


class Interface(_Adjustable, _BridgeOptions):
    """An interface: a wire to a switch, a bridge or another interface, a bridge, or a child of an interface."""

    type: Text | None = Field(None, description="Kind of link; veth where a switch, a bridge or a peer is given.")
    switch: Text | None = Field(None, description="The switch that this interface is plugged into.")
    bridge: Text | None = Field(None, description="The bridge of its own host that this interface is plugged into.")
    peer: Text | None = Field(None, description="The interface at the other end of a wire without a switch.")
    master: Text | None = Field(None, description="The bridge of this host that the interface is a port of.")
    parent: Text | None = Field(None, description="The interface of the host that a child sits on.")


class Route(_Model):
    """A route beyond the connected ones (ip-route(8))."""

    to: Prefix = Field(description="Destination: a prefix, an address or 'default'.")
    via: Ip | None = Field(None, description="Gateway.")
    dev: Text | None = Field(None, description="Interface.")
    table: Table | None = Field(None, description="Routing table, main by default.")


class Rule(_Model):
    """A routing policy rule (ip-rule(8))."""

    model_config = ConfigDict(populate_by_name=True)

    src: Prefix | None = Field(None, alias="from", description="Source prefix.")
    to: Prefix | None = Field(None, description="Destination prefix.")
    iif: Text | None = Field(None, description="Interface that the packet came in by.")
    oif: Text | None = Field(None, description="Interface that the socket is bound to.")
    table: Table = Field(description="Routing table to look in.")
    priority: Unsigned | None = Field(
        None, description="Priority; the kernel's choice by default: one less than the lowest."
    )
    family: Family | None = Field(None, description="4 or 6, where no prefix says it.")


Routes = Annotated[tuple[Route, ...], BeforeValidator(_listing)]
Rules = Annotated[tuple[Rule, ...], BeforeValidator(_listing)]
Interfaces = Annotated[dict[InterfaceName, Annotated[Interface, BeforeValidator(_section)]], BeforeValidator(_section)]


class _Box(_Model):
    interfaces: Interfaces = Field({}, description="Interfaces by name.")
    routes: Routes | None = Field(None, description="Routes beyond the connected ones.")
    rules: Rules | None = Field(None, description="Routing policy rules.")
    sysctls: Sysctls | None = Field(None, description="Sysctls of the namespace, as sysctl(8) writes them.")
    nftables: Text | None = Field(None, description="A ruleset as nft(8) reads it, loaded once interfaces are there.")
    replicas: Positive | None = Field(None, description="Make this many: web becomes web-1, web-2, …")
    step: Positive | None = Field(
        None, description="By how much addresses and MACs count up from replica to replica (1)."
    )


class Container(_Box):
    """A namespace inside of a host, for children of the host's interfaces."""


class Host(_Box):
    """A machine on the network."""

    containers: Annotated[dict[Name, Annotated[Container, BeforeValidator(_section)]], BeforeValidator(_section)] = (
        Field({}, description="Containers by name.")
    )


class _Bridge(_BridgeOptions):
    state: LinkState | None = Field(None, description="Admin state of the bridge, up by default.")


class Switch(_Bridge):
    """A switch: a Linux bridge in a namespace of its own."""

    links: Annotated[tuple[Text, ...], BeforeValidator(_listing)] = Field(
        (), description="Switches that this one is wired to."
    )


class Settings(_Adjustable, _Bridge):
    """What a step sets on an interface, a host, a container or a switch."""

    routes: Routes | None = Field(None, description="The routes from now on (host or container).")
    rules: Rules | None = Field(None, description="The rules from now on (host or container).")
    sysctls: Sysctls | None = Field(None, description="Sysctls to write (host or container).")
    nftables: Text | None = Field(None, description="The ruleset from now on (host or container), '' for none.")


Switches = Annotated[dict[SwitchName, Annotated[Switch, BeforeValidator(_section)]], BeforeValidator(_section)]
Hosts = Annotated[dict[Name, Annotated[Host, BeforeValidator(_section)]], BeforeValidator(_section)]

_ENTRY = {
    "anyOf": [
        {"type": "string", "description": '"A -> B [icmp]: reachable"'},
        {
            "type": "object",
            "required": ["from", "to", "is"],
            "additionalProperties": False,
            "properties": {
                "from": _ANY_SCALAR,
                "to": _ANY_SCALAR,
                "layers": {"type": "array", "items": {"type": "string"}},
                "is": {
                    "enum": [
                        "reachable",
                        "through-interface",
                        "address-only",
                        "unreachable",
                        "on-wire",
                        "not-on-wire",
                    ]
                },
            },
        },
        {"type": "object", "minProperties": 1, "maxProperties": 1, "description": "A -> B [icmp]: reachable"},
    ]
}
Entries = Annotated[tuple[Any, ...], BeforeValidator(_listing), WithJsonSchema({"type": "array", "items": _ENTRY})]


#: Read entry by entry in `netlab.spec.measure`, which also knows the JSON Schema.
Measurements = Annotated[tuple[Any, ...], BeforeValidator(_listing)]


class Add(_Model):
    """What a step adds, nested as at the top of the file."""

    switches: Switches = Field({}, description="New switches.")
    hosts: Hosts = Field({}, description="New hosts, or new interfaces and containers of hosts that exist.")


class Step(_Model):
    """A state of the lab that follows the one before."""

    name: Title = Field(description="Unique name of the step.")
    description: Text = Field("", description="What the step is about.")
    via: Via = Field("netlink", description="The tool that sets port options in this step.")
    delete: Annotated[tuple[Text, ...], BeforeValidator(_listing)] = Field(
        (), description="Interfaces, hosts and containers to delete; done first."
    )
    set: Annotated[dict[str, Annotated[Settings, BeforeValidator(_section)]], BeforeValidator(_section)] = Field(
        {}, description="New settings by interface, host, container or switch; done second."
    )
    add: Annotated[Add, BeforeValidator(_section)] = Field(Add.model_construct(), description="What is new; done last.")
    expect: Entries = Field((), description="What must be seen in this step.")
    throughput: Measurements = Field((), description="What is to be measured in this step.")
    latency: Measurements = Field((), description="Round trips to be measured in this step.")
    compare: Measurements = Field((), description="Paths to be compared in this step.")


class Claim(_Model):
    """What somebody says of the kernel, and what would be seen if it were true."""

    number: Title = Field(description="Number of the claim, such as 24b.")
    says: Text = Field(description="The claim in a sentence.")
    stand_in: Text = Field(
        "", description="What plays the part of something that the lab doesn't have, if anything does."
    )
    test: Annotated[
        Any,
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "array", "items": _ENTRY},
                    {"type": "object", "additionalProperties": {"type": "array", "items": _ENTRY}},
                ]
            }
        ),
    ] = Field(
        None, description="Expectations (of the baseline, or by the name of a step) that hold if the claim is true."
    )
    compare: Annotated[
        tuple[tuple[str, Bound | None], ...],
        *_scalar(
            quantities.claimed,
            {
                "anyOf": [
                    {"type": "array", "items": _ANY_SCALAR},
                    {"type": "object", "additionalProperties": {"type": "string"}},
                ]
            },
        ),
    ] = Field(
        (), description="Names of comparisons that hold if the claim is true; or names and what their ratio then is."
    )


class Topology(_Model):
    """A topology file of netlab."""

    name: Title | None = Field(None, description="Name of the topology; the file's by default.")
    description: Text = Field("", description="One sentence about it.")
    switches: Switches = Field({}, description="Switches by name.")
    hosts: Hosts = Field(description="Hosts by name.")
    expect: Entries = Field((), description="What must be seen at first; every other pair is predicted.")
    throughput: Measurements = Field((), description="What is to be measured at first: pairs, and how.")
    latency: Measurements = Field((), description="Round trips to be measured at first.")
    compare: Measurements = Field((), description="Paths to be compared at first, each with another.")
    steps: Annotated[tuple[Step, ...], BeforeValidator(_listing)] = Field(
        (), description="States that follow, one after the other."
    )
    claim: Claim | None = Field(None, description="One claim to be tested.")
    claims: Annotated[tuple[Claim, ...], BeforeValidator(_listing)] = Field((), description="Claims to be tested.")
