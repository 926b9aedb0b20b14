"""Programs of the system as witnesses: what they get answered is what the model says, in random labs.

They run in the lab's namespaces and know nothing of netlab: ``ping``, ``ping -I``, and an interpreter that connects.
NETLAB_WITNESSES is the number of labs.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from netlab.client import Agent, BuildError, Lab
from netlab.contract.types import Endpoint, Plan, State
from netlab.contract.waves import shared, tables_decide
from netlab.model import Prediction
from netlab.model.sim import ENDLESS
from tests.fuzz.hunt import made, plan_of

LABS = int(os.environ.get("NETLAB_WITNESSES", "10"))
LAYERS = ("host:icmp", "icmp", "host:icmp6", "icmp6", "host:tcp")
#: So many pairs of a layer are asked at most that are to be answered, and so many that are not.
SAMPLE = 2
#: A question whose answer isn't the one foreseen is asked so often: the machine may have been busy.
TRIES = 3
PORT = "7"
SERVER = f"""
import socket, sys
server = socket.socket()
server.bind(("", {PORT}))
server.listen()
print(flush=True)
sys.stdin.read()
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"
#: Each question is asked from cold, as netlab's own are.
COLD = "ip neigh flush all; ip route flush cache; ip -6 route flush cache"


def plans() -> Iterator[tuple[Plan, Prediction]]:
    """Random labs in which no answer depends on what a bridge has learned, and what is foreseen in them."""
    number = 0
    while True:
        plan = plan_of(made("witness", number))
        number += 1
        if plan is None or not plan.steps[0].state.askers or tables_decide(plan.steps[0].state):
            continue
        prediction = Prediction(plan.steps[0].state, LAYERS)
        if ENDLESS not in prediction.unknown.values():
            yield plan, prediction


@pytest.mark.timeout(60 * max(LABS, 10))
def test_programs_of_the_system_get_the_answers_foreseen(agent: Agent) -> None:
    """A sample of pairs of random labs, at each layer: ping, ping -I and connect succeed where the letter is R or A."""
    labs = 0
    asked: Counter[tuple[str, bool]] = Counter()
    wrong: list[str] = []
    for plan, prediction in plans():
        with agent.lab(plan) as lab:
            try:
                lab.enter(plan.steps[0]).result()
            except BuildError:
                continue  # what the kernel refuses to build is the hunt's matter
            state = plan.steps[0].state
            for layer, i, j, expected in _sample(prediction, state, random.Random(plan.steps[0].name)):
                asked[layer, expected] += 1
                if not any(_answered(lab, state, layer, i, j) is expected for _ in range(TRIES)):
                    words = f"{state.sources(layer)[i].id} -> {state.destinations(layer)[j].id}"
                    wrong.append(f"lab {labs}: {layer}: {words}: foreseen {prediction.letters[layer][i][j]}\n{plan}")
        labs += 1
        if labs == LABS:
            break
    for (layer, expected), count in sorted(asked.items()):
        print(f"{layer}: {count} pairs {'answered' if expected else 'not answered'}")
    print(f"{labs} labs, {asked.total()} pairs, {len(wrong)} wrong")
    assert not wrong, "\n\n".join(wrong)
    assert asked.total() > 6 * LABS


def _sample(prediction: Prediction, state: State, rng: random.Random) -> Iterator[tuple[str, int, int, bool]]:
    """Some cells of each layer that are known, and whether there is an answer."""
    for layer in LAYERS:
        rows, columns = shared(state, layer)
        cells = [(i, j, letter in "RAB") for i, row in enumerate(prediction.letters[layer])
                 for j, letter in enumerate(row)
                 # To ping any answer is one, also a stranger's who has the address.
                 if letter in "RABU" and i not in rows and j not in columns]  # fmt: skip
        rng.shuffle(cells)
        for wanted in (True, False):
            yield from [(layer, *cell) for cell in cells if cell[2] is wanted][:SAMPLE]


def _answered(lab: Lab, state: State, layer: str, i: int, j: int) -> bool:
    """Whether a program in the source's namespace gets an answer."""
    source, target = state.sources(layer)[i], state.destinations(layer)[j]
    family = 6 if layer.endswith("6") else 4
    address = target.address(family)
    assert address is not None
    flushing = [lab.spawn(asker.id, ["sh", "-c", COLD]) for asker in state.askers]
    for process in flushing:
        with process:
            process.communicate(timeout=60)
    if layer.startswith("host:tcp"):
        assert isinstance(target, Endpoint)
        with lab.spawn(target.namespace, [sys.executable, "-c", SERVER]) as server:
            assert server.stdout is not None
            server.stdout.readline()
            found = _succeeds(lab, source.namespace, [sys.executable, "-c", CONNECT, address.ip, PORT])
            server.kill()
        return found
    bound: list[str] = []
    if isinstance(source, Endpoint):
        bound = ["-I", source.ifname]
        own = source.address(family)
        if own is not None and sum(len(link.addresses) for link in state.links_of(source.namespace)) > 1:
            # Of several addresses ping may take another one than netlab's, which is the interface's first.
            bound += ["-I", own.ip]
    return _succeeds(lab, source.namespace, ["ping", f"-{family}", "-n", "-c1", "-W1", *bound, address.ip])


def _succeeds(lab: Lab, namespace: str, command: list[str]) -> bool:
    with lab.spawn(namespace, command) as process:
        process.communicate(timeout=60)
        return process.returncode == 0
