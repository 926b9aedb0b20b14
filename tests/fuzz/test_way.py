"""The way of a program's packets, and what `ip route get` says of it: the kernel's own look-up, without a packet."""

from __future__ import annotations

import json
from collections.abc import Iterator

from netlab.client import Agent, BuildError, Lab
from netlab.contract.types import Plan, State
from netlab.model import Way, way
from tests.fuzz.hunt import made, plan_of

#: What ip says of an error.
ERRORS = {
    "Network is unreachable": "ENETUNREACH", "No route to host": "EHOSTUNREACH", "Permission denied": "EACCES",
    "Invalid argument": "EINVAL",
}  # fmt: skip
LABS = 12


def plans() -> Iterator[Plan]:
    """Random labs of which several namespaces have routes of their own."""
    for number in range(10_000):
        plan = plan_of(made("way", number))
        if plan is not None and sum(bool(ns.routes) for ns in plan.steps[0].state.namespaces) > 2:
            yield plan


def test_the_kernel_takes_the_way(agent: Agent) -> None:
    """In random labs each namespace's way to each address is the kernel's: interface, next hop, source, or error."""
    labs = answers = errors = 0
    for plan in plans():
        with agent.lab(plan) as lab:
            try:
                lab.enter(plan.steps[0]).result()
            except BuildError:
                continue  # which routes the kernel refuses is the hunt's matter
            for namespace, address, kernel in _asked(lab, plan.steps[0].state):
                found = way(plan.steps[0].state, namespace, address)
                if found.unknown is None:
                    _compare(found, kernel, f"{namespace} -> {address}")
                    answers += 1
                    errors += found.errno is not None
        labs += 1
        if labs == LABS:
            break
    assert answers > 40 * LABS
    assert errors > LABS


def _asked(lab: Lab, state: State) -> Iterator[tuple[str, str, str]]:
    """Each namespace, each address, and what the kernel says of the two."""
    addresses = sorted({address.ip for link in state.links for address in link.addresses} | {"10.0.0.77", "fd77::1"})
    words = " ".join(addresses)
    for asker in state.askers:
        if asker.families:
            script = f"for a in {words}; do ip -j route get $a 2>&1 | tr -d '\\n'; echo; done"
            with lab.spawn(asker.id, ["sh", "-c", script]) as process:
                told, _ = process.communicate(timeout=60)
            lines = told.decode().splitlines()
            assert len(lines) == len(addresses), told
            for address, line in zip(addresses, lines, strict=True):
                if (6 if ":" in address else 4) in asker.families:
                    yield asker.id, address, line


def _compare(found: Way, kernel: str, what: str) -> None:
    errno = next((errno for words, errno in ERRORS.items() if words in kernel), None)
    assert found.errno == errno, f"{what}: {kernel}, {found}"
    if errno is None:
        [told] = json.loads(kernel)
        links = [(link or "").partition(":")[2] for link in (found.link, *found.others)]
        assert told["dev"] in links, f"{what}: {told}, {found}"
        if "nexthop " not in (found.route or ""):
            # Of several next hops a hash takes one. A gateway that is the address itself is none.
            gateway = told.get("gateway") if told.get("gateway") != told["dst"] else None
            assert (gateway, told["prefsrc"]) == (found.gateway, found.source), f"{what}: {told}, {found}"
