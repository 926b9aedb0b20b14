"""A front of its own: a lab with iperf3 in it, as a test of somebody else would have."""

from __future__ import annotations

import subprocess
import sys

import netlab

TOPOLOGY = """
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


def main() -> int:
    """Measure twice, with a capture beside it; 3 where the agent has died, 1 where iperf3 failed."""
    try:
        with netlab.Labs() as labs, labs.open(TOPOLOGY) as lab:
            for _ in range(2):
                with lab["B"].popen("iperf3", "-s", "-1", "--forceflush") as server, lab.capture("port(A:eth0)"):
                    while "listening" not in server.line():
                        pass
                    lab["A"].run("iperf3", "-c", lab["B"].ip, "-n", "300M", "--connect-timeout", "2000", timeout=30)
    except netlab.LabDied as error:
        print(f"netlab: {error}", file=sys.stderr)
        return 3
    except (netlab.CommandFailed, EOFError, subprocess.TimeoutExpired) as error:
        print(f"netlab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
