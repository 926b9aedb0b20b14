"""What the agent builds, read back by iproute2."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from netlab.client import Agent, BuildError
from netlab.plan import from_file
from tests.agent.conftest import Built

ALL_OPTIONS = """
name: options
switches:
  s1: {ageing_time: 17, stp: false, mcast_snooping: false, fdb_max_learned: 9}
  s2: {links: [s1], neighbors: {10.0.0.1: A:eth0}}
hosts:
  A:
    interfaces:
      eth0:
        switch: s1
        mac: 02:00:00:00:aa:01
        mtu: 1400
        addresses: [10.0.0.1/24, 10.0.0.2/24, "fd00::1/64"]
        neighbors: {10.0.0.9: 02:00:00:00:bb:09}
        port: {hairpin: true, isolated: true, learning: false, flood: false, mcast_flood: false, bcast_flood: false,
               locked: true, fdb: [02:00:00:00:cc:01]}
      a-name-that-is-much-longer-than-fifteen: {type: macvlan, parent: eth0, mode: private, mtu: 1300, bclim: -1}
    containers:
      src: {interfaces: {m0: {type: macvlan, parent: eth0, mode: source, nodst: true, bcqueuelen: 77,
                              allowed_macs: [02:00:00:00:dd:01, 02:00:00:00:dd:02]}}}
      tap: {interfaces: {tap0: {type: macvtap, parent: eth0, mode: vepa}}}
    routes: [{to: 10.9.0.0/16, via: 10.0.0.9}, {to: default, via: 10.0.0.9, table: 100}]
    rules: [{from: 10.0.0.2, table: 100, priority: 50}]
    sysctls: {net.ipv4.conf.all.arp_ignore: 1, net.ipv4.conf.eth0.rp_filter: 2}
  B: {interfaces: {eth0: {switch: s2, state: down}, eth1: {switch: s1, port: {state: disabled}}}}
  C:
    interfaces:
      eth0: {switch: s2, port: {locked: on, mab: on, neigh_suppress: on, proxy_arp: on, proxy_arp_wifi: on}}
      br0: {type: bridge}
      w0: {peer: C:w1, master: br0, own_port: {proxy_arp: on}}
      w1: {peer: C:w0}
