"""``docker network inspect``: one network, or a list of them; a compose file is handed on."""

from __future__ import annotations

from netlab.live import addresses
from netlab.live.formats import compose
from netlab.live.formats.drivers import EMPTY, UNTOLD, Driver, driver
from netlab.live.names import container_name
from netlab.live.reading import Member, Network, Reading, Subnet
from netlab.live.source import NOTHING, Section, Source
from netlab.spec import scalars

WHAT = "what 'docker network inspect' prints, or a compose file"


def read(text: str, file: str) -> Reading:
    """The networks of a text. Raises TopologyError."""
    source = Source(text, file, WHAT)
    root = source.root
    if isinstance(root.node.value, dict) and not root.has("Driver"):
        if root.has("services") or root.has("networks"):
            return compose.read(source)
        hint = source.stranger() or "a network has a 'Driver', a compose file has 'services'"
        root.wrong(f"this is not {WHAT}", hint)
        source.stop()
    found = source.networks(WHAT, "'docker network ls' has the names")
    networks = [network for section in found if section.is_mapping() and (network := _network(section))]
    left = source.finish()
    return Reading("docker network inspect", file, tuple(networks), tuple(source.assumed), left)


def _network(section: Section) -> Network | None:
    name = section.text("Name")
    if not name:
        section.wrong("'Name' is missing", "each network has one")
    if not section.has("Driver"):
        section.wrong("'Driver' is missing", "macvlan, bridge, …")
        return None
    if section.flag("ConfigOnly"):
        section.leave("a template for other networks (ConfigOnly)")
        return None
    number = section.text("Id")[:12]
    of = driver(section, section.text("Driver"), section.section("Options"), name, number, section.flag("Internal"))
    if of is None:
        return None
    section.skip(NOTHING, "Id", "Created", "Attachable", "ConfigFrom", "Labels", "Peers", "EnableIPv4", "EnableIPv6")
    section.skip(NOTHING, "Status", "Scope", "ConfigOnly")
    section.skip("belongs to a swarm, which netlab doesn't follow", "Ingress", "Services", loses=True)
    subnets = _subnets(section, of)
    members = [
        member
        for key, entry in section.entries("Containers")
        if entry.is_mapping() and (member := _member(entry, key, of.shape.kind)) is not None
    ]
    options = section.section("Options")
    if of.shape.stacked and options is not None and not members:
        options.skip(EMPTY, "macvlan_mode", "ipvlan_mode", "ipvlan_flag", "com.docker.network.driver.mtu")
    return of.network(name, tuple(subnets), tuple(members))


def _subnets(section: Section, of: Driver) -> list[Subnet]:
    ipam = section.section("IPAM")
    if ipam is None:
        return []
    ipam.skip(NOTHING, "Driver", "Options")
    found = []
    for config in ipam.items("Config"):
        if not config.is_mapping():
            continue
        config.skip("only says which addresses are given out", "IPRange")
        subnet = of.subnet(config, "Subnet", "Gateway", "", "AuxiliaryAddresses")
        if subnet is not None:
            found.append(subnet)
    return found


def _member(section: Section, key: str, kind: str) -> Member | None:
    section.skip(NOTHING, "EndpointID")
    name = section.text("Name") or key[:12]
    mac = section.value("MacAddress", scalars.mac)
    if kind == "ipvlan":
        section.skip("an ipvlan child has its parent's MAC", "MacAddress")
    own = [section.value(family, addresses.interface_address) for family in ("IPv4Address", "IPv6Address")]
    if key.startswith(("lb-", "ingress-")):
        section.leave(UNTOLD)
        return None
    return Member(container_name(section, name), tuple(one for one in own if one), mac)
