"""CNI's ``ipam``: which addresses containers get, and which routes."""

from __future__ import annotations

import ipaddress
from dataclasses import field, replace

from netlab.contract.dataclass import dataclass
from netlab.live import addresses
from netlab.live.reading import Subnet
from netlab.live.source import NOTHING, Section
from netlab.spec import scalars


@dataclass(frozen=True)
class Ipam:
    """Subnets, routes of containers (destination and gateway), and addresses that are fixed, by subnet."""

    subnets: tuple[Subnet, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    fixed: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read(section: Section, network: str) -> Ipam:
    """The ``ipam`` of a plugin."""
    ipam = section.section("ipam")
    source = section.source
    if ipam is None:
        source.assume(f"the containers of {network} have no addresses: there is no ipam")
        return Ipam()
    kind = ipam.text("type")
    fixed: dict[str, tuple[str, ...]] = {}
    subnets: list[Subnet] = []
    if kind == "host-local":
        ipam.skip(NOTHING, "dataDir", "resolvConf", "name")
        found = [ipam] if ipam.has("subnet") else []
        ranges = [one for several in ipam.items("ranges") for one in several.elements() if one.is_mapping()]
        subnets = [subnet for one in (*found, *ranges) if (subnet := _range(one)) is not None]
        if not found and not ranges:
            ipam.wrong("'subnet' or 'ranges' is missing", "host-local gives addresses of them")
    elif kind == "static":
        for one in ipam.items("addresses"):
            if one.is_mapping() and (given := _static(one)) is not None:
                subnet, ip = given
                subnets.append(subnet)
                fixed[subnet.prefix] = (ip,)
        ipam.skip(NOTHING, "dns")
    else:
        ipam.skip(NOTHING, *(key for key, _ in ipam.children() if key not in ("type", "routes")))
        prefix = "192.0.2.0/24"
        how = "DHCP" if kind == "dhcp" else f"ipam {kind!r}" if kind else "an ipam without type"
        source.assume(f"{network} has the subnet {prefix}: its addresses come by {how}, which can't be known here")
        subnets = [Subnet(prefix, "192.0.2.1")]
    routes = _routes(ipam, subnets)
    if kind == "dhcp" and not routes:
        routes = [("default", "192.0.2.1")]
    return Ipam(tuple(subnets), tuple(routes), fixed)


def _range(section: Section) -> Subnet | None:
    subnet = addresses.subnet(section, "subnet", "gateway")
    start, end = section.value("rangeStart", scalars.ip), section.value("rangeEnd", scalars.ip)
    if subnet is None:
        return None
    for ip in (start, end):
        if ip is not None and ipaddress.ip_address(ip) not in ipaddress.ip_network(subnet.prefix):
            section.wrong(f"{ip} is not in {subnet.prefix}")
            return None
    if start is not None:
        subnet = replace(subnet, pool=f"{start}-{end or ''}")
    if subnet.gateway is None and (first := addresses.free(subnet.prefix, ())) is not None:
        # host-local: the first address (Range.Canonicalize).
        section.source.assume(f"the gateway of {subnet.prefix} is {first}: host-local takes the first address")
        subnet = replace(subnet, gateway=first)
    return subnet


def _static(section: Section) -> tuple[Subnet, str] | None:
    own = section.value("address", addresses.interface_address)
    via = section.value("gateway", addresses.plain_ip)
    if own is None:
        if not section.has("address"):
            section.wrong("'address' is missing")
        return None
    parsed = ipaddress.ip_interface(own)
    if via is not None and (why := addresses.fault(via, str(parsed.network))):
        section.wrong(f"the gateway {why}")
        return None
    return Subnet(str(parsed.network), via), str(parsed.ip)


def _routes(ipam: Section, subnets: list[Subnet]) -> list[tuple[str, str]]:
    found = []
    for one in ipam.items("routes"):
        if not one.is_mapping():
            continue
        to, via = one.value("dst", scalars.prefix), one.value("gw", addresses.plain_ip)
        one.skip("can't be expressed", "mtu", "advmss", "priority", "table", "scope", loses=True)
        if to is None:
            if not one.has("dst"):
                one.wrong("'dst' is missing")
            continue
        family = 6 if ":" in to else 4
        via = via or next((s.gateway for s in subnets if s.gateway and addresses.version(s.gateway) == family), None)
        if via is None:
            one.leave(f"no gateway leads to {to}", loses=True)
            continue
        found.append(("default" if to in ("0.0.0.0/0", "::/0") else to, via))
    return found
