"""One pair in a lab of its own: what `netlab why --verify` and tests ask for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from socket import AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM
from typing import TYPE_CHECKING

from netlab.contract.types import Plan, State, Target, layer_family, port_of, probe_of

if TYPE_CHECKING:
    from netlab.client import Agent, Lab


def observe(
    agent: Agent, plan: Plan, layer: str, source: str, destination: str, targets: Sequence[Target] | None = None
) -> str:
    """Take a lab through all of its steps and probe one pair in the last: its letter. Raises LabError.

    ``targets`` are addresses that have a column, in the place of the file's. On a port that the layer names something
    listens.
    """
    from netlab import judge

    state = plan.steps[-1].state
    if targets is not None:
        state = replace(state, targets=tuple(targets))
    i, j = state.row(layer, source), state.column(layer, destination)
    with agent.lab(plan) as lab:
        entering = [lab.enter(step) for step in plan.steps]
        with _listening(lab, state, layer, destination):
            probing = lab.probe((layer,), pairs=[(i, j)], targets=targets)
            built = [reply.result() for reply in entering]
            [seen] = probing.result()
    return "?" if judge.unsettled_ends(state, built[-1].unsettled) & {source, destination} else seen.rows[i][j]


#: The kernel takes connections by itself. A program, not a socket: no socket comes out of another kernel.
_LISTENER = """
import socket, sys
family, kind, port = map(int, sys.argv[1:])
one = socket.socket(family, kind)
one.bind(("", port))
if kind == socket.SOCK_STREAM:
    one.listen()
print("ready", flush=True)
while kind == socket.SOCK_DGRAM:
    one.sendto(*one.recvfrom(65535))
sys.stdin.read()
"""


@contextmanager
def _listening(lab: Lab, state: State, layer: str, destination: str) -> Iterator[None]:
    """Take connections, or send datagrams back, at the port that a layer names, wherever the destination is."""
    from netlab.client import LabError

    port = port_of(layer)
    with ExitStack() as stack:
        if port is not None:
            there = state.destinations(layer)[state.column(layer, destination)]
            links = there.links if isinstance(there, Target) else (there.link,)
            family = AF_INET6 if layer_family(layer) == 6 else AF_INET
            for namespace in dict.fromkeys(state.link(link).namespace for link in links):
                kind = SOCK_DGRAM if probe_of(layer).startswith("udp") else SOCK_STREAM
                argv = [sys.executable, "-I", "-S", "-c", _LISTENER, str(int(family)), str(int(kind)), str(port)]
                process = stack.enter_context(lab.spawn(namespace, argv))
                try:
                    process.line()
                except EOFError as error:
                    raise LabError(f"nothing can listen at port {port} in {namespace}: {error}") from error
        yield
