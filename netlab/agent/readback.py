"""What the kernel says it has built, and whether that is what the plan says.

It is read after every step. A kernel ignores attributes that are newer than itself, so a request that seems to succeed
proves nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from netlab.agent import compare, groups
from netlab.agent.links import DRIVERS
from netlab.agent.links.port import OPTIONS, STATES
from netlab.agent.netlink import Socket, dumps, set_up, touch_link
from netlab.agent.netlink.constants import IFF, IFF_UP, IFINFOMSG
from netlab.agent.netlink.socket import attributes
from netlab.agent.netns import Netns
from netlab.agent.trees import PATIENCE, Clock, moving, port_state, spanning
from netlab.contract.kernels import Version, here
from netlab.contract.types import AnyLink, State, Veth, nics

IFLA_MTU, IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_CARRIER = 4, 16, 18, 33
#: include/uapi/linux/if_arp.h
ARPHRD_LOOPBACK = 772
IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_STATE = 4, 5, 1
IFLA_BOND_SLAVE_STATE, IFLA_BOND_SLAVE_MII_STATUS, IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE = 1, 2, 7
#: include/net/bond_3ad.h
LACP_STATE_SYNCHRONIZATION, LACP_STATE_EXPIRED = 0x8, 0x80
#: How long a lab may take to settle, in seconds (linkwatch delays some carrier changes by a second).
DEADLINE = 3.0
#: The same where only duplicate detection of IPv6 addresses is under way: 2 s, or 3 with twice as many transmissions;
#: and with a bond, which looks at its members now and then (miimon), or speaks LACP.
DETECTION = 6.0
#: The first Linux that may bring filters up to date from a workqueue.
QUEUED = Version(7, 0)
OPERSTATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")

Link = dict[str, Any]


def read_links(ns: Netns) -> dict[int, Link]:
    """Every link of a namespace by ifindex: name, mac, mtu, up, carrier, operstate, kind and its options, …"""
    found = {}
    for index, kind, flags, got in dumps.links(ns.netlink):
        read: Link = {
            "name": got.get("IFLA_IFNAME"),
            "mac": got.get("IFLA_ADDRESS"),
            "mtu": got.get("IFLA_MTU"),
            "up": bool(flags & IFF_UP),
            **{name: bool(flags & bit) != (name == "arp") for name, bit in IFF.items()},
            "carrier": bool(got.get("IFLA_CARRIER")),
            "operstate": OPERSTATES[got.get("IFLA_OPERSTATE", 0)],
            "promiscuity": got.get("IFLA_PROMISCUITY"),
            "master": got.get("IFLA_MASTER"),
            "qdisc": got.get("IFLA_QDISC"),
            # Of a veth it is the number that its peer has in another namespace.
            "lower": got.get("IFLA_LINK") if "IFLA_LINK_NETNSID" not in got else None,
            "lower_elsewhere": got.get("IFLA_LINK") if "IFLA_LINK_NETNSID" in got else None,
        }
        if kind == ARPHRD_LOOPBACK:
            read["kind"] = "loopback"
        info = got.get("IFLA_LINKINFO")
        if info is not None:
            read["kind"] = info.get("IFLA_INFO_KIND")
            if (driver := DRIVERS.get(read["kind"])) is not None and driver.read is not None:
                read |= driver.read(info["IFLA_INFO_DATA"])
            if info.get("IFLA_INFO_SLAVE_KIND") == "bridge":
                port = info["IFLA_INFO_SLAVE_DATA"]
                read["port"] = {name: port.get(option[0]) for name, option in OPTIONS.items()}
                read["port"]["state"] = port["IFLA_BRPORT_STATE"]
            elif info.get("IFLA_INFO_SLAVE_KIND") == "bond":
                told = info["IFLA_INFO_SLAVE_DATA"]
                read["shown"] = not told["IFLA_BOND_SLAVE_STATE"], not told["IFLA_BOND_SLAVE_MII_STATUS"]
        found[index] = read
    for read in found.values():
        # Of a bond, by their names.
        for key in ("active_slave", "primary"):
            if read.get(key) is not None:
                read[key] = found[read[key]]["name"]
    return found


def read_states(ns: Netns) -> dict[int, Link]:
    """Of every link of a namespace, by ifindex, only what changes by itself: up, carrier, operstate, MTU, port's state.

    Parsed by hand, for speed: while a lab settles this is read many times.
    """
    found: dict[int, Link] = {}
    for data in ns.netlink.dump(dumps.LINKS):
        _family, _type, index, flags, _change = IFINFOMSG.unpack_from(data, 16)
        link: Link = {"up": bool(flags & IFF_UP), "carrier": False, "operstate": "UNKNOWN"}
        for kind, value in attributes(data, 32):
            if kind == IFLA_OPERSTATE:
                link["operstate"] = OPERSTATES[value[0]]
            elif kind == IFLA_MTU:
                link["mtu"] = int.from_bytes(value, sys.byteorder)
            elif kind == IFLA_CARRIER:
                link["carrier"] = bool(value[0])
            elif kind == IFLA_LINKINFO:
                info = dict(attributes(value, 0))
                master = bytes(info.get(IFLA_INFO_SLAVE_KIND, b""))
                if master == b"bridge\0":
                    link["port"] = {"state": dict(attributes(info[IFLA_INFO_SLAVE_DATA], 0))[IFLA_BRPORT_STATE][0]}
                elif master == b"bond\0":
                    member = dict(attributes(info[IFLA_INFO_SLAVE_DATA], 0))
                    # BOND_STATE_ACTIVE, BOND_LINK_UP (include/uapi/linux/if_bonding.h)
                    link["shown"] = not member[IFLA_BOND_SLAVE_STATE][0], not member[IFLA_BOND_SLAVE_MII_STATUS][0]
                    link["lacp"] = member.get(IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE, b"\0")[0]
        found[index] = link
    return found


def addresses(netlink: Socket) -> dict[int, list[str]]:
    """Every address of the socket's namespace, by ifindex, as ``ip/prefixlen``."""
    found: dict[int, list[str]] = {}
    for address in dumps.addresses(netlink):
        found.setdefault(address.ifindex, []).append(address.own)
    return found


