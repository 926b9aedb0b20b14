"""VRRP: keepalived moves an address to the host that is left, with and without a MAC of its own for it."""

from __future__ import annotations

import pytest

CONF = """
vrrp_instance one {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority PRIORITY
  advert_int 0.5
  VMAC
  virtual_ipaddress { 10.0.0.100 }
}
global_defs { vrrp_version 3 }
"""


def conf(priority, vmac):
    return CONF.replace("PRIORITY", priority).replace("VMAC", vmac)


@pytest.mark.parametrize("vmac", ["", "use_vmac"])
def test_failover(lab_factory, needs, vmac):
    """The address is at the host of the higher priority; when that stops, at the other, and all reach it there."""
    needs("keepalived")
    lan = {"switch": "lan"}
    import netlab

    topology = netlab.Topology("vrrp", private=True).switch("lan")
    for k, host in enumerate("ABC", 1):
        topology.host(host).interface("eth0", **lan, addresses=f"10.0.0.{k}/24")
    with lab_factory(topology) as lab:
        daemons = {}
        for host, priority in (("A", "150"), ("B", "100")):
            lab[host].write("/etc/keepalived/keepalived.conf", conf(priority, vmac))
            daemons[host] = lab[host].daemon("keepalived", "-n", "-l", "-D", ready="Entering BACKUP STATE")
        daemons["A"].wait_for("Entering MASTER STATE")
        daemons["A"].wait_for("Sending gratuitous ARP")
        lab.must_reach("C", "10.0.0.100")
        assert "10.0.0.100" in lab["A"].run("ip", "-o", "address").stdout
        # A step of another host ends nothing, whatever keepalived has set on A.
        lab["C"].interface("eth0").set(mtu=1400)
        lab["B"].interface("eth0").set(mtu=1400)
        # On a busy machine B may have been it for a moment before.
        said = len(daemons["B"].output)
        daemons["A"].stop()
        daemons["B"].wait_for("Entering MASTER STATE", after=said)
        daemons["B"].wait_for("Sending gratuitous ARP", after=said)
        lab.must_reach("C", "10.0.0.100")
        assert "10.0.0.100" in lab["B"].run("ip", "-o", "address").stdout
        daemons["B"].stop()
        lab.must_not_reach("C", "10.0.0.100")
