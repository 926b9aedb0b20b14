"""Ends of VXLANs in a topology: what they get by default, and what a file can't ask for."""

from __future__ import annotations

import pytest

from tests.plan.labs import faults, hosts, plan

E = "e: {switch: s, addresses: [10.0.0.1/24]}"


def tunnel(*more: str) -> str:
    """An end of the network 42 by e."""
    return f"v: {{{', '.join(['type: vxlan', 'id: 42', 'dev: e', *more])}}}"


@pytest.mark.parametrize(("remote", "mtu"), [("10.0.0.2", 1450), ('"fd00::2"', 1430)])
def test_it_has_room_for_its_headers(remote: str, mtu: int) -> None:
    """Its MTU is smaller than that of its interface by the headers of IPv4 or IPv6; IANA's port is its own."""
    link = plan(hosts(tunnel(f"remote: [{remote}]"), E)).steps[0].state.link("A:v")
    assert (link.mtu, link.underlay, link.carrier) == (mtu, "A:e", True)
    ip = remote.strip('"')
    assert link.argv == ("type", "vxlan", "id", "42", "dev", "e", "remote", ip, "dstport", "4789")
    assert link.words == (f"vxlan 42 by A:e to {ip}",)


def test_what_comes_in_is_wrapped_as_the_standard_says() -> None:
    """A frame stands behind eight bytes: flags, and the number in the upper three of the second word (RFC 7348)."""
    port, datagram = plan(hosts(E, tunnel())).steps[0].state.link("A:v").wrapped(b"frame")
    assert (port, datagram) == (4789, bytes.fromhex("0800000000002a00") + b"frame")


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ((E, "v: {type: vxlan, dev: e}"), "A:v needs 'id' and 'dev'; 'id: 42' and 'dev: eth0'"),
        ((E, "v: {type: vxlan, id: 16777216, dev: e}"), "16777216 is no number of a vxlan (EINVAL); it has 24 bits"),
        ((E, tunnel("remote: [10.0.0.2]", "group: 239.1.1.1")), "A:v has remotes or a group, not both"),
        ((E, "v: {type: vxlan, id: 42, dev: f}"), "no interface on its own 'f' in A"),
        ((E, tunnel("local: 10.0.0.9")), "A:e has no address 10.0.0.9; it is one of its own"),
        ((E, tunnel("mtu: 1451")), "1451 bytes don't fit into what A:e sends; 1450 do"),
        ((E, tunnel(), "w: {type: vxlan, id: 42, dev: e}"), "A:v has it, on the same port (EEXIST)"),
        ((E, "x: {type: macvlan, parent: e, id: 3}"), "'id' means nothing on a macvlan; it belongs to vxlan"),
    ],
)
def test_what_cannot_be(lines: tuple[str, ...], fault: str) -> None:
    """One fault says what an end lacks, or what the kernel would refuse."""
    [found] = faults(hosts(*lines))
    assert fault in found


def test_an_interface_stays_as_long_as_its_tunnel() -> None:
    """Without the interface by which it leaves a tunnel would go, too: the file has to say so."""
    [found] = faults(hosts(E, tunnel()) + "steps: [{name: one, delete: [A:e]}]\n")
    assert "A:e carries a tunnel, which would go with it; delete it first: A:v" in found


def test_two_bridges_on_one_lan_and_one_tunnel_are_a_loop() -> None:
    """Where both bridges are on the switch already, a tunnel between them would have frames circulate."""
    text = "switches: {s: {}}\nhosts:\n"
    for host, other in (("A", 2), ("B", 1)):
        text += f"""  {host}:
    interfaces:
      br0: {{type: bridge}}
      e: {{switch: s, addresses: [10.0.0.{3 - other}/24]}}
      f: {{switch: s, master: br0}}
      v: {{type: vxlan, id: 42, dev: e, remote: [10.0.0.{other}], master: br0}}
"""
    [found] = faults(text)
    assert "closes a loop of switches" in found
