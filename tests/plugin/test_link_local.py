"""Link-local addresses as endpoints: asked for by an interface of the host that asks, as ping(8) is asked."""

from __future__ import annotations

import itertools
import json

import pytest

from netlab import ExpectationFailed, Lab
from netlab.model import Prediction
from netlab.spec.problems import TopologyError

LAN = """\
name: lan
switches: {lan: {}, other: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: ["fd00::1/64"]}
      eth1: {switch: other, addresses: ["fd01::1/64"]}
      child: {type: macvlan, parent: eth0, mode: bridge, addresses: ["fd00::11/64"]}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: ["fd00::12/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: ["fd00::2/64"]}}}
  C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]}}}
  D:
    sysctls: {net.ipv6.conf.eth0.disable_ipv6: 0}
    interfaces: {eth0: {switch: lan}}
"""
lan = pytest.mark.topology(LAN)


def own(lab: Lab, host: str, interface: str = "eth0") -> str:
    """The link-local address that the kernel has given an interface."""
    told = json.loads(lab[host].run("ip", "-6", "-j", "address", "show", "dev", interface, "scope", "link").stdout)
    return next(one["local"] for link in told for one in link.get("addr_info", ()) if "local" in one)


def predicted(lab: Lab, host: str, address: str, layer: str) -> str:
    """What the model says of a host's question."""
    layer, state = f"host:{layer}", lab.state
    return Prediction(state, [layer]).letter(layer, state.row(layer, host), state.column(layer, address))


@lan
def test_as_ping_is_asked(lab: Lab) -> None:
    """Of every host by every interface model, probe and the system's own ping agree about every link-local address:
    those of its own link are reached but for what macvlan keeps apart, of other links none."""
    places = [("A", "eth0"), ("A", "eth1"), ("A", "child"), ("A/c1", "eth0"), ("B", "eth0"), ("D", "eth0")]
    there = {place: own(lab, *place) for place in places}
    letters = {}
    for (host, by), (to, address) in itertools.product(places, there.items()):
        asked = f"{address}%{by}"
        # Whom the probe has reached ping has time for.
        patience = 5 if lab.ping(host, asked, "icmp6") else 1
        pinged = lab[host].run("ping", "-6", "-c1", f"-W{patience}", asked, check=False).returncode == 0
        for layer in ("icmp6", "tcp6", "udp6"):
            seen = lab.ping(host, asked, layer)
            assert bool(seen) == pinged, (host, asked, to, seen)
            assert seen.letter == predicted(lab, host, asked, layer), (host, asked, to, seen)
        letters[f"{host}:{by}", ":".join(to)] = seen.letter
    assert letters["A:eth0", "B:eth0"] == letters["D:eth0", "B:eth0"] == letters["B:eth0", "A:child"] == "R"
    assert letters["A:eth0", "A:eth0"] == "A"
    assert letters["A:eth0", "A/c1:eth0"] == letters["A:eth1", "B:eth0"] == letters["B:eth0", "A:eth1"] == "U"


@lan
def test_what_is_asked(lab: Lab) -> None:
    """A host asks, by an interface that it has, on layers of IPv6; all else is told with what would be right."""
    there = own(lab, "B")
    lab.must_reach("A", f"{there}%eth0")
    lab.must_not_reach("A", f"{there}%eth1", "icmp6")
    with pytest.raises(ExpectationFailed, match="does not hold"):
        lab.must_reach("A", f"{there}%eth1")
    with pytest.raises(TopologyError, match=f"{there} is link-local: .* as in A -> fe80::2%eth0"):
        lab.must_reach("A", there)
    with pytest.raises(TopologyError, match="is link-local: only a host can ask for it"):
        lab.must_reach("A:eth0", f"{there}%eth0")
    with pytest.raises(TopologyError, match="A has no interface 'eth7'; did you mean 'eth1'"):
        lab.must_reach("A", f"{there}%eth7")


@lan
def test_of_a_program(lab: Lab) -> None:
    """An address that a program has set is reached where it is, and the model says nothing of it."""
    lab["B"].run("ip", "address", "add", "fe80::77/64", "dev", "eth0", "nodad")
    lab.must_reach("A", "fe80::77%eth0")
    assert predicted(lab, "A", "fe80::77%eth0", "icmp6") == "?"
    lab["B"].run("ip", "address", "del", "fe80::77/64", "dev", "eth0")
    lab.must_not_reach("A", "fe80::77%eth0")
