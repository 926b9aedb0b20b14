"""A machine in the making, as a configuration has it: devices that refer to each other by name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import field
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links import loopback
from netlab.live import addresses
from netlab.live.machine.mtus import HEADROOM
from netlab.live.machine.values import Device, Ip, LiveNeighbor, LiveRoute, Machine, Space, Way
from netlab.live.names import device_name
from netlab.live.source import Section, Source
from netlab.spec import scalars
from netlab.spec.problems import near

#: Of a new device, and of a VRF (vrf_setup).
_MTU, _VRF_MTU = 1500, 65575
#: The port of a vxlan that is given none (vxlan_port, drivers/net/vxlan/vxlan_core.c): not IANA's 4789.
VXLAN_PORT = 8472
#: How often, in ms, the kernel looks at the carriers of a bond whose mode needs it, where nobody says how often
#: (bond_option_mode_set).
_MIIMON = dict.fromkeys(("802.3ad", "balance-tlb", "balance-alb"), 100)
#: A bridge as the kernel makes it: 300 s, in hundredths; snooping is on (br_dev_setup).
BRIDGE = {"ageing_time": 30000, "mcast_snooping": True}
_KERNEL, MAIN = 2, 254
#: IPv6's metrics, of a route without one and of a connected route (IP6_RT_PRIO_USER, IP6_RT_PRIO_ADDRCONF).
_METRICS = {4: (0, 0), 6: (1024, 256)}
#: What is taken over of lo, where a text says more of it.
LOOPBACK_HAS = "only its addresses and routes that go nowhere are taken over of lo"
_LOWER = ("macvlan", "macvtap", "ipvlan", "ipvtap", "vlan", "vxlan")


@dataclass
class Part:
    """A device in the making. ``lower`` is the name of what it sits on, ``master`` of what it is a member of."""

    section: Section
    name: str
    kind: str = ""
    mac: str | None = None
    mtu: int | None = None
    up: bool = True
    #: None: as devices of its kind are.
    arp: bool | None = None
    promisc: bool = False
    allmulticast: bool = False
    multicast: bool | None = None
    lower: str | None = None
    master: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    port: dict[str, Any] = field(default_factory=dict)
    addresses: list[Ip] = field(default_factory=list)


class Sketch:
    """The devices, routes and neighbours of a machine, as ``source`` has them; what is wrong is noted there."""

    def __init__(self, source: Source, tool: str) -> None:
        self.source = source
        self.tool = tool
        self.parts: dict[str, Part] = {}
        self.sysctls: dict[str, str] = {}
        self._routes: list[tuple[Section, str, dict[str, Any]]] = []
        self._neighbors: list[tuple[str, str, str]] = []

    def part(self, section: Section, name: str, kind: str = "") -> Part:
        """A device; that there are two of one name is a problem."""
        if name in self.parts:
            section.wrong(f"{name} is described twice")
        return self.parts.setdefault(name, Part(section, name, kind))

    def wanted(self, section: Section, name: str, what: str) -> Part | None:
        """The device that a name of the text stands for; None where none is described, which is a problem."""
        found = self.parts.get(name)
        if found is None:
            meant = near(name, self.parts)
            hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(self.parts) or 'none'}"
            section.wrong(f"no {what} {name!r} is described", hint)
        return found

    def loopback(self, section: Section) -> Part:
        """lo: only its addresses, and routes that go nowhere, are its own here."""
        return self.part(section, loopback.NAME)

    def nic(self, section: Section, name: str) -> Part:
        """The device of a name; a NIC, which is assumed, where none is described."""
        if name not in self.parts:
            self.source.assume(f"{name} is a NIC of the machine, which is up and has no addresses")
        return self.parts.setdefault(name, Part(section, name))

    def address(self, part: Part, section: Section, said: str | None = None) -> None:
        """Give a device the address that a value holds, or that is ``said`` by several."""
        word = said or section.as_(scalars.text)
        if word is None:
            return
        try:
            parsed = ipaddress.ip_interface(word)
            if part.name == loopback.NAME and parsed.ip.is_loopback:
                section.leave("every lo has it, or needs none")
                return
            if "/" in word and not parsed.ip.is_link_local and not parsed.ip.is_unspecified:
                addresses.interface_address(word)
        except ValueError as wrong:
            section.as_(addresses.interface_address) if said is None else section.wrong(str(wrong))
            return
        if parsed.ip.is_link_local:
            section.leave("link-local addresses are never asked for")
        elif parsed.ip.is_unspecified:
            section.leave("the tool takes a free subnet, which nobody can know", loses=True)
        else:
            if "/" not in word:
                self.source.assume(f"{word} of {part.name}, which has no prefix length, is an address alone")
            found = Ip(str(parsed.ip), parsed.network.prefixlen)
            if found not in part.addresses:
                part.addresses.append(found)

    def route(self, section: Section, dev: str, to: str | None, via: str | None, **more: Any) -> None:
        """A route of the table of a device's own routes, or of another ``table``; ``to`` None: of everything."""
        self._routes.append((section, dev, {"to": to or "default", "via": via, **more}))

    def gateway(self, section: Section) -> str | None:
        """The address of a gateway that a value holds; a link-local one can't be expressed, which is noted."""
        word = section.as_(addresses.plain_ip)
        if word is not None and ipaddress.ip_address(word).is_link_local:
            section.leave("link-local gateways can't be expressed", loses=True)
            return None
        return word

    def neighbor(self, dev: str, ip: str, mac: str) -> None:
        """A static neighbour."""
        self._neighbors.append((dev, ip, mac))

    # --- the machine ------------------------------------------------------------------------------------

    def machine(self) -> Machine:
        """All of it. Raises TopologyError where anything is wrong."""
        self._check()
        self.source.stop()
        # Others are numbered from 2 on (dev_new_index).
        index = {name: number for number, name in enumerate(self.parts, 2)} | {loopback.NAME: loopback.INDEX}
        devices = tuple(self._device(part, index) for part in self.parts.values())
        routes = [*self._connected(index), *self._given(index)]
        left = self.source.finish()
        own = Space(
            key="",
            home=True,
            devices=devices,
            routes=tuple(routes),
            neighbors=tuple(LiveNeighbor(ip, mac, index[dev], True) for dev, ip, mac in self._neighbors),
            vlans=tuple(self._vlans(index)),
            sysctls=self.sysctls,
        )
        said = f"what {self.tool} doesn't set, such as the firewall and other sysctls, is none, or the kernel's own"
        return Machine((own,), ("",), tool=self.tool, assumed=(*self.source.assumed, said), left=left)

    def _check(self) -> None:
        for part in self.parts.values():
            if loopback.NAME in (part.lower, part.master):
                part.section.wrong(f"{part.name} can't sit on lo")
            if part.name == loopback.NAME and part.master is not None:
                part.section.wrong(f"lo can't be a member of {part.master}")
            if part.kind in ("vlan", "vxlan") and part.data.get("id") is None and not self.source.problems:
                part.section.wrong(f"the {part.kind} {part.name} has no number")
            if part.kind == "vrf" and not part.data.get("table") and not self.source.problems:
                part.section.wrong(f"the vrf {part.name} has no table")
            if part.kind in _LOWER and part.lower is None:
                part.section.leave(f"{part.name}: nothing says what it sits on", loses=True)
            seen, below = {part.name}, [part.lower, part.master]
            while below:
                name = below.pop()
                if name == part.name:
                    part.section.wrong(f"{name} sits on itself, or is a member of itself")
                    break
                if name is not None and name not in seen and name in self.parts:
                    seen.add(name)
                    below += [self.parts[name].lower, self.parts[name].master]
        lost: set[str] = set()
        while more := {
            one.name
            for one in self.parts.values()
            if one.name not in lost and one.kind in _LOWER and (one.lower is None or one.lower in lost)
        }:
            lost |= more
        for part in self.parts.values():
            if part.master in lost:
                part.master = None
        for name in lost:
            part = self.parts.pop(name)
            if part.lower is not None:
                part.section.leave(f"{name}: what it sits on is left out", loses=True)

    def _device(self, part: Part, index: dict[str, int]) -> Device:
        master = self.parts.get(part.master or "")
        return Device(
            index=index[part.name],
            name=part.name,
            kind=part.kind,
            mac=part.mac,
            mtu=self._mtu(part),
            up=part.up,
            carrier=part.up,
            arp=self._arp(part),
            promisc=part.promisc,
            allmulticast=part.allmulticast,
            multicast=part.kind not in ("dummy", "vrf") if part.multicast is None else part.multicast,
            loopback=part.name == loopback.NAME,
            ether=part.name != loopback.NAME,
            lower=("", index[part.lower]) if part.lower else None,
            master=index[master.name] if master else None,
            port_kind=master.kind if master else "",
            data=self._data(part, index),
            port=part.port,
            addresses=tuple(part.addresses),
        )

    def _data(self, part: Part, index: dict[str, int]) -> dict[str, Any]:
        data = {key: index.get(value) if key == "primary" else value for key, value in part.data.items()}
        if part.kind == "bond" and not data.get("miimon"):
            data["miimon"] = _MIIMON.get(str(data["mode"]), 0)
        return data

    def _arp(self, part: Part) -> bool:
        """A new dummy and a VRF have none (dummy_setup, vrf_setup); of ipvlan's modes only l2 has it (ipvlan_open)."""
        if part.kind in ("ipvlan", "ipvtap") and part.data.get("mode") != "l2":
            return False
        return part.kind not in ("dummy", "vrf") if part.arp is None else part.arp

    def _mtu(self, part: Part) -> int:
        """Its own, or what the kernel takes of the devices below it, or of its bond."""
        if part.mtu is not None:
            return part.mtu
        master = self.parts.get(part.master or "")
        if master is not None and master.kind == "bond" and master.mtu is not None:
            return master.mtu
        if part.lower:
            below = self._mtu(self.parts[part.lower])
            ends = str(part.data.get("local") or part.data.get("group") or "")
            return below - HEADROOM[6 if ":" in ends else 4] if part.kind == "vxlan" else below
        if part.kind == "bridge":
            return min((self._mtu(one) for one in self.parts.values() if one.master == part.name), default=_MTU)
        return _VRF_MTU if part.kind == "vrf" else _MTU

    def _table(self, part: Part) -> int:
        """The table of the routes of its addresses: its VRF's, or main."""
        vrf = part if part.kind == "vrf" else self.parts.get(part.master or "")
        return int(vrf.data["table"]) if vrf is not None and vrf.kind == "vrf" else MAIN

    def _vlans(self, index: dict[str, int]) -> Iterator[tuple[int, int, bool, bool]]:
        """The VLAN of every new port of a bridge that filters, and of the bridge (br_vlan_init, nbp_vlan_init)."""
        for part in self.parts.values():
            bridge = part if part.kind == "bridge" else self.parts.get(part.master or "")
            if bridge is not None and (vid := bridge.data.get("vlan_default_pvid")):
                yield index[part.name], vid, True, True

    def _connected(self, index: dict[str, int]) -> list[LiveRoute]:
        return [
            LiveRoute(
                to=str(ipaddress.ip_interface(str(one)).network),
                family=one.family,
                ways=(Way(dev=index[part.name]),),
                table=self._table(part),
                metric=_METRICS[one.family][1],
                protocol=_KERNEL,
            )
            for part in self.parts.values()
            for one in part.addresses
            if part.name != loopback.NAME and one.prefix_route and not one.alone
        ]

    def _given(self, index: dict[str, int]) -> list[LiveRoute]:
        found: dict[tuple[str, int, int, int], LiveRoute] = {}
        reach = [ipaddress.ip_interface(str(one)).network for part in self.parts.values() for one in part.addresses]
        reach += [ipaddress.ip_network(one["to"]) for _, _, one in self._routes if not one["via"] and "/" in one["to"]]
        for section, dev, said in self._routes:
            nowhere = said.get("type") not in (None, "unicast")
            via, onlink = None if nowhere else said["via"], said.get("onlink", False)
            family = 6 if any(":" in str(one) for one in (via, said["to"], said.get("src"))) else 4
            metric = said.get("metric")
            table = said.get("table") or (self._table(self.parts[dev]) if dev in self.parts else MAIN)
            key = (said["to"], family, table, metric if metric is not None else _METRICS[family][0])
            dev = self._by(dev, via)
            if dev and dev not in index:
                section.leave(f"a route by {dev}, which is left out", loses=True)
            elif via and not onlink and not any(ipaddress.ip_address(via) in net for net in reach):
                section.leave(f"a route by {via}, to which no address here leads", loses=True)
            elif via and family == 6 and self.parts[dev].kind == "vrf":
                section.leave(
                    f"the kernel takes no IPv6 gateway by a VRF: name the member that leads to {via}", loses=True
                )
            elif key in found:
                section.leave(f"another route to {said['to']} with the same metric stands before it", loses=True)
            else:
                kind = said.get("type") or "unicast"
                ways = (Way(via, index[dev], 1, onlink),) if kind == "unicast" else ()
                found[key] = LiveRoute(
                    to=said["to"], family=family, ways=ways, table=table, metric=key[3], src=said.get("src"), type=kind
                )
        return list(found.values())

    def _by(self, dev: str, via: str | None) -> str:
        """The device that a route leads out by: of an IPv4 gateway by a VRF the member that leads to it
        (fib_check_nh_v4_gw)."""
        if via is None or ":" in via or dev not in self.parts or self.parts[dev].kind != "vrf":
            return dev
        gateway = ipaddress.ip_address(via)
        those = (one for one in self.parts.values() if one.master == dev)
        leads = (one.name for one in those for ip in one.addresses
                 if gateway in ipaddress.ip_interface(str(ip)).network)  # fmt: skip
        return next(leads, dev)


def mtu(section: Section, key: str) -> int | None:
    """The MTU that a key has, in bytes."""
    return section.number(key, 68, _VRF_MTU)


def name(section: Section) -> str | None:
    """The name of a device that a value holds."""
    return section.as_(device_name)
