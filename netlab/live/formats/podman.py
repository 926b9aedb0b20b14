"""``podman network inspect``: networks as netavark makes them."""

from __future__ import annotations

from netlab.live import addresses
from netlab.live.formats.drivers import EMPTY, MODES, mode_of
from netlab.live.names import container_name, derived, device_name
from netlab.live.reading import Firewall, Member, Network, Reading, Subnet
from netlab.live.source import NOTHING, Section, Source
from netlab.spec import scalars

WHAT = "what 'podman network inspect' prints"


def read(text: str, file: str) -> Reading:
    """The networks of a text. Raises TopologyError."""
    source = Source(text, file, WHAT)
    found = source.networks(WHAT, "'podman network ls' has the names")
    networks = [network for section in found if section.is_mapping() and (network := _network(section))]
    return Reading("podman network inspect", file, tuple(networks), tuple(source.assumed), source.finish())


def _network(section: Section) -> Network | None:
    name = section.text("name")
    kind = section.text("driver")
    if not name or not kind:
        hint = "this is Docker's output: netlab import docker" if section.has("Driver") else WHAT
        section.wrong(f"{'driver' if name else 'name'!r} is missing", hint)
        return None
    if kind not in ("macvlan", "ipvlan", "bridge"):
        section.leave(f"the network {name}: the driver {kind!r} is not known to netlab", loses=True)
        return None
    section.skip(NOTHING, "id", "created", "labels", "ipv6_enabled", "dns_enabled", "network_dns_servers")
    source = section.source
    internal = section.flag("internal")
    device = section.value("network_interface", device_name)
    ipam = section.section("ipam_options")
    dhcp = ipam is not None and ipam.text("driver") == "dhcp"
    subnets = [subnet for one in section.items("subnets") if one.is_mapping() and (subnet := _subnet(one))]
    if dhcp and not subnets:
        source.assume(f"the containers of {name} get addresses by DHCP: where none is shown they have none here")
    routes = [route for one in section.items("routes") if one.is_mapping() and (route := _route(one))]
    members = [
        member
        for key, entry in section.entries("containers")
        if entry.is_mapping()
        for member in _members(entry, key, kind)
    ]
    options = section.section("options")
    mode, mtu, default, isolated = "", None, not internal, False
    child: tuple[tuple[str, str], ...] = ()
    if options is not None:
        if kind != "bridge" and not members:
            options.skip(EMPTY, "mode", "mtu", "bclim")
        if kind != "bridge":
            mode = options.value("mode", lambda value: mode_of(kind, value, "podman")) or ""
        mtu = options.number("mtu", 0, 65535) or None
        default = default and not options.flag("no_default_route")
        if kind == "macvlan":
            limit = options.number("bclim", -1, (1 << 31) - 1)
            child = () if limit is None else (("bclim", str(limit)),)
        isolated = options.text("isolate") in ("true", "1", "strict")
        options.skip("can't be expressed", "vlan", "vrf", "host_interface_name", "outbound_addr4", loses=True)
        options.skip("there is one default route for each family here", "metric")
    if kind != "bridge":
        if device is None:
            device = "eth0"
            source.assume(f"the parent of {name} is called eth0: podman takes the interface of the default route")
        if not mode:
            mode = MODES[kind][0]
            source.assume(f"{name} has podman's default mode: {mode}")
        return Network(
            name, kind, device, tuple(subnets), tuple(members), mode, mtu, default, tuple(routes), child=child
        )
    if device is None:
        device = derived(f"podman-{name}")
        source.assume(f"the bridge of {name} is called {device}: it is not named")
    firewall = Firewall(masquerade=not internal, isolated=isolated, closed=internal)
    return Network(
        name, kind, device, tuple(subnets), tuple(members), "", mtu, default, tuple(routes), firewall=firewall
    )


def _subnet(section: Section) -> Subnet | None:
    section.skip("only says which addresses are given out", "lease_range")
    return addresses.subnet(section, "subnet", "gateway")


def _route(section: Section) -> tuple[str, str] | None:
    section.skip("one route for each destination here", "metric")
    to, via = section.value("destination", scalars.prefix), section.value("gateway", addresses.plain_ip)
    if to is None or via is None:
        section.wrong("a route needs 'destination' and 'gateway'")
        return None
    return to, via


def _members(section: Section, key: str, kind: str) -> list[Member]:
    name = container_name(section, section.text("name") or key[:12])
    found = []
    for interface, entry in section.entries("interfaces"):
        if not entry.is_mapping():
            continue
        own = []
        for subnet in entry.items("subnets"):
            if subnet.is_mapping():
                own.append(subnet.value("ipnet", addresses.interface_address))
                subnet.skip("the network has it already", "gateway")
        mac = entry.value("mac_address", scalars.mac)
        if kind == "ipvlan":
            entry.skip("an ipvlan child has its parent's MAC", "mac_address")
        found.append(Member(name, tuple(one for one in own if one), mac, interface))
    return found
