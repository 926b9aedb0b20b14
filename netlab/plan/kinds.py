"""The kinds of links that a file can ask for: one module each, and here the table of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Address, AnyLink, SetLink
from netlab.contract.types.links import FLAGS, Dummy, Ipvlan, Ipvtap, Loopback, Vlan, Vrf, Vxlan, loopback
from netlab.contract.types.links.vxlan import PORT
from netlab.plan import bond, bridge, macvlan, values, veth
from netlab.plan.request import BuildContext, LinkRequest

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Interface, Settings

#: Of what sits on nothing; of a VRF (IP6_MAX_MTU).
MTU = 1500
VRF_MTU = 65575
#: What tables are called that no VRF should have (include/uapi/linux/rtnetlink.h).
RESERVED = {253: "default", 254: "main", 255: "local"}
#: Keys that every kind takes.
COMMON = frozenset(
    ("type", "mac", "mtu", "addresses", "state", "neighbors", "limit", "netem", "duplicate", "master", "own_port",
     *FLAGS)
)  # fmt: skip
#: Keys that say what a link is, and so cannot be set later.
IDENTITY = frozenset({"type", "switch", "bridge", "peer", "master", "parent"})
#: Keys that mean nothing to a VRF, or of which nobody knows what they would do there.
_VRF_LACKS = ("neighbors", "limit", "netem", "arp")
#: Keys of every kind that lo can't be given.
_LOOPBACK_LACKS = COMMON - {"type", "addresses", "duplicate"}
#: Keys of a tunnel.
_TUNNEL = frozenset({"id", "dev", "remote", "group", "local", "dstport", "learning", "fdb"})


class Change(Protocol):
    """Applies a step's settings of a link: returns the link before and after, as they are to be requested."""

    def __call__(
        self, lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool, /
    ) -> tuple[AnyLink, AnyLink]: ...


@dataclass(frozen=True)
class Kind:
    """A kind of link: the keys it takes besides the common ones, and what makes a link of what is asked for.

    ``fixed`` keys cannot be set later. ``build`` notes what is wrong in the lab's problems, and then returns None.
    ``stacked`` links sit on others, and are made after the rest. ``check`` notes what the kernel would refuse.
    ``name_macs`` fills in MACs that are given by the names of interfaces. ``check_made`` checks the link in the whole
    lab. ``change`` applies a step's settings; ``changed`` does what is left once carriers are up to date. ``adopt``
    makes another link its member, as far as its kind decides; ``complete`` sets what needs these.
    """

    type: str
    keys: frozenset[str]
    build: Callable[[BuildContext, LinkRequest], AnyLink | None]
    fixed: frozenset[str] = frozenset()
    stacked: bool = False
    check: Callable[[BuildContext, LinkRequest], None] = lambda _context, _request: None
    name_macs: Callable[[BuildContext, LinkRequest, AnyLink], AnyLink] = lambda _context, _request, link: link
    check_made: Callable[[Lab, AnyLink, Path], None] = lambda _lab, _link, _path: None
    change: Change = lambda _lab, before, after, _settings, _path, _refused: (before, after)
    changed: Callable[[Lab, AnyLink, Settings, Path], AnyLink] = lambda _lab, before, _settings, _path: before
    adopt: Callable[[BuildContext, LinkRequest, AnyLink, AnyLink], AnyLink | None] = (
        lambda _context, _request, link, _master: link
    )
    complete: Callable[[Lab, AnyLink, Interface, Path], list[SetLink]] = lambda _lab, _link, _given, _path: []


def _ipvlan(context: BuildContext, request: LinkRequest, cls: type[Ipvlan] = Ipvlan) -> Ipvlan | None:
    given = request.given
    made = macvlan.stacked(context, request, cls, mode=given.mode, flag=given.flag)
    if given.arp is not None:
        message = f"the mode of {request.id} decides on its ARP, each time that it is brought up (ipvlan_open)"
        context.problem(request, "arp", message, "in l2 it has ARP, in l3 and l3s none")
    if made is None:
        return None
    # A new one copies the carrier even of a parent that is down (ipvlan_link_new).
    parent = context.lab.links[made.parent]
    carrier = parent.up or parent.carries(context.lab.links.get, frozenset())
    return replace(made, arp=made.effective_mode == "l2", carrier=carrier)


def _without_address(lab: Lab, link: AnyLink, _path: Path) -> None:
    """Say what a DHCP client would meet on an ipvlan child that is to get its address later."""
    if isinstance(link, Ipvlan) and not link.addresses and link.where is not None:
        if link.effective_mode == "l2":
            message = (
                "a DHCP client there must ask for broadcast answers, and have a client id: its MAC is its parent's"
            )
        else:
            message = f"no DHCP client can get it one: in {link.effective_mode} it neither sends nor hears broadcasts"
        lab.file.warn(link.where, f"{link.id} has no address, and {message}")


