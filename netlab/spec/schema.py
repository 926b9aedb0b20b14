"""The typed schema of the topology file. Nothing here looks beyond one value: references are the plan's."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from netlab.contract.measures import Bound
from netlab.spec import quantities
from netlab.spec.belongings import Files, Programs
from netlab.spec.expect import OUTCOMES, WIRE
from netlab.spec.fields import (
    ANY_SCALAR,
    Addresses,
    Cutoff,
    Ends,
    Flag,
    InterfaceName,
    Ip,
    Ips,
    LimitValue,
    LinkState,
    Mac,
    MacPolicy,
    Macs,
    Mode,
    Mtu,
    Name,
    Neighbors,
    NetemValue,
    PortFlag,
    PortPolicy,
    PortState,
    Positive,
    Protocol,
    Pvid,
    Retries,
    SwitchName,
    Sysctls,
    Table,
    Text,
    Title,
    UdpPort,
    Unsigned,
    Verbs,
    Via,
    Vids,
    listing,
    scalar,
    section,
)
from netlab.spec.routing_schema import Model, Routes, Rules


class Port(Model):
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
    mab: Flag | None = Field(
        None, description="Note MACs that a locked port doesn't admit; needs `locked` and `learning`."
    )
    neigh_suppress: Flag | None = Field(
        None, description="Answer ARP and neighbour discovery for what is behind this port, by the bridge's neighbours."
    )
    proxy_arp: Flag | None = Field(
        None, description="Flood nothing out of this port; answer ARP that comes in by it, by the bridge's neighbours."
    )
    proxy_arp_wifi: Flag | None = Field(None, description="As neigh_suppress, for ARP alone.")
    state: PortState | None = Field(None, description="STP state of the port, set by hand.")
    pvid: Pvid | None = Field(
        None, description="The VLAN of frames without a tag, 0 for none; the bridge's default_pvid by default."
    )
    untagged: Vids | None = Field(None, description="Further VLANs whose frames leave without a tag.")
    tagged: Vids | None = Field(None, description="VLANs whose frames leave with their tag, and come in with it.")
    fdb: Macs | None = Field(
        None, description="Static entries of the forwarding table: MACs, or interfaces that have them."
    )
    policy: PortPolicy | None = Field(
        None, description="Options and entry of a port that lets one MAC through; other keys here go before."
    )


PortSection = Annotated[Port, BeforeValidator(section)]


class _Adjustable(Model):
    """What can be given for an interface, and set later in a step."""

    mac: Mac | None = Field(
        None,
        description="MAC address, or 'auto' to leave it to the kernel; derived from the names by default.",
    )
    mtu: Mtu | None = Field(None, description="MTU in bytes; 1500 by default, a child has its parent's, a vxlan less.")
    addresses: Addresses | None = Field(None, description="IPv4 and IPv6 addresses with prefix length.")
    state: LinkState | None = Field(None, description="Admin state, up by default.")
    neighbors: Neighbors | None = Field(
        None, description="Static neighbours: address to MAC, or to an interface that has it."
    )
    port: PortSection | None = Field(None, description="Options of the switch port at the other end of the wire.")
    own_port: PortSection | None = Field(
        None, description="Options of the port that the interface itself is, by `master`; the VLANs of a bridge itself."
    )
    mode: Mode | None = Field(None, description="Mode of the child's driver; without it the kernel chooses.")
    flag: PortFlag | None = Field(None, description="Flag of the child's driver, as ip-link(8) calls it.")
    allowed_macs: Macs | None = Field(None, description="Source mode: the MACs (or interfaces that have them) to hear.")
    nodst: Flag | None = Field(None, description="Source mode: frames of allowed MACs go to no other interface.")
    miimon: Unsigned | None = Field(
        None,
        description="Bond: how often, in ms, it looks at its members' carriers; 0, the default, is never.",
    )
    primary: Text | None = Field(None, description="Bond: the member that sends whenever it can.")
    num_grat_arp: Retries | None = Field(
        None, description="Bond: how often it announces its addresses after a failover (1)."
    )
    bcqueuelen: Unsigned | None = Field(None, description="Length of the broadcast queue asked for.")
    bclim: Cutoff | None = Field(
        None, description="Groups that more children have joined wait in the broadcast queue; with -1 nothing does."
    )
    arp: Flag | None = Field(
        None, description="Whether it asks for MACs and answers (ARP, neighbour discovery); on by default."
    )
    promisc: Flag | None = Field(None, description="Whether it takes frames to any MAC.")
    allmulticast: Flag | None = Field(None, description="Whether it takes frames to any group.")
    multicast: Flag | None = Field(None, description="Whether it is said to be capable of multicast; on by default.")
    duplicate: Flag | None = Field(
        None, description="An address of this interface is meant to be elsewhere, too: no warning."
    )
    limit: LimitValue | None = Field(
        None, description="Shape what the interface sends (tc-tbf(8), tc-htb(8)): a rate, or more; none takes it away."
    )
    netem: NetemValue | None = Field(
        None, description="Delay, lose, repeat and reorder what the interface sends (tc-netem(8)); none takes it away."
    )


class _BridgeOptions(Model):
    stp: Flag | None = Field(None, description="Run the spanning tree protocol; needed where switches form a loop.")
    fdb_max_learned: Unsigned | None = Field(
        None, description="At most this many learned MACs in the whole switch (0: no limit)."
    )
    ageing_time: Unsigned | None = Field(None, description="Seconds until a learned MAC is forgotten (300).")
    mcast_snooping: Flag | None = Field(None, description="Snoop IGMP and MLD; off by default.")
    vlan_filtering: Flag | None = Field(None, description="Keep VLANs apart: its ports are members of some.")
    default_pvid: Pvid | None = Field(
        None, description="The VLAN that new ports are members of, without a tag (1); 0 for none."
    )


class Interface(_Adjustable, _BridgeOptions):
    """An interface: a wire to a switch, a bridge or another interface, a bridge, or a child of an interface."""

    type: Text | None = Field(None, description="Kind of link; veth where a switch, a bridge or a peer is given.")
    switch: Text | None = Field(None, description="The switch that this interface is plugged into.")
    bridge: Text | None = Field(None, description="The bridge of its own host that this interface is plugged into.")
    peer: Text | None = Field(None, description="The interface at the other end of a wire without a switch.")
    master: Text | None = Field(
        None, description="The bridge, bond or VRF in its own namespace that the interface is a member of."
    )
    fail_over_mac: MacPolicy | None = Field(
        None, description="Bond: whether its MAC changes with the active member; none by default."
    )
    table: Table | None = Field(None, description="VRF: the routing table of its members' addresses and its own.")
    parent: Text | None = Field(None, description="The interface of the host that a child sits on.")
    id: Unsigned | None = Field(None, description="The VLAN of a vlan interface; the number of a vxlan's network.")
    dev: Text | None = Field(None, description="The interface of its namespace by which a tunnel's packets leave.")
    remote: Ips | None = Field(None, description="The hosts at the other ends of a tunnel, where no entry names one.")
    group: Ip | None = Field(None, description="The multicast group of the other ends of a tunnel.")
    local: Ip | None = Field(None, description="The address that a tunnel's packets are sent from.")
    dstport: UdpPort | None = Field(None, description="The UDP port of a tunnel.")
    learning: Flag | None = Field(None, description="Whether a tunnel learns behind which end a MAC is; on by default.")
    fdb: Ends | None = Field(None, description="Static entries of a tunnel: MACs (or interfaces) to the end of each.")
    protocol: Protocol | None = Field(None, description="What its tags are; 802.1Q by default.")


Interfaces = Annotated[dict[InterfaceName, Annotated[Interface, BeforeValidator(section)]], BeforeValidator(section)]


class _Box(Model):
    interfaces: Interfaces = Field({}, description="Interfaces by name.")
    routes: Routes | None = Field(None, description="Routes beyond the connected ones.")
    rules: Rules | None = Field(None, description="Routing policy rules.")
    sysctls: Sysctls | None = Field(None, description="Sysctls of the namespace, as sysctl(8) writes them.")
    nftables: Text | None = Field(None, description="A ruleset as nft(8) reads it, loaded once interfaces are there.")
    private: Flag | None = Field(
        None, description="Processes, hostname and folders of its own; of a host also those of its containers."
    )
    files: Files | None = Field(None, description="Files in the folders of its own, by path; with any it is private.")
    programs: Programs | None = Field(None, description="Programs by name, started in this order once all is built.")
    replicas: Positive | None = Field(None, description="Make this many: web becomes web-1, web-2, …")
    step: Positive | None = Field(
        None, description="By how much addresses and MACs count up from replica to replica (1)."
    )


class Container(_Box):
    """A namespace inside of a host, for children of the host's interfaces."""


