"""Does netlab's figure agree with iperf3's, run by hand in the same lab? Measured alternately, in random order.

    python benchmarks/throughput.py [ROUNDS]

By hand means: ``iperf3 -s`` in one container, ``iperf3 -c ADDRESS -t 1 -J`` in the other, as a person would type it.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from netlab import compare, plan
from netlab.client import Agent, Lab
from netlab.contract.measures import Traffic
from netlab.contract.types import Endpoint
from netlab.measure import Lock

TOPOLOGY = Path(__file__).parents[1] / "topologies" / "macvlan-vs-linux-bridge.yaml"
PAIRS = (("A/m1:eth0", "A/m2:eth0"), ("A/b1:eth0", "A/b2:eth0"))
#: The ratio of medians is to be within.
LEAST, MOST = 0.95, 1.05


def by_hand(lab: Lab, source: Endpoint, destination: Endpoint) -> float:
    """Bits per second that arrive, by iperf3 alone."""
    assert destination.v4 is not None
    with lab.spawn(destination.namespace, ["iperf3", "-s", "-1", "--forceflush"]) as server:
        while b"listening" not in server.stdout.readline():
            pass
        with lab.spawn(source.namespace, ["iperf3", "-c", destination.v4.ip, "-t", "1", "-J"]) as client:
            out, _ = client.communicate(timeout=30)
        server.wait(30)
    return float(json.loads(out)["end"]["sum_received"]["bits_per_second"])


def by_netlab(lab: Lab, source: Endpoint, destination: Endpoint) -> float:
    """Bits per second that arrive, by netlab."""
    sample = lab.measure(source, destination, Traffic(metric="throughput", engine="iperf3")).result()
    assert sample.value is not None, sample.detail
    return sample.value


def main() -> int:
    """Print both medians, their ratio and its interval for each pair; 1 where a ratio is out of bounds."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    resolved = plan.from_file(TOPOLOGY)
    step = resolved.steps[0]
    endpoints = {endpoint.id: endpoint for endpoint in step.state.endpoints}
    missed = 0
    with Agent.start() as agent, agent.lab(resolved) as lab:
        lab.enter(step).result()
        with Lock(lambda text: print(text, file=sys.stderr)):
            for source, destination in PAIRS:
                found: dict[str, list[float]] = {"netlab": [], "by hand": []}
                for _ in range(rounds):
                    ways = [("netlab", by_netlab), ("by hand", by_hand)]
                    random.shuffle(ways)
                    for name, measure in ways:
                        found[name].append(measure(lab, endpoints[source], endpoints[destination]))
                ratio = compare.ratio(found["netlab"], found["by hand"], level=0.95)
                medians = ", ".join(f"{name} {sorted(v)[len(v) // 2] / 1e9:.2f} Gbit/s" for name, v in found.items())
                print(f"{source} -> {destination}: {medians}")
                print(f"    ratio of medians {ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f}), {rounds} rounds")
                missed += not LEAST <= ratio.value <= MOST
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
