"""What netlab reads from the kernel, beside what pyroute2's message classes make of the same."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import IFF_NAMES, ifinfmsg

from netlab.agent import readback
from netlab.agent.links.port import OPTIONS
from netlab.agent.netlink import dumps
from tests.agent.conftest import Built
from tests.agent.test_build import ALL_OPTIONS
from tests.agent.witness import learn

#: What is read of a bridge, and as what the kernel tells it.
BRIDGE = {
    "stp": "IFLA_BR_STP_STATE",
    "ageing_time": "IFLA_BR_AGEING_TIME",
    "mcast_snooping": "IFLA_BR_MCAST_SNOOPING",
    "fdb_max_learned": "IFLA_BR_FDB_MAX_LEARNED",
    "vlan_filtering": "IFLA_BR_VLAN_FILTERING",
    "default_pvid": "IFLA_BR_VLAN_DEFAULT_PVID",
}


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pyroute2 know what it lacks."""
    learn(monkeypatch)


def witnessed_link(data: memoryview) -> tuple[int, dict[str, Any]]:
    """What `readback.read_links` should read of one message, by pyroute2."""
    message = ifinfmsg(bytes(data))
    message.decode()
    get = message.get_attr
    read = {
        "name": get("IFLA_IFNAME"), "mac": get("IFLA_ADDRESS"), "mtu": get("IFLA_MTU"),
        "up": bool(message["flags"] & 1), "arp": not message["flags"] & IFF_NAMES["IFF_NOARP"],
        "promisc": bool(message["flags"] & IFF_NAMES["IFF_PROMISC"]),
        "allmulticast": bool(message["flags"] & IFF_NAMES["IFF_ALLMULTI"]),
        "multicast": bool(message["flags"] & IFF_NAMES["IFF_MULTICAST"]),
        "carrier": bool(get("IFLA_CARRIER")), "operstate": get("IFLA_OPERSTATE"),
        "promiscuity": get("IFLA_PROMISCUITY"), "master": get("IFLA_MASTER"), "qdisc": get("IFLA_QDISC"),
        "lower": get("IFLA_LINK") if get("IFLA_LINK_NETNSID") is None else None,
        "lower_elsewhere": get("IFLA_LINK") if get("IFLA_LINK_NETNSID") is not None else None,
    }  # fmt: skip
    info = get("IFLA_LINKINFO")
    if info is None:
        return message["index"], read | ({"kind": "loopback"} if message["flags"] & IFF_NAMES["IFF_LOOPBACK"] else {})
    read["kind"] = info.get_attr("IFLA_INFO_KIND")
    details = info.get_attr("IFLA_INFO_DATA")
    if read["kind"] in ("macvlan", "macvtap"):
        read["mode"] = details.get_attr("IFLA_MACVLAN_MODE")
        read["nopromisc"] = "nopromisc" in details.get_attr("IFLA_MACVLAN_FLAGS")
        read["nodst"] = "nodst" in details.get_attr("IFLA_MACVLAN_FLAGS")
        read["bcqueuelen"] = details.get_attr("IFLA_MACVLAN_BC_QUEUE_LEN")
        limit = details.get_attr("IFLA_MACVLAN_BC_CUTOFF")
        read["bclim"] = 1 if limit is None else limit
        if read["mode"] == "source":
            listed = details.get_attr("IFLA_MACVLAN_MACADDR_DATA")
            read["allowed_macs"] = sorted(mac for _, mac in listed["attrs"]) if listed else []
    elif read["kind"] == "bridge":
        read |= {name: details.get_attr(attribute) for name, attribute in BRIDGE.items()}
        read |= {"stp": bool(read["stp"]), "ageing_time": read["ageing_time"] / 100}
    if info.get_attr("IFLA_INFO_SLAVE_KIND") == "bridge":
        slave = info.get_attr("IFLA_INFO_SLAVE_DATA")
        read["port"] = {name: slave.get_attr(option[0]) for name, option in OPTIONS.items()}
        read["port"]["state"] = slave.get_attr("IFLA_BRPORT_STATE")
    return message["index"], read


def witnessed_addresses(messages: list[memoryview]) -> list[tuple[int, str]]:
    """Every address of a dump, by pyroute2."""
    found = []
    for data in messages:
        message = ifaddrmsg(bytes(data))
        message.decode()
        ip = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        found.append((message["index"], f"{ip}/{message['prefixlen']}"))
    return found


