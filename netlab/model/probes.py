"""The probes of each layer, run on the model exactly as they are run on the kernel."""

from __future__ import annotations

import ipaddress

from netlab.model.packets import Arp, Ip, Nd, Raw
from netlab.model.sim import Neighbor, Sim
from netlab.model.stack import ip, ipv6, nd
from netlab.model.world import (
    ALL_STATIONS,
    ARP,
    BROADCAST,
    IP6,
    MULTICAST,
    OTHERHOST,
    RAW,
    UNICAST,
    Device,
    Port,
    World,
)
from netlab.plan import types as plan

_RAW = Raw()
#: Bytes of an echo request (20 IP, 8 ICMP, 56 data), of a SYN, of a datagram.
ECHO_SIZE, ECHO6_SIZE, SYN_SIZE, UDP_SIZE = 84, 104, 60, 64


class End:
    """An endpoint as the probes need it: its interface, its addresses as numbers."""

    __slots__ = (
        "address4", "address6", "dev", "extra", "id", "network4", "network6", "shift4", "shift6", "wire",
    )  # fmt: skip

    def __init__(self, world: World, endpoint: plan.Endpoint) -> None:
        self.id = endpoint.id
        self.dev: Device = world.devices[endpoint.link]
        self.extra = endpoint.extra
        self.address4 = self.address6 = 0
        self.network4 = self.network6 = 0
        self.shift4 = self.shift6 = 0
        if endpoint.v4 is not None:
            self.address4 = int(ipaddress.IPv4Address(endpoint.v4.ip))
            self.shift4 = 32 - endpoint.v4.prefixlen
            self.network4 = self.address4 >> self.shift4
        if endpoint.v6 is not None:
            self.address6 = int(ipaddress.IPv6Address(endpoint.v6.ip))
            self.shift6 = 128 - endpoint.v6.prefixlen
            self.network6 = self.address6 >> self.shift6
        top = self.dev.lower or self.dev
        self.wire: Port | None = top.port


def applies(base: str, source: End, target: End) -> bool:
    """Whether a layer has anything to say of a pair; where not, the letter is `.`."""
    if base in ("broadcast", "unicast"):
        return not source.extra and not target.extra
    if base in ("ndp", "icmp6", "icmp6-static"):
        if not source.address6 or not target.address6:
            return False
        return base == "icmp6" or target.address6 >> source.shift6 == source.network6
    if not source.address4 or not target.address4:
        return False
    return base not in ("arp", "icmp-static") or target.address4 >> source.shift4 == source.network4


def broadcast(world: World, source: End, trace: bool = False) -> Sim:
    """One broadcast of the source: `heard` of the simulation says where it arrived."""
    sim = _start(world, source, "frame", trace)
    dev = source.dev
    dev.transmit(sim, dev, (BROADCAST, ALL_STATIONS, dev.mac, RAW, _RAW))
    sim.run()
    return sim


def run(world: World, layer: str, source: End, target: End, trace: bool = False) -> tuple[str, Sim]:
    """Probe one pair at one layer; the letter and the finished simulation. `Unknown` where no rule is."""
    base, _, size = layer.partition("/")
    if base == "broadcast":
        sim = broadcast(world, source, trace)
        return "R" if sim.heard.get(target.dev, OTHERHOST) != OTHERHOST else "U", sim
    if base == "unicast":
        sim = _start(world, source, "frame", trace)
        dev = source.dev
        dev.transmit(sim, dev, (UNICAST, target.dev.mac, dev.mac, RAW, _RAW))
        sim.run()
        return "R" if sim.heard.get(target.dev, OTHERHOST) != OTHERHOST else "U", sim
    if base == "arp":
        sim = _start(world, source, "arp-request", trace)
        dev = source.dev
        request = Arp(True, dev.mac, source.address4, target.address4)
        dev.transmit(sim, dev, (BROADCAST, ALL_STATIONS, dev.mac, ARP, request))
        sim.run()
        return _answered(sim, target), sim
    if base == "ndp":
        sim = _start(world, source, "ns", trace)
        dev = source.dev
        solicitation = Nd(True, dev.mac, source.address6, 0, target.address6)
        group = nd.solicited_mac(target.address6)
        dev.transmit(sim, dev, (MULTICAST, group, dev.mac, IP6, solicitation))
        sim.run()
        return _answered(sim, target), sim
    if base in ("icmp6", "icmp6-static"):
        sim = _start(world, source, "echo-request", trace)
        if base == "icmp6-static":
            _static(sim, source.dev, target.address6, target.dev.mac)
            _static(sim, target.dev, source.address6, source.dev.mac)
        length = int(size) if size else ECHO6_SIZE
        packet = Ip(6, "echo-request", source.address6, target.address6, length, bool(size), 64)
        sim.server, sim.target, sim.sock_ip = target.dev.ns, target.address6, source.address6
        ipv6.send(sim, source.dev.ns, packet, source.dev, True)
        sim.run()
        return _entered(sim, target), sim
    if base in ("icmp", "icmp-static"):
        sim = _start(world, source, "echo-request", trace)
        if base == "icmp-static":
            _static(sim, source.dev, target.address4, target.dev.mac)
            _static(sim, target.dev, source.address4, source.dev.mac)
        length = int(size) if size else ECHO_SIZE
        packet = Ip(4, "echo-request", source.address4, target.address4, length, bool(size), 64)
    elif base == "tcp":
        sim = _start(world, source, "syn", trace)
        packet = Ip(4, "syn", source.address4, target.address4, SYN_SIZE, True, 64)
    elif base == "udp":
        sim = _start(world, source, "udp-request", trace)
        packet = Ip(4, "udp-request", source.address4, target.address4, UDP_SIZE, True, 64)
    else:
        raise ValueError(f"no layer {layer}")
    sim.server, sim.target, sim.sock_ip = target.dev.ns, target.address4, source.address4
    ip.send(sim, source.dev.ns, packet, source.dev)
    sim.run()
    return _entered(sim, target), sim


def _start(world: World, source: End, request: str, trace: bool) -> Sim:
    sim = Sim(world, trace)
    sim.request = request
    sim.wire = source.wire
    sim.sock = source.dev
    return sim


def _static(sim: Sim, dev: Device, address: int, mac: str) -> None:
    sim.neigh[dev, address] = Neighbor(mac, fixed=True)


def _answered(sim: Sim, target: End) -> str:
    """R where an answer carries the target's MAC, A where only another MAC of its namespace does."""
    macs = sim.answers
    if target.dev.mac in macs:
        return "R"
    return "A" if any(mac in target.dev.ns.macs for mac in macs) else "U"


def _entered(sim: Sim, target: End) -> str:
    """R or A by the interface at which the request entered, where an answer came back."""
    if not sim.done or not sim.entered:
        return "U"
    return "R" if target.dev in sim.entered else "A"