def read_addresses(ns: Netns) -> dict[int, list[str]]:
    """Addresses of a namespace by ifindex, as ``ip/prefixlen``, without IPv6 link-local ones and what every lo has."""
    return _without_local(addresses(ns.netlink))


def _without_local(there: Mapping[int, list[str]]) -> dict[int, list[str]]:
    kept = {
        index: [one for one in listed if not one.startswith("fe80:") and one not in ("127.0.0.1/8", "::1/128")]
        for index, listed in there.items()
    }
    return {index: listed for index, listed in kept.items() if listed}


def settle(
    namespaces: Mapping[str, Netns], state: State, before: State | None = None, notes: list[str] | None = None
) -> tuple[dict[str, Link], list[str], list[Veth]]:
    """Read the lab back until admin state and carrier are what the plan says, or the deadline has passed.

    Returns what was read of each link, the ids of those that didn't settle, and those that are `misplaced`. Unless time
    is simulated (`Clock`) it doesn't wait for a spanning tree, which takes 30 s, and at least 4 (br_set_forward_delay).
    Raises BuildFailed where anything else differs from the plan: then the kernel didn't understand a request. Where a
    program of the user's may have changed it, which the plan hasn't changed since ``before``, it is one of the
    ``notes`` instead.
    """
    begun = time.monotonic()
    patience = DETECTION if any(link.member == "member" for link in state.links) else DEADLINE
    deadline = begun + (PATIENCE if Clock.simulated and spanning(state) else patience)
    while True:
        for ns, seen in _wait(namespaces, state, deadline).items():
            # A pending carrier event of a link would make its host report every IPv6 group again, as late as the rtnl
            # lock allows (addrconf_notify, ipv6_mc_up): a switch would learn the MAC between two probes.
            _nudge(namespaces[ns], seen)
        read = {ns: read_links(namespaces[ns]) for ns in namespaces}
        unsettled = _unsettled(state, read)
        if not _awaited(state, read, unsettled) or time.monotonic() > deadline:
            break
    filter_now(namespaces, state.links)
    addressed = [ns for ns in namespaces if any(link.addresses for link in state.links_of(ns))]
    there = {ns: addresses(namespaces[ns].netlink) for ns in addressed}
    looked = time.monotonic()
    unsettled += _wait_for_groups(namespaces, state, read, there, (looked if Clock.simulated else begun) + DETECTION)
    unsettled += _wait_for_reports(namespaces, state, time.monotonic() + DEADLINE)
    if time.monotonic() - looked > DEADLINE / 10:
        # An interface may lose all IPv6 addresses if another has its link-local address (addrconf_dad_failure).
        there = {ns: addresses(namespaces[ns].netlink) for ns in addressed}
    found: dict[str, Link] = {}
    for link in state.links:
        mine = read[link.namespace].get(link.ifindex)
        if mine is None:
            raise compare.differs(link.id, "it isn't there", link.where)
        mine["addresses"] = _without_local(there.get(link.namespace, {})).get(link.ifindex, [])
        if link.own_port is not None:
            mine["own_port"] = mine.get("port")
        if (place := link.port_place) is not None:
            mine["port"] = read[place.namespace][place.ifindex].get("port")
        found[link.id] = mine
    foreign = before is not None and any(ns.visited for ns in namespaces.values())
    older = {link.id: link for link in before.links} if foreign and before is not None else {}
    for link in state.links:
        mine = found[link.id]
        if link.id in older:
            compare.check_changed(older[link.id], link, mine, notes)
        else:
            compare.check_link(link, mine)
    compare.check_vlans(namespaces, state, found, notes)
    compare.check_routes(namespaces, state)
    return found, sorted({link for link, _ in unsettled} | moving(state, read)), misplaced(state, read)


