"""Questions of hosts in tests: as a program asks that binds to nothing."""

from __future__ import annotations

import pytest

import netlab
from netlab import Lab
from netlab.errors import UsageError

#: h with a macvlan container and a shim beside it, by which a route leads there; B on the same network.
SHIM = pytest.mark.topology("""\
name: shim
switches: {lan: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      shim: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.250/32]}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.10/24]}}}
    routes: [{to: 10.0.0.10/32, dev: shim}]
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
""")
#: A knows no way to C.
APART = pytest.mark.topology("""\
name: apart
switches: {left: {}, right: {}}
hosts:
  A: {interfaces: {eth0: {switch: left, addresses: [10.0.1.1/24]}}}
  C: {interfaces: {eth0: {switch: right, addresses: [10.0.2.1/24]}}}
""")


@SHIM
def test_a_host_asks_by_its_routes_and_an_interface_does_not(lab: Lab) -> None:
    """The host reaches its container by the shim; its own interface, bound, does not."""
    lab.must_reach("h", "h/web")
    lab.must_not_reach("h:eth0", "h/web")
    assert lab.ping("h", "h/web")
    assert lab.ping("h", "h/web").layer == "host:icmp"
    assert not lab.ping("h:eth0", "h/web")
    assert lab.predicted["icmp", "h", "h/web"] == "R"
    assert lab.predicted["icmp", "h:eth0", "h/web"] == "U"
    assert lab.predicted.route("icmp", "h", "h/web").startswith("10.0.0.10 dev shim (table main), from")
    # Only an interface has broadcasts: the host stands for its first one.
    assert lab.ping("h", "B", "broadcast").source == "h:eth0"


@SHIM
def test_who_can_reach_whom(lab: Lab) -> None:
    """One letter for each host and address, on hosts' layers alone; the whole matrix has both questions."""
    matrix = lab.hosts()
    assert matrix.layers == ("host:icmp",)
    assert matrix.hosts == ("h", "h/web", "B")
    assert matrix["h", "h/web"] == "R"
    assert matrix["h", "h:shim"] == "A"
    assert matrix["icmp", "h", "h/web"] == matrix["host:icmp", "h", "h/web"] == matrix.expected("icmp", "h", "h/web")
    assert "Who can reach whom (icmp)" in str(matrix)
    both = lab.matrix(["host:icmp", "icmp"])
    assert (both["icmp", "h", "h/web"], both["icmp", "h:eth0", "h/web"]) == ("R", "U")
    with pytest.raises(KeyError, match=r"no host 'h/wub' .did you mean 'h/web'"):
        matrix["h/wub", "h"]
    with pytest.raises(KeyError, match="no layer of hosts was probed; there are icmp"):
        lab.matrix(["icmp"])["h", "B"]
    with pytest.raises(UsageError, match="no program asks on arp"):
        lab.hosts(["arp"])


@SHIM
def test_ports_of_the_tests_own_programs(lab: Lab) -> None:
    """A port is reached while a program of the test listens there, else refused, and by name."""
    with pytest.raises(netlab.ExpectationFailed, match=r"refused: nothing listens at port 80 of h/web"):
        lab.must_reach("B", "h/web", tcp=80)
    lab.must_not_reach("B", "h/web", tcp=80)
    with lab["h/web"].socket() as server:
        server.bind(("10.0.0.10", 80))
        server.listen()
        lab.must_reach("h", "h/web", tcp=80)
        lab.must_reach("B", "10.0.0.10", tcp=80)
        assert lab.ping("B", "h/web", "tcp/80")


@SHIM
def test_an_address_whoever_has_it(lab: Lab) -> None:
    """Nobody has the address; then a program takes it, and it is reached, and is a column of the matrix."""
    lab.must_not_reach("B", "10.0.0.100")
    assert not lab.ping("h", "10.0.0.100")
    lab["h/web"].run("ip", "address", "add", "10.0.0.100/24", "dev", "eth0")
    lab.must_reach("B", "10.0.0.100")
    assert lab.ping("B", "10.0.0.100")
    assert lab.hosts().addresses[-1] == "10.0.0.100"


@APART
def test_no_route_is_told(lab: Lab) -> None:
    """The failure says that no packet left A and why, and shows who can reach whom."""
    with pytest.raises(netlab.ExpectationFailed) as caught:
        lab.must_reach("A", "C")
    text = str(caught.value)
    assert "icmp A -> C:eth0: U, not reached (no packet left A: ENETUNREACH, it has no route there)" in text
    assert "the model says U, by link/apart" in text
    assert "Who can reach whom (icmp)" in text
    assert "no frame was seen anywhere" in text


@SHIM
def test_the_route_is_told(lab: Lab) -> None:
    """The failure names the route that the model sees taken, with its table and source address."""
    with pytest.raises(netlab.ExpectationFailed, match=r"the route that it takes: 10.0.0.10 dev shim \(table main\)"):
        lab.must_not_reach("h", "h/web")
