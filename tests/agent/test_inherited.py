"""What a new namespace inherits from the machine, which may be another thing each time."""

from __future__ import annotations

import subprocess
import sys

from netlab.agent import sysctl

#: Builds labs by one agent; between them, or meanwhile, somebody sets sysctls of the machine, of which a new namespace
#: then has a copy (devinet_init_net). The machine's own are left alone: each new namespace is given such a copy here.
BUILDING = """
import os
from netlab.agent import netns, sysctl, system
system.unshare(system.CLONE_NEWNET | system.CLONE_NEWNS | (system.CLONE_NEWUSER if os.geteuid() else 0))
system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
from netlab.agent.lab import Lab
from netlab.plan import from_file
netns.Home.remember()
sysctls = sysctl.Sysctls()
unshare = system.unshare
def fresh(flags):
    unshare(flags)
    made.append(None)
    if len(made) in changed:
        for path, value in MACHINE.items():
            sysctl.write(path, value)
system.unshare = fresh
MACHINE = {"net/ipv4/conf/all/arp_ignore": "1", "net/ipv4/conf/default/rp_filter": "2", "net/ipv4/ip_forward": "1",
           "net/ipv6/conf/default/keep_addr_on_down": "1"}
host = "{interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24], duplicate: true}}}"
plan = from_file("{switches: {lan: {}}, hosts: {" + ", ".join(f"{name}: {host}" for name in "ABCD") + "}}", "x.yaml")
for changed in map(set, ("", (1, 2, 3, 4, 5), "", (3, 4, 5), (1, 2), "")):
    made = []
    lab = Lab(sysctls, lambda line: None)
    lab.apply(plan.steps[0].changes)
    wrong = {}
    for host in "ABCD":
        wanted = dict(plan.steps[0].state.namespace(host).sysctls)
        with lab.namespaces[host]:
            wrong |= {(host, path): value for path, value in wanted.items() if sysctl.read(path) not in (None, value)}
    print(wrong)
    lab.close()
"""


def test_what_a_namespace_inherits_is_looked_at_each_time() -> None:
    """Each lab has the plan's sysctls, although the machine's own have changed before it, within it, and back again."""
    done = subprocess.run([sys.executable, "-c", BUILDING], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.splitlines() == ["{}"] * 6, done.stderr


def test_a_bridge_sysctl_that_is_not_there_is_as_good_as_0() -> None:
    """Without br_netfilter there is nothing to switch off; what is to be switched on is missed: exit code 3."""
    path = "net/bridge/bridge-nf-call-nobody"
    assert sysctl.Sysctls().prepare([(path, "0")]) == []
    assert sysctl.Sysctls().prepare([(path, "1")]) == [path]
    plain = sysctl.refused(sysctl.missing(path), "A", path, "1", (), None).plain()
    assert (plain["exit_code"], plain["hint"]) == (3, "sudo modprobe br_netfilter")
