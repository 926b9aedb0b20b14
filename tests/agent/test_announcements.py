"""What is announced is seen on the wire, and switches look for the MAC where the model says."""

from __future__ import annotations

import socket
import time

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA
from scapy.layers.l2 import ARP, Ether

from netlab import Lab
from netlab.contract.kernels import here
from netlab.model import announcements
from tests.agent.test_dummy import kernel_has_it

BOND = """
name: announced
switches: {lan: {}}
hosts:
  A:
    interfaces:
      bond0: {type: bond, mode: active-backup, miimon: 50, addresses: [10.0.0.1/24, "fd00::1/64"]}
      eth0: {switch: lan, master: bond0}
      eth1: {switch: lan, master: bond0}
    containers: {web: {interfaces: {eth0: {type: macvlan, parent: bond0, mode: bridge, addresses: [10.0.0.11/24]}}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
steps: [{name: failover, set: {A:eth0: {port: {up: false}}}}]
"""
MAC = """
name: announced
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    sysctls: {net.ipv4.conf.all.arp_notify: VALUE}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
steps: [{name: a new MAC, set: {A:eth0: {mac: 02:00:00:00:00:07}}}]
"""
ETH_P_ALL, DEADLINE, HERE = 3, 10.0, here()


def said(frames: list[bytes]) -> set[tuple[str, str]]:
    """The addresses that frames announce, each with its MAC, as scapy reads them; link-local ones left out."""
    found = set()
    for data in frames:
        frame = Ether(data)
        if ARP in frame and frame[ARP].psrc == frame[ARP].pdst:
            found.add((frame[ARP].psrc, frame[ARP].hwsrc))
        if ICMPv6ND_NA in frame and not frame[ICMPv6ND_NA].S:
            found.add((frame[ICMPv6ND_NA].tgt, frame.src))
    return {(ip, mac) for ip, mac in found if not ip.startswith("fe80:")}


def entered(lab: Lab, step: str, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Enter a step; what B's packet socket hears announced until then, or until all that is wanted was heard."""
    sock = lab["B"].socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.settimeout(0.1)
    lab.step(step)
    # What was sent before this is heard before it.
    lab["A"].run("ping", "-c", "1", lab["B"].ip)
    deadline = time.monotonic() + DEADLINE
    heard: list[bytes] = []
    while time.monotonic() < deadline:
        try:
            heard.append(sock.recv(2048))
        except TimeoutError:
            if wanted <= said(heard):
                break
    return said(heard)


def foreseen(lab: Lab, step: str) -> set[tuple[str, str]]:
    """What the model says is announced in a step that follows the baseline."""
    before, after = (one.state for one in lab.blueprint.plan(HERE).steps if one.name in ("baseline", step))
    return {(one.ip, one.mac) for one in announcements(before, after) if not one.ip.startswith("fe80:")}


@pytest.mark.topology(BOND)
def test_a_failover_is_seen_on_the_wire(request: pytest.FixtureRequest) -> None:
    """The bond's and the child's addresses are heard at another host, and come into the switch by the new member."""
    if not kernel_has_it("bond"):
        pytest.skip("this kernel has no bonds (sudo modprobe bonding)")
    lab: Lab = request.getfixturevalue("lab")
    wanted = foreseen(lab, "failover")
    assert {ip for ip, _ in wanted} == {"10.0.0.1", "fd00::1", "10.0.0.11"}
    with lab.capture("port(A:eth0)", "port(A:eth1)") as capture:
        assert entered(lab, "failover", wanted) == wanted
    by = {one.interface for one in capture.frames if said([one.data])}
    assert by == {"port(A:eth1)"}


@pytest.mark.topology(MAC.replace("VALUE", "1"))
def test_a_new_mac_is_announced_with_arp_notify(lab: Lab) -> None:
    """With arp_notify the address is announced at its new MAC."""
    wanted = foreseen(lab, "a new MAC")
    assert wanted == {("10.0.0.1", "02:00:00:00:00:07")}
    assert entered(lab, "a new MAC", wanted) == wanted


@pytest.mark.topology(MAC.replace("VALUE", "0"))
def test_a_new_mac_is_not_announced_by_default(lab: Lab) -> None:
    """Without arp_notify nothing says it, before the host has something to send."""
    assert foreseen(lab, "a new MAC") == entered(lab, "a new MAC", set()) == set()