def _wait(namespaces: Mapping[str, Netns], state: State, deadline: float) -> dict[str, dict[int, Link]]:
    """Wait until everything seems settled, or the deadline has passed; returns what was read last, by namespace."""
    waiting = set(namespaces)
    pause = 0.0005
    read: dict[str, dict[int, Link]] = {}
    while waiting:
        for ns in waiting:
            read[ns] = read_states(namespaces[ns])
        before = waiting
        waiting = {ns for _, ns in _awaited(state, read, _unsettled(state, read) + _negotiating(state, read))}
        if time.monotonic() > deadline:
            break
        for ns in waiting:
            _nudge(namespaces[ns], read[ns])
        _set_down_again(namespaces, state, read)
        if waiting == before:
            # The kernel settles from a workqueue (linkwatch_event) within microseconds: give it the processor. A bond
            # takes longer, a spanning tree longest.
            time.sleep(pause)
            pause = min(1.1 * pause, 0.25 if Clock.simulated else 0.01)
    return read


def _set_down_again(namespaces: Mapping[str, Netns], state: State, read: Mapping[str, Mapping[int, Link]]) -> None:
    """Set links down that have come up with the one below since they were told to be down: Linux 7 sets vlan interfaces
    up from a workqueue (vlan_device_event, VLAN_WORK_LINK_STATE)."""
    for link in state.links if here() >= QUEUED else ():
        if link.rises and not link.up and read[link.namespace].get(link.ifindex, {}).get("up"):
            request = set_up(link.namespace, link.ifindex, link.ifname, False)
            namespaces[link.namespace].netlink.failures([request.message])


def _wait_for_groups(
    namespaces: Mapping[str, Netns],
    state: State,
    read: Mapping[str, Mapping[int, Link]],
    addresses: Mapping[str, Mapping[int, list[str]]],
    deadline: float,
) -> list[tuple[str, str]]:
    """Wait until IPv6 addresses of links with carrier are usable; returns the links where they aren't at the
    deadline."""
    alive: dict[str, dict[int, list[str]]] = {}
    for link in state.links:
        listed = addresses.get(link.namespace, {}).get(link.ifindex)
        now = read[link.namespace].get(link.ifindex)
        # Without ARP an interface joins no such group, nor does lo, and looks for no duplicates (addrconf_join_solict).
        if link.bindable and listed and now and now["up"] and now["carrier"] and now["arp"]:
            alive.setdefault(link.namespace, {})[link.ifindex] = listed
    pause = 0.0005
    while True:
        late = {ns: found for ns in alive if (found := groups.idle(namespaces[ns], alive[ns]))}
        alive = {ns: alive[ns] for ns in late}
        if not late or time.monotonic() > deadline:
            return [(link.id, link.namespace) for link in state.links if link.ifindex in late.get(link.namespace, ())]
        for ns, links in late.items():
            _nudge(namespaces[ns], links)
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def _wait_for_reports(namespaces: Mapping[str, Netns], state: State, deadline: float) -> list[tuple[str, str]]:
    """Wait until the groups of tunnels are reported; returns the tunnels where they aren't at the deadline."""
    waiting = [
        (one.id, one.namespace) for one in state.links if one.up and any(groups.is_one(end) for _, end in one.ends)
    ]
    while waiting := [one for one in waiting if groups.reporting(namespaces[one[1]])]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.001)
    return waiting


def _nudge(ns: Netns, links: Iterable[int]) -> None:
    """Make the kernel handle pending carrier events of links now.

    By itself it may take up to a second, if a carrier came while the link was still down (linkwatch_urgent_event).
    """
    ns.netlink.failures([dumps.carrier_request(index) for index in links])


