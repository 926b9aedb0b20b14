"""What holds for every test."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from netlab.client import Agent, start
from netlab.kernels import Choice, KernelError, choose

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # In the background of a script (`make test &`) Ctrl-C is ignored, by us and by whatever we start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # So is a hangup below nohup(1). We go on ignoring it; a handler, unlike SIG_IGN, is not what a program inherits.
    signal.signal(signal.SIGHUP, lambda *_: None)

for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    # In GitHub's CI each netlab that a test runs would annotate failures that the test wants.
    os.environ.pop(name, None)

# How long an example takes says how loaded this machine is.
settings.register_profile("netlab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("netlab")


@pytest.fixture(scope="session")
def kernel() -> Callable[[str], str]:
    """``kernel("6.12")`` is what ``--kernel`` takes: that version, which is in this user's cache; else the test is
    skipped, with what would put it there."""

    def wanted(version: str) -> str:
        try:
            return choose(version).name
        except KernelError as error:
            pytest.skip(f"{error}; {error.fix}")

    return wanted


@pytest.fixture(scope="session")
def guest(kernel: Callable[[str], str]) -> Iterator[Callable[[str], Agent]]:
    """``guest("6.12")`` is an agent on that kernel, one for the whole session; the test is skipped without one."""
    with ExitStack() as stack:
        agents: dict[str, Agent] = {}

        def running(version: str) -> Agent:
            name = kernel(version)
            if name not in agents or not agents[name].alive:
                agents[name] = stack.enter_context(start(Choice.read(name)))
            return agents[name]

        yield running