def _vxlan(context: BuildContext, request: LinkRequest) -> Vxlan | None:
    given, lab = request.given, context.lab
    if given.id is None or given.dev is None:
        lab.file.problems.add(request.where, f"{request.id} needs 'id' and 'dev'", "'id: 42' and 'dev: eth0'")
        return None
    if given.id >> 24:
        context.problem(request, "id", f"{given.id} is no number of a vxlan (EINVAL)", "it has 24 bits")
    if given.remote and given.group:
        context.problem(request, "group", f"{request.id} has remotes or a group, not both", "leave one out")
    if given.group and not ipaddress.ip_address(given.group).is_multicast:
        context.problem(request, "group", f"{given.group} is no multicast group", "such as 239.1.1.1; or 'remote'")
    for remote in given.remote or ():
        if ipaddress.ip_address(remote).is_multicast:
            context.problem(request, "remote", f"{remote} is a multicast group", f"'group: {remote}'")
    below = lab.links.get(f"{request.namespace}:{given.dev}")
    if below is None or below.lower is not None:
        names = [one.name for one in lab.links.values() if one.namespace == request.namespace and one.lower is None]
        context.unknown(request, "dev", "interface on its own", given.dev, names, f" in {request.namespace}")
        return None
    if given.local and given.local not in [one.ip for one in below.addresses]:
        context.problem(request, "local", f"{below.id} has no address {given.local}", "it is one of its own")
    for twin in lab.links.values():
        same = isinstance(twin, Vxlan) and (twin.vni, twin.dstport) == (given.id, given.dstport or PORT)
        if same and twin.namespace == request.namespace:
            context.problem(request, "id", f"{twin.id} has it, on the same port (EEXIST)", "another 'id' or 'dstport'")
    ends = [*(given.remote or ()), given.group or "", given.local or ""]
    # vxlan_config_apply: the headers around a frame, and the frame's own.
    most = below.mtu - (70 if any(":" in one for one in ends) else 50)
    if given.mtu is not None and given.mtu > most:
        context.problem(request, "mtu", f"{given.mtu} bytes don't fit into what {below.id} sends", f"{most} do")
    return Vxlan(
        **context.common(request, given.mtu or most),
        vni=given.id,
        dev=below.id,
        remotes=given.remote or (),
        group=given.group,
        local=given.local,
        dstport=given.dstport or PORT,
        learning=given.learning is not False,
    )


def _vxlan_change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """What is set of an end: no MTU that the kernel refuses (vxlan_change_mtu)."""
    most = lab.links[after.underlay or after.id].mtu - 50
    if settings.mtu is not None and settings.mtu > most and not refused:
        where = lab.file.where(*path, "mtu", key=False)
        lab.file.problems.add(where, f"{settings.mtu} bytes don't fit into what {after.underlay} sends", f"{most} do")
    return before, after


def _vxlan_entries(context: BuildContext, request: LinkRequest, link: AnyLink) -> AnyLink:
    given, path = request.given.fdb or {}, (*request.path, "fdb")
    found = ((values.mac_list(context.lab, (name,), (*path, name)), end) for name, end in given.items())
    entries = tuple((macs[0], end) for macs, end in found if macs)
    return replace(link, entries=entries) if isinstance(link, Vxlan) else link


def _vlan(context: BuildContext, request: LinkRequest) -> Vlan | None:
    """The interface; while its parent is down it is down, too."""
    given = request.given
    if given.id is None or not given.id < 4095:
        if given.id is not None:
            context.problem(request, "id", f"{given.id} is no VLAN (ERANGE)", "1 to 4094 are")
            return None
        lab = context.lab
        words, lost = f"{request.id} names no VLAN", "id" in lab.file.spec.pruned
        lab.file.problems.add(request.where, words, "add 'id: 10'", follows=lost)
        return None
    link = macvlan.stacked(context, request, Vlan, vid=given.id, protocol=given.protocol or "802.1Q")
    if link is None:
        return None
    parent, own = context.lab.links[link.parent], request.mac not in (None, "auto")
    if given.arp and not parent.arp:
        context.problem(request, "arp", f"{parent.id} has no ARP, and {request.id} begins like it", "leave 'arp' out")
    # A new one copies its parent's flags (vlan_dev_init): on a dummy it has no ARP either.
    flags = {name: getattr(parent, name) for name in ("arp", "multicast") if getattr(given, name) is None}
    return replace(link, own_mac=own, mac=link.mac if own else parent.mac, up=link.up and parent.up, **flags)


def _vlan_change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    """With a MAC of its own it no longer follows its parent's."""
    assert isinstance(after, Vlan)
    if settings.state == "up" and not lab.links[after.parent].up and not refused:
        where = lab.file.where(*path, "state", key=False)
        lab.file.problems.add(
            where, f"{after.parent} is down, so {after.id} can't be up (ENETDOWN)", "its parent first"
        )
    return before, replace(after, own_mac=after.own_mac or settings.mac is not None)