def filter_now(namespaces: Mapping[str, Netns], links: Iterable[AnyLink]) -> None:
    """Have the kernel bring the filters of links up to date now, as a request of any link does (netif_rx_mode_sync, at
    the end of do_setlink).

    By itself Linux 7 does that from a workqueue for kinds that pass their filter on to the link below
    (__dev_set_rx_mode): the first broadcast may be there before, and a macvlan child doesn't hear it.
    """
    if here() < QUEUED:
        return
    # A child's filter changes that of the link below.
    for link in reversed(list(links)):
        namespaces[link.namespace].netlink.failures([touch_link(link.ifindex)])


def misplaced(state: State, read: Mapping[str, Mapping[int, Link]]) -> list[Veth]:
    """Veths whose switch port has carrier but isn't in the state that the plan says (without STP it stays so)."""
    wrong = []
    for link in nics(state.links):
        if link.port.attached and link.port.up and link.up:
            bridge = state.link(link.switch)
            found = port_state(read, link.port_namespace, link.port_ifindex)
            if bridge.up and not bridge.spanning and found != STATES[link.port.state]:
                wrong.append(link)
    return wrong


def _unsettled(state: State, read: Mapping[str, Mapping[int, Link]]) -> list[tuple[str, str]]:
    """Links whose admin state, carrier or MTU isn't what the plan says, each with the namespace in which to look."""
    wrong = []
    for link in state.links:
        mine = read[link.namespace].get(link.ifindex)
        told = state.link(link.master).shows(link.id) if link.master is not None else None
        if (
            mine is None
            or mine["up"] != link.up
            or (link.up and not carries(mine, link.carrier, link.bridges and not link.interface))
            or (told is not None and mine["shown"] != told)
            # Linux 7 lowers a vlan interface's MTU from a workqueue (VLAN_WORK_MTU).
            or (link.rises and mine["mtu"] != link.mtu)
        ):
            wrong.append((link.id, link.namespace))
    for veth in nics(state.links):
        if theirs := read[veth.port_namespace].get(veth.port_ifindex):
            settled = theirs["up"] == veth.port.up and (not veth.port.up or carries(theirs, veth.up and veth.port.up))
            if not settled:
                wrong.append((veth.id, veth.port_namespace))
    return wrong


def _negotiating(state: State, read: Mapping[str, Mapping[int, Link]]) -> list[tuple[str, str]]:
    """Bonds that wait for a partner's LACP, more than 3 s long, each with its namespace.

    A port that gives up leaves its aggregator and joins it again (AD_RX_DEFAULTED): for some milliseconds the bond then
    has nobody to send by (bond_update_slave_arr). Those of the active aggregator are in sync in the end.
    """
    ports: dict[str, list[int]] = {}
    for link in state.links:
        bond = state.link(link.master) if link.master is not None and link.up and link.carrier else None
        if bond is not None and bond.up and bond.effective_mode == "802.3ad":
            ports.setdefault(bond.id, []).append(read[link.namespace].get(link.ifindex, {}).get("lacp", 0))
    return [
        (bond, state.link(bond).namespace)
        for bond, states in ports.items()
        if any(one & LACP_STATE_EXPIRED for one in states)
        or not any(one & LACP_STATE_SYNCHRONIZATION for one in states)
    ]


def _awaited(
    state: State, read: Mapping[str, Mapping[int, Link]], unsettled: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Those of the unsettled links that will soon settle by themselves.

    A bridge has carrier as soon as one port forwards (br_port_state_selection). So it has none before a spanning tree
    is done, and not the planned one while a port is misplaced. Its macvlan children have the same carrier.
    """
    if Clock.simulated:
        unsettled = [*unsettled, *((link, state.link(link).namespace) for link in moving(state, read))]
    if not unsettled:
        return []
    open_bridges = (set() if Clock.simulated else spanning(state)) | {veth.switch for veth in misplaced(state, read)}
    return [
        (link_id, ns) for link_id, ns in unsettled
        if link_id not in open_bridges
        and state.link(link_id).lower not in open_bridges
    ]  # fmt: skip


def carries(read: Link, carrier: bool, bridge: bool = False) -> bool:
    """Whether carrier and operstate are as planned.

    Carrier alone isn't enough. Until linkwatch has set operstate, the queueing discipline drops everything; and routes
    by a bridge in a host that has lost its carrier learn of that up to a second later.
    """
    if carrier:
        return bool(read["carrier"]) and read["operstate"] in ("UP", "UNKNOWN")
    return not read["carrier"] and (bridge or read["operstate"] in ("DOWN", "LOWERLAYERDOWN"))
