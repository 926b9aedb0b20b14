"""The whole command, two hosts: ``mn --topo single,2 --test pingall`` against ``netlab run bridge-two-node.yaml``.

Mininet sends two pings; netlab predicts and probes every pair on seven layers and judges.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from alternately import command, compare, report, seconds

NETLAB = Path(sys.executable).with_name("netlab")
RUN = (str(NETLAB), "run", "bridge-two-node.yaml", "--no-report")
MININET = ("mn", "--switch", "lxbr", "--controller", "none", "--topo", "single,2", "--test", "pingall")


def main() -> None:
    """Print the ratio of medians."""
    ways = {"netlab run": lambda: seconds(command(RUN))}
    if shutil.which("setpriv"):
        user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *RUN)
        ways["netlab run, ordinary user"] = lambda: seconds(command(user))
    if shutil.which("mn") is None:
        print("mininet isn't installed (apt-get install mininet): netlab alone")
        report("two hosts", compare(ways, 10), "netlab run")
        return
    ways["mininet"] = lambda: seconds(command(MININET))
    report("two hosts, the whole command", compare(ways, 10), "mininet")


if __name__ == "__main__":
    main()