def by_index(pairs: list[tuple[int, str]]) -> dict[int, list[str]]:
    return {index: [one for other, one in pairs if other == index] for index, _ in pairs}


def dumped(built: Built, namespace: str, request: bytes) -> Any:
    """A namespace that answers every dump with what the lab's answers now, and the messages of that answer."""
    messages: list[memoryview] = []
    with built.lab.socket(namespace, socket.AF_NETLINK, socket.SOCK_RAW) as sock:
        sock.send(request)
        while True:
            data = memoryview(sock.recv(1 << 17))
            while data:
                length, kind = struct.unpack_from("=IH", data)
                if kind == 3:
                    return SimpleNamespace(netlink=SimpleNamespace(dump=lambda _request: messages)), messages
                messages.append(data[:length])
                data = data[(length + 3) & ~3 :]


MODES = """
name: modes
switches: {lan: {stp: true}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      private: {type: macvlan, parent: eth0, mode: private, bclim: -1}
      vepa: {type: macvlan, parent: eth0, mode: vepa, nodst: true}
      bridge: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/32, "fd00::2/64"]}
      none: {type: macvlan, parent: eth0, mode: source}
      some: {type: macvlan, parent: eth0, mode: source, allowed_macs: [02:00:00:00:dd:02, 02:00:00:00:dd:01]}
      eth1: {switch: lan, state: down, limit: {rate: 10mbit, burst: 1600, queue: 64k, kind: tbf}}
      through: {type: macvlan, parent: eth1, mode: passthru}
      br0: {type: bridge, ageing_time: 78, fdb_max_learned: 8}
"""


@pytest.mark.parametrize("text", [ALL_OPTIONS, MODES], ids=["options", "modes"])
def test_a_namespace_is_read_as_pyroute2_reads_it(build: Callable[[str], Built], text: str) -> None:
    """Of every link and address of every namespace all that is read is what pyroute2 reads in the same messages."""
    built = build(text)
    kinds, modes, limits = set(), set(), set()
    for namespace in built.plan.steps[0].state.namespaces:
        ns, messages = dumped(built, namespace.id, dumps.LINKS)
        read = readback.read_links(ns)
        assert read == dict(map(witnessed_link, messages))
        kinds |= {link.get("kind") for link in read.values()}
        modes |= {link.get("mode") for link in read.values()}
        limits |= {link.get("bclim") for link in read.values() if link["lower"]}
        ns, messages = dumped(built, namespace.id, dumps.ADDRESSES)
        wanted = witnessed_addresses(messages)
        assert readback.addresses(ns.netlink) == by_index(wanted)
        own = ("127.0.0.1/8", "::1/128")
        kept = [item for item in wanted if not item[1].startswith("fe80:") and item[1] not in own]
        assert readback.read_addresses(ns) == by_index(kept)
    if text is MODES:
        assert modes == {None, "private", "vepa", "bridge", "source", "passthru"}
        assert kinds == {"loopback", "veth", "bridge", "macvlan"}
        # Those on eth0 have the first one's, that on eth1 the kernel's.
        assert limits == {-1, 1}


SIX = """
name: six
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64", "fd00::a:b:c/64"]}}}
"""
#: At which links which of these addresses are not at work, in the namespace in which this runs.
IDLE = """
import contextlib, sys
from netlab.agent.groups import idle
index = int(sys.argv[1])
print([sorted(idle(contextlib.nullcontext(), {index: [one]})) for one in sys.argv[2:]])
"""


def test_who_listens_to_an_address(build: Callable[[str], Built]) -> None:
    """A link is named for an IPv6 address whose group it hasn't joined, but not for its own, or one of IPv4."""
    built = build(SIX)
    index = built.plan.steps[0].state.link("A:eth0").ifindex
    mine = ["10.0.0.1/24", "fd00::1/64", "fd00::a:b:c/64"]
    found = built.run("A", sys.executable, "-c", IDLE, str(index), *mine, "fd00::2/64")
    assert found.strip() == str([[], [], [], [index]])
    groups = built.run("A", "ip", "-6", "maddress", "show", "dev", "eth0")
    assert {"ff02::1:ff00:1", "ff02::1:ff0b:c"} <= set(groups.split())
