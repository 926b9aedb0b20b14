"""Devices as interfaces of a topology file: each kind that netlab can express, and what becomes of the others."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

from netlab.contract.types import AnyLink
from netlab.contract.types.links import FLAGS, Bond, loopback
from netlab.live.addresses import alone
from netlab.live.machine import bonds
from netlab.live.machine.kinship import Kinship, name_of, of_loopback, shown, shown_on_loopback
from netlab.live.machine.mtus import carried
from netlab.live.machine.notes import Notes
from netlab.live.machine.outside import Outside
from netlab.live.machine.values import Device, Space
from netlab.live.names import unique
from netlab.live.topology import Keys

MTU = 1500
_ALL, _VXLAN_PORT = "00:00:00:00:00:00", 4789
#: Options of a port that are flags, and what they are where nobody sets them.
_PORT = {"hairpin": False, "isolated": False, "learning": True, "flood": True, "mcast_flood": True, "bcast_flood": True,
         **dict.fromkeys(("locked", "mab", "neigh_suppress", "proxy_arp", "proxy_arp_wifi"), False)}  # fmt: skip
#: Others, which netlab has no word for.
_STRANGE_PORT = ("guard", "root_block", "vlan_tunnel")
#: What each kind of interface is like when new.
_FIELDS = {kind.kind: kind.__dataclass_fields__ for kind in get_args(AnyLink) if kind.interface}
_FIELDS["tun"] = _FIELDS["veth"]
Found = tuple[str, Keys, str]


class Devices:
    """The interfaces of all namespaces, each asked for once, by `keys`."""

    def __init__(self, kin: Kinship, outside: Outside, notes: Notes) -> None:
        self.kin = kin
        self.outside = outside
        self.notes = notes
        #: End → the name in the file; what has none is not there, or is no more than the far end of a wire.
        self.names: dict[tuple[str, int], str] = {}
        #: Interface of the file → the machine's name of the port at the other end of its wire.
        self.ports: dict[str, str] = {}
        self._owned: dict[tuple[str, int, str], str] = {}
        self._kinds: dict[str, Callable[[Space, Device], tuple[Keys, str] | None]] = {
            "": self._hardware,
            "tun": self._hardware,
            "veth": self._veth,
            "bridge": self._bridge,
            "dummy": lambda _space, _device: ({"type": "dummy"}, ""),
            "macvlan": self._child,
            "macvtap": self._child,
            "ipvlan": self._child,
            "ipvtap": self._child,
            "vlan": self._vlan,
            "vxlan": self._vxlan,
            "bond": self._bond,
            "vrf": lambda _space, device: ({"type": "vrf", "table": str(device.data["table"])}, ""),
        }
        self._name_all()

    def _name_all(self) -> None:
        """Others refer to the names before the interfaces are written."""
        for key, space in self.kin.spaces.items():
            if key in self.kin.switches:
                continue
            taken: set[str] = set()
            for device in space.devices:
                if (device.loopback and not shown_on_loopback(device)) or self._swallowed(space, device):
                    continue
                name: str = unique(name_of(device), taken)
                taken.add(name)
                if device.name not in (name, loopback.NAME):
                    self.notes.assume(f"{device.name!r} of {self.kin.id(key)} is called {name} here")
                self.names[key, device.index] = name
        # What sits on something that can't be expressed can't be either.
        for space in self.kin.spaces.values():
            for device in space.devices:
                self._lost(space, device)

    def _swallowed(self, space: Space, device: Device) -> bool:
        """Whether a device is a host's end of a wire into one of its bridges: the other end speaks for both."""
        there = self.kin.far(device)
        if device.kind != "veth" or there is None or self.kin.bridge_of(space.key, device) is None:
            return False
        ours = self.kin.host(there[0].key) == space.key
        twin = there[0].key == space.key and device.index < there[1].index
        again = self.kin.bridge_of(there[0].key, there[1]) is not None and not twin
        return ours and not shown(device) and not again and not self.kin.children((space.key, device.index))

    def named(self, key: str, device: Device) -> str:
        """The name of a device in the file; empty where it has none."""
        return self.names.get((key, device.index), "")

    def id(self, key: str, device: Device) -> str:
        """``A/web:eth0``: what the notes call it."""
        return f"{self.kin.id(key)}:{device.name}"

    def _lost(self, space: Space, device: Device) -> str:
        """Why a device can't be expressed, in words; it then has no name. Empty where it can."""
        if (space.key, device.index) not in self.names or device.loopback:
            return ""
        why = ""
        if device.kind not in self._kinds or not device.ether:
            why = f"{device.kind or 'a device that is no Ethernet'}: netlab has no such links"
        elif device.kind == "bond" and device.data.get("mode") not in Bond.modes:
            why = f"a bond of mode {device.data.get('mode')}"
        elif device.kind == "vxlan" and (device.lower is None or device.lower[0] != space.key):
            why = "vxlan whose packets leave by no interface of its own namespace"
        elif device.kind in ("macvlan", "macvtap", "ipvlan", "ipvtap", "vlan", "vxlan") and device.lower is not None:
            there = self.kin.far(device)
            if there is not None:
                if self.kin.host(there[0].key) != self.kin.host(space.key):
                    why = f"{device.kind} on {self.id(there[0].key, there[1])}, which is in another host"
                elif self._lost(*there) or not self.named(there[0].key, there[1]):
                    why = f"{device.kind} on {self.id(there[0].key, there[1])}, which is left out"
        if why:
            del self.names[space.key, device.index]
            self.notes.left(self.id(space.key, device), why, loses=True)
        return why

    # --- an interface -----------------------------------------------------------------------------------

    def keys(self, space: Space, device: Device) -> Found | None:
        """The name, the keys and a note of a device; None where the file doesn't have it."""
        name = self.named(space.key, device)
        if not name:
            return None
        if device.loopback:
            kind: Keys = {} if name == loopback.NAME else {"type": "dummy"}
            if kind:
                self.notes.assume(f"the addresses at lo of {self.kin.id(space.key)} are at a dummy here, {name}")
            return name, {**kind, "addresses": self.addresses(space, device)}, "the addresses at lo" if kind else ""
        made = self._kinds[device.kind](space, device)
        if made is None:
            del self.names[space.key, device.index]
            return None
        keys, note = made
        self._common(space, device, keys)
        return name, keys, note

    def _common(self, space: Space, device: Device, keys: Keys) -> None:
        below = self.kin.far(device) if device.kind == "vlan" else None
        follows = device.kind in ("ipvlan", "ipvtap") or (below is not None and below[1].mac == device.mac)
        if device.mac and not follows and keys.get("mode") != "passthru":
            keys["mac"] = device.mac
        if device.mtu != self._usual_mtu(device):
            keys.setdefault("mtu", str(device.mtu))
        if own := self.addresses(space, device):
            keys["addresses"] = own
        if not device.up:
            keys["state"] = "down"
        usual = {flag: _FIELDS[device.kind or "veth"][flag].default for flag in FLAGS}
        if device.kind in ("ipvlan", "ipvtap") and device.data.get("mode") != "l2":
            usual |= {"arp": False}
        for flag in FLAGS:
            if (now := getattr(device, flag)) != usual[flag]:
                keys[flag] = "on" if now else "off"
        if static := _neighbors(space, device):
            keys["neighbors"] = dict(static)
        master = self.kin.at((space.key, device.master or 0))
        if master is not None and device.port_kind in ("bridge", "bond", "vrf"):
            if not self.named(space.key, master):
                self.notes.left(self.id(space.key, device), f"{master.name}, which it is a member of", loses=True)
                return
            keys["master"] = self.named(space.key, master)
            options = self.port(space, replace(device, up=True)) if device.port_kind == "bridge" else {}
            own_port = {key: value for key, value in options.items() if key not in ("state", "fdb")}
            if own_port:
                keys["own_port"] = own_port
            if lost := sorted(options.keys() - own_port.keys()):
                self.notes.left(self.id(space.key, device), f"{', '.join(lost)} as a port of {master.name}", loses=True)
        elif device.master is not None:
            port = f"a port of a {device.port_kind or 'device'} that netlab can't express"
            self.notes.left(self.id(space.key, device), port, loses=True)

    def _usual_mtu(self, device: Device) -> int:
        there = self.kin.far(device) if device.kind not in ("veth", "vxlan") else None
        # A VRF's is IP6_MAX_MTU.
        return {"vxlan": -1, "vrf": 65575}.get(device.kind, there[1].mtu if there is not None else MTU)

    def addresses(self, space: Space, device: Device) -> list[str]:
        """Those of a device, in the kernel's order: the first of a subnet is the source of what is sent there."""
        found = []
        for one in device.addresses:
            if of_loopback(one.ip) and not device.loopback:
                self.notes.left(self.id(space.key, device), f"{one}: a host has such addresses for itself", loses=True)
            if one.ip.lower().startswith("fe80:") or of_loopback(one.ip):
                continue
            vrf = device.index if device.kind == "vrf" else device.master if device.port_kind == "vrf" else 0
            before = self._owned.setdefault((space.key, vrf or 0, one.ip), self.id(space.key, device))
            if before != self.id(space.key, device):
                self.notes.left(self.id(space.key, device), f"{one}: {before} has this address, too", loses=True)
                continue
            # The kernel has no connected route for that of a point-to-point link.
            found.append(str(one) if one.peer is None else alone(one.ip))
        return found

    # --- by kind ----------------------------------------------------------------------------------------

    def _hardware(self, space: Space, device: Device) -> tuple[Keys, str]:
        switch = self.outside.switch(space, device)
        keys: Keys = {"switch": switch}
        if device.up and not device.carrier:
            keys["port"] = {"up": "off"}
            return keys, "it has no carrier: nothing is plugged in"
        return keys, ""

    def _veth(self, space: Space, device: Device) -> tuple[Keys, str] | None:
        there = self.kin.far(device)
        if there is None:
            keys, note = self._hardware(space, device)
            return keys, note or "its other end is in a namespace that was not read"
        far, peer = there
        self.ports[f"{self.kin.id(space.key)}:{self.named(space.key, device)}"] = peer.name
        if far.key in self.kin.switches and peer.master is not None:
            return self._plug({"switch": self.kin.names[far.key]}, far, peer), ""
        bridge = self.kin.bridge_of(far.key, peer)
        if bridge is not None and (far.key, peer.index) not in self.names:
            return self._plug({"bridge": self.named(far.key, bridge)}, far, peer), f"plugged in by {peer.name}"
        if far.key in self.kin.switches:
            switch = self.kin.names[far.key]
            return {"switch": switch, "port": {"attached": "off"}}, "its port is not attached to the bridge"
        if device.mtu != peer.mtu:
            mine, its = self.id(space.key, device), self.id(far.key, peer)
            self.notes.left(mine, f"an MTU other than that of {its}, at the other end: a wire has one here", loses=True)
        return {"peer": f"{self.kin.id(far.key)}:{self.named(far.key, peer)}"}, ""

    def _plug(self, keys: Keys, far: Space, peer: Device) -> Keys:
        """The keys with the options of the port that a wire is plugged into."""
        port = self.port(far, peer)
        return {**keys, "port": port} if port else keys

    def port(self, space: Space, device: Device) -> dict[str, Any]:
        """The options of a device as a port, those that are not the kernel's own."""
        found: dict[str, Any] = {} if device.up else {"up": "off"}
        for name, usual in _PORT.items():
            if (now := device.port.get(name, usual)) != usual:
                found[name] = "on" if now else "off"
        master = self.kin.devices.get((space.key, device.master or 0))
        spanning = master is not None and master.data.get("stp_state")
        state = device.port.get("state", "forwarding")
        if device.up and device.carrier and state != "forwarding" and not spanning and master is not None and master.up:
            found["state"] = state
        if master is not None and master.data.get("vlan_filtering"):
            found |= self._vlans(space, device, int(master.data.get("vlan_default_pvid") or 0))
        if macs := [mac for mac, index in space.fdb if index == device.index]:
            found["fdb"] = macs
        if strange := [name for name in _STRANGE_PORT if device.port.get(name)]:
            self.notes.left(self.id(space.key, device), f"{', '.join(strange)} of the port", loses=True)
        return found

    def _vlans(self, space: Space, device: Device, default: int) -> dict[str, Any]:
        """The VLANs of a port, where they are not those of a new one."""
        mine = [(vid, pvid, untagged) for index, vid, pvid, untagged in space.vlans if index == device.index]
        own = next((vid for vid, pvid, _ in mine if pvid), 0)
        found: dict[str, Any] = {} if own == default else {"pvid": str(own)}
        for key, wanted in (("untagged", True), ("tagged", False)):
            if those := [str(vid) for vid, _, untagged in mine if untagged is wanted and (vid != own or not untagged)]:
                found[key] = those
        return found

    def switch(self, key: str, bridge: Device) -> Keys:
        """The keys of a namespace that stands for a switch."""
        keys = self._bridge(self.kin.spaces[key], bridge)[0]
        del keys["type"]
        if not bridge.up:
            keys["state"] = "down"
        if static := _neighbors(self.kin.spaces[key], bridge):
            keys["neighbors"] = {ip: mac for ip, mac in static.items() if ":" not in ip}
        joined = list(self.kin.switches)
        links = []
        for device in self.kin.spaces[key].devices:
            there = self.kin.far(device)
            if device.kind != "veth" or there is None or there[0].key not in self.kin.switches:
                continue
            if joined.index(there[0].key) < joined.index(key):
                links.append(self.kin.names[there[0].key])
                for space, end in ((self.kin.spaces[key], device), there):
                    options = self.port(space, end)
                    if set(options) == {"tagged"}:
                        keys["tagged"] = options["tagged"]
                    elif options:
                        self.notes.left(self.id(space.key, end), "options of a port between switches", loses=True)
        if links:
            keys["links"] = list(dict.fromkeys(links))
        if len(links) > len(set(links)):
            self.notes.left(self.kin.names[key], "a second cable to the same switch", loses=True)
        return keys

    def _bridge(self, space: Space, device: Device) -> tuple[Keys, str]:
        keys: Keys = {"type": "bridge"}
        data = device.data
        if data.get("stp_state"):
            keys["stp"] = "on"
        if (ageing := int(data.get("ageing_time") or 0) // 100) != 300:
            keys["ageing_time"] = str(ageing)
        if data.get("mcast_snooping"):
            keys["mcast_snooping"] = "on"
        if data.get("fdb_max_learned"):
            keys["fdb_max_learned"] = str(data["fdb_max_learned"])
        if data.get("vlan_filtering"):
            keys["vlan_filtering"] = "on"
            default = int(data.get("vlan_default_pvid") or 0)
            if default != 1:
                keys["default_pvid"] = str(default)
            if space.key not in self.kin.switches and (own := self._vlans(space, device, default)):
                keys["own_port"] = own
        return keys, ""

    def _vlan(self, space: Space, device: Device) -> tuple[Keys, str]:
        there = self.kin.far(device)
        parent = self.outside.parent(space, device) if there is None else self.named(*_end(there))
        keys: Keys = {"type": "vlan", "parent": parent, "id": str(device.data["id"])}
        if device.data.get("protocol") == "802.1ad":
            keys["protocol"] = "802.1ad"
        return keys, "" if there is not None else "its parent is in a namespace that was not read"

    def _bond(self, space: Space, device: Device) -> tuple[Keys, str]:
        primary = self.kin.at((space.key, device.data.get("primary") or 0))
        for what in bonds.lost(space, device):
            self.notes.left(self.id(space.key, device), what, loses=True)
        return bonds.keys(device, "" if primary is None else self.named(space.key, primary)), ""

    def _vxlan(self, space: Space, device: Device) -> tuple[Keys, str]:
        there = self.kin.far(device)
        assert there is not None
        data = device.data
        keys: Keys = {"type": "vxlan", "id": str(data["id"]), "dev": self.named(*_end(there))}
        if device.mtu > (most := carried(device, there[1])):
            # Its interface's was made smaller later, which the kernel allows.
            why = f"its MTU of {device.mtu}, of which {there[1].name} carries {most}"
            self.notes.left(self.id(space.key, device), why, loses=True)
            keys["mtu"] = str(most)
        entries = [(mac, ip) for index, mac, ip in space.tunnels if index == device.index]
        first = data.get("group")
        if first and ipaddress.ip_address(first).is_multicast:
            keys["group"] = first
        elif remotes := [*([first] if first else []), *(ip for mac, ip in entries if mac == _ALL)]:
            keys["remote"] = list(dict.fromkeys(remotes))
        if data.get("local"):
            keys["local"] = data["local"]
        if data.get("port") != _VXLAN_PORT:
            keys["dstport"] = str(data["port"])
        if not data.get("learning"):
            keys["learning"] = "off"
        if known := {mac: ip for mac, ip in entries if mac != _ALL}:
            keys["fdb"] = dict(known)
        if strange := [name for name in ("proxy", "rsc", "collect_metadata", "gbp", "gpe") if data.get(name)]:
            self.notes.left(self.id(space.key, device), f"{', '.join(strange)} of the vxlan", loses=True)
        return keys, ""

    def _child(self, space: Space, device: Device) -> tuple[Keys, str]:
        there = self.kin.far(device)
        keys: Keys = {"type": device.kind}
        note = ""
        if there is not None:
            keys["parent"] = self.named(there[0].key, there[1])
        else:
            keys["parent"] = self.outside.parent(space, device)
            note = "its parent is in a namespace that was not read"
        keys["mode"] = str(device.data.get("mode"))
        flags = list(device.data.get("flags") or ())
        if device.kind in ("ipvlan", "ipvtap"):
            keys["flag"] = flags[0] if flags else "bridge"
            return keys, note
        if "nodst" in flags:
            keys["nodst"] = "on"
        if "nopromisc" in flags:
            self.notes.left(self.id(space.key, device), "nopromisc", loses=True)
        if keys["mode"] == "source" and (macs := [str(one) for one in device.data.get("macaddr_data") or ()]):
            keys["allowed_macs"] = macs
        if device.data.get("bcqueuelen") not in (None, 1000):
            keys["bcqueuelen"] = str(device.data["bcqueuelen"])
        if device.data.get("bclim") is not None:
            keys["bclim"] = str(device.data["bclim"])
        return keys, note


def _neighbors(space: Space, device: Device) -> dict[str, str]:
    """The static entries of an interface."""
    mine = [one for one in space.neighbors if one.permanent and one.dev == device.index]
    return {one.ip: one.mac for one in mine if not one.ip.lower().startswith("fe80:")}


def _end(there: tuple[Space, Device]) -> tuple[str, Device]:
    return there[0].key, there[1]