class Host(_Box):
    """A machine on the network."""

    containers: Annotated[dict[Name, Annotated[Container, BeforeValidator(section)]], BeforeValidator(section)] = Field(
        {}, description="Containers by name."
    )


class _Bridge(_BridgeOptions):
    state: LinkState | None = Field(None, description="Admin state of the bridge, up by default.")
    tagged: Vids | None = Field(None, description="VLANs that a switch's wires to other switches carry with a tag.")


class Switch(_Bridge):
    """A switch: a Linux bridge in a namespace of its own."""

    links: Annotated[tuple[Text, ...], BeforeValidator(listing)] = Field(
        (), description="Switches that this one is wired to."
    )
    neighbors: Neighbors | None = Field(
        None, description="What it answers by for ports that want that: IPv4 address to MAC, or to an interface."
    )


class Settings(_Adjustable, _Bridge):
    """What a step sets on an interface, a host, a container or a switch."""

    routes: Routes | None = Field(None, description="The routes from now on (host or container).")
    rules: Rules | None = Field(None, description="The rules from now on (host or container).")
    sysctls: Sysctls | None = Field(None, description="Sysctls to write (host or container).")
    nftables: Text | None = Field(None, description="The ruleset from now on (host or container), '' for none.")
    files: Files | None = Field(None, description="Files to write (host or container that is private).")
    programs: Verbs | None = Field(None, description="What is done with its programs, by name.")


