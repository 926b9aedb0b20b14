"""The front's end of the stream: whatever happens there, nobody waits for ever."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from netlab.client import Agent, LabDied, LabError, Process
from netlab.plan import from_file
from tests.agent.conftest import DEMO, Built

pytestmark = pytest.mark.timeout(200)


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """This process can open so many more descriptors and no further one."""
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]
    lowest = os.open("/dev/null", os.O_RDONLY)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    for fd in (*held, lowest):
        os.close(fd)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_requests_can_be_sent_while_answers_come(demo: Built) -> None:
    """Requests and answers larger than every buffer cross each other: neither side waits for ever until it may send."""
    agent, long = demo.lab.agent, "x" * 500_000
    replies = [agent.request("socket", lab=demo.lab.number, ns=f"{number}{long}") for number in range(20)]
    for number, reply in enumerate(replies):
        with pytest.raises(LabError, match=f"no namespace '{number}x") as caught:
            reply.result()
        assert len(str(caught.value)) > len(long)


def test_too_few_descriptors_for_an_answer() -> None:
    """A process whose pipes find no room here is an error that says what fixes it, now and at the next request."""
    plan = from_file(DEMO, "test.yaml")
    with Agent.start() as agent:
        lab = agent.lab(plan)
        lab.enter(plan.steps[0]).result()
        with descriptors_left(2), pytest.raises(LabDied, match="no room for the descriptors") as caught:
            lab.spawn("A", ["sleep", "1000"])
        assert "ulimit -n" in caught.value.fix
        with pytest.raises(LabDied, match="no room for the descriptors"):
            agent.info()


def test_a_callback_that_raises() -> None:
    """What it raises is the cause of the error that everybody gets who waits for the agent."""

    def log(line: str) -> None:
        raise ValueError(f"nowhere to write {line}")

    plan = from_file(DEMO, "test.yaml")
    with Agent.start(log) as agent:
        reply = agent.lab(plan).enter(plan.steps[0])
        with pytest.raises(LabDied, match="its labs were ended: ValueError: nowhere to write ") as caught:
            reply.result()
        assert isinstance(caught.value.__cause__, ValueError)


def test_an_agent_that_dies_before_its_process_is_known() -> None:
    """A process that is heard of only after its agent has died ends as the others have: by SIGKILL."""
    plan = from_file(DEMO, "test.yaml")
    with Agent.start() as agent:
        lab = agent.lab(plan)
        lab.enter(plan.steps[0]).result()

        def started(result: dict[str, Any], fds: list[int]) -> Process:
            os.kill(agent.pid, signal.SIGKILL)
            while agent.alive:
                with suppress(LabDied):
                    agent.info()
            process = Process(agent.request, lab.number, ("sleep",), result, fds)
            agent.track(process)
            return process

        argv = ["sleep", "1000"]
        with agent.request("spawn", started, lab=lab.number, ns="A", argv=argv, env={}, cwd="/").result() as process:
            assert process.wait(60) == -9
            assert process.communicate(timeout=60) == (b"", b"")


@pytest.mark.parametrize(("limit", "kind"), [(0, "CannotRun"), (1, "Exhausted")])
def test_none_allowed_is_not_none_left(limit: int, kind: str) -> None:
    """A user who may have no network namespace can't run labs; one who has used up what he may have has too few."""
    lower = 'echo "$0" > /proc/sys/user/max_net_namespaces && exec "$@"'
    ask = (
        "from netlab.client import Agent, CannotRun\n"
        "with Agent.start() as agent:\n"
        "    try: agent.info()\n"
        "    except CannotRun as error: print(type(error).__name__, error.fix)"
    )
    inside = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", lower, str(limit), sys.executable, "-c", ask]
    said = subprocess.run(inside, capture_output=True, text=True, check=True).stdout
    assert said == f"{kind} sudo sysctl -w user.max_net_namespaces=15000\n"
