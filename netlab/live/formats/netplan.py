"""netplan: a file of /etc/netplan, or what ``netplan get`` prints of all of them."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract.types.links import loopback
from netlab.contract.types.parts import ROUTE_TYPES
from netlab.live.formats.netdevs import BOND, flag, span
from netlab.live.formats.trees import Reader
from netlab.live.machine.values import Machine
from netlab.live.names import device_name
from netlab.live.sketch import BRIDGE, VXLAN_PORT, Part
from netlab.live.source import NOTHING, Section
from netlab.spec import scalars

_KINDS = {"ethernets": "", "dummy-devices": "dummy", "bridges": "bridge", "bonds": "bond", "vlans": "vlan",
          "tunnels": "vxlan", "vrfs": "vrf"}  # fmt: skip
_OTHERS = ("wifis", "modems", "nm-devices", "virtual-ethernets", "openvswitch")
_QUIET = ("nameservers", "optional", "optional-addresses", "wakeonlan", "link-local", "ignore-carrier",
          "receive-checksum-offload", "transmit-checksum-offload", "tcp-segmentation-offload", "critical",
          "generic-segmentation-offload", "generic-receive-offload", "large-receive-offload", "emit-lldp",
          "dhcp-identifier", "ipv6-privacy", "ipv6-address-generation",
          "virtual-function-count", "embedded-switch-mode", "networkmanager", "auth")  # fmt: skip


def read(text: str, file: str) -> Machine:
    """The machine that a file describes. Raises TopologyError."""
    return _Reader(text, file).machine()


class _Reader(Reader):
    tool = "netplan"
    what = "a netplan file, or what 'netplan get' prints"
    missing = "network"

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text, file)
        #: What the file calls a device → the device.
        self.ids: dict[str, Part] = {}

    def top(self, root: Section) -> Section | None:
        return root.section("network")

    def parts(self, network: Section) -> Iterator[tuple[Section, Part]]:
        version = network.text("version", "2")
        if version != "2":
            network.wrong(f"version {version!r} of netplan's files isn't known", "version: 2")
        self._renderer = network.text("renderer", "networkd")
        network.skip("netlab makes nothing of it", *_OTHERS, loses=True)
        for title, kind in _KINDS.items():
            for own, entry in network.entries(title):
                if entry.node.value is not None and not entry.is_mapping():
                    continue
                part = self._part(own, kind, entry)
                if part is not None:
                    self.ids[own] = part
                    yield entry, part

    def _part(self, own: str, kind: str, entry: Section) -> Part | None:
        if kind == "vxlan" and entry.text("mode") != "vxlan":
            entry.leave(f"a tunnel of mode {entry.text('mode') or 'none'}: netlab makes nothing of it", loses=True)
            return None
        word: str | None = None
        match = entry.section("match") if kind == "" else None
        mac = None
        if match is not None:
            word, mac = match.text("name") or None, match.value("macaddress", scalars.mac)
            match.skip("the machine's hardware isn't known here", "driver")
            if word is None or any(sign in word for sign in "*?["):
                word = None
                self.source.assume(f"{own} is one NIC, of the name that the file has for it or gives it")
        word = entry.value("set-name", device_name) or word or own
        if word == loopback.NAME and kind == "":
            return self.sketch.loopback(entry)
        try:
            device_name(word)
        except scalars.Wrong as wrong:
            entry.wrong(str(wrong), wrong.hint)
            return None
        part = self.sketch.part(entry, word, kind)
        part.mac = mac
        return part

    def common(self, entry: Section, part: Part) -> None:
        self.hardware(entry, part, "macaddress")
        for one in entry.items("addresses"):
            if isinstance(one.node.value, dict):
                one.leave("an address with a label or a lifetime: write it as a text", loses=True)
            else:
                self.sketch.address(part, one)
        for key in ("gateway4", "gateway6"):
            child = entry.get(key)
            if child is not None and (via := self.sketch.gateway(child)) is not None:
                self.sketch.route(child, part.name, None, via)
        for one in entry.items("routes"):
            if one.is_mapping():
                self._route(one, part)
        for key in ("dhcp4", "dhcp6"):
            if flag(entry, key):
                child = entry.get(key)
                assert child is not None
                child.leave("the address that DHCP gives isn't known: give it one in the file", loses=True)
        policy = entry.one_of("activation-mode", ("manual", "off"))
        part.up = policy is None
        entry.skip("can't be taken over", "routing-policy", "neigh-suppress", "port-mac-learning", loses=True)
        entry.skip(
            "what others hand out isn't known here", "accept-ra", "ra-overrides", "dhcp4-overrides", "dhcp6-overrides"
        )
        entry.skip(NOTHING, *_QUIET)

    def _route(self, one: Section, part: Part) -> None:
        to = None
        if one.text("to") not in ("default", "0.0.0.0/0", "::/0"):
            to = one.value("to", scalars.prefix)
        child = one.get("via")
        via = self.sketch.gateway(child) if child is not None else None
        if not one.has("to"):
            one.wrong("'to' is missing", "a route needs 'to', and mostly 'via'")
        elif child is not None and via is None:
            return
        if one.text("to") == "::/0" and via is None:
            to = "::/0"
        kind = one.one_of("type", ROUTE_TYPES)
        metric = one.number("metric", 0, (1 << 32) - 1)
        self.sketch.route(one, part.name, to, via, type=kind, metric=metric, table=one.value("table", scalars.table),
                          src=one.value("from", scalars.ip), onlink=flag(one, "on-link"))  # fmt: skip
        one.skip(NOTHING, "scope", "congestion-window", "advertised-receive-window")
        one.skip("can't be taken over", "mtu", "advmss", loses=True)

    # --- by kind ------------------------------------------------------------------------------------------

    def renderer(self, entry: Section) -> str:
        """Who makes a device: networkd or NetworkManager."""
        return entry.text("renderer", self._renderer)

    def other(self, one: Section) -> Part | None:
        """The device that a name of the file stands for; that there is none is a problem."""
        word = one.as_(scalars.text)
        if word is None or word in self.ids:
            return self.ids.get(word or "")
        return self.sketch.wanted(one, word, "device")

    def members(self, entry: Section, part: Part) -> None:
        """Make those that are listed members of a bridge or a bond."""
        for one in entry.items("interfaces"):
            self.join(one, part, self.other(one))


def _vlan(reader: _Reader, entry: Section, part: Part) -> None:
    part.data["id"] = entry.number("id", 1, 4094)
    link = entry.get("link")
    if link is None or not entry.has("id"):
        entry.wrong("a VLAN needs 'id' and 'link'")
    elif (below := reader.other(link)) is not None:
        part.lower = below.name


def _bond(reader: _Reader, entry: Section, part: Part) -> None:
    reader.members(entry, part)
    part.data |= {"mode": "balance-rr", "fail_over_mac": "none", "miimon": 0}
    own = entry.section("parameters")
    if own is None:
        return
    part.data["mode"] = own.one_of("mode", BOND) or "balance-rr"
    part.data["miimon"] = own.value("mii-monitor-interval", lambda value: span(value, 1000, bare="ms")) or 0
    policy = own.one_of("fail-over-mac-policy", ("none", "active", "follow"))
    part.data["fail_over_mac"] = policy or "none"
    for key in ("gratuitous-arp", "gratuitious-arp"):
        if (many := own.number(key, 0, 255)) is not None:
            part.data["num_peer_notif"] = many
    primary = own.get("primary")
    if primary is not None and (member := reader.other(primary)) is not None:
        part.data["primary"] = member.name
        if member.master != part.name:
            primary.wrong(f"{member.name} is no member of {part.name}")
    own.skip("decides which wire, not who is reached", "transmit-hash-policy", "lacp-rate", "min-links", "ad-select",
             "all-slaves-active", "all-members-active", "primary-reselect-policy", "packets-per-slave",
             "packets-per-member", "up-delay", "down-delay", "learn-packet-interval", "resend-igmp")  # fmt: skip
    watch = ("arp-interval", "arp-ip-targets", "arp-validate", "arp-all-targets")
    own.skip("a bond watched by ARP can't be expressed", *watch, loses=True)


def _bridge(reader: _Reader, entry: Section, part: Part) -> None:
    reader.members(entry, part)
    own = entry.section("parameters")
    # netplan's own: STP is on, which it writes down for networkd only where there are parameters
    # (write_bridge_params_networkd); NetworkManager has it on, too.
    usual = own is not None or reader.renderer(entry) == "NetworkManager"
    stp = usual if own is None else flag(own, "stp", True)
    part.data |= BRIDGE | {"stp_state": stp}
    if own is None or not own.has("stp"):
        what = "STP is on" if stp else "without parameters, STP is off with networkd"
        reader.source.assume(f"{part.name} is as netplan makes it: {what}")
    if own is None:
        return
    for key in ("ageing-time", "aging-time"):
        if (ageing := own.value(key, lambda value: span(value, 100))) is not None:
            part.data["ageing_time"] = ageing
    own.skip("decides which way, where there are several", "priority", "port-priority", "path-cost", "forward-delay",
             "hello-time", "max-age")  # fmt: skip


def _vxlan(reader: _Reader, entry: Section, part: Part) -> None:
    number = entry.number("id", 0, (1 << 24) - 1)
    port = entry.number("port", 1, 65535)
    part.data |= {"id": number, "group": entry.value("remote", scalars.ip), "local": entry.value("local", scalars.ip),
                  "port": port or VXLAN_PORT, "learning": flag(entry, "mac-learning", True)}  # fmt: skip
    link = entry.get("link")
    if not entry.has("id"):
        entry.wrong("a vxlan needs an 'id'")
    if link is not None and (below := reader.other(link)) is not None:
        part.lower = below.name
    entry.skip("decides no way", "ttl", "type-of-service", "ageing", "aging", "limit", "port-range", "checksums")
    entry.skip("can't be taken over", "arp-proxy", "short-circuit", "notifications", "extensions", loses=True)


def _vrf(reader: _Reader, entry: Section, part: Part) -> None:
    reader.members(entry, part)
    part.data["table"] = entry.number("table", 1, (1 << 32) - 1)
    if not entry.has("table"):
        entry.wrong("a VRF needs a 'table'")


_Reader.by_kind = {"bridge": _bridge, "bond": _bond, "vlan": _vlan, "vxlan": _vxlan, "vrf": _vrf}