"""


def ip(built: Built, namespace: str, *words: str) -> Any:
    return json.loads(built.run(namespace, "ip", "-j", "-d", *words))


def one(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [found] = [entry for entry in entries if entry.get("ifname") == name]
    return found


def test_iproute2_reads_back_what_the_file_asked_for(build: Callable[[str], Built]) -> None:
    """MAC, MTU, addresses, state and names are in the kernel as they are in the file."""
    built = build(ALL_OPTIONS)
    eth0 = one(ip(built, "A", "address"), "eth0")
    assert (eth0["address"], eth0["mtu"], eth0["operstate"]) == ("02:00:00:00:aa:01", 1400, "UP")
    ips = [f"{entry['local']}/{entry['prefixlen']}" for entry in eth0["addr_info"] if entry["scope"] == "global"]
    assert ips == ["10.0.0.1/24", "10.0.0.2/24", "fd00::1/64"]
    assert one(ip(built, "B", "link"), "eth0")["operstate"] == "DOWN"
    [long] = [link for link in ip(built, "A", "link") if "altnames" in link]
    assert long["altnames"] == ["a-name-that-is-much-longer-than-fifteen"]
    assert long["mtu"] == 1300


def test_macvlan_options_are_in_the_kernel(build: Callable[[str], Built]) -> None:
    """Mode, flag, queue length and source list of each child are those of the file."""
    built = build(ALL_OPTIONS)
    source = one(ip(built, "A/src", "link"), "m0")["linkinfo"]["info_data"]
    assert source["mode"] == "source"
    assert "nodst" in built.run("A/src", "ip", "-d", "link", "show", "dev", "m0")
    assert source["bcqueuelen"] == 77
    assert set(source["macaddr_data"]) == {"02:00:00:00:dd:01", "02:00:00:00:dd:02"}
    assert one(ip(built, "A/tap", "link"), "tap0")["linkinfo"]["info_kind"] == "macvtap"
    assert one(ip(built, "A/tap", "link"), "tap0")["linkinfo"]["info_data"]["mode"] == "vepa"


def test_switch_and_port_options_are_in_the_kernel(build: Callable[[str], Built]) -> None:
    """Every option of the bridge and of its port is as the file says, static entries included."""
    built = build(ALL_OPTIONS)
    bridge = one(ip(built, "s1", "link"), "br0")["linkinfo"]["info_data"]
    assert (bridge["ageing_time"], bridge["stp_state"], bridge["mcast_snooping"]) == (1700, 0, 0)
    ports = [link for link in ip(built, "s1", "link") if link.get("linkinfo", {}).get("info_slave_kind") == "bridge"]
    port = ports[1]["linkinfo"]["info_slave_data"]
    wanted = {
        "hairpin": True, "isolated": True, "learning": False, "flood": False,
        "mcast_flood": False, "bcast_flood": False, "locked": True, "state": "forwarding",
    }  # fmt: skip
    assert {name: port[name] for name in wanted} == wanted
    assert ports[2]["linkinfo"]["info_slave_data"]["state"] == "disabled"
    found = [link["linkinfo"]["info_slave_data"] for link in ip(built, "s2", "link") if link.get("master") == "br0"]
    names = ("locked", "neigh_suppress", "proxy_arp", "proxy_arp_wifi")
    assert [sum(port[name] for port in found) for name in names] == [1] * 4
    assert one(ip(built, "C", "link"), "w0")["linkinfo"]["info_slave_data"]["proxy_arp"] is True
    assert "10.0.0.1 dev br0 lladdr 02:00:00:00:aa:01 PERMANENT" in built.run("s2", "ip", "neigh")
    assert "02:00:00:00:cc:01" in built.run("s1", "bridge", "fdb", "show", "dev", ports[1]["ifname"])
    assert [link["ifname"] for link in ip(built, "s2", "link") if link.get("master") == "br0"]


def test_routes_rules_neighbours_and_sysctls_are_in_the_kernel(build: Callable[[str], Built]) -> None:
    """What stands beside the interfaces of a host is there too."""
    built = build(ALL_OPTIONS)
    assert "10.9.0.0/16 via 10.0.0.9" in built.run("A", "ip", "route")
    assert "default via 10.0.0.9" in built.run("A", "ip", "route", "show", "table", "100")
    assert "50:\tfrom 10.0.0.2 lookup 100" in built.run("A", "ip", "rule")
    assert "10.0.0.9 dev eth0 lladdr 02:00:00:00:bb:09 PERMANENT" in built.run("A", "ip", "neigh")
    assert built.run("A", "cat", "/proc/sys/net/ipv4/conf/all/arp_ignore").strip() == "1"
    assert built.run("A", "cat", "/proc/sys/net/ipv4/conf/eth0/rp_filter").strip() == "2"


def test_ifindexes_are_unique_in_the_whole_lab(build: Callable[[str], Built]) -> None:
    """No two links of a lab share an ifindex: equal ones at both ends of a veth delay carrier changes."""
    built = build(ALL_OPTIONS)
    seen = [
        link["ifindex"]
        for namespace in ("A", "A/src", "A/tap", "B", "s1", "s2")
        for link in ip(built, namespace, "link")
        if link["ifname"] != "lo"
    ]
    assert len(seen) == len(set(seen)) >= 10


def test_what_a_fresh_namespace_inherits_does_not_matter(build: Callable[[str], Built]) -> None:
    """The plan's sysctls hold in every namespace, whatever the machine's own values are."""
    built = build(ALL_OPTIONS)
    for namespace in built.plan.steps[0].state.namespaces:
        for path, value in namespace.sysctls:
            if path == "net/ipv4/conf/all/forwarding":
                continue
            assert built.run(namespace.id, "cat", f"/proc/sys/{path}").strip() == value, path


REFUSALS = {
    "a second passthru child": (
        """
name: x
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan}
      one: {type: macvlan, parent: eth0, mode: passthru}
      two: {type: macvlan, parent: eth0, mode: passthru}
""",
        "EINVAL", "A:two", 9,
    ),
    "a MAC in use": (
        """
name: x
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan}
      one: {type: macvlan, parent: eth0, mac: 02:00:00:00:00:77}
      two: {type: macvlan, parent: eth0, mac: 02:00:00:00:00:77}
