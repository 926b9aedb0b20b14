"""nmstate: a desired state, what ``nmstatectl show`` prints, or a policy of the Kubernetes operator around it."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract.types.links import loopback
from netlab.contract.types.parts import ROUTE_TYPES
from netlab.live.formats.netdevs import BOND, flag
from netlab.live.formats.trees import Reader
from netlab.live.machine.values import Machine
from netlab.live.names import device_name
from netlab.live.sketch import BRIDGE, MAIN, VXLAN_PORT, Part, name
from netlab.live.source import NOTHING, Section
from netlab.spec import scalars

#: What nmstate calls a kind → what ip-link(8) calls it.
_KINDS = {"ethernet": "", "mac-vlan": "macvlan", "mac-vtap": "macvtap", "ipvlan": "ipvlan", "vlan": "vlan",
          "linux-bridge": "bridge", "bond": "bond", "vxlan": "vxlan", "dummy": "dummy", "vrf": "vrf",
          "loopback": ""}  # fmt: skip
_QUIET = ("description", "identifier", "profile-name", "permanent-mac-address", "min-mtu", "max-mtu", "driver", "lldp",
          "ethtool", "ethernet", "wait-ip", "mptcp", "alt-names", "dispatch")  # fmt: skip
_QUIET_IP = ("auto-dns", "auto-gateway", "auto-routes", "auto-route-table-id", "auto-route-metric", "dhcp-client-id",
             "dhcp-duid", "dhcp-send-hostname", "addr-gen-mode", "allow-extra-address", "token")  # fmt: skip
_MODES = ("private", "vepa", "bridge", "passthru", "source")
#: What NetworkManager gives a bond that isn't watched by ARP (nm-setting-bond.c).
_MIIMON = 100


def read(text: str, file: str) -> Machine:
    """The machine that a state describes. Raises TopologyError."""
    return _Reader(text, file).machine()


class _Reader(Reader):
    tool = "nmstate"
    what = "a state of nmstate, or what 'nmstatectl show' prints"
    missing = "interfaces"

    def top(self, root: Section) -> Section | None:
        found: Section | None = root
        if root.has("spec"):
            root.skip(NOTHING, "apiVersion", "kind", "metadata", "status")
            spec = root.section("spec")
            if spec is not None:
                spec.skip(NOTHING, "nodeSelector", "maxUnavailable", "capture")
            found = spec.section("desiredState") if spec is not None else None
        return found if found is not None and found.has("interfaces") else None

    def parts(self, root: Section) -> Iterator[tuple[Section, Part]]:
        root.skip(NOTHING, "hostname", "dns-resolver", "capabilities")
        root.skip("can't be taken over", "route-rules", "ovs-db", "ovn", loses=True)
        for entry in root.items("interfaces"):
            if (part := self._part(entry)) is not None:
                yield entry, part

    def rest(self, root: Section) -> None:
        routes = root.section("routes")
        if routes is not None:
            routes.skip("config has those that somebody gave", "running")
            for one in routes.items("config"):
                if one.is_mapping():
                    self._route(one)

    def _part(self, entry: Section) -> Part | None:
        if not entry.is_mapping():
            return None
        kind, own = entry.text("type"), entry.text("name") == loopback.NAME
        made = loopback.NAME if own else entry.value("name", device_name)
        if made is None:
            if not entry.has("name"):
                entry.wrong("'name' is missing")
            return None
        state = entry.one_of("state", ("up", "down", "absent", "ignore")) or "up"
        if kind and own is not (kind == "loopback"):
            entry.wrong(f"{made} is of type {kind}", "the interface of type loopback is lo, and no other is")
            return None
        if state in ("absent", "ignore"):
            entry.leave(f"{made} is {'removed' if state == 'absent' else 'ignored'}", loses=state == "ignore")
        elif kind and kind not in _KINDS:
            entry.leave(f"{made}: netlab makes nothing of type {kind}", loses=True)
        else:
            if not kind:
                self.source.assume(f"{made}, of which no type is given, is a NIC")
            part = self.sketch.part(entry, made, _KINDS.get(kind, ""))
            part.up = state == "up"
            return part
        return None

    def common(self, entry: Section, part: Part) -> None:
        self.hardware(entry, part, "mac-address")
        part.promisc = flag(entry, "accept-all-mac-addresses")
        controller = entry.get("controller")
        if controller is not None and (
            master := self.sketch.wanted(controller, str(controller.node.value), "controller")
        ):
            part.master = master.name
        for family in ("ipv4", "ipv6"):
            own = entry.section(family)
            if own is None:
                continue
            if own.has("enabled") and not flag(own, "enabled"):
                own.leave("it is not enabled")
                continue
            for one in own.items("address"):
                if one.is_mapping():
                    self._address(one, part)
            if flag(own, "dhcp") or flag(own, "autoconf"):
                others = "addresses that others give aren't known: give them in the file"
                own.skip(others, "dhcp", "autoconf", loses=True)
            own.skip(NOTHING, *_QUIET_IP)
        entry.skip("can't be taken over", "802.1x", "veth", "copy-mac-from", loses=True)
        entry.skip(NOTHING, *_QUIET)

    def _address(self, one: Section, part: Part) -> None:
        ip = one.value("ip", scalars.ip)
        length = one.number("prefix-length", 1, 128)
        if ip is None or length is None:
            if not (one.has("ip") and one.has("prefix-length")):
                one.wrong("an address has 'ip' and 'prefix-length'")
        else:
            self.sketch.address(part, one, f"{ip}/{length}")
        one.skip(NOTHING, "valid-life-time", "preferred-life-time", "valid-left", "preferred-left")
        one.skip("the other end of a point-to-point address", "peer", "peer-prefix-length", loses=True)

    def _route(self, one: Section) -> None:
        if one.text("state") in ("absent", "ignore"):
            one.leave("it is removed, or ignored")
            return
        to, kind = (
            one.value("destination", scalars.prefix),
            one.one_of("route-type", ROUTE_TYPES),
        )
        nowhere = kind not in (None, "unicast")
        dev = one.text("next-hop-interface") if nowhere else one.value("next-hop-interface", device_name)
        child = one.get("next-hop-address")
        via = self.sketch.gateway(child) if child is not None else None
        metric = one.value("metric", lambda value: -1 if value == "-1" else scalars.number(value, 0, (1 << 32) - 1))
        table = self._table(one, dev)
        src = one.value("source", scalars.ip)
        one.skip(NOTHING, "cwnd", "quickack", "advmss", "initcwnd", "initrwnd")
        one.skip("can't be taken over", "weight", "mtu", "lock-mtu", loses=True)
        if not one.has("destination") or (not nowhere and dev is None and not one.has("next-hop-interface")):
            one.wrong(
                "a route has 'destination' and 'next-hop-interface'", "one of another 'route-type' needs no interface"
            )
        elif to is None or (dev is None and not nowhere) or (child is not None and via is None):
            return
        elif not nowhere and dev not in self.sketch.parts:
            one.leave(f"a route by {dev}, which isn't described, or is left out", loses=True)
        else:
            default = to in ("default", "0.0.0.0/0") or (to == "::/0" and via is not None)
            self.sketch.route(one, dev or "", None if default else to, via, type=kind, src=src, table=table,
                              metric=None if metric == -1 else metric)  # fmt: skip

    def _table(self, one: Section, dev: str | None) -> int:
        """The table of a route: by its number, or by the VRF that has it."""
        number = one.number("table-id", 0, (1 << 32) - 1)
        child = one.get("vrf-name")
        vrf = self.sketch.wanted(child, str(child.node.value), "VRF") if child is not None else None
        if child is not None and vrf is not None:
            if vrf.kind != "vrf" or number not in (None, 0, vrf.data.get("table")):
                child.wrong(f"{vrf.name} is no VRF" if vrf.kind != "vrf" else f"the table of {vrf.name} isn't {number}")
            else:
                return int(vrf.data.get("table") or MAIN)
        member = self.sketch.parts.get(self.sketch.parts[dev].master or "") if dev in self.sketch.parts else None
        if not number and member is not None and member.kind == "vrf":
            self.source.assume(f"a route by {dev}, which {member.name} has, is in the main table: it names no other")
        return number or MAIN

    # --- by kind ------------------------------------------------------------------------------------------

    def below(self, own: Section, part: Part) -> None:
        """What a device sits on: a NIC is assumed where nothing is said of it."""
        base = own.get("base-iface")
        if base is None:
            own.wrong("'base-iface' is missing", f"what {part.name} sits on")
        elif (fit := name(base)) is not None:
            part.lower = self.sketch.nic(base, fit).name

    def member(self, one: Section, part: Part) -> Part | None:
        """Make a device a member of a bridge or bond."""
        fit = name(one)
        if fit is None:
            return None
        found = self.sketch.nic(one, fit)
        self.join(one, part, found)
        return found


def _own(entry: Section, key: str) -> Section | None:
    own = entry.section(key)
    if own is None and not entry.has(key):
        entry.wrong(f"{key!r} is missing", f"an interface of this type has it: {key}: {{…}}")
    elif own is None:
        entry.wrong(f"{key!r} is empty")
    return own


def _macvlan(reader: _Reader, entry: Section, part: Part) -> None:
    own = _own(entry, {"macvlan": "mac-vlan", "macvtap": "mac-vtap"}[part.kind])
    if own is None:
        return
    reader.below(own, part)
    mode = own.one_of("mode", _MODES)
    if not own.has("mode"):
        own.wrong("'mode' is missing", f"there are {', '.join(_MODES)}")
    part.data |= {"mode": mode or "vepa", "flags": [] if flag(own, "promiscuous", True) else ["nopromisc"]}
    part.data["macaddr_data"] = [
        found for one in own.items("allowed-mac-addresses") if (found := one.as_(scalars.mac)) and mode == "source"
    ]


def _ipvlan(reader: _Reader, entry: Section, part: Part) -> None:
    own = _own(entry, "ipvlan")
    if own is None:
        return
    reader.below(own, part)
    mode = own.one_of("mode", ("l2", "l3", "l3s"))
    if not own.has("mode"):
        own.wrong("'mode' is missing", "there are l2, l3, l3s")
    flags = [word for word in ("private", "vepa") if flag(own, word)]
    part.data |= {"mode": mode or "l2", "flags": flags}


def _vlan(reader: _Reader, entry: Section, part: Part) -> None:
    own = _own(entry, "vlan")
    if own is None:
        return
    reader.below(own, part)
    part.data["id"] = own.number("id", 1, 4094)
    if not own.has("id"):
        own.wrong("'id' is missing")
    protocol = own.one_of("protocol", ("802.1q", "802.1ad"))
    part.data["protocol"] = "802.1ad" if protocol == "802.1ad" else "802.1Q"
    own.skip("decides no way", "reorder-headers", "registration-protocol", "loose-binding")


def _vxlan(reader: _Reader, entry: Section, part: Part) -> None:
    own = _own(entry, "vxlan")
    if own is None:
        return
    if own.has("base-iface"):
        reader.below(own, part)
    number = own.number("id", 0, (1 << 24) - 1)
    if not own.has("id"):
        own.wrong("'id' is missing")
    port = own.number("destination-port", 1, 65535)
    part.data |= {"id": number, "group": own.value("remote", scalars.ip), "local": own.value("local", scalars.ip),
                  "port": port or VXLAN_PORT, "learning": flag(own, "learning", True)}  # fmt: skip


def _bond(reader: _Reader, entry: Section, part: Part) -> None:
    own = _own(entry, "link-aggregation")
    if own is None:
        return
    for key in ("port", "slaves"):
        for one in own.items(key):
            reader.member(one, part)
    part.data |= {"mode": own.one_of("mode", BOND) or "balance-rr", "fail_over_mac": "none"}
    options = own.section("options")
    miimon = options.number("miimon", 0, 1 << 31) if options is not None else None
    if miimon is None and not (options is not None and options.get("arp_interval")):
        reader.source.assume(f"{part.name} has NetworkManager's default: miimon 100")
        miimon = _MIIMON
    part.data["miimon"] = miimon or 0
    if options is not None:
        policy = options.one_of("fail_over_mac", ("none", "active", "follow"))
        part.data["fail_over_mac"] = policy or "none"
        part.data["num_peer_notif"] = options.number("num_grat_arp", 0, 255)
        primary = options.get("primary")
        if primary is not None and (found := reader.member(primary, part)) is not None:
            part.data["primary"] = found.name
        options.skip(
            "a bond watched by ARP can't be expressed", "arp_interval", "arp_ip_target", "arp_validate", loses=True
        )
        options.skip("decides which wire, not who is reached", "xmit_hash_policy", "lacp_rate", "updelay", "downdelay",
                     "min_links", "ad_select", "all_slaves_active", "primary_reselect", "num_unsol_na", "lp_interval",
                     "packets_per_slave", "resend_igmp", "tlb_dynamic_lb", "use_carrier", "arp_all_targets",
                     "ad_actor_sys_prio", "ad_actor_system", "ad_user_port_key")  # fmt: skip


def _bridge(reader: _Reader, entry: Section, part: Part) -> None:
    own = _own(entry, "bridge")
    part.data |= BRIDGE
    if own is None:
        return
    for one in own.items("port"):
        child = one.get("name") if one.is_mapping() else None
        found = reader.member(child, part) if child is not None else None
        if found is not None and flag(one, "stp-hairpin-mode"):
            found.port["hairpin"] = True
        one.skip("decides which way, where there are several", "stp-path-cost", "stp-priority")
        one.skip("VLANs of a port aren't taken over", "vlan", loses=True)
    options = own.section("options")
    stp = options.section("stp") if options is not None else None
    if stp is None or not stp.has("enabled"):
        reader.source.assume(f"{part.name} has NetworkManager's default: STP")
    part.data["stp_state"] = stp is None or flag(stp, "enabled", True)
    if options is None:
        return
    if stp is not None:
        stp.skip("decides which way, where there are several", "forward-delay", "hello-time", "max-age", "priority")
    ageing = options.number("mac-ageing-time", 0, 1_000_000)
    if ageing is not None:
        part.data["ageing_time"] = ageing * 100
    part.data["mcast_snooping"] = flag(options, "multicast-snooping", True)
    if (multicast := options.get("multicast")) is not None:
        multicast.leave("queries and routers of multicast decide nothing here")
    options.skip("VLANs of a bridge aren't taken over", "vlan-default-pvid", "vlan-protocol")
    options.skip("can't be taken over", "group-forward-mask", loses=True)


def _vrf(reader: _Reader, entry: Section, part: Part) -> None:
    own = _own(entry, "vrf")
    if own is None:
        return
    for key in ("port", "ports"):
        for one in own.items(key):
            reader.member(one, part)
    for one in own.items("ports-config"):
        if one.is_mapping() and (child := one.get("name")) is not None:
            reader.member(child, part)
    part.data["table"] = own.number("route-table-id", 1, (1 << 32) - 1)
    if not own.has("route-table-id"):
        own.wrong("'route-table-id' is missing")


_Reader.by_kind = {"macvlan": _macvlan, "macvtap": _macvlan, "ipvlan": _ipvlan, "vlan": _vlan, "vxlan": _vxlan,
                   "bond": _bond, "bridge": _bridge, "vrf": _vrf}  # fmt: skip
