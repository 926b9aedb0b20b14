""".netdev files of systemd-networkd: the devices that it makes."""

from __future__ import annotations

import re

from netlab.live.formats.drivers import mode_of
from netlab.live.names import device_name
from netlab.live.sketch import BRIDGE, VXLAN_PORT, Part, Sketch, mtu
from netlab.live.source import NOTHING, Section
from netlab.spec import scalars
from netlab.spec.scalars import Wrong

KINDS = ("macvlan", "macvtap", "ipvlan", "ipvtap", "vlan", "bond", "bridge", "dummy", "vxlan", "vrf")
#: What stands for true and false (parse_boolean).
_FLAGS = {"1": True, "yes": True, "y": True, "true": True, "t": True, "on": True,
          "0": False, "no": False, "n": False, "false": False, "f": False, "off": False}  # fmt: skip
_MACVLAN = ("private", "vepa", "bridge", "passthru", "source")
#: The modes of the bonding driver, whether or not netlab has them.
BOND = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_SPAN = re.compile(r"(\d+)\s*(ms|msec|s|sec|m|min)?")


def netdev(sketch: Sketch, unit: Section) -> None:
    """Add the device that a file describes."""
    section = unit.section("NetDev")
    if section is None:
        unit.wrong("[NetDev] is empty", "a device needs Name= and Kind=")
        return
    made, kind = section.value("Name", device_name), section.text("Kind")
    section.skip(NOTHING, "Description")
    if not kind or (made is None and not section.has("Name")):
        section.wrong(f"'{'Name=' if kind else 'Kind='}' is missing", "a device needs both")
    if made is None or not kind:
        unit.leave("nothing can be made of it")
        return
    if kind not in KINDS:
        unit.leave(f"{made}: netlab makes nothing of Kind={kind}", loses=True)
        return
    part = sketch.part(section, made, kind)
    part.mtu = mtu(section, "MTUBytes")
    part.mac = None if section.text("MACAddress") == "none" else section.value("MACAddress", mac)
    unit.skip("it is taken to hold", "Match")
    own = unit.section({"bridge": "Bridge", "bond": "Bond", "dummy": "Dummy"}.get(kind, kind.upper()))
    {
        "macvlan": _macvlan, "macvtap": _macvlan, "ipvlan": _ipvlan, "ipvtap": _ipvlan, "vlan": _vlan, "bond": _bond,
        "bridge": _bridge, "vxlan": _vxlan, "dummy": _dummy, "vrf": _vrf,
    }[kind](part, own)  # fmt: skip


def _macvlan(part: Part, own: Section | None) -> None:
    mode = own.one_of("Mode", _MACVLAN) if own else None
    if mode is None:
        part.section.source.assume(f"{part.name} has the kernel's mode: vepa")
    part.data["mode"] = mode or "vepa"
    if own is None:
        return
    if part.data["mode"] == "source":
        part.data["macaddr_data"] = [found for one in own.items("SourceMACAddress") if (found := one.as_(mac))]
    else:
        own.skip("decides nothing in this mode", "SourceMACAddress")
    length = own.number("BroadcastMulticastQueueLength", 0, 1 << 31)
    part.data["bcqueuelen"] = length
    own.skip("can't be taken over", "BroadcastQueueThreshold", loses=True)


def _ipvlan(part: Part, own: Section | None) -> None:
    def mode(value: object) -> str:
        return mode_of("ipvlan", scalars.text(value).lower(), "systemd")

    found = own.value("Mode", mode) if own else None
    flag = own.one_of("Flags", ("bridge", "private", "vepa")) if own else None
    if found is None:
        part.section.source.assume(f"{part.name} has systemd's mode: L2")
    part.data |= {"mode": found or "l2", "flags": [flag] if flag else []}


def _vlan(part: Part, own: Section | None) -> None:
    number = own.number("Id", 1, 4094) if own else None
    if number is None and (own is None or not own.has("Id")):
        part.section.wrong(f"{part.name} is a VLAN without [VLAN] Id=")
    part.data["id"] = number
    if own is None:
        return
    protocol = own.one_of("Protocol", ("802.1q", "802.1ad"))
    part.data["protocol"] = "802.1ad" if protocol == "802.1ad" else "802.1Q"
    own.skip("decides no way", "ReorderHeader", "EgressQOSMaps", "IngressQOSMaps")
    own.skip("can't be taken over", "GVRP", "MVRP", "LooseBinding", loses=True)