""",
        "EADDRINUSE", "A:two", 9,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_what_the_kernel_refuses_is_said_with_its_place(agent: Agent, case: str) -> None:
    """The error names the line of the file, the interface, the kernel's errno and the command; the lab is gone."""
    text, errno, interface, line = REFUSALS[case]
    plan = from_file(text, "refused.yaml")
    lab = agent.lab(plan)
    with pytest.raises(BuildError) as caught:
        lab.enter(plan.steps[0]).result()
    error = caught.value
    assert (error.errno, error.interface) == (errno, interface)
    assert error.where is not None
    assert (error.where.file, error.where.line) == ("refused.yaml", line)
    assert "ip -n A link add" in error.command
    assert str(error).startswith(f"refused.yaml:{line}:")
    with pytest.raises(Exception, match="closed"):
        lab.probe(["icmp"]).result()


_PLACES = """
name: x
switches: {lan: {}}
hosts:
  A:
    sysctls:
      net.ipv4.ip_forward: 1
      OF_ALL
    routes:
      - {to: 10.9.0.0/16, via: 10.0.0.9}
      - ROUTE
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
steps:
  - name: later
    set:
      A:
        sysctls: {OF_STEP}
"""
_HARMLESS = {
    "OF_ALL": "net.ipv4.conf.eth0.arp_filter: 0",
    "ROUTE": "{to: 10.8.0.0/16, via: 10.0.0.9}",
    "OF_STEP": "net.ipv4.ip_forward: 0",
}


@pytest.mark.parametrize(
    ("changed", "place", "errno", "said"),
    [
        ({"OF_ALL": "net.ipv4.conf.all.frobnicate: 1"}, "8:7", "ENOENT", "conf.all.frobnicate: No such file"),
        ({"OF_ALL": "net.ipv4.conf.eth0.frobnicate: 1"}, "8:7", "ENOENT", "conf.eth0.frobnicate: No such file"),
        ({"OF_ALL": "net.ipv4.ip_default_ttl: 999"}, "8:7", "EINVAL", "ip_default_ttl: Invalid argument"),
        ({"OF_STEP": "net.ipv4.frobnicate: 1"}, "18:19", "ENOENT", "net.ipv4.frobnicate: No such file"),
        ({"ROUTE": "{to: 10.0.0.1/32, dev: eth0, table: 255}"}, "11:9", "EEXIST", "File exists"),
    ],
    ids=str,
)
def test_a_refused_sysctl_or_route_has_its_own_place(
    agent: Agent, changed: dict[str, str], place: str, errno: str, said: str
) -> None:
    """The error names the line and column of the sysctl or the route itself, not that of its host."""
    text = _PLACES
    for name, value in {**_HARMLESS, **changed}.items():
        text = text.replace(name, value)
    plan = from_file(text, "f")
    lab = agent.lab(plan)
    entering = [lab.enter(step) for step in plan.steps]
    if "OF_STEP" in changed:
        entering.pop(0).result()
    with pytest.raises(BuildError) as caught:
        entering[0].result()
    assert str(caught.value).startswith(f"f:{place}: A: ")
    assert caught.value.errno == errno
    assert said in str(caught.value)


def test_the_log_is_commands_that_rebuild_the_lab(build: Callable[[str], Built]) -> None:
    """The commands that verbose mode tells, typed by hand in fresh namespaces, make the same links."""
    lines: list[str] = []
    with Agent.start(on_log=lines.append) as loud:
        plan = from_file(ALL_OPTIONS, "test.yaml")
        with loud.lab(plan) as lab:
            lab.enter(plan.steps[0]).result()
    made = [line for line in lines if " link add " in line]
    assert len(made) == 1 + 1 + 1 + 3 + 3 + 3
    assert all(line.startswith(("ip ", "bridge ")) for line in lines)
    assert any("type macvlan mode source flag nodst bcqueuelen 77" in line for line in made)


def test_an_interface_with_sysctls_keeps_its_place(build: Callable[[str], Built]) -> None:
    """The first interface has a sysctl of its own, which must be written while it is down: its route stays first."""
    built = build(
        "switches: {lan: {}}\nhosts:\n  A:\n    sysctls: {net.ipv4.conf.eth0.rp_filter: 2}\n    interfaces:\n"
        "      eth0: {switch: lan, addresses: [10.7.0.1/24]}\n"
        "      eth1: {switch: lan, addresses: [10.7.0.2/24]}\n"
    )
    routes = built.run("A", "ip", "route").splitlines()
    assert [line.split()[2] for line in routes] == ["eth0", "eth1"]
