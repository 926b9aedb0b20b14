"""Labs that live long, and labs that are over: nothing grows, and what can't be done any more is told as that."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import netlab
from netlab import Lab
from tests.plugin.project import TWO_HOSTS
from tests.plugin.test_lab import CHILD

two_hosts = pytest.mark.topology(TWO_HOSTS)

#: Everything that a lab can be asked for.
REQUESTS: dict[str, Callable[[Lab], Any]] = {
    "run": lambda lab: lab["A"].run("true"),
    "popen": lambda lab: lab["A"].popen("true"),
    "socket": lambda lab: lab["A"].socket(),
    "set": lambda lab: lab["A"].interface("eth0").set(mtu=1400),
    "step": lambda lab: lab.step(delete=["B"]),
    "daemon": lambda lab: lab["A"].daemon("sleep", "1000"),
    "write": lambda lab: lab["A"].write("/run/a", ""),
    "dir": lambda lab: lab["A"].dir,
    "adopt": lambda lab: lab.adopt(),
    "fence": lambda lab: lab.fence(),
    "must_reach": lambda lab: lab.must_reach("A", "B"),
    "must_not_reach": lambda lab: lab.must_not_reach("A", "B"),
    "expect": lambda lab: lab.expect({"A:eth0": {"mtu": 1500}}),
    "ping": lambda lab: lab.ping("A", "B"),
    "matrix": lambda lab: lab.matrix(),
    "capture": lambda lab: lab.capture("A:eth0").__enter__(),
    "read_back": lambda lab: lab.read_back(),
}


@pytest.mark.parametrize("asked", REQUESTS)
def test_a_lab_that_is_closed(lab_factory: Callable[..., Lab], asked: str) -> None:
    """Whatever a closed lab is asked for, the error says that it is closed."""
    with lab_factory(TWO_HOSTS) as lab:
        pass
    with pytest.raises(netlab.LabClosed, match=r"^two is closed$"):
        REQUESTS[asked](lab)


def test_a_lab_that_the_kernel_has_ended(lab_factory: Callable[..., Lab]) -> None:
    """After a step that the kernel refuses every program in it has ended, and what those have started, and every
    request says that the lab has ended, and with which step."""
    lab = lab_factory(CHILD)
    programs = [lab["A"].popen("sleep", "1000"), lab["B"].popen("sh", "-c", "setsid sleep 1000 & sleep 1000")]
    with pytest.raises(netlab.BuildError):
        lab.step("broken", set={"A:mv0": {"mode": "passthru"}})
    lab.close()
    for program in programs:
        # The end of its output: nobody has that any more.
        assert program.communicate(timeout=60) == (b"", b"")
        assert program.returncode == -9
    for ask in REQUESTS.values():
        with pytest.raises(netlab.LabClosed, match=r"^child has ended: its step broken could not be built$"):
            ask(lab)


@two_hosts
def test_captures_give_their_descriptors_back(lab: Lab) -> None:
    """A capture that is over holds no descriptor; its frames are still there, and those of the last ones in the lab."""
    # What other tests have left in circles goes now, not while this one counts.
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    captures = []
    for _ in range(60):
        with lab.capture("A:eth0") as capture:
            captures.append(capture)
    assert len(os.listdir("/proc/self/fd")) == before
    with lab.capture("A:eth0") as capture:
        lab.must_reach("A", "B")
    assert capture.frames
    assert capture in lab.captures
    assert len(lab.captures) < 60
    assert all(one.data for one in captures)


def test_the_agent_does_not_grow() -> None:
    """After thousands of pings and many changes, programs and captures the agent is as large as after the first."""
    with netlab.Labs() as labs, labs.open(TWO_HOSTS) as lab:
        [agent] = Path(f"/proc/{labs.agent().pid}/task/{labs.agent().pid}/children").read_text().split()

        def spend(times: int) -> int:
            """Kilobytes after so many rounds."""
            for k in range(times):
                for _ in range(20):
                    lab.ping("A", "B")
                lab["B"].interface("eth0").set(mtu=1400 + k % 2)
                lab["B"].run("true")
                with lab.capture("A:eth0"):
                    pass
            status = Path(f"/proc/{agent}/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

        first = spend(30)
        # It grew by 5 kB with each ping: 7 MB here.
        assert spend(70) - first < 1500


def test_each_change_is_planned_once(lab_factory: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch) -> None:
    """A change costs one step's planning, however many there were before, and a question none."""
    from netlab.plan import steps

    planned = 0
    apply = steps.apply

    def counted(*args: Any) -> Any:
        nonlocal planned
        planned += 1
        return apply(*args)

    monkeypatch.setattr(steps, "apply", counted)
    with lab_factory(TWO_HOSTS) as lab:
        for k in range(30):
            lab["B"].interface("eth0").set(mtu=1400 + k % 2)
            assert planned == k + 1
        lab.must_reach("A", "B")
        assert planned == 30
        # What is wrong is told with its place, and changes nothing.
        with pytest.raises(netlab.TopologyError, match=r"test_lives.py:\d+:1: 'many' is not"):
            lab["B"].interface("eth0").set(mtu="many")
        with pytest.raises(netlab.TopologyError, match=r"test_lives.py:\d+:1: .*C:eth0"):
            lab.step(set={"C:eth0": {"mtu": 1400}})
        lab["A"].interface("eth0").set(mtu=1400)
        assert lab["A"].run("cat", "/sys/class/net/eth0/mtu").stdout == "1400\n"
        text = lab.topology
    with lab_factory(text) as again:
        again.step("A:eth0 mtu=1400")
        assert again.topology == text