def _bond(part: Part, own: Section | None) -> None:
    part.data |= {
        "mode": (own.one_of("Mode", BOND) if own else None) or "balance-rr",
        "fail_over_mac": "none",
        "miimon": 0,
    }
    if own is None:
        return
    part.data["miimon"] = own.value("MIIMonitorSec", lambda value: span(value, 1000)) or 0
    policy = own.one_of("FailOverMACPolicy", ("none", "active", "follow"))
    part.data["fail_over_mac"] = policy or "none"
    part.data["num_peer_notif"] = own.number("GratuitousARP", 0, 255)
    own.skip("decides which wire, not who is reached", "TransmitHashPolicy", "LACPTransmitRate", "MinLinks",
             "AllSlavesActive", "PrimaryReselectPolicy", "PacketsPerSlave", "UpDelaySec", "DownDelaySec")  # fmt: skip
    own.skip("a bond watched by ARP can't be expressed", "ARPIntervalSec", "ARPIPTargets", "ARPValidate", loses=True)


def _bridge(part: Part, own: Section | None) -> None:
    part.data |= BRIDGE
    if own is None:
        return
    part.data["stp_state"] = flag(own, "STP")
    part.data["mcast_snooping"] = flag(own, "MulticastSnooping", True)
    part.data["vlan_filtering"] = flag(own, "VLANFiltering")
    if part.data["vlan_filtering"]:
        none = own.text("DefaultPVID") == "none"
        pvid = None if none else own.number("DefaultPVID", 1, 4094)
        part.data["vlan_default_pvid"] = 0 if none else pvid or 1
    if (ageing := own.value("AgeingTimeSec", lambda value: span(value, 100))) is not None:
        part.data["ageing_time"] = ageing
    own.skip("decides nothing without STP", "HelloTimeSec", "MaxAgeSec", "ForwardDelaySec", "Priority")
    own.skip("decides nothing without VLANFiltering", "DefaultPVID")
    own.skip("can't be taken over", "MulticastQuerier", "GroupForwardMask", "VLANProtocol", loses=True)


def _vxlan(part: Part, own: Section | None) -> None:
    number = own.number("VNI", 0, (1 << 24) - 1) if own else None
    if own is None or number is None:
        if own is None or not own.has("VNI"):
            part.section.wrong(f"{part.name} is a VXLAN without [VXLAN] VNI=")
        part.kind = "dummy"
        return
    group = own.value("Group", scalars.ip)
    remote = own.value("Remote", scalars.ip)
    port = own.number("DestinationPort", 1, 65535)
    local = own.value("Local", scalars.ip)
    part.data |= {"id": number, "group": group or remote, "local": local, "port": port or VXLAN_PORT,
                  "learning": flag(own, "MacLearning", True)}  # fmt: skip
    own.skip("can't be taken over", "ReduceARPProxy", "L2MissNotification", "L3MissNotification", "RouteShortCircuit",
             "GroupPolicyExtension", "GenericProtocolExtension", "External", loses=True)  # fmt: skip
    own.skip("decides no way", "TTL", "TOS", "FDBAgeingSec", "UDPChecksum", "PortRange", "MaximumFDBEntries")
    if flag(own, "Independent"):
        part.section.leave(f"{part.name}: vxlan whose packets leave by no interface of its own", loses=True)


def _vrf(part: Part, own: Section | None) -> None:
    # TableId= is how older releases called it.
    told = [found for key in ("TableId", "Table") if own and (found := own.value(key, scalars.table)) is not None]
    if not told and not (own and (own.has("Table") or own.has("TableId"))):
        part.section.wrong(f"{part.name} is a VRF without [VRF] Table=")
    part.data["table"] = told[-1] if told else 0


def _dummy(part: Part, own: Section | None) -> None:
    """It has no keys."""


def flag(section: Section, key: str, default: bool = False) -> bool:
    """A flag, in the words of systemd."""

    def known(value: object) -> bool:
        word = scalars.text(value)
        if (meant := truth(word)) is None:
            raise Wrong(f"{word!r} is neither true nor false", "yes or no")
        return meant

    found = section.value(key, known)
    return default if found is None else found


def truth(word: str) -> bool | None:
    """What a word means as a flag; None where it is none."""
    return _FLAGS.get(word.lower())


def mac(value: object) -> str:
    """A MAC, with dashes for colons too. Raises Wrong."""
    return scalars.mac(scalars.text(value).replace("-", ":"))


def span(value: object, unit: int, bare: str = "s") -> int:
    """A span of time, in ``unit`` parts of a second; ``bare`` is meant where no unit is given. Raises Wrong."""
    word = scalars.text(value)
    match = _SPAN.fullmatch(word)
    if match is None or len(match[1]) > 9:
        raise Wrong(f"{word!r} is no time", "as in 100ms, or 5s")
    thousandths = {"ms": 1, "msec": 1, "m": 60_000, "min": 60_000}.get(match[2] or bare, 1000)
    return int(match[1]) * thousandths * unit // 1000