def _vrf(context: BuildContext, request: LinkRequest) -> Vrf | None:
    given, lab = request.given, context.lab
    if given.table is None:
        lost = "table" in lab.file.spec.pruned
        lab.file.problems.add(request.where, f"{request.id} has no table (EINVAL)", "add 'table: 10'", follows=lost)
        return None
    if given.table in RESERVED:
        context.problem(request, "table", f"{RESERVED[given.table]} is the namespace's own table", "any other number")
    for twin in lab.links.values():
        if twin.namespace == request.namespace and twin.vrf_table == given.table:
            words = f"{twin.id} has the table {given.table}: both would be one (EPERM with net.vrf.strict_mode)"
            context.problem(request, "table", words, "another number")
    for key in _VRF_LACKS:
        if getattr(given, key):
            context.problem(request, key, f"no rule for {key!r} of a VRF", "give them to its members")
    if given.master is not None:
        context.problem(request, "master", f"a VRF can't be a member of anything ({Vrf.no_part})", "its members can")
        return None
    _vrf_mtu(lab, given, request.path)
    return Vrf(**context.common(request, given.mtu or VRF_MTU), table=given.table)


def _vrf_mtu(lab: Lab, given: Interface | Settings, path: Path) -> None:
    if given.mtu is not None and given.mtu < 1280:
        where = lab.file.where(*path, "mtu", key=False)
        lab.file.problems.add(where, f"{given.mtu} bytes are too few for a VRF (EINVAL)", "at least 1280")


def _vrf_change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    if not refused:
        _vrf_mtu(lab, settings, path)
    return before, after


def _loopback(context: BuildContext, request: LinkRequest) -> Loopback | None:
    """The loopback of a host, which is there and up; it is given addresses, and nothing else."""
    if request.name != loopback.NAME:
        context.problem(request, "type", f"{request.id} is no loopback", "a host has one, and it is called lo")
        return None
    for key in sorted(request.given.model_fields_set & _LOOPBACK_LACKS):
        if getattr(request.given, key) is not None:
            context.problem(request, key, f"{key!r} can't be given to lo", "it takes addresses, and no more")
    _host_addresses(context.lab, request.id, request.addresses, request.path)
    common = context.common(request, loopback.MTU)
    return Loopback(**{**common, "ifindex": loopback.INDEX, "mac": None, "up": True})


def _host_addresses(lab: Lab, link_id: str, addresses: tuple[Address, ...] | None, path: Path) -> None:
    """Say which addresses keep more in the host than themselves: of a loopback the route of an IPv4 subnet is one of
    table local (fib_add_ifaddr), and by that of an IPv6 one packets come to lo."""
    for i, address in enumerate(addresses or ()):
        whole = 32 if address.family == 4 else 128
        if address.prefixlen != whole:
            where = lab.file.where(*path, "addresses", i)
            words = f"{address} on lo keeps all of {address.network} in the host, for which netlab has no rule"
            lab.file.problems.add(where, words, f"{address.ip}/{whole}, or a 'type: dummy' for the subnet")


def _loopback_change(
    lab: Lab, before: AnyLink, after: AnyLink, settings: Settings, path: Path, refused: bool
) -> tuple[AnyLink, AnyLink]:
    _host_addresses(lab, after.id, settings.addresses, path)
    return before, after


_VETH = Kind(
    "veth",
    veth.KEYS,
    veth.build,
    name_macs=veth.name_macs,
    check_made=veth.check_made,
    change=veth.change,
    changed=veth.changed,
)
_MACVLAN = Kind(
    "macvlan",
    macvlan.KEYS,
    macvlan.build,
    macvlan.FIXED,
    stacked=True,
    check=macvlan.check,
    name_macs=macvlan.name_macs,
    change=macvlan.change,
)
_IPVLAN = Kind(
    "ipvlan",
    frozenset({"parent", "mode", "flag"}),
    _ipvlan,
    frozenset({"mode", "flag", "mac", "arp"}),
    stacked=True,
    check_made=_without_address,
)
KINDS: dict[str, Kind] = {
    kind.type: kind
    for kind in (
        Kind("bridge", bridge.KEYS, bridge.build, frozenset({"default_pvid"}), change=bridge.change),
        _VETH,
        _MACVLAN,
        replace(_MACVLAN, type="macvtap", build=macvlan.build_tap),
        _IPVLAN,
        replace(_IPVLAN, type="ipvtap", build=lambda context, request: _ipvlan(context, request, Ipvtap)),
        Kind("vxlan", _TUNNEL, _vxlan, _TUNNEL, name_macs=_vxlan_entries, change=_vxlan_change),
        Kind(
            "bond",
            bond.KEYS,
            bond.build,
            bond.FIXED,
            change=bond.change,
            changed=bond.changed,
            adopt=bond.adopt,
            complete=bond.complete,
        ),
        Kind("vlan", frozenset({"parent", "id", "protocol"}), _vlan, stacked=True, change=_vlan_change),
        Kind("vrf", frozenset({"table"}), _vrf, frozenset({"table", *_VRF_LACKS}), change=_vrf_change),
        Kind("loopback", frozenset(), _loopback, _LOOPBACK_LACKS, change=_loopback_change),
        Kind("dummy", frozenset(), lambda context, request: Dummy(**context.common(request, request.given.mtu or MTU))),
    )
}
