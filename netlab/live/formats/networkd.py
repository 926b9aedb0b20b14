"""systemd-networkd: .netdev and .network files, one after the other as ``networkctl cat`` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePath

from netlab.contract.types.links import loopback
from netlab.contract.types.parts import ROUTE_TYPES
from netlab.live.formats.netdevs import flag, mac, netdev, truth
from netlab.live.machine.values import Machine
from netlab.live.sketch import LOOPBACK_HAS, Part, Sketch, mtu, name
from netlab.live.source import NOTHING, Section, Source
from netlab.live.unitfiles import parse
from netlab.spec import scalars
from netlab.spec.scalars import Wrong

WHAT = "the .netdev and .network files of systemd-networkd"
_STACKED = ("MACVLAN", "MACVTAP", "IPVLAN", "IPVTAP", "VLAN", "VXLAN")
_MATCHES = ("MACAddress", "PermanentMACAddress", "Path", "Driver", "Kind", "Property")
_CONDITIONS = ("SSID", "BSSID", "WLANInterfaceType", "Host", "Virtualization", "KernelCommandLine", "KernelVersion",
               "Architecture", "Credential", "Firmware")  # fmt: skip
_QUIET = ("DNS", "Domains", "NTP", "LLDP", "EmitLLDP", "LinkLocalAddressing", "IPv6LinkLocalAddressGenerationMode",
          "MulticastDNS", "LLMNR", "DNSOverTLS", "DNSSEC", "DNSDefaultRoute", "ConfigureWithoutCarrier",
          "IgnoreCarrierLoss", "KeepConfiguration", "Description", "BindCarrier", "IPv6DuplicateAddressDetection",
          "DefaultRouteOnDevice", "ActiveSlave")  # fmt: skip


def read(text: str, file: str) -> Machine:
    """The machine that the files describe. Raises TopologyError."""
    return _Reader(Source(text, file, WHAT, parse)).machine()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.sketch = Sketch(source, "systemd-networkd")

    def machine(self) -> Machine:
        networks = []
        units = sorted(self.source.root.children(), key=lambda one: PurePath(one[0]).name)
        for file, unit in units:
            self.source.mark(unit.node)
            if file.endswith(".link"):
                unit.leave("a .link file: interfaces have the names that the other files call them by")
            elif file.endswith(".conf"):
                unit.leave("dropped into a folder of no .netdev or .network file", loses=True)
            elif unit.has("NetDev"):
                netdev(self.sketch, unit)
            elif file.endswith(".netdev"):
                unit.wrong("there is no [NetDev] section", "a .netdev file describes one device")
            else:
                networks.append(unit)
        matched = [(unit, self._matched(unit)) for unit in networks]
        # The first file that fits a device is its own; those below others are named there.
        seen: set[str] = set()
        for unit, parts in matched:
            own = [part for part in parts if part.name not in seen]
            seen |= {part.name for part in own}
            if parts and not own:
                unit.leave(f"another file, read before it, fits {', '.join(one.name for one in parts)}")
            for part in own:
                self._network(unit, part)
        return self.sketch.machine()

    # --- [Match] ------------------------------------------------------------------------------------------

    def _matched(self, unit: Section) -> list[Part]:
        """The devices that a file is for; a NIC is assumed where none is known that it fits."""
        match = unit.section("Match")
        if match is None:
            unit.leave("there is no [Match] section: it is for no device, or for all", loses=True)
            return []
        patterns = [word for one in match.items("Name") if (word := one.as_(scalars.text))]
        wanted = [one for one in patterns if not one.startswith("!")]
        macs = [word for key in _MATCHES[:2] for one in match.items(key) if (word := one.as_(mac))]
        if not wanted and match.text("Type") == "loopback":
            wanted = [loopback.NAME]
        else:
            match.skip("the machine's hardware isn't known here: what it fits is assumed", "Type")
        match.skip("the machine's hardware isn't known here: what it fits is assumed", *_MATCHES[2:])
        match.skip("whether it holds is not known here: it is taken to hold", *_CONDITIONS)
        found: list[Part] = []
        for pattern in wanted:
            if pattern == loopback.NAME:
                found.append(self.sketch.parts.get(pattern) or self.sketch.loopback(unit))
            elif not any(sign in pattern for sign in "*?["):
                own = match.items("Name")[patterns.index(pattern)]
                if (fit := name(own)) is not None:
                    found.append(self.sketch.parts.setdefault(fit, Part(unit, fit)))
        for part in self.sketch.parts.values():
            fits = any(fnmatchcase(part.name, one) for one in wanted)
            if not wanted and patterns and not macs:
                fits = part.kind == ""
            out = any(fnmatchcase(part.name, one[1:]) for one in patterns if one.startswith("!"))
            if fits and not out and part not in found:
                found.append(part)
        return found or [self._assumed(unit, wanted, macs)]

    def _assumed(self, unit: Section, wanted: list[str], macs: list[str]) -> Part:
        known = self.sketch.parts
        stem = next((one.split("*")[0].split("?")[0].split("[")[0] for one in wanted), "eth") or "eth"
        fit = next(made for i in range(len(known) + 1) if (made := f"{stem[:12]}{i}") not in known)
        what = f"of Name={' '.join(wanted)}" if wanted else f"with MAC {macs[0]}" if macs else "of its [Match]"
        self.source.assume(f"{PurePath(unit.name).name} is for one NIC {what}, {fit}")
        part = self.sketch.part(unit, fit)
        part.mac = macs[0] if macs else None
        return part

    # --- [Network] and what goes with it ------------------------------------------------------------------

    def _network(self, unit: Section, part: Part) -> None:
        network = unit.section("Network")
        if network is not None:
            self._own(network, part)
        if part.name == loopback.NAME:
            unit.skip(LOOPBACK_HAS, "Link", "Neighbor", "Bridge", loses=True)
        elif (link := unit.section("Link")) is not None:
            _link(link, part)
        for one in _many(unit, "Address"):
            if (child := one.get("Address")) is not None:
                self.sketch.address(part, child)
            one.skip("the other end of a point-to-point address", "Peer", loses=True)
            one.skip(
                NOTHING, "Broadcast", "Label", "Scope", "PreferredLifetime", "DuplicateAddressDetection", "HomeAddress"
            )
            one.skip("the route of an address is as always", "AddPrefixRoute", "RouteMetric", loses=True)
        for one in _many(unit, "Route"):
            self._route(one, part)
        for one in _many(unit, "Neighbor") if part.name != loopback.NAME else ():
            ip, mac = one.value("Address", scalars.ip), one.value("LinkLayerAddress", scalars.mac)
            if ip and mac:
                self.sketch.neighbor(part.name, ip, mac)
        if part.name != loopback.NAME and (port := unit.section("Bridge")) is not None:
            _port(port, part)
        for title in ("BridgeVLAN", "BridgeFDB", "BridgeMDB", "RoutingPolicyRule", "NextHop", "VXLAN.FDB"):
            unit.skip("can't be taken over", title, loses=True)
        dynamic = [key for key in _others(unit) if key.startswith(("DHCP", "IPv6AcceptRA", "IPv6SendRA", "IPv6Prefix"))]
        unit.skip("what others hand out isn't known here", *dynamic)

    def _own(self, network: Section, part: Part) -> None:
        for one in network.items("Address"):
            self.sketch.address(part, one)
        for one in network.items("Gateway"):
            if one.node.value in ("_dhcp4", "_ipv6ra"):
                one.leave("a gateway that DHCP or a router tells isn't known", loses=True)
            elif (via := self.sketch.gateway(one)) is not None:
                self.sketch.route(one, part.name, None, via)
        for key in _STACKED:
            for one in network.items(key):
                child = self._named(one, key.lower())
                if child is not None and child.lower not in (None, part.name):
                    one.leave(f"{child.name} sits on {child.lower} already", loses=True)
                elif child is not None:
                    child.lower = part.name
        for key in ("Bridge", "Bond", "VRF"):
            named = network.get(key)
            if named is not None and (master := self._named(named, key.lower())) is not None:
                part.master = master.name
                if network.flag("PrimarySlave") and key == "Bond":
                    master.data["primary"] = part.name
        network.skip("tunnels and batman-adv can't be taken over", "Tunnel", "BatmanAdvanced", "Xfrm",
                     loses=True)  # fmt: skip
        self._forwarding(network, part)
        dhcp = network.get("DHCP")
        if dhcp is not None and dhcp.node.value not in ("no", "false", "none"):
            dhcp.leave("the address that DHCP gives isn't known: give it one in the file", loses=True)
        network.skip("what routers hand out isn't known here", "IPv6AcceptRA", "IPv6SendRA", "DHCPPrefixDelegation")
        network.skip("a DHCP server decides nothing here", "DHCPServer")
        network.skip(NOTHING, *_QUIET)

    def _named(self, one: Section, kind: str) -> Part | None:
        part = self.sketch.wanted(one, str(one.node.value), "device")
        if part is not None and part.kind != kind:
            one.wrong(f"{part.name} is {'a ' + part.kind if part.kind else 'a NIC'}, not of Kind={kind}")
            return None
        return part

    def _forwarding(self, network: Section, part: Part) -> None:
        old = network.text("IPForward")
        for key, families in (("IPv4Forwarding", "4"), ("IPv6Forwarding", "6"), ("IPMasquerade", "")):
            if key == "IPMasquerade":
                network.skip("masquerading isn't taken over", key, loses=True)
            elif flag(network, key):
                old = {"": f"ipv{families}", "ipv4": "yes", "ipv6": "yes"}.get(old, old)
        if truth(old) or old == "ipv4":
            self.sketch.sysctls["net/ipv4/ip_forward"] = "1"
            self.source.assume("forwarding that is on for an interface is on for the machine")
        if truth(old) or old == "ipv6":
            self.sketch.sysctls["net/ipv6/conf/all/forwarding"] = "1"
            self.source.assume("forwarding that is on for an interface is on for the machine")

    def _route(self, one: Section, part: Part) -> None:
        to = one.value("Destination", scalars.prefix)
        child = one.get("Gateway")
        via = None
        if child is not None and child.node.value in ("_dhcp4", "_ipv6ra"):
            child.leave("a gateway that DHCP or a router tells isn't known", loses=True)
            return
        if child is not None and (via := self.sketch.gateway(child)) is None:
            return
        kind = one.value("Type", _route_type)
        if to is None and via is None:
            one.wrong("a route needs Destination= or Gateway=")
        metric = one.number("Metric", 0, (1 << 32) - 1)
        table = one.value("Table", scalars.table)
        src = one.value("PreferredSource", scalars.ip)
        self.sketch.route(one, part.name, to, via, type=kind, metric=metric, table=table, src=src,
                          onlink=flag(one, "GatewayOnLink"))  # fmt: skip
        one.skip(NOTHING, "Scope", "Protocol", "IPv6Preference", "InitialCongestionWindow", "QuickAck")
        one.skip("can't be taken over", "MultiPathRoute", "Source", "MTUBytes", loses=True)


def _route_type(value: object) -> str:
    word = scalars.text(value)
    if word not in ROUTE_TYPES:
        raise Wrong(f"routes of type {word!r} can't be expressed", f"netlab has {', '.join(ROUTE_TYPES)}")
    return word


def _many(unit: Section, title: str) -> Iterator[Section]:
    for one in unit.items(title):
        unit.source.mark(one.node)
        yield one


def _others(section: Section) -> list[str]:
    """The keys that nobody has asked for."""
    return [key for key, _ in section.children() if key not in section.asked]


def _link(link: Section, part: Part) -> None:
    part.mtu = mtu(link, "MTUBytes") or part.mtu
    part.mac = link.value("MACAddress", mac) or part.mac
    part.arp = flag(link, "ARP") if link.has("ARP") else part.arp
    part.multicast = flag(link, "Multicast") if link.has("Multicast") else part.multicast
    part.allmulticast = flag(link, "AllMulticast", part.allmulticast)
    part.promisc = flag(link, "Promiscuous", part.promisc)
    policy = link.text("ActivationPolicy")
    if policy in ("down", "always-down", "manual"):
        part.up = False
    if flag(link, "Unmanaged"):
        part.section.source.assume(f"{part.name} is unmanaged: it is up, with what the files say")
    link.skip(NOTHING, "RequiredForOnline", "RequiredFamilyForOnline", "Group")


def _port(port: Section, part: Part) -> None:
    for key, own, usual in (
        ("HairPin", "hairpin", False),
        ("Isolated", "isolated", False),
        ("Learning", "learning", True),
        ("UnicastFlood", "flood", True),
        ("MulticastFlood", "mcast_flood", True),
        ("NeighborSuppression", "neigh_suppress", False),
        ("ProxyARP", "proxy_arp", False),
        ("Locked", "locked", False),
    ):
        if (now := flag(port, key, usual)) is not usual:
            part.port[own] = now
    port.skip("decides nothing without STP", "Cost", "Priority", "FastLeave", "UseBPDU", "AllowPortToBeRoot")
