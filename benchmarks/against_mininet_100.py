"""A hundred hosts, 9,900 ordered pairs: Mininet's pingall against netlab's probes, cold and with static neighbours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from alternately import command, compare, report, seconds

from netlab.client import Agent
from netlab.plan import from_file
from netlab.spec import find

NETLAB = Path(sys.executable).with_name("netlab")
MESH = find("mesh-100.yaml")
#: Pingall alone, timed by Mininet's own Python; building is left out.
MININET = """
import time
from mininet.net import Mininet
from mininet.topo import SingleSwitchTopo
from mininet.nodelib import LinuxBridge
net = Mininet(SingleSwitchTopo(k=100), switch=LinuxBridge, controller=None)
net.start()
start = time.perf_counter()
lost = net.pingAll()
print("TOOK", time.perf_counter() - start, "LOST", lost)
net.stop()
"""


def mininet() -> float:
    """Seconds of pingAll."""
    done = subprocess.run(["/usr/bin/python3", "-c", MININET], capture_output=True, text=True, check=True)
    found = re.search(r"TOOK ([\d.]+) LOST ([\d.]+)", done.stdout + done.stderr)
    if found is None or float(found[2]) > 0:
        sys.exit(f"mininet: {done.stdout[-300:]}{done.stderr[-300:]}")
    return float(found[1])


def probing(layer: str) -> Callable[[], float]:
    """Seconds of probing every pair on a layer, every one of which must be reached."""

    def measure() -> float:
        plan = from_file(MESH)
        with Agent.start() as agent, agent.lab(plan) as lab:
            lab.enter(plan.steps[0]).result()
            letters = ""

            def probe() -> None:
                nonlocal letters
                letters = "".join(lab.probe([layer]).result()[0].rows)

            took = seconds(probe)
            if letters.count("R") != 9900:
                sys.exit(f"{layer}: only {letters.count('R')} of 9900 pairs reached")
            return took

    return measure


def whole_run(layers: str) -> Callable[[], float]:
    """Seconds of the whole command, for these layers: ``host:icmp`` asks what pingall asks, ``icmp`` that and as much
    again."""
    return lambda: seconds(command((str(NETLAB), "run", str(MESH), "--layers", layers, "--no-report")))


def main() -> None:
    """Print the ratios of medians."""
    probes = {"netlab, from cold": probing("icmp"), "netlab, static neighbours": probing("icmp-static")}
    whole = {
        "netlab run, as ping asks": whole_run("host:icmp"),
        "netlab run, asked by interfaces, too": whole_run("icmp"),
    }
    if shutil.which("mn") is None:
        print("mininet isn't installed (apt-get install mininet): netlab alone")
        report("a hundred hosts", compare({**probes, **whole}, 3), "netlab, from cold")
        return
    report("a hundred hosts, pingall", compare({**probes, "mininet": mininet}, 3), "mininet")
    mn = ("mn", "--switch", "lxbr", "--controller", "none", "--topo", "single,100", "--test", "pingall")
    report(
        "a hundred hosts, the whole command", compare({**whole, "mininet": lambda: seconds(command(mn))}, 3), "mininet"
    )


if __name__ == "__main__":
    main()