Switches = Annotated[dict[SwitchName, Annotated[Switch, BeforeValidator(section)]], BeforeValidator(section)]
Hosts = Annotated[dict[Name, Annotated[Host, BeforeValidator(section)]], BeforeValidator(section)]

_ENTRY: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "description": '"A -> B [icmp]: reachable"'},
        {
            "type": "object",
            "required": ["from", "to", "is"],
            "additionalProperties": False,
            "properties": {
                "from": ANY_SCALAR,
                "to": ANY_SCALAR,
                "layers": {"type": "array", "items": {"type": "string"}},
                "is": {"enum": [*OUTCOMES, *WIRE]},
            },
        },
        {"type": "object", "minProperties": 1, "maxProperties": 1, "description": "A -> B [icmp]: reachable"},
    ]
}
_SOME_KERNELS = {
    "type": "object",
    "required": ["expect"],
    "additionalProperties": False,
    "description": "What holds from one version of Linux on, or to before another.",
    "properties": {"since": ANY_SCALAR, "until": ANY_SCALAR, "expect": {"type": "array", "items": _ENTRY}},
}
_LIST = {"type": "array", "items": {"anyOf": [_SOME_KERNELS, *_ENTRY["anyOf"]]}}
Entries = Annotated[tuple[Any, ...], BeforeValidator(listing), WithJsonSchema(_LIST)]


#: Read entry by entry in `netlab.spec.measure`, which also knows the JSON Schema.
Measurements = Annotated[tuple[Any, ...], BeforeValidator(listing)]


class Add(Model):
    """What a step adds, nested as at the top of the file."""

    switches: Switches = Field({}, description="New switches.")
    hosts: Hosts = Field({}, description="New hosts, or new interfaces and containers of hosts that exist.")


class Step(Model):
    """A state of the lab that follows the one before."""

    name: Title = Field(description="Unique name of the step.")
    description: Text = Field("", description="What the step is about.")
    via: Via = Field("netlink", description="The tool that sets port options in this step.")
    delete: Annotated[tuple[Text, ...], BeforeValidator(listing)] = Field(
        (), description="Interfaces, hosts and containers to delete; done first."
    )
    set: Annotated[dict[str, Annotated[Settings, BeforeValidator(section)]], BeforeValidator(section)] = Field(
        {}, description="New settings by interface, host, container or switch; done second."
    )
    add: Annotated[Add, BeforeValidator(section)] = Field(Add.model_construct(), description="What is new; done last.")
    expect: Entries = Field((), description="What must be seen in this step.")
    throughput: Measurements = Field((), description="What is to be measured in this step.")
    latency: Measurements = Field((), description="Round trips to be measured in this step.")
    compare: Measurements = Field((), description="Paths to be compared in this step.")


class Claim(Model):
    """What somebody says of the kernel, and what would be seen if it were true."""

    number: Title = Field(description="Number of the claim, such as 24b.")
    says: Text = Field(description="The claim in a sentence.")
    stand_in: Text = Field(
        "", description="What plays the part of something that the lab doesn't have, if anything does."
    )
    test: Annotated[Any, WithJsonSchema({"anyOf": [_LIST, {"type": "object", "additionalProperties": _LIST}]})] = Field(
        None, description="Expectations (of the baseline, or by the name of a step) that hold if the claim is true."
    )
    compare: Annotated[
        tuple[tuple[str, Bound | None], ...],
        *scalar(
            quantities.claimed,
            {
                "anyOf": [
                    {"type": "array", "items": ANY_SCALAR},
                    {"type": "object", "additionalProperties": {"type": "string"}},
                ]
            },
        ),
    ] = Field(
        (), description="Names of comparisons that hold if the claim is true; or names and what their ratio then is."
    )


class Topology(Model):
    """A topology file of netlab."""

    name: Title | None = Field(None, description="Name of the topology; the file's by default.")
    description: Text = Field("", description="One sentence about it.")
    private: Flag = Field(False, description="Hosts are private unless they say otherwise.")
    switches: Switches = Field({}, description="Switches by name.")
    hosts: Hosts = Field(description="Hosts by name.")
    expect: Entries = Field((), description="What must be seen at first; every other pair is predicted.")
    throughput: Measurements = Field((), description="What is to be measured at first: pairs, and how.")
    latency: Measurements = Field((), description="Round trips to be measured at first.")
    compare: Measurements = Field((), description="Paths to be compared at first, each with another.")
    steps: Annotated[tuple[Step, ...], BeforeValidator(listing)] = Field(
        (), description="States that follow, one after the other."
    )
    claim: Claim | None = Field(None, description="One claim to be tested.")
    claims: Annotated[tuple[Claim, ...], BeforeValidator(listing)] = Field((), description="Claims to be tested.")
