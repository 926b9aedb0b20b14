"""Building a hundred hosts with a macvlan child each: netlab's agent against ``ip -batch`` on the same links.

Both start from nothing and include their namespaces; netlab also writes the sysctls and reads everything back.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from alternately import compare, report, seconds

from netlab.client import Agent
from netlab.plan import from_file

TEXT = """
name: hundred
switches: {lan: {}}
hosts:
  h:
    replicas: 100
    interfaces:
      eth0: {switch: lan, addresses: [10.26.0.1/16]}
      mv0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.26.1.1/16]}
"""
PLAN = from_file(TEXT, "hundred.yaml")


def netlab() -> float:
    """Seconds of the agent's work, its start left out."""
    with Agent.start() as agent:
        agent.info()
        lab = agent.lab(PLAN)
        return seconds(lambda: lab.enter(PLAN.steps[0]).result())


def ip_batch() -> float:
    """Seconds of ip(8): namespaces, one batch for the switch, one for each host; in a network namespace of its own."""
    folder = Path(tempfile.mkdtemp(prefix="netlab-bench-"))
    prefix = f"nb{os.getpid()}-"
    lan = ["link add dev br0 type bridge mcast_snooping 0", "link set dev br0 up"]
    hosts = {}
    for number in range(1, 101):
        host = f"{prefix}{number}"
        lan += [
            f"link add dev p{number} type veth peer name eth0 netns {host}",
            f"link set dev p{number} master br0 up",
        ]
        hosts[host] = [
            "link set dev lo up",
            "link set dev eth0 up",
            f"address add 10.26.0.{number}/16 dev eth0",
            "link add link eth0 name mv0 type macvlan mode bridge",
            "link set dev mv0 up",
            f"address add 10.26.1.{number}/16 dev mv0",
        ]
    (folder / "lan").write_text("\n".join(lan) + "\n")
    for host, lines in hosts.items():
        (folder / host).write_text("\n".join(lines) + "\n")
    script = ["set -e", *(f"ip netns add {host}" for host in hosts), f"ip -batch {folder}/lan"]
    script += [f"ip -n {host} -batch {folder}/{host}" for host in hosts]
    (folder / "all.sh").write_text("\n".join(script) + "\n")
    try:
        # The names are this process's own, in a mount namespace of their own: nothing of the machine's is touched.
        inside = f"mount -t tmpfs none /run && mkdir -p /run/netns && exec sh {folder}/all.sh"
        return seconds(lambda: subprocess.run(["unshare", "--net", "--mount", "sh", "-c", inside], check=True))
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("ip netns needs root")
    report(
        "building a hundred hosts with a child each", compare({"netlab": netlab, "ip -batch": ip_batch}, 5), "ip -batch"
    )
